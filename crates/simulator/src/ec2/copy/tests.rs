use super::*;
use crate::{
    bed::Bed,
    ec2::{
        snapshot_delete::DeleteSnapshot,
        trial::{assert_like, delete, get, put, put_key, state},
    },
    kms::KeyState,
};

const A: &str = "111122223333";
const B: &str = "222233334444";

fn of(id: &str) -> CopySnapshot {
    CopySnapshot {
        source_region: "eu-west-1".into(),
        source_snapshot_id: id.into(),
        ..CopySnapshot::default()
    }
}

/// Copies; the id of the copy.
fn copy(bed: &Bed, request: CopySnapshot) -> Result<String, &'static str> {
    bed.ask(request).map(|it| it["snapshotId"].as_str().unwrap().to_owned())
}

/// `snap-a` in `eu-west-1`, and where copies go.
fn beds() -> (Bed, Bed) {
    let bed = Bed::new();
    put(&bed, "snap-a", |it| drop(it.tags.insert("team".into(), "a".into())));
    let there = bed.at(A, "eu-central-1");
    (bed, there)
}

#[test]
fn a_copy_is_made_where_it_is_called_with_a_volume_that_means_nothing() {
    let (_, there) = beds();
    let id = copy(&there, of("snap-a")).unwrap();
    let made = get(&there, &id).unwrap();
    assert_eq!(&*made.volume_id, "vol-ffffffff");
    assert_eq!(&*made.description, "[Copied snap-a from eu-west-1]");
    assert_eq!((made.tags.len(), made.size_gib, made.state), (0, 8, State::Pending));
    there.pass(599);
    assert_eq!(state(&there, &id), Some(State::Pending));
    there.pass(1);
    assert_eq!(state(&there, &id), Some(State::Completed));
}

#[test]
fn the_end_of_a_copy_is_told_where_it_is() {
    let bed = Bed::new().at("123456789012", "eu-west-1");
    put(&bed, "snap-a", |_| {});
    let there = bed.at("123456789012", "us-west-2");
    copy(&there, of("snap-a")).unwrap();
    there.pass(600);
    let sample = include_str!("../../../../core/tests/events/ebs-copy-snapshot-succeeded.json");
    assert_like(&there, &sample.replace("\"true\"", "\"false\""));
    copy(&there, CopySnapshot { completion_duration_minutes: Some(15), ..of("snap-a") }).unwrap();
    there.pass(900);
    let sample =
        include_str!("../../../../core/tests/events/ebs-copy-snapshot-time-based-succeeded.json");
    assert_like(&there, sample);
    let key = Some("none".to_owned());
    copy(&there, CopySnapshot { encrypted: Some(true), kms_key_id: key, ..of("snap-a") }).unwrap();
    there.pass(600);
    let sample = include_str!("../../../../core/tests/events/ebs-copy-snapshot-failed.json");
    assert_like(&there, &sample.replace("Source snapshot ID is not valid", NO_KEY));
}

#[test]
fn a_copy_that_is_late_is_told() {
    let bed = Bed::new().at("123456789012", "eu-west-1");
    put(&bed, "snap-a", |it| it.size_gib = 1000);
    let there = bed.at("123456789012", "us-west-2");
    let request = CopySnapshot { completion_duration_minutes: Some(15), ..of("snap-a") };
    let id = copy(&there, request).unwrap();
    there.pass(900);
    let sample =
        include_str!("../../../../core/tests/events/ebs-copy-snapshot-missed-duration.json");
    assert_like(&there, sample);
    // 1000 GiB with 500 MiB a second.
    there.pass(2048 - 900 - 1);
    assert_eq!(state(&there, &id), Some(State::Pending));
    there.pass(1);
    assert_eq!(state(&there, &id), Some(State::Completed));
}

