use lamplighter_core::{
    AnyAction,
    action::{COPIED_FROM_TAG, HOP_TAG, JOB_TAG, SOURCE_TAG, TAKEN_AT_TAG, TASK_TAG},
    cloud::ec2::{Snapshot, SnapshotState},
};
use lamplighter_testkit::{Mishap, World, conforms, conforms_in, place};
use serde_json::{Value, json};

use super::*;

mod plans;
mod runs;

const HUB: &str = "111122223333";
const VAULT: &str = "999900001111";
const OURS: [(&str, &str); 1] = [(TASK_TAG, "nightly")];

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
    world.run(&CopySnapshot, params);
    world
}

fn vault_snapshots(world: &World) -> Vec<Snapshot> {
    world.cloud().snapshots_in(&place(VAULT, "eu-central-1"))
}

fn hub_snapshots(world: &World) -> Vec<Snapshot> {
    world.cloud().snapshots_in(&place(HUB, "eu-west-1"))
}

fn shares(world: &World, place: &Place, id: &str) -> String {
    let shares = world.cloud().shares_of(place, id);
    shares.iter().map(|it| it.as_str()).collect::<Vec<_>>().join(" ")
}
