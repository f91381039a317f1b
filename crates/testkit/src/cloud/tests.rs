//! Each rule that the cloud is strict about.

use std::sync::Arc;

use jiff::Timestamp;
use lamplighter_core::{
    FaultKind, Tags,
    action::{JOB_TAG, TASK_TAG},
    cloud::{
        Page, PageToken,
        ec2::{NewSnapshot, Snapshot, SnapshotState},
    },
    select::ServerFilter,
};

use super::*;
use crate::{World, finish, place};

const OURS: [(&str, &str); 1] = [(TASK_TAG, "nightly")];
const NO_TAGS: [(&str, &str); 0] = [];

/// The kind and code of a fault.
type Refused = (FaultKind, Option<String>);

fn enter(world: &World, place: &Place) -> Result<Arc<dyn Scope>, Refused> {
    let session = Session { task: "nightly".parse().unwrap(), occurrence: Timestamp::UNIX_EPOCH };
    refused(finish(world.cloud().scope(place, &session)).unwrap())
}

fn here(world: &World) -> Arc<dyn Scope> {
    enter(world, world.here()).unwrap()
}

fn refused<T>(result: Result<T, Fault>) -> Result<T, Refused> {
    result.map_err(|fault| (fault.kind, fault.code))
}

fn because<T>(kind: FaultKind, code: &str) -> Result<T, Refused> {
    Err((kind, Some(code.to_owned())))
}

fn new(volume: &str) -> NewSnapshot {
    let tags = Tags::from([(TASK_TAG.to_owned(), "nightly".to_owned())]);
    NewSnapshot { volume_id: volume.to_owned(), description: String::new(), tags }
}

fn create(world: &World, new: &NewSnapshot) -> Result<Snapshot, Refused> {
    refused(finish(here(world).ec2().create_snapshot(new)).unwrap())
}

fn delete(world: &World, id: &str) -> Result<(), Refused> {
    refused(finish(here(world).ec2().delete_snapshot(id)).unwrap())
}

fn page(
    world: &World,
    filter: &ServerFilter,
    token: Option<PageToken>,
) -> Result<Page<Snapshot>, Refused> {
    refused(finish(here(world).ec2().snapshots(filter, token)).unwrap())
}

/// The ids that a listing shows, page by page.
fn pages(world: &World, filter: &ServerFilter) -> Vec<Vec<String>> {
    let ids = |page: Vec<(String, SnapshotState)>| page.into_iter().map(|(id, _)| id).collect();
    listed(world, filter).into_iter().map(ids).collect()
}

fn listed(world: &World, filter: &ServerFilter) -> Vec<Vec<(String, SnapshotState)>> {
    let (mut pages, mut token) = (Vec::new(), None);
    loop {
        let found = page(world, filter, token).unwrap();
        pages.push(found.items.into_iter().map(|it| (it.id, it.state)).collect());
        token = found.next;
        if token.is_none() {
            return pages;
        }
    }
}

/// What describes show of the snapshots there, with their states.
fn shown(world: &World) -> Vec<(String, SnapshotState)> {
    listed(world, &ServerFilter::default()).concat()
}

fn pass(world: &World, seconds: i64) {
    world.clock().advance(SignedDuration::from_secs(seconds));
}

fn five() -> World {
    let world = World::new().snapshot("snap-a", "vol-a", 1, [("keep", "yes")]);
    let world = world.snapshot("snap-b", "vol-a", 1, []).snapshot("snap-c", "vol-a", 1, []);
    world.snapshot("snap-d", "vol-a", 1, []).snapshot("snap-e", "vol-a", 1, [("keep", "yes")])
}

#[test]
fn pages_may_be_short_or_empty_and_not_the_last() {
    assert_eq!(
        pages(&five(), &ServerFilter::default()),
        [vec!["snap-e", "snap-d"], vec!["snap-c", "snap-b"], vec!["snap-a"]]
    );
    assert_eq!(
        pages(&five(), &ServerFilter::tag("keep", "yes")),
        [vec!["snap-e"], vec![], vec!["snap-a"]]
    );
    assert_eq!(pages(&World::new(), &ServerFilter::default()), [Vec::<String>::new()]);
}