#[test]
fn a_second_copy_of_a_snapshot_counts_from_the_end_of_the_first() {
    let (_, there) = beds();
    let request = || CopySnapshot { completion_duration_minutes: Some(15), ..of("snap-a") };
    let first = copy(&there, request()).unwrap();
    let second = copy(&there, request()).unwrap();
    let first = get(&there, &first).unwrap();
    let since = get(&there, &second).unwrap().copied.unwrap().deadline.unwrap().1;
    assert_eq!(since, first.ends_at);
    let bad = CopySnapshot { completion_duration_minutes: Some(16), ..of("snap-a") };
    assert_eq!(copy(&there, bad), Err("InvalidParameterValue"));
}

#[test]
fn only_what_is_completed_at_hand_and_visible_is_copied() {
    let (bed, there) = beds();
    put(&bed, "snap-pending", |it| it.state = State::Pending);
    put(&bed, "snap-failed", |it| it.state = State::Error);
    put(&bed, "snap-archived", |it| {
        it.tiering = Some(Box::new(crate::ec2::archive::Tiering::archived(it.started_at)));
    });
    for id in ["snap-pending", "snap-failed", "snap-archived"] {
        assert_eq!(copy(&there, of(id)), Err("IncorrectState"), "{id}");
    }
    assert_eq!(copy(&there, of("snap-none")), Err("InvalidSnapshot.NotFound"));
    let nowhere = CopySnapshot { source_region: "moon".into(), ..of("snap-a") };
    assert_eq!(copy(&there, nowhere), Err("InvalidRegion"));
    let elsewhere = CopySnapshot { destination_region: Some("eu-west-1".into()), ..of("snap-a") };
    assert_eq!(copy(&there, elsewhere), Err("InvalidParameterValue"));
    let receiver = bed.at(B, "eu-west-1");
    assert_eq!(copy(&receiver, of("snap-a")), Err("InvalidSnapshot.NotFound"));
    bed.here(|it| {
        let share = |it: &mut Snapshot| it.share.accounts.insert(B.parse().unwrap());
        it.ec2.snapshots.change("snap-a", Timestamp::UNIX_EPOCH, share);
    });
    let id = copy(&receiver, of("snap-a")).unwrap();
    assert_eq!(get(&receiver, &id).unwrap().owner.as_str(), B, "the receiver owns the copy");
    assert_eq!(get(&bed, &id), None);
}

#[test]
fn twenty_copies_are_under_way_to_a_region() {
    let (bed, there) = beds();
    for _ in 0..20 {
        copy(&there, of("snap-a")).unwrap();
    }
    assert_eq!(copy(&there, of("snap-a")), Err("ResourceLimitExceeded"));
    assert!(copy(&bed.at(A, "eu-west-2"), of("snap-a")).is_ok(), "another region has its own");
    there.pass(600);
    assert!(copy(&there, of("snap-a")).is_ok());
}

/// How a copy of an encrypted snapshot ends, by the receiver or the owner.
#[track_caller]
fn check_keys(
    account: &str,
    region: &str,
    source_key_for: &[&str],
    key: impl FnOnce(&Bed, &Bed) -> Option<String>,
    expected: Result<State, &'static str>,
) {
    let bed = Bed::new();
    let source_key = put_key(&bed, "source", source_key_for);
    put(&bed, "snap-a", |it| {
        it.encrypted = true;
        it.kms_key_id = Some(source_key.as_str().into());
        it.share.accounts.insert(B.parse().unwrap());
    });
    let there = bed.at(account, region);
    let kms_key_id = key(&bed, &there);
    let encrypted = kms_key_id.is_some().then_some(true);
    let id = copy(&there, CopySnapshot { encrypted, kms_key_id, ..of("snap-a") });
    let Ok(id) = id else { panic!("keys are looked at later: {id:?}") };
    there.pass(600);
    let made = get(&there, &id).unwrap();
    let message = made.state_message.as_deref();
    assert_eq!(message, expected.err(), "{account} {region}");
    assert_eq!(made.state, expected.unwrap_or(State::Error));
}

