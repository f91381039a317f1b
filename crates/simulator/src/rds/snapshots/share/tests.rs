use serde_json::json;

use super::*;
use crate::{
    bed::Bed,
    kms::Kms,
    rds::{
        option_groups::GroupOption,
        snapshots::Status,
        world::{automated, key, snapshot},
    },
};

fn texts(values: &[&str]) -> Vec<String> {
    values.iter().map(|it| (*it).to_owned()).collect()
}

fn share(name: &str, add: &[&str], remove: &[&str]) -> ModifyDBSnapshotAttribute {
    ModifyDBSnapshotAttribute {
        name: name.into(),
        attribute_name: "restore".into(),
        values_to_add: texts(add),
        values_to_remove: texts(remove),
    }
}

const FRIEND: &str = "444455556666";

#[test]
fn a_snapshot_is_shared_and_no_longer() {
    let bed = Bed::new();
    snapshot(&bed, Kind::Instance, "s", |_| ());
    let result = |values: &[&str]| {
        json!({"DBSnapshotAttributesResult": {
            "DBSnapshotIdentifier": "s",
            "DBSnapshotAttributes": [{"AttributeName": "restore", "AttributeValues": values}],
        }})
    };
    let shown = || bed.ask(DescribeDBSnapshotAttributes { name: "S".into() });
    assert_eq!(shown(), Ok(result(&[])));
    let both = result(&[FRIEND, "all"]);
    assert_eq!(bed.ask(share("s", &["all", FRIEND], &[])), Ok(both.clone()));
    assert_eq!(shown(), Ok(both));
    assert_eq!(bed.ask(share("s", &[], &["all"])), Ok(result(&[FRIEND])));
    assert_eq!(bed.ask(share("s", &[], &[FRIEND, "777788889999"])), Ok(result(&[])));
}

#[test]
fn clusters_snapshots_are_shared_likewise() {
    let bed = Bed::new();
    snapshot(&bed, Kind::Cluster, "s", |_| ());
    snapshot(&bed, Kind::Cluster, "rds:s", automated);
    let share = |name: &str| ModifyDBClusterSnapshotAttribute {
        name: name.into(),
        attribute_name: "restore".into(),
        values_to_add: texts(&[FRIEND]),
        values_to_remove: Vec::new(),
    };
    bed.ask(share("s")).unwrap();
    let shown = bed.ask(DescribeDBClusterSnapshotAttributes { name: "s".into() }).unwrap();
    let attributes = &shown["DBClusterSnapshotAttributesResult"]["DBClusterSnapshotAttributes"];
    assert_eq!(attributes[0]["AttributeValues"], json!([FRIEND]));
    assert_eq!(bed.ask(share("rds:s")), Err("InvalidDBClusterSnapshotStateFault"));
    assert_eq!(bed.ask(share("none")), Err("DBClusterSnapshotNotFoundFault"));
}

/// Shares `s` after it was changed.
#[track_caller]
fn check(change: impl FnOnce(&Bed, &mut Snapshot), add: &[&str], expected: Result<(), &str>) {
    let bed = Bed::new();
    snapshot(&bed, Kind::Instance, "s", |it| change(&bed, it));
    assert_eq!(bed.ask(share("s", add, &[])).map(drop), expected);
}

#[test]
fn only_what_others_can_restore_is_shared() {
    let (value, state) = (Err("InvalidParameterValue"), Err("InvalidDBSnapshotState"));
    check(|_, _| (), &[FRIEND], Ok(()));
    check(|_, it| automated(it), &[FRIEND], state);
    check(|_, it| it.origin = Origin::AwsBackup, &[FRIEND], state);
    check(|_, it| it.status = Status::Creating, &[FRIEND], state);
    check(|_, it| it.tde = true, &[FRIEND], value);
    let with_option = |name: &'static str| {
        move |bed: &Bed, it: &mut Snapshot| {
            let option = GroupOption { name: name.into(), persistent: true, permanent: true };
            let group = OptionGroup { engine: "mysql".into(), options: vec![option] };
            bed.here(|here| here.rds.option_groups.insert("own".into(), group));
            it.option_group = Some("own".into());
        }
    };
    check(with_option("TDE"), &[FRIEND], Err("InvalidParameterCombination"));
    check(with_option("Timezone"), &[FRIEND], Ok(()));
    let own = |bed: &Bed, it: &mut Snapshot| it.key = Some(key(bed, "k", &[]));
    check(own, &[FRIEND], Ok(()));
    check(own, &["all"], value);
    check(own, &[FRIEND, "all"], value);
    let default =
        |bed: &Bed, it: &mut Snapshot| it.key = Some(Kms::managed(&bed.place, "alias/aws/rds"));
    check(default, &[FRIEND], value);
    check(|_, _| (), &["44445555666"], value);
    check(|_, _| (), &["self"], value);
    check(|_, _| (), &[], Err("InvalidParameterCombination"));
    let other =
        ModifyDBSnapshotAttribute { attribute_name: "copy".into(), ..share("s", &["all"], &[]) };
    assert_eq!(Bed::new().ask(other), Err("InvalidParameterValue"));
}

#[test]
fn at_most_twenty_accounts() {
    let accounts: Vec<String> = (0..21).map(|it| format!("4444555566{it:02}")).collect();
    let accounts: Vec<&str> = accounts.iter().map(String::as_str).collect();
    check(|_, _| (), &accounts[..20], Ok(()));
    check(|_, _| (), &[&accounts[..20], &["all"]].concat(), Ok(()));
    check(|_, _| (), &accounts, Err("SharedSnapshotQuotaExceeded"));
}
