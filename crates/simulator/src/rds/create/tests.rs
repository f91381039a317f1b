use super::*;
use crate::{
    bed::Bed,
    rds::world::{event_ids, instance, instance_status, key, tags, tags_of},
};

fn new(name: &str) -> CreateDBInstance {
    CreateDBInstance {
        name: name.into(),
        class: "db.t3.micro".into(),
        engine: "postgres".into(),
        allocated_storage: Some(20),
        master_username: Some("admin".into()),
        master_user_password: Some("secret-secret".into()),
        ..CreateDBInstance::default()
    }
}

#[test]
fn an_instance_is_created_and_then_available() {
    let bed = Bed::new();
    let arn = key(&bed, "k-1", &[]);
    let request = CreateDBInstance {
        tags: tags(&[("backup", "daily")]),
        storage_encrypted: true,
        kms_key_id: Some("k-1".into()),
        ..new("Orders")
    };
    let answer = bed.ask(request).unwrap();
    let shown = &answer["DBInstance"];
    assert_eq!(shown["DBInstanceIdentifier"], "orders");
    assert_eq!(shown["DBInstanceStatus"], "creating");
    assert_eq!(shown["Endpoint"], serde_json::Value::Null);
    assert_eq!(shown["KmsKeyId"], *arn);
    assert_eq!(shown["DBInstanceArn"], "arn:aws:rds:eu-west-1:111122223333:db:orders");
    assert_eq!(tags_of(shown), ["backup=daily"]);
    bed.pass(10 * 60);
    assert_eq!(instance_status(&bed, "orders"), Some("available"));
    assert_eq!(event_ids(&bed), ["0005 orders"]);
}

#[track_caller]
fn check(change: impl FnOnce(&mut CreateDBInstance), expected: Result<(), &str>) {
    let bed = Bed::new();
    instance(&bed, "taken", |_| ());
    let mut request = new("db");
    change(&mut request);
    assert_eq!(bed.ask(request).map(drop), expected);
}

#[test]
fn an_instance_is_what_there_can_be() {
    let value = Err("InvalidParameterValue");
    check(|_| (), Ok(()));
    check(|it| it.name = "Taken".into(), Err("DBInstanceAlreadyExists"));
    check(|it| it.name = "a".repeat(64), value);
    check(|it| it.engine = "aurora-mysql".into(), value);
    check(|it| it.class = "t3.micro".into(), value);
    check(|it| it.allocated_storage = None, Err("MissingParameter"));
    check(|it| it.allocated_storage = Some(1), value);
    check(|it| it.master_user_password = Some("short".into()), value);
    check(|it| it.storage_type = Some("gp9".into()), value);
    check(|it| it.backup_retention_period = Some(36), value);
    check(|it| it.kms_key_id = Some("k".into()), Err("InvalidParameterCombination"));
    check(
        |it| {
            it.storage_encrypted = true;
            it.kms_key_id = Some("k".into());
        },
        Err("KMSKeyNotAccessibleFault"),
    );
    check(|it| it.option_group_name = Some("none".into()), Err("OptionGroupNotFoundFault"));
    check(|it| it.tags = tags(&[("aws:x", "")]), value);
}

#[test]
fn there_are_forty_instances_in_a_region() {
    let bed = Bed::new();
    (0..39).for_each(|it| drop(instance(&bed, &format!("db-{it}"), |_| ())));
    assert!(bed.ask(new("a")).is_ok());
    assert_eq!(bed.ask(new("b")), Err("InstanceQuotaExceeded"));
}