#[test]
fn keys_are_looked_at_while_the_copy_is_under_way() {
    let none = |_: &Bed, _: &Bed| None;
    let own = |_: &Bed, there: &Bed| Some(put_key(there, "own", &[]));
    check_keys(A, "eu-west-1", &[], none, Ok(State::Completed));
    check_keys(A, "eu-central-1", &[], own, Ok(State::Completed));
    check_keys(B, "eu-central-1", &[B], own, Ok(State::Completed));
    check_keys(B, "eu-central-1", &[], own, Err(NO_KEY));
    // A key of another region, of an account that lets nobody in, or of nobody.
    check_keys(A, "eu-central-1", &[], |bed, _| Some(put_key(bed, "k", &[])), Err(NO_KEY));
    let theirs = |bed: &Bed, _: &Bed| Some(put_key(&bed.at(B, "eu-central-1"), "k", &[]));
    check_keys(A, "eu-central-1", &[], theirs, Err(NO_KEY));
    check_keys(A, "eu-central-1", &[], |_, _| Some("alias/none".into()), Err(NO_KEY));
    let disabled = |_: &Bed, there: &Bed| {
        let key = put_key(there, "k", &[]);
        there.here(|it| it.kms.get_mut("k").unwrap().state = KeyState::Disabled);
        Some(key)
    };
    check_keys(A, "eu-central-1", &[], disabled, Err(NO_KEY));
}

#[test]
fn a_key_that_cannot_be_used_shows_soon() {
    let (_, there) = beds();
    let kms_key_id = Some("none".to_owned());
    let id = copy(&there, CopySnapshot { encrypted: Some(true), kms_key_id, ..of("snap-a") });
    let id = id.unwrap();
    there.pass(9);
    assert_eq!(state(&there, &id), Some(State::Pending));
    there.pass(1);
    assert_eq!(state(&there, &id), Some(State::Error));
}

#[test]
fn encryption_by_default_encrypts_copies() {
    let (_, there) = beds();
    let key = |id: String| get(&there, &id).unwrap().kms_key_id;
    assert_eq!(key(copy(&there, of("snap-a")).unwrap()), None);
    there.here(|it| it.ec2.settings.encryption_by_default = true);
    let managed = Kms::managed(&there.place, "alias/aws/ebs");
    assert_eq!(key(copy(&there, of("snap-a")).unwrap()), Some(managed));
    let own = put_key(&there, "own", &[]);
    there.here(|it| it.ec2.settings.default_key = Some("own".into()));
    assert_eq!(key(copy(&there, of("snap-a")).unwrap()).as_deref(), Some(&*own));
}

#[test]
fn a_copy_stands_on_the_newest_one_before_it() {
    let (bed, there) = beds();
    let incremental = |request: CopySnapshot| {
        let id = copy(&there, request).unwrap();
        there.pass(600);
        (get(&there, &id).unwrap().copied.unwrap().incremental, id)
    };
    assert!(!incremental(of("snap-a")).0, "the first is full");
    put(&bed, "snap-b", |_| {});
    let (second, id) = incremental(of("snap-b"));
    assert!(second);
    put(&bed, "snap-x", |it| it.volume_id = "vol-x".into());
    assert!(!incremental(of("snap-x")).0, "another volume has nothing to do with it");
    delete(&there, &id).unwrap();
    assert!(!incremental(of("snap-b")).0, "the newest copy is gone");
    assert!(incremental(of("snap-b")).0);
    let kms_key_id = Some(put_key(&there, "own", &[]));
    let encrypted = CopySnapshot { encrypted: Some(true), kms_key_id, ..of("snap-b") };
    assert!(!incremental(encrypted.clone()).0, "it has another key");
    assert!(!incremental(encrypted).0, "not all copies have the same key");
}