#[test]
fn a_token_belongs_to_its_listing() {
    let world = five();
    let all = ServerFilter::default();
    let token = page(&world, &all, None).unwrap().next;
    assert!(page(&world, &all, token.clone()).is_ok());
    for (filter, token) in [
        (ServerFilter::tag("keep", "yes"), token.clone()),
        (all.clone(), Some(PageToken("token-1".to_owned()))),
        (all.clone(), Some(PageToken("snap-d".to_owned()))),
    ] {
        let found = page(&world, &filter, token).map(|_| ());
        assert_eq!(found, because(FaultKind::Transient, "InvalidNextToken"));
    }
    let volumes = refused(finish(here(&world).ec2().volumes(&all, token)).unwrap()).map(|_| ());
    assert_eq!(volumes, because(FaultKind::Transient, "InvalidNextToken"));
}

#[test]
fn only_what_the_account_owns_is_listed_or_deleted() {
    let world =
        World::new().snapshot("snap-x", "vol-x", 1, OURS).owned_by("snap-x", "999900001111");
    assert_eq!(shown(&world), []);
    let found = delete(&world, "snap-x");
    assert_eq!(found, because(FaultKind::Permission, "UnauthorizedOperation"));
}

#[test]
fn places_are_apart() {
    let world = World::new().volume("vol-a", []).at("222233334444", "eu-central-1");
    let found = create(&world, &new("vol-a"));
    assert_eq!(found, because(FaultKind::Transient, "InvalidVolume.NotFound"));
}

#[test]
fn only_configured_accounts_that_let_us_in_are_entered() {
    let world = World::new().at("222233334444", "eu-west-1");
    world.cloud().close(&world.here().account);
    let enter = |account, region| enter(&world, &place(account, region)).map(|_| ());
    assert_eq!(enter("111122223333", "eu-west-1"), Ok(()));
    assert_eq!(enter("222233334444", "eu-west-1"), because(FaultKind::Permission, "AccessDenied"));
    assert_eq!(enter("111122223333", "eu-west-2"), because(FaultKind::Permission, "AuthFailure"));
    assert_eq!(enter("999900001111", "eu-west-1"), Err((FaultKind::Config, None)));
}

#[test]
fn a_role_may_do_what_its_policy_says_and_the_refusal_names_the_rest() {
    let world = World::new().volume("vol-a", []);
    world.cloud().allow_only(&["ec2:CreateSnapshot"]);
    let fault = finish(here(&world).ec2().create_snapshot(&new("vol-a"))).unwrap().unwrap_err();
    assert_eq!(
        fault.to_string(),
        "You are not authorized to perform this operation. User: arn:aws:sts::111122223333:\
         assumed-role/lamplighter-member/lamplighter-nightly-19700101T000000Z is not authorized \
         to perform: ec2:CreateTags on resource: arn:aws:ec2:eu-west-1::snapshot/* because no \
         identity-based policy allows the ec2:CreateTags action"
    );
    let untagged = NewSnapshot { tags: Tags::new(), ..new("vol-a") };
    assert!(create(&world, &untagged).is_ok(), "without tags nobody needs `ec2:CreateTags`");
    let denied = || because(FaultKind::Permission, "UnauthorizedOperation");
    assert_eq!(delete(&world, "snap-1"), denied());
    assert_eq!(page(&world, &ServerFilter::default(), None).map(|_| ()), denied());
}

#[test]
fn every_call_is_recorded_whatever_came_of_it() {
    let world = World::new();
    let _ = create(&world, &new("vol-none"));
    let calls = world.cloud().calls();
    let record = calls.iter().map(|it| (&*it.actions, it.access)).collect::<Vec<_>>();
    let expected: [(&[&str], Access); 2] = [
        (&["sts:AssumeRole"], Access::Reads),
        (&["ec2:CreateSnapshot", "ec2:CreateTags"], Access::Writes),
    ];
    assert_eq!(record, expected);
}

