use lamplighter_core::{
    AnyAction,
    action::{COPIED_FROM_TAG, HOP_TAG, JOB_TAG, SOURCE_TAG, TAKEN_AT_TAG, TASK_TAG},
    cloud::rds::Snapshot,
};
use lamplighter_testkit::{Mishap, World, conforms_in, place};
use serde_json::{Value, json};

use super::*;

mod plans;
mod runs;

const INSTANCES: CopySnapshot<Instances> = CopySnapshot::OF_INSTANCES;
const CLUSTERS: CopySnapshot<Clusters> = CopySnapshot::OF_CLUSTERS;
const HUB: &str = "111122223333";
const VAULT: &str = "999900001111";

/// A hub with keys that the vault may use, and a vault with a key of its own. What is put there
/// next goes to the hub.
fn world() -> World {
    World::new()
        .quick_databases()
        .at(VAULT, "eu-west-1")
        .at(VAULT, "eu-central-1")
        .key("alias/vault", [])
        .at(HUB, "eu-west-1")
        .key("alias/hop", [VAULT])
        .key("alias/data", [VAULT])
        .task(|task| task.reach.retain(|it| it.account.as_str() == HUB))
}

/// To the vault, in another region, with another key.
fn straight() -> Value {
    json!({ "to": [{ "account": VAULT, "region": "eu-central-1", "key": "alias/vault" }] })
}

/// The same, by way of `alias/hop` where it must be.
fn to_vault() -> Value {
    let mut params = straight();
    params["hop-key"] = json!("alias/hop");
    params
}

/// The same, without a key: for what is not encrypted.
fn plain() -> Value {
    json!({ "to": [{ "account": VAULT, "region": "eu-central-1" }] })
}

fn ran(action: &'static dyn AnyAction, mut world: World, params: Value) -> World {
    world.run(action, params);
    world
}

fn in_vault(world: &World, kind: Kind) -> Vec<Snapshot> {
    world.cloud().database_snapshots_in(&place(VAULT, "eu-central-1"), kind)
}

fn in_hub(world: &World, kind: Kind) -> Vec<Snapshot> {
    world.cloud().database_snapshots_in(&place(HUB, "eu-west-1"), kind)
}

fn names(snapshots: &[Snapshot]) -> Vec<&str> {
    snapshots.iter().map(|it| it.id.as_str()).collect()
}

fn shares(world: &World, place: &Place, kind: Kind, name: &str) -> String {
    let shares = world.cloud().cloud().shares_of_database_snapshot(place, kind, name);
    shares.into_iter().collect::<Vec<_>>().join(" ")
}