#[test]
fn within_a_region_a_copy_is_full_when_its_key_changes() {
    let (bed, _) = beds();
    let incremental = |request: CopySnapshot| {
        let id = copy(&bed, request).unwrap();
        get(&bed, &id).unwrap().copied.unwrap().incremental
    };
    assert!(incremental(of("snap-a")));
    assert!(!incremental(CopySnapshot { encrypted: Some(true), ..of("snap-a") }));
}

#[test]
fn a_copy_of_a_copy_is_still_of_the_same_volume() {
    let (bed, there) = beds();
    let first = copy(&there, of("snap-a")).unwrap();
    there.pass(600);
    let third = bed.at(A, "us-east-1");
    let request = CopySnapshot { source_region: "eu-central-1".into(), ..of(&first) };
    let second = copy(&third, request).unwrap();
    let origin = get(&third, &second).unwrap().copied.unwrap().origin;
    assert_eq!(origin, (bed.place.clone(), "vol-a".into()));
}

#[test]
fn a_pending_copy_that_is_deleted_goes_when_it_ends() {
    let (_, there) = beds();
    let id = copy(&there, of("snap-a")).unwrap();
    there.ask(DeleteSnapshot { snapshot_id: id.clone() }).unwrap();
    there.pass(599);
    assert!(get(&there, &id).is_some());
    there.pass(1);
    assert_eq!(get(&there, &id), None);
}

/// What the events of a place say: what ended, and how.
fn told(bed: &Bed) -> Vec<String> {
    let told = |it: &crate::events::Event| {
        let it = serde_json::to_value(it).unwrap();
        format!("{} {}", it["detail"]["event"], it["detail"]["result"]).replace('"', "")
    };
    bed.events().iter().map(told).collect()
}

#[test]
fn a_copy_whose_source_is_deleted_meanwhile_is_told_of_once() {
    let (bed, there) = beds();
    let id = copy(&there, of("snap-a")).unwrap();
    there.pass(300);
    assert_eq!(delete(&bed, "snap-a"), Ok(()));
    there.pass(300);
    assert_eq!(state(&there, &id), Some(State::Completed));
    assert_eq!(told(&there), ["copySnapshot succeeded"]);
}

#[test]
fn a_copy_that_is_deleted_meanwhile_is_told_of_once_and_is_gone() {
    let check = |key: Option<&str>, seconds: i64, wanted: &[&str]| {
        let (_, there) = beds();
        let (encrypted, kms_key_id) = (key.map(|_| true), key.map(str::to_owned));
        let request = CopySnapshot { encrypted, kms_key_id, ..of("snap-a") };
        let id = copy(&there, request).unwrap();
        assert_eq!(delete(&there, &id), Ok(()));
        there.pass(seconds);
        assert_eq!(told(&there), wanted);
        assert_eq!(state(&there, &id), None);
    };
    check(None, 600, &["copySnapshot succeeded"]);
    check(Some("none"), 600, &["copySnapshot failed"]);
    check(None, 10_000, &["copySnapshot succeeded"]);
}

#[test]
fn a_late_copy_that_is_deleted_meanwhile_is_still_told_of() {
    let bed = Bed::new();
    put(&bed, "snap-a", |it| it.size_gib = 1000);
    let there = bed.at(A, "eu-central-1");
    let request = CopySnapshot { completion_duration_minutes: Some(15), ..of("snap-a") };
    let id = copy(&there, request).unwrap();
    there.pass(60);
    delete(&there, &id).unwrap();
    delete(&bed, "snap-a").unwrap();
    there.pass(10_000);
    let told = there.events();
    let told: Vec<_> = told.iter().map(|it| serde_json::to_value(it).unwrap()).collect();
    let types: Vec<_> = told.iter().map(|it| it["detail-type"].as_str().unwrap()).collect();
    let late = "EBS Copy Snapshot Missed Completion Duration";
    assert_eq!(types, [late, "EBS Snapshot Notification"]);
    assert_eq!(state(&there, &id), None);
}