#[test]
fn a_snapshot_is_pending_for_a_while_and_may_fail() {
    let world = World::new().volume("vol-a", []).volume("vol-b", []).failing("vol-b");
    assert_eq!(create(&world, &new("vol-a")).unwrap().state, SnapshotState::Pending);
    create(&world, &new("vol-b")).unwrap();
    let states = |states: [SnapshotState; 2]| {
        vec![("snap-2".to_owned(), states[1]), ("snap-1".to_owned(), states[0])]
    };
    pass(&world, 299);
    assert_eq!(shown(&world), states([SnapshotState::Pending, SnapshotState::Pending]));
    pass(&world, 1);
    assert_eq!(shown(&world), states([SnapshotState::Completed, SnapshotState::Error]));
    let failed = &world.cloud().snapshots_in(world.here())[1];
    assert_eq!(failed.state_message.as_deref(), Some("the volume could not be read"));
}

#[test]
fn describes_lag_behind_creations_deletions_states_and_tags() {
    let lag = Lag::Always(SignedDuration::from_secs(30));
    let world = World::new().volume("vol-a", []).snapshot("snap-old", "vol-b", 1, NO_TAGS);
    let world = world.snapshot("snap-new", "vol-b", 0, OURS).dial(|it| it.lag = lag);
    pass(&world, 40);
    create(&world, &new("vol-a")).unwrap();
    world.cloud().retag_snapshot(world.here(), "snap-new", Tags::new());
    world.cloud().retag_snapshot(
        world.here(),
        "snap-old",
        Tags::from([(TASK_TAG.to_owned(), "nightly".to_owned())]),
    );
    delete(&world, "snap-old").unwrap();
    let ids = |filter: &ServerFilter| pages(&world, filter).concat();
    let ours = ServerFilter::tag(TASK_TAG, "nightly");
    pass(&world, 29);
    assert_eq!(ids(&ServerFilter::default()), ["snap-old", "snap-new"]);
    assert_eq!(ids(&ours), ["snap-new"]);
    pass(&world, 1);
    assert_eq!(ids(&ServerFilter::default()), ["snap-new", "snap-1"]);
    assert_eq!(ids(&ours), ["snap-1"]);
    pass(&world, 299);
    assert_eq!(shown(&world)[1].1, SnapshotState::Pending);
    pass(&world, 1);
    assert_eq!(shown(&world)[1].1, SnapshotState::Completed);
}

#[test]
fn a_lag_at_random_shows_what_was_at_any_moment_within_it() {
    let lag = Lag::UpTo(SignedDuration::from_secs(10));
    let world = World::new().volume("vol-a", []).dial(|it| it.lag = lag);
    create(&world, &new("vol-a")).unwrap();
    pass(&world, 5);
    let seen: BTreeSet<usize> = (0..50).map(|_| shown(&world).len()).collect();
    assert_eq!(seen, BTreeSet::from([0, 1]), "one call shows it, another does not");
    pass(&world, 5);
    assert!((0..50).all(|_| shown(&world).len() == 1));
}

#[track_caller]
fn check_pending(volume_type: &str, failing: bool, limit: usize) {
    let world = World::new().volume_with("vol-a", [], |it| it.volume_type = volume_type.to_owned());
    let world = if failing { world.failing("vol-a") } else { world };
    let one_more = || {
        pass(&world, 20);
        create(&world, &new("vol-a")).map(|_| ())
    };
    for _ in 0..limit {
        assert_eq!(one_more(), Ok(()), "{volume_type}");
    }
    let full = || because(FaultKind::Throttled, "ConcurrentSnapshotLimitExceeded");
    assert_eq!(one_more(), full(), "{volume_type}");
    delete(&world, "snap-1").unwrap();
    assert_eq!(one_more(), full(), "a pending one counts although its deletion was accepted");
    pass(&world, 300);
    let then = if failing && limit > 1 { full() } else { Ok(()) };
    assert_eq!(one_more().and(one_more()), if limit > 1 { then } else { full() }, "{volume_type}");
}

