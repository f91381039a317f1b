use super::*;
use crate::{
    bed::Bed,
    ec2::{
        copy::CopySnapshot,
        trial::{get, put, used},
    },
};

fn archive(bed: &Bed, id: &str) -> Result<(), &'static str> {
    bed.ask(ModifySnapshotTier { snapshot_id: id.into(), storage_tier: None }).map(|_| ())
}

fn restore(bed: &Bed, id: &str, days: Option<u32>) -> Result<(), &'static str> {
    let permanent_restore = days.is_none().then_some(true);
    let request = RestoreSnapshotTier {
        snapshot_id: id.into(),
        temporary_restore_days: days,
        permanent_restore,
    };
    bed.ask(request).map(|_| ())
}

/// The tier and the newest step of `snap-a`.
fn status(bed: &Bed) -> (String, String) {
    let all = bed.ask(DescribeSnapshotTierStatus::default()).unwrap();
    let it = &all["snapshotTierStatusSet"][0];
    let text = |name: &str| it[name].as_str().unwrap_or_default().to_owned();
    (text("storageTier"), text("lastTieringOperationStatus"))
}

#[track_caller]
fn assert_status(bed: &Bed, tier: &str, step: &str) {
    assert_eq!(status(bed), (tier.to_owned(), step.to_owned()));
}

const DAY: i64 = 24 * 3600;

#[test]
fn a_snapshot_goes_to_the_archive_and_loses_its_share() {
    let bed = Bed::new();
    put(&bed, "snap-a", |it| it.share.public = true);
    archive(&bed, "snap-a").unwrap();
    assert_status(&bed, "standard", "archival-in-progress");
    assert_eq!(archive(&bed, "snap-a"), Err("IncorrectState"));
    bed.pass(3600);
    assert_status(&bed, "archive", "archival-completed");
    assert_eq!(archive(&bed, "snap-a"), Err("IncorrectState"));
    assert_eq!(get(&bed, "snap-a").unwrap().share, Share::default());
    let request = CopySnapshot {
        source_region: "eu-west-1".into(),
        source_snapshot_id: "snap-a".into(),
        ..CopySnapshot::default()
    };
    assert_eq!(bed.ask(request), Err("IncorrectState"));
}

#[test]
fn a_restore_for_a_while_ends_and_can_be_put_off() {
    let bed = Bed::new();
    put(&bed, "snap-a", |it| it.tiering = Some(Box::new(Tiering::archived(it.started_at))));
    restore(&bed, "snap-a", Some(2)).unwrap();
    assert_eq!(restore(&bed, "snap-a", Some(2)), Err("IncorrectState"), "one is under way");
    bed.pass(DAY - 1);
    assert_status(&bed, "archive", "temporary-restore-in-progress");
    bed.pass(1);
    assert_status(&bed, "archive", "temporary-restore-completed");
    assert!(get(&bed, "snap-a").unwrap().is_at_hand());
    bed.pass(DAY);
    restore(&bed, "snap-a", Some(3)).unwrap();
    bed.pass(3 * DAY - 1);
    assert!(get(&bed, "snap-a").unwrap().is_at_hand(), "its end was put off");
    bed.pass(1);
    assert!(!get(&bed, "snap-a").unwrap().is_at_hand());
    assert_status(&bed, "archive", "archival-completed");
}

#[test]
fn a_restore_for_good_brings_it_back() {
    let bed = Bed::new();
    put(&bed, "snap-a", |it| it.tiering = Some(Box::new(Tiering::archived(it.started_at))));
    restore(&bed, "snap-a", None).unwrap();
    bed.pass(DAY);
    assert_status(&bed, "standard", "permanent-restore-completed");
    assert_eq!(archive(&bed, "snap-a"), Ok(()));
}

#[test]
fn a_restore_that_became_permanent_does_not_end() {
    let bed = Bed::new();
    put(&bed, "snap-a", |it| it.tiering = Some(Box::new(Tiering::archived(it.started_at))));
    restore(&bed, "snap-a", Some(1)).unwrap();
    bed.pass(DAY);
    restore(&bed, "snap-a", None).unwrap();
    bed.pass(2 * DAY);
    assert_status(&bed, "standard", "permanent-restore-completed");
}

#[test]
fn only_completed_snapshots_that_no_image_uses_go() {
    let bed = Bed::new();
    put(&bed, "snap-pending", |it| it.state = State::Pending);
    put(&bed, "snap-image", used);
    put(&bed, "snap-a", |_| {});
    assert_eq!(archive(&bed, "snap-pending"), Err("IncorrectState"));
    assert_eq!(archive(&bed, "snap-image"), Err("InvalidSnapshot.InUse"));
    assert_eq!(restore(&bed, "snap-a", None), Err("IncorrectState"));
    for days in [0, 181] {
        assert_eq!(restore(&bed, "snap-a", Some(days)), Err("InvalidParameterValue"));
    }
    let both = RestoreSnapshotTier {
        snapshot_id: "snap-a".into(),
        temporary_restore_days: Some(1),
        permanent_restore: Some(true),
    };
    assert_eq!(bed.ask(both), Err("InvalidParameterCombination"));
}

#[test]
fn there_are_25_on_the_way_there_25_of_a_volume_and_5_on_the_way_back() {
    let bed = Bed::new();
    for n in 0..26 {
        put(&bed, &format!("snap-{n}"), |it| it.volume_id = format!("vol-{n}").into());
    }
    let all = (0..26).map(|n| archive(&bed, &format!("snap-{n}")));
    let results: Vec<_> = all.collect();
    assert!(results[..25].iter().all(Result::is_ok));
    assert_eq!(results[25], Err("ResourceLimitExceeded"));
    bed.pass(3600);
    let back: Vec<_> = (0..6).map(|n| restore(&bed, &format!("snap-{n}"), None)).collect();
    assert!(back[..5].iter().all(Result::is_ok));
    assert_eq!(back[5], Err("ResourceLimitExceeded"));
    for n in 0..26 {
        put(&bed, &format!("snap-v{n}"), |it| {
            it.volume_id = "vol-v".into();
            it.tiering = (n < 25).then(|| Box::new(Tiering::archived(it.started_at)));
        });
    }
    assert_eq!(archive(&bed, "snap-v25"), Err("ResourceLimitExceeded"));
}
