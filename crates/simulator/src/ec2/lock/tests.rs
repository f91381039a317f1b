use super::*;
use crate::{
    bed::Bed,
    ec2::trial::{create, put, put_volume, volume},
};

fn bed() -> Bed {
    let bed = Bed::new();
    put(&bed, "snap-a", |_| {});
    bed
}

fn lock(mode: Mode, days: u32, cool_off: Option<u32>) -> LockSnapshot {
    LockSnapshot {
        snapshot_id: "snap-a".into(),
        lock_mode: mode,
        cool_off_period: cool_off,
        lock_duration: Some(days),
        expiration_date: None,
    }
}

fn unlock(bed: &Bed) -> Result<(), &'static str> {
    bed.ask(UnlockSnapshot { snapshot_id: "snap-a".into() }).map(|_| ())
}

fn shown(bed: &Bed) -> String {
    let all = bed.ask(DescribeLockedSnapshots::default()).unwrap();
    all["snapshotSet"][0]["lockState"].as_str().unwrap_or_default().to_owned()
}

use Mode::{Compliance, Governance};

#[test]
fn a_lock_in_governance_mode_can_be_changed_and_taken_off() {
    let bed = bed();
    assert_eq!(unlock(&bed), Err("IncorrectState"));
    bed.ask(lock(Governance, 10, None)).unwrap();
    assert_eq!(shown(&bed), "governance");
    bed.ask(lock(Governance, 1, None)).unwrap();
    bed.pass(24 * 3600 - 1);
    assert_eq!(shown(&bed), "governance");
    bed.pass(1);
    assert_eq!(shown(&bed), "expired");
    assert_eq!(unlock(&bed), Ok(()));
    assert_eq!(shown(&bed), "");
}

#[test]
fn a_lock_in_compliance_mode_can_only_be_extended_once_it_has_cooled_off() {
    let bed = bed();
    bed.ask(lock(Compliance, 10, Some(1))).unwrap();
    assert_eq!(shown(&bed), "compliance-cooloff");
    bed.ask(lock(Compliance, 5, Some(2))).unwrap();
    bed.pass(2 * 3600);
    assert_eq!(shown(&bed), "compliance");
    let ask = |it| bed.ask(it).map(|_| ());
    assert_eq!(unlock(&bed), Err("OperationNotPermitted"));
    assert_eq!(ask(lock(Compliance, 4, None)), Err("OperationNotPermitted"));
    assert_eq!(ask(lock(Governance, 9, None)), Err("OperationNotPermitted"));
    assert_eq!(ask(lock(Compliance, 9, Some(1))), Err("OperationNotPermitted"));
    assert_eq!(ask(lock(Compliance, 9, None)), Ok(()));
    bed.pass(9 * 24 * 3600);
    assert_eq!(unlock(&bed), Ok(()));
}

#[track_caller]
fn check(request: LockSnapshot, expected: Result<(), &str>) {
    assert_eq!(bed().ask(request).map(|_| ()), expected);
}

#[test]
fn durations_are_in_their_ranges() {
    check(lock(Governance, 1, None), Ok(()));
    check(lock(Governance, 36_500, None), Ok(()));
    check(lock(Governance, 0, None), Err("InvalidParameterValue"));
    check(lock(Governance, 36_501, None), Err("InvalidParameterValue"));
    check(lock(Governance, 1, Some(1)), Err("InvalidParameterCombination"));
    check(lock(Compliance, 1, Some(72)), Ok(()));
    check(lock(Compliance, 1, Some(73)), Err("InvalidParameterValue"));
    check(lock(Compliance, 1, Some(0)), Err("InvalidParameterValue"));
    let until = |text: &str| Some(text.parse().unwrap());
    let by_date =
        |at| LockSnapshot { lock_duration: None, expiration_date: at, ..lock(Governance, 1, None) };
    check(by_date(until("2026-03-03T02:00:00Z")), Ok(()));
    check(by_date(until("2026-03-03T01:59:59Z")), Err("InvalidParameterValue"));
    check(by_date(None), Err("InvalidParameterCombination"));
    let both = LockSnapshot {
        expiration_date: until("2027-01-01T00:00:00Z"),
        ..lock(Governance, 1, None)
    };
    check(both, Err("InvalidParameterCombination"));
}

#[test]
fn the_days_of_a_pending_snapshot_count_from_its_completion() {
    let bed = Bed::new();
    put_volume(&bed, volume("vol-a"));
    create(&bed, "vol-a").unwrap();
    bed.ask(LockSnapshot { snapshot_id: "snap-1".into(), ..lock(Governance, 1, None) }).unwrap();
    bed.pass(300 + 24 * 3600 - 1);
    assert_eq!(shown(&bed), "governance");
    bed.pass(1);
    assert_eq!(shown(&bed), "expired");
}

#[test]
fn what_failed_is_not_locked() {
    let bed = Bed::new();
    put(&bed, "snap-a", |it| it.state = State::Error);
    assert_eq!(bed.ask(lock(Governance, 1, None)), Err("IncorrectState"));
}

#[test]
fn locks_are_filtered_by_their_state() {
    let bed = bed();
    bed.ask(lock(Governance, 1, None)).unwrap();
    let count = |name: &str, value: &str| {
        let filter = vec![Filter { name: name.into(), value: vec![value.into()] }];
        let all = bed.ask(DescribeLockedSnapshots { filter, ..Default::default() })?;
        Ok::<_, &str>(all["snapshotSet"].as_array().unwrap().len())
    };
    assert_eq!(count("lock-state", "governance"), Ok(1));
    assert_eq!(count("lock-state", "expired"), Ok(0));
    assert_eq!(count("colour", "red"), Err("InvalidParameterValue"));
}