#[test]
fn a_volume_has_five_pending_snapshots_or_one_and_failed_ones_count() {
    for volume_type in ["gp2", "gp3", "io1", "io2", "standard"] {
        check_pending(volume_type, false, 5);
    }
    check_pending("st1", false, 1);
    check_pending("sc1", false, 1);
    check_pending("gp3", true, 5);
}

#[test]
fn snapshots_of_a_volume_are_15_seconds_apart() {
    let world = World::new().volume("vol-a", []).volume("vol-b", []);
    assert!(create(&world, &new("vol-a")).is_ok());
    assert!(create(&world, &new("vol-b")).is_ok());
    pass(&world, 14);
    let found = create(&world, &new("vol-a")).map(|_| ());
    assert_eq!(found, because(FaultKind::Throttled, "SnapshotCreationPerVolumeRateExceeded"));
    pass(&world, 1);
    assert!(create(&world, &new("vol-a")).is_ok());
    assert_eq!(world.cloud().made(), 3);
}

#[test]
fn only_volumes_that_are_there_and_ready_are_snapshotted() {
    let world = World::new().volume_with("vol-a", [], |it| it.state = "creating".to_owned());
    let found = create(&world, &new("vol-a")).map(|_| ());
    assert_eq!(found, because(FaultKind::Transient, "IncorrectState"));
}

#[test]
fn there_is_no_client_token_so_two_calls_make_two() {
    let world = World::new().volume("vol-a", []);
    create(&world, &new("vol-a")).unwrap();
    pass(&world, 15);
    create(&world, &new("vol-a")).unwrap();
    assert_eq!(shown(&world).len(), 2);
}

#[test]
fn a_snapshot_in_use_by_an_image_stays_and_the_refusal_names_the_image() {
    let world = World::new().snapshot("snap-a", "vol-a", 1, OURS).used_by_image("snap-a", "ami-7");
    let fault = finish(here(&world).ec2().delete_snapshot("snap-a")).unwrap().unwrap_err();
    assert_eq!(fault.code.as_deref(), Some("InvalidSnapshot.InUse"));
    assert_eq!(fault.to_string(), "The snapshot snap-a is currently in use by ami-7");
}

#[test]
fn a_snapshot_of_aws_backup_is_deleted_only_there() {
    let world = World::new().snapshot("snap-a", "vol-a", 1, [("aws:backup:source-resource", "x")]);
    assert_eq!(delete(&world, "snap-a"), because(FaultKind::Config, "InvalidParameterValue"));
}

#[test]
fn deleting_what_is_gone_or_in_the_recycle_bin_is_a_success() {
    let world = World::new()
        .snapshot("snap-a", "vol-a", 2, OURS)
        .snapshot("snap-b", "vol-a", 1, OURS)
        .snapshot_with("snap-c", "vol-a", 3, OURS, |it| it.state = SnapshotState::Recoverable);
    for id in ["snap-a", "snap-a", "snap-none", "snap-c"] {
        assert_eq!(delete(&world, id), Ok(()));
    }
    let left: Vec<String> = shown(&world).into_iter().map(|(id, _)| id).collect();
    assert_eq!(left, ["snap-c", "snap-b"]);
}

#[test]
fn a_pending_snapshot_is_deleted_when_it_completes() {
    let world = World::new().volume("vol-a", []);
    create(&world, &new("vol-a")).unwrap();
    delete(&world, "snap-1").unwrap();
    pass(&world, 299);
    assert_eq!(shown(&world), [("snap-1".to_owned(), SnapshotState::Pending)]);
    pass(&world, 1);
    assert_eq!(shown(&world), []);
}

#[track_caller]
fn check_text(tags: &[(String, String)], description: usize, expected: Result<(), Refused>) {
    let world = World::new().volume("vol-a", []);
    let tags = tags.iter().cloned().collect();
    let request = NewSnapshot { tags, description: "é".repeat(description), ..new("vol-a") };
    assert_eq!(create(&world, &request).map(|_| ()), expected);
}

