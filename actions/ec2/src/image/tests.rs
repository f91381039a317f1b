use lamplighter_core::{AnyAction, action::TASK_TAG};
use lamplighter_testkit::{Mishap, World, conforms, stopped};
use serde_json::{Value, json};

use super::*;

fn world() -> World {
    World::new()
        .instance_with("i-a", [("team", "red"), ("Name", "web")], |it| {
            it.volumes = vec!["vol-a".to_owned(), "vol-b".to_owned()];
        })
        .volume_with("vol-a", [], |it| it.instances = vec!["i-a".to_owned()])
        .volume_with("vol-b", [], |it| it.instances = vec!["i-a".to_owned()])
}

#[track_caller]
fn ran(mut world: World, params: Value) -> World {
    world.run(&CreateImage, params);
    world
}

#[test]
fn keeps_the_rules_of_an_action() {
    conforms(&CreateImage, json!({ "copy-tags": ["*"] }), world);
    conforms(&CreateImage, json!({ "reboot": true }), world);
}

#[test]
fn a_plan_says_what_is_made_and_whether_it_reboots() {
    #[track_caller]
    fn check(change: impl Fn(&mut Instance), params: Value, expected: &str) {
        let world = World::new().instance_with("i-a", [], |it| {
            it.volumes = vec!["vol-a".to_owned()];
            change(it);
        });
        assert_eq!(world.plan(&CreateImage, params), format!("i-a: {expected}"));
    }
    let power = "it is not rebooted: file systems are as after a loss of power";
    let quiet = format!("make an image of 1 volume because {power}");
    let reboot = || json!({ "reboot": true });
    check(|_| {}, json!({}), &quiet);
    check(|_| {}, reboot(), "make an image of 1 volume, and reboot it first");
    check(stopped, reboot(), "make an image of 1 volume");
    for state in ["pending", "stopping", "shutting-down", "terminated"] {
        let expected = format!("leave because it is `{state}`, not `running` or `stopped`");
        check(|it| it.state = state.to_owned(), json!({}), &expected);
    }
    let store = |it: &mut Instance| it.root_device_type = "instance-store".to_owned();
    let expected = "leave because its root device is an instance store: AWS makes no image of it";
    check(store, json!({}), expected);
    // Nothing happens to a member of a group, unless it is rebooted.
    let member = |it: &mut Instance| {
        it.tags.insert("aws:autoscaling:groupName".to_owned(), "web".to_owned());
    };
    check(member, json!({}), &quiet);
    check(member, reboot(), "leave because the Auto Scaling group `web` decides over it");
}

#[test]
fn image_and_snapshots_say_whose_they_are_and_have_the_tags_that_were_asked_for() {
    let params = json!({ "copy-tags": ["team"], "tags": { "by": "{task}" },
                         "description": "{target} of {region}" });
    let world = ran(world(), params);
    assert_eq!(world.targets(), "i-a succeeded: created `ami-1`");
    let tags = [
        ("by", "nightly"),
        ("lamplighter:job", "nightly@2026-03-02T02:00:00Z/111122223333/eu-west-1/i-a"),
        ("lamplighter:source", "i-a"),
        ("lamplighter:taken-at", "2026-03-02T02:00:00Z"),
        ("lamplighter:task", "nightly"),
        ("team", "red"),
    ];
    let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let images = world.cloud().images_in(world.here());
    let [image] = images.as_slice() else { panic!("{images:?}") };
    assert_eq!((image.state.as_str(), &image.tags), ("available", &tags));
    assert_eq!(image.name, "i-a at 20260302T020000Z by nightly");
    let snapshots = world.cloud().snapshots_in(world.here());
    assert_eq!(snapshots.len(), 2);
    assert!(snapshots.iter().all(|it| it.tags == tags), "{snapshots:?}");
}

#[test]
fn no_instance_is_rebooted_that_nobody_asked_to_reboot() {
    let booted_at = |world: &World| world.cloud().cloud().booted_at(world.here(), "i-a");
    let before = booted_at(&world());
    assert_eq!(booted_at(&ran(world(), json!({}))), before);
    assert_ne!(booted_at(&ran(world(), json!({ "reboot": true }))), before);
}

#[test]
fn an_image_that_fails_is_no_success() {
    let world = ran(world().failing("vol-b"), json!({}));
    let targets = world.targets();
    assert!(targets.contains("the image `ami-1` is `failed`"), "{targets}");
}

#[test]
fn an_answer_that_was_lost_makes_no_second_image() {
    for mishap in [Mishap::AnswerLost, Mishap::CrashAfter] {
        let world = world();
        // Entering, listing, entering again, and then the image.
        world.faults().at_calls(4..=4, mishap);
        let world = ran(world, json!({}));
        assert_eq!(world.targets(), "i-a succeeded: created `ami-1`");
        assert_eq!(world.cloud().images_in(world.here()).len(), 1);
    }
}

#[test]
fn tags_of_lamplighter_cannot_be_asked_for() {
    let params = json!({ "tags": { TASK_TAG: "mine" } });
    let bad = CreateImage.check_params(&params).map_err(|it| it.path);
    assert_eq!(bad, Err(format!("tags.{TASK_TAG}")));
}
