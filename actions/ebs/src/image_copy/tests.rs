use lamplighter_core::{
    AnyAction,
    action::{COPIED_FROM_TAG, HOP_TAG, JOB_TAG, SOURCE_TAG, TAKEN_AT_TAG, TASK_TAG},
    cloud::ec2::Image,
};
use lamplighter_testkit::{Mishap, World, conforms_in, place};
use serde_json::{Value, json};

use super::*;

mod plans;
mod runs;

const HUB: &str = "111122223333";
const VAULT: &str = "999900001111";

/// A hub with keys that the vault may use, and a vault with a key of its own. What is put there
/// next goes to the hub.
fn world() -> World {
    World::new()
        .at(VAULT, "eu-west-1")
        .at(VAULT, "eu-central-1")
        .key("alias/vault", [])
        .at(HUB, "eu-west-1")
        .key("alias/hop", [VAULT])
        .key("alias/data", [VAULT])
        .task(|task| task.reach.retain(|it| it.account.as_str() == HUB))
}

/// An image that needs a copy on the way: one of its snapshots is under AWS's own key.
fn hop() -> World {
    world()
        .snapshot("snap-a", "vol-a", 1, [])
        .encrypted("snap-e", "vol-e", 1, [], "alias/aws/ebs")
        .image("ami-e", 1, [(SOURCE_TAG, "i-1")], ["snap-a", "snap-e"])
}

/// One that needs none.
fn direct() -> World {
    world().snapshot("snap-p", "vol-p", 2, []).image("ami-b", 2, [], ["snap-p"])
}

/// To the vault, in another region, with another key; by way of `alias/hop` where it must be.
fn to_vault() -> Value {
    json!({
        "to": [{ "account": VAULT, "region": "eu-central-1", "key": "alias/vault" }],
        "hop-key": "alias/hop",
    })
}

/// The same, without a key for copies on the way.
fn straight() -> Value {
    json!({ "to": [{ "account": VAULT, "region": "eu-central-1", "key": "alias/vault" }] })
}

fn ran(mut world: World, params: Value) -> World {
    world.run(&CopyImage, params);
    world
}

/// The images that can be launched in a place.
fn images_in(world: &World, account: &str, region: &str) -> Vec<Image> {
    let images = world.cloud().images_in(&place(account, region)).into_iter();
    images.filter(|it| it.state != "deregistered").collect()
}

/// Who may launch an image of the hub, and who may use each of the hub's snapshots.
fn shares(world: &World, image: &str) -> Vec<String> {
    let (cloud, hub) = (world.cloud(), place(HUB, "eu-west-1"));
    let list = |accounts: BTreeSet<lamplighter_core::AccountId>| {
        accounts.iter().map(|it| it.as_str()).collect::<Vec<_>>().join(" ")
    };
    let snapshots = cloud.snapshots_in(&hub).into_iter();
    let snapshots = snapshots.map(|it| list(cloud.shares_of(&hub, &it.id)));
    std::iter::once(list(cloud.shares_of_image(&hub, image))).chain(snapshots).collect()
}