#[test]
fn tags_and_descriptions_have_limits_in_characters() {
    let tag = |key: usize, value: usize| vec![("k".repeat(key), "é".repeat(value))];
    let many = |count| (0..count).map(|it| (format!("k{it}"), String::new())).collect::<Vec<_>>();
    let config = |code| because(FaultKind::Config, code);
    check_text(&tag(128, 256), 255, Ok(()));
    check_text(&many(50), 0, Ok(()));
    check_text(&many(51), 0, because(FaultKind::Permanent, "TagLimitExceeded"));
    check_text(&tag(129, 0), 0, config("InvalidParameterValue"));
    check_text(&tag(1, 257), 0, config("InvalidParameterValue"));
    check_text(&tag(0, 0), 0, config("InvalidTagKey.Malformed"));
    check_text(&[("aws:x".to_owned(), String::new())], 0, config("InvalidTagKey.Malformed"));
    check_text(&[], 256, config("InvalidParameterValue"));
}

#[test]
fn each_api_in_each_place_has_its_own_bucket_that_fills_again() {
    let world =
        World::new().volume("vol-a", []).at("111122223333", "us-east-1").volume("vol-b", []);
    let bucket = Bucket { capacity: 2.0, per_second: 0.5 };
    let elsewhere = enter(&world, &place("111122223333", "eu-west-1")).unwrap();
    let here = here(&world);
    let world = world.dial(|it| it.bucket = Some(bucket));
    let list = |scope: &Arc<dyn Scope>| {
        refused(finish(scope.ec2().volumes(&ServerFilter::default(), None)).unwrap()).map(|_| ())
    };
    let throttled = || because(FaultKind::Throttled, "RequestLimitExceeded");
    assert_eq!([list(&here), list(&here), list(&here)], [Ok(()), Ok(()), throttled()]);
    assert_eq!(list(&elsewhere), Ok(()));
    pass(&world, 2);
    assert_eq!([list(&here), list(&here)], [Ok(()), throttled()]);
    pass(&world, 3600);
    assert_eq!([list(&here), list(&here), list(&here)], [Ok(()), Ok(()), throttled()]);
}

/// Deletes `snap-a` and names the laws that this breaks.
#[track_caller]
fn check_law(world: World, expected: &[&str]) {
    delete(&world, "snap-a").unwrap();
    assert_eq!(world.cloud().broken_laws(), expected);
}

#[test]
fn l6_deletions_only_of_what_carries_our_tags_or_was_adopted() {
    let world = |tags: &[(&str, &str)]| {
        let world = World::new().snapshot("snap-b", "vol-a", 1, OURS);
        match tags {
            [tag] => world.snapshot("snap-a", "vol-a", 2, [*tag]),
            _ => world.snapshot("snap-a", "vol-a", 2, NO_TAGS),
        }
    };
    check_law(world(&OURS), &[]);
    check_law(world(&[]).may_be_adopted("snap-a"), &[]);
    let broken = "L6: `snap-a` was deleted, and neither made by a task nor adopted";
    check_law(world(&[]), &[broken]);
}

#[test]
fn l7_the_newest_completed_backup_of_a_source_stays() {
    let newest = || World::new().snapshot("snap-a", "vol-a", 2, OURS);
    let broken: &[&str] = &["L7: `snap-a`, the newest completed backup of `vol-a`, was deleted"];
    check_law(newest(), broken);
    check_law(newest().snapshot("snap-b", "vol-a", 3, OURS), broken);
    check_law(newest().snapshot("snap-b", "vol-b", 1, OURS), broken);
    let pending = |it: &mut Snapshot| it.state = SnapshotState::Pending;
    check_law(newest().snapshot_with("snap-b", "vol-a", 1, OURS, pending), broken);
    check_law(newest().snapshot("snap-b", "vol-a", 1, OURS), &[]);
    // A twin holds the same.
    let twin = [(TASK_TAG, "nightly"), (JOB_TAG, "nightly@2026-03-02T02:00:00Z/x")];
    let twins = World::new().snapshot("snap-a", "vol-a", 1, twin);
    check_law(twins.snapshot("snap-b", "vol-a", 2, twin), &[]);
}
