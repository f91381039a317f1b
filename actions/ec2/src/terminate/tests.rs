use lamplighter_core::action::TASK_TAG;
use lamplighter_testkit::{Mishap, World, cloud::Protection, conforms};
use serde_json::{Value, json};

use super::*;

const OURS: [(&str, &str); 2] = [(TASK_TAG, "nightly"), ("team", "red")];

fn world() -> World {
    World::new().instance_with("i-a", OURS, |it| it.volumes = vec!["vol-a".to_owned()]).volume_with(
        "vol-a",
        [],
        |it| it.instances = vec!["i-a".to_owned()],
    )
}

#[track_caller]
fn ran(mut world: World, params: Value) -> World {
    world.run(&TerminateInstance, params);
    world
}

#[test]
fn keeps_the_rules_of_an_action() {
    conforms(&TerminateInstance, json!({}), world);
}

#[test]
fn keeps_the_rules_without_an_image() {
    let params = json!({ "image-first": false });
    conforms(&TerminateInstance, params, || {
        World::new().instance("i-a", OURS).stopped_instance("i-b", OURS)
    });
}

#[test]
fn a_plan_says_what_is_made_before() {
    #[track_caller]
    fn check(change: impl Fn(&mut Instance), params: Value, expected: &str) {
        let world = World::new().instance_with("i-a", OURS, change);
        assert_eq!(world.plan(&TerminateInstance, params), format!("i-a: {expected}"));
    }
    check(|_| {}, json!({}), "make an image, reboot it, and terminate (`t3.micro`)");
    let quietly = json!({ "reboot": false });
    check(|_| {}, quietly, "make an image, and terminate (`t3.micro`)");
    let stopped = |it: &mut Instance| lamplighter_testkit::stopped(it);
    check(stopped, json!({}), "make an image, and terminate (`t3.micro`)");
    check(|_| {}, json!({ "image-first": false }), "terminate (`t3.micro`)");
    for state in ["shutting-down", "terminated"] {
        let expected = format!("leave because it is `{state}`");
        check(|it| it.state = state.to_owned(), json!({}), &expected);
    }
    let store = |it: &mut Instance| it.root_device_type = "instance-store".to_owned();
    let expected = "leave because its root device is an instance store: AWS makes no image of it";
    check(store, json!({}), expected);
    let member = |it: &mut Instance| {
        it.tags.insert("aws:autoscaling:groupName".to_owned(), "web".to_owned());
    };
    check(member, json!({}), "leave because the Auto Scaling group `web` decides over it");
}

#[test]
fn what_no_task_made_and_nobody_adopted_is_never_seen() {
    let world = World::new().instance("i-a", []);
    assert_eq!(world.plan(&TerminateInstance, json!({})), "");
    let adopting = world.task(|task| task.order.adopt = Some(Default::default()));
    let plan = "i-a: make an image, reboot it, and terminate (`t3.micro`)";
    assert_eq!(adopting.plan(&TerminateInstance, json!({})), plan);
}

#[test]
fn the_image_is_available_before_the_instance_goes_and_says_whose_it_is() {
    let world = ran(world(), json!({}));
    assert_eq!(world.targets(), "i-a succeeded: terminated; its image is `ami-1`");
    let images = world.cloud().images_in(world.here());
    let image = &images[0];
    assert_eq!((images.len(), image.state.as_str()), (1, "available"));
    assert_eq!(image.name, "i-a at 20260302T020000Z by nightly");
    let tags = [
        ("lamplighter:job", "nightly@2026-03-02T02:00:00Z/111122223333/eu-west-1/i-a"),
        ("lamplighter:source", "i-a"),
        ("lamplighter:taken-at", "2026-03-02T02:00:00Z"),
        ("lamplighter:task", "nightly"),
        ("team", "red"),
    ];
    assert_eq!(image.tags, tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
    let calls = world.cloud().calls();
    let at = |name: &str| calls.iter().position(|it| it.operation == name);
    assert!(at("CreateImage") < at("DescribeImages"));
    assert!(at("DescribeImages") < at("TerminateInstances"));
}

#[test]
fn one_that_is_protected_is_left_and_no_image_is_made() {
    let world = ran(world().protected("i-a", Protection::Termination), json!({}));
    assert_eq!(world.targets(), "i-a skipped: it is protected from being terminated");
    assert_eq!(world.cloud().images_in(world.here()), []);
    let world = self::world().protected("i-a", Protection::Stop);
    let world = ran(world, json!({ "image-first": false }));
    assert_eq!(
        world.targets(),
        "i-a skipped: AWS does not let it be terminated: The instance 'i-a' may not be terminated. \
         Modify its 'disableApiStop' instance attribute and try again."
    );
}

#[test]
fn one_whose_image_fails_stays() {
    let world = ran(world().failing("vol-a"), json!({}));
    let targets = world.targets();
    assert!(targets.starts_with("i-a failed: "), "{targets}");
    assert!(targets.contains("the image `ami-1` is `failed`"), "{targets}");
    assert!(world.instances().starts_with("i-a running"), "{}", world.instances());
}

#[test]
fn an_answer_that_was_lost_makes_no_second_image() {
    for mishap in [Mishap::AnswerLost, Mishap::CrashAfter] {
        let world = world();
        // Entering, listing, entering again, the protection, and then the image.
        world.faults().at_calls(5..=5, mishap);
        let world = ran(world, json!({}));
        assert_eq!(world.targets(), "i-a succeeded: terminated; its image is `ami-1`");
    }
}

#[test]
fn an_image_has_no_more_tags_than_there_is_room_for() {
    let many = |it: &mut Instance| {
        it.tags = (0..50).map(|it| (format!("tag-{it:02}"), String::new())).collect();
        it.tags.insert("aws:x".to_owned(), String::new());
    };
    let mut instance = None;
    World::new().instance_with("i-a", [], |it| {
        many(it);
        instance = Some(it.clone());
    });
    let tags = image_tags(&instance.unwrap());
    assert_eq!((tags.len(), tags.contains_key("aws:x")), (46, false));
}
