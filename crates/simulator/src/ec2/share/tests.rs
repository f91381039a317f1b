use super::*;
use crate::{
    bed::Bed,
    ec2::{
        archive::Tiering,
        trial::{assert_like, get, put, put_key},
    },
};

const A: &str = "111122223333";
const B: &str = "222233334444";
const C: &str = "333344445555";

fn bed() -> Bed {
    let bed = Bed::new();
    put(&bed, "snap-a", |_| {});
    bed
}

fn of(add: &[Permission], remove: &[Permission]) -> ModifySnapshotAttribute {
    ModifySnapshotAttribute {
        snapshot_id: "snap-a".into(),
        create_volume_permission: Modifications { add: add.into(), remove: remove.into() },
        ..ModifySnapshotAttribute::default()
    }
}

/// With whom it is shared.
fn shared(bed: &Bed) -> Vec<String> {
    let request = DescribeSnapshotAttribute {
        snapshot_id: "snap-a".into(),
        attribute: VOLUME_PERMISSION.into(),
    };
    let all = bed.ask(request).unwrap()["createVolumePermission"].clone();
    let name =
        |it: &serde_json::Value| it["userId"].as_str().or(it["group"].as_str()).unwrap().to_owned();
    all.as_array().unwrap().iter().map(name).collect()
}

#[test]
fn permissions_are_added_removed_and_reset() {
    let bed = bed();
    bed.ask(of(&[Permission::user(B), Permission::user(C), Permission::group("all")], &[]))
        .unwrap();
    assert_eq!(shared(&bed), [B, C, "all"]);
    bed.ask(of(&[], &[Permission::user(B), Permission::group("all")])).unwrap();
    assert_eq!(shared(&bed), [C]);
    let listed = |operation: &str| ModifySnapshotAttribute {
        snapshot_id: "snap-a".into(),
        attribute: Some(VOLUME_PERMISSION.into()),
        operation_type: Some(operation.into()),
        user_id: vec![B.into()],
        ..ModifySnapshotAttribute::default()
    };
    bed.ask(listed("add")).unwrap();
    assert_eq!(shared(&bed), [B, C]);
    bed.ask(listed("remove")).unwrap();
    assert_eq!(shared(&bed), [C]);
    let snapshot_id = "snap-a".to_owned();
    bed.ask(ResetSnapshotAttribute { snapshot_id, attribute: VOLUME_PERMISSION.into() }).unwrap();
    assert_eq!(shared(&bed), [""; 0]);
}

#[track_caller]
fn check(request: ModifySnapshotAttribute, expected: Result<(), &str>) {
    assert_eq!(bed().ask(request).map(|_| ()), expected);
}

#[test]
fn a_call_adds_or_removes_at_most_500() {
    let user = || Permission::user(B);
    check(of(&[], &[]), Err("MissingParameter"));
    check(of(&[user()], &[user()]), Err("InvalidParameterCombination"));
    let many =
        |count: u64| (0..count).map(|n| Permission::user(&format!("{n:012}"))).collect::<Vec<_>>();
    check(of(&many(500), &[]), Ok(()));
    check(of(&many(501), &[]), Err("InvalidParameterValue"));
    check(of(&[], &many(501)), Err("InvalidParameterValue"));
    check(of(&[Permission::user("me")], &[]), Err("InvalidUserID.Malformed"));
    check(of(&[Permission::group("friends")], &[]), Err("InvalidParameterValue"));
    let attribute = Some("productCodes".to_owned());
    check(
        ModifySnapshotAttribute { attribute, ..of(&[user()], &[]) },
        Err("InvalidParameterValue"),
    );
    let silent = ModifySnapshotAttribute { user_id: vec![B.into()], ..of(&[], &[]) };
    check(silent, Err("MissingParameter"));
}

/// Shares a snapshot that is different.
#[track_caller]
fn check_share(
    change: impl FnOnce(&Bed, &mut Snapshot),
    with: Permission,
    expected: Result<(), &str>,
) {
    let bed = Bed::new();
    let key = put_key(&bed, "own", &[]);
    put(&bed, "snap-a", |it| it.kms_key_id = Some(key.as_str().into()));
    let mut snapshot = get(&bed, "snap-a").unwrap();
    change(&bed, &mut snapshot);
    bed.here(|it| it.ec2.snapshots.fill([snapshot]));
    assert_eq!(bed.ask(of(&[with], &[])).map(|_| ()), expected);
}

#[test]
fn what_is_encrypted_is_shared_with_a_key_of_the_account_and_never_public() {
    let user = || Permission::user(B);
    let all = || Permission::group("all");
    check_share(|_, it| it.encrypted = true, user(), Ok(()));
    check_share(|_, it| it.encrypted = true, all(), Err("OperationNotPermitted"));
    let managed = |bed: &Bed, it: &mut Snapshot| {
        it.encrypted = true;
        it.kms_key_id = Some(Kms::managed(&bed.place, "alias/aws/ebs"));
    };
    check_share(managed, user(), Err("OperationNotPermitted"));
    let unnamed = |_: &Bed, it: &mut Snapshot| (it.encrypted, it.kms_key_id) = (true, None);
    check_share(unnamed, user(), Err("OperationNotPermitted"));
}

#[test]
fn what_is_pending_or_archived_is_not_shared() {
    let user = || Permission::user(B);
    check_share(|_, it| it.state = State::Pending, user(), Err("IncorrectState"));
    let archived = |_: &Bed, it: &mut Snapshot| {
        it.tiering = Some(Box::new(Tiering::archived(it.started_at)));
    };
    check_share(archived, user(), Err("IncorrectState"));
}

#[test]
fn blocked_public_access_leaves_private_sharing_alone() {
    for state in [PublicAccess::BlockAllSharing, PublicAccess::BlockNewSharing] {
        let block = |bed: &Bed, _: &mut Snapshot| {
            bed.here(|it| it.ec2.settings.public_access = state);
        };
        check_share(block, Permission::group("all"), Err("OperationNotPermitted"));
        check_share(block, Permission::user(B), Ok(()));
    }
}

#[test]
fn the_account_that_it_is_shared_with_hears_of_it_once() {
    let bed = Bed::new().at(A, "us-east-1");
    put(&bed, "snap-a", |_| {});
    let _receiver = bed.at("444455556666", "us-east-1");
    let share = || bed.ask(of(&[Permission::user("444455556666"), Permission::user(C)], &[]));
    share().unwrap();
    assert_like(&bed, include_str!("../../../../core/tests/events/ebs-share-snapshot.json"));
    share().unwrap();
    bed.ask(of(&[Permission::group("all")], &[])).unwrap();
    assert_eq!(bed.events().len(), 1);
}
