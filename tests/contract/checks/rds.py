"""RDS: instances, clusters and their snapshots."""

from aws import refused, same
from fleet import AWAY, HOME, HUB, MEMBER, OTHER, tag_list, tags_of


def snapshot(aws, name="nightly", database="orders", **more) -> dict:
    """An available snapshot of a database that is there."""
    rds = aws.client("rds")
    rds.create_db_snapshot(DBSnapshotIdentifier=name, DBInstanceIdentifier=database, **more)
    aws.pass_time(7200)
    return rds.describe_db_snapshots(DBSnapshotIdentifier=name)["DBSnapshots"][0]


def status(aws, database="orders") -> str:
    rds = aws.client("rds")
    found = rds.describe_db_instances(DBInstanceIdentifier=database)["DBInstances"][0]
    return found["DBInstanceStatus"]


def check_a_database_is_shown_with_what_it_is(aws):
    """DescribeDBInstances shows status, engine, ARN and tags.

    Source: RDS API reference, DBInstance
    """
    arn = aws.database("orders", tags={"backup": "daily"})
    [found] = aws.client("rds").describe_db_instances(DBInstanceIdentifier="orders")["DBInstances"]
    same((found["DBInstanceIdentifier"], found["DBInstanceStatus"], found["Engine"],
          found["DBInstanceArn"], tags_of(found, "TagList")),
         ("orders", "available", "postgres", arn, {"backup": "daily"}))
    same(arn, f"arn:aws:rds:{HOME}:{HUB}:db:orders")


def check_names_have_no_case(aws):
    """Names are found whatever their case, and shown in lower case.

    Source: RDS API reference, CreateDBInstance, DBInstanceIdentifier
    """
    aws.database("orders")
    rds = aws.client("rds")
    [found] = rds.describe_db_instances(DBInstanceIdentifier="Orders")["DBInstances"]
    same(found["DBInstanceIdentifier"], "orders")


def check_what_does_not_exist_has_its_own_code(aws):
    """What does not exist is NotFound with HTTP 404, by a code that differs for each kind.

    Source: RDS API reference, errors of each operation
    """
    rds = aws.client("rds")
    with refused("DBInstanceNotFound", 404):
        rds.describe_db_instances(DBInstanceIdentifier="nothing")
    with refused("DBClusterNotFoundFault", 404):
        rds.describe_db_clusters(DBClusterIdentifier="nothing")
    with refused("DBSnapshotNotFound", 404):
        rds.describe_db_snapshots(DBSnapshotIdentifier="nothing")
    with refused("DBClusterSnapshotNotFoundFault", 404):
        rds.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier="nothing")
    with refused("DBSnapshotNotFound", 404):
        rds.delete_db_snapshot(DBSnapshotIdentifier="nothing")


def check_pages_have_at_least_twenty(aws):
    """MaxRecords below 20 is refused with InvalidParameterValue; 20 of 21 are a page.

    Source: RDS API reference, DescribeDBInstances, MaxRecords
    """
    for n in range(21):
        aws.database(f"db-{n}")
    rds = aws.client("rds")
    first = rds.describe_db_instances(MaxRecords=20)
    rest = rds.describe_db_instances(MaxRecords=20, Marker=first["Marker"])
    same((len(first["DBInstances"]), len(rest["DBInstances"]), "Marker" in rest), (20, 1, False))
    with refused("InvalidParameterValue", 400):
        rds.describe_db_instances(MaxRecords=19)


def check_a_snapshot_becomes_available(aws):
    """CreateDBSnapshot answers `creating`; the snapshot is then available, with its tags.

    Source: RDS API reference, CreateDBSnapshot
    """
    aws.database("orders")
    rds = aws.client("rds")
    made = rds.create_db_snapshot(DBSnapshotIdentifier="Nightly", DBInstanceIdentifier="orders",
                                  Tags=tag_list({"a": "1"}))["DBSnapshot"]
    same((made["DBSnapshotIdentifier"], made["Status"], made["SnapshotType"]),
         ("nightly", "creating", "manual"))
    same(made["DBSnapshotArn"], f"arn:aws:rds:{HOME}:{HUB}:snapshot:nightly")
    aws.pass_time(7200)
    [found] = rds.describe_db_snapshots(DBSnapshotIdentifier="nightly")["DBSnapshots"]
    same((found["Status"], found["DBInstanceIdentifier"], tags_of(found, "TagList")),
         ("available", "orders", {"a": "1"}))
    same(found["PercentProgress"], 100)


def check_names_of_snapshots_are_unique(aws):
    """A second snapshot of the same name is refused with DBSnapshotAlreadyExists.

    Source: RDS API reference, CreateDBSnapshot, errors
    """
    aws.database("orders")
    snapshot(aws)
    with refused("DBSnapshotAlreadyExists", 400):
        aws.client("rds").create_db_snapshot(DBSnapshotIdentifier="NIGHTLY",
                                             DBInstanceIdentifier="orders")


def check_a_snapshot_is_of_a_database(aws):
    """CreateDBSnapshot of a database that does not exist is refused with DBInstanceNotFound.

    Source: RDS API reference, CreateDBSnapshot, errors
    """
    with refused("DBInstanceNotFound", 404):
        snapshot(aws)


def check_a_name_of_a_snapshot_begins_with_a_letter(aws):
    """A snapshot's name that no name can be is refused with InvalidParameterValue.

    Source: RDS API reference, CreateDBSnapshot, DBSnapshotIdentifier
    """
    aws.database("orders")
    for name in ("1st", "two--hyphens", "at-the-end-", "with_underscore", "rds:own"):
        with refused("InvalidParameterValue", 400):
            aws.client("rds").create_db_snapshot(DBSnapshotIdentifier=name,
                                                 DBInstanceIdentifier="orders")


def check_one_snapshot_is_taken_at_a_time(aws):
    """A second snapshot while the first is taken is refused with InvalidDBInstanceState.

    Source: RDS User Guide, "Creating a DB snapshot"
    """
    aws.database("orders")
    rds = aws.client("rds")
    rds.create_db_snapshot(DBSnapshotIdentifier="one", DBInstanceIdentifier="orders")
    same(status(aws), "backing-up")
    with refused("InvalidDBInstanceState", 400):
        rds.create_db_snapshot(DBSnapshotIdentifier="two", DBInstanceIdentifier="orders")


def check_a_stopped_database_has_no_snapshots_taken(aws):
    """A snapshot of a stopped database is refused with InvalidDBInstanceState.

    Source: RDS API reference, CreateDBSnapshot
    """
    aws.database("orders")
    rds = aws.client("rds")
    rds.stop_db_instance(DBInstanceIdentifier="orders")
    aws.pass_time(7200)
    same(status(aws), "stopped")
    with refused("InvalidDBInstanceState", 400):
        rds.create_db_snapshot(DBSnapshotIdentifier="one", DBInstanceIdentifier="orders")


def check_a_database_stops_and_starts(aws):
    """StopDBInstance needs an available database, StartDBInstance one that is stopped.

    Source: RDS API reference, StopDBInstance and StartDBInstance
    """
    aws.database("orders")
    rds = aws.client("rds")
    with refused("InvalidDBInstanceState", 400):
        rds.start_db_instance(DBInstanceIdentifier="orders")
    rds.stop_db_instance(DBInstanceIdentifier="orders")
    aws.pass_time(7200)
    same(status(aws), "stopped")
    with refused("InvalidDBInstanceState", 400):
        rds.stop_db_instance(DBInstanceIdentifier="orders")
    rds.start_db_instance(DBInstanceIdentifier="orders")
    aws.pass_time(7200)
    same(status(aws), "available")


def check_stopping_takes_time(aws):
    """StopDBInstance answers with a database that is `stopping`.

    Source: RDS API reference, StopDBInstance
    """
    aws.database("orders")
    rds = aws.client("rds")
    answer = rds.stop_db_instance(DBInstanceIdentifier="orders")["DBInstance"]
    same(answer["DBInstanceStatus"], "stopping")


def check_a_database_starts_after_a_week(aws):
    """A database that was stopped for seven days is started by RDS.

    Source: RDS User Guide, "Stopping an Amazon RDS DB instance temporarily"
    """
    aws.database("orders")
    aws.client("rds").stop_db_instance(DBInstanceIdentifier="orders")
    aws.pass_time(6 * 86400)
    same(status(aws), "stopped")
    aws.pass_time(86400 + 7200)
    aws.pass_time(7200)
    same(status(aws), "available")


check_a_database_starts_after_a_week.on = ("simulator",)


def check_a_snapshot_is_deleted(aws):
    """DeleteDBSnapshot removes a snapshot; then it is DBSnapshotNotFound.

    Source: RDS API reference, DeleteDBSnapshot
    """
    aws.database("orders")
    snapshot(aws)
    rds = aws.client("rds")
    rds.delete_db_snapshot(DBSnapshotIdentifier="nightly")
    aws.pass_time(3600)
    with refused("DBSnapshotNotFound", 404):
        rds.delete_db_snapshot(DBSnapshotIdentifier="nightly")


def check_a_snapshot_is_copied_to_another_region(aws):
    """CopyDBSnapshot by ARN makes a manual snapshot in the region that is called.

    Source: RDS API reference, CopyDBSnapshot
    """
    aws.database("orders")
    source = snapshot(aws, Tags=tag_list({"a": "1"}))["DBSnapshotArn"]
    there = aws.client("rds", region=AWAY)
    there.copy_db_snapshot(SourceDBSnapshotIdentifier=source, TargetDBSnapshotIdentifier="copy",
                           CopyTags=True, SourceRegion=HOME)
    aws.pass_time(7200)
    [found] = there.describe_db_snapshots(DBSnapshotIdentifier="copy")["DBSnapshots"]
    same((found["Status"], found["SnapshotType"], tags_of(found, "TagList")),
         ("available", "manual", {"a": "1"}))
    same((found.get("SourceDBSnapshotIdentifier"), found.get("SourceRegion")), (source, HOME))


def check_a_copy_needs_a_source(aws):
    """CopyDBSnapshot of a snapshot that does not exist is refused with DBSnapshotNotFound.

    Source: RDS API reference, CopyDBSnapshot, errors
    """
    with refused("DBSnapshotNotFound", 404):
        aws.client("rds").copy_db_snapshot(SourceDBSnapshotIdentifier="nothing",
                                           TargetDBSnapshotIdentifier="copy")


def check_a_shared_snapshot_is_copied_by_the_other_account(aws):
    """An account sees and copies a snapshot that is shared with it.

    Source: RDS User Guide, "Sharing a DB snapshot"
    """
    aws.database("orders")
    source = snapshot(aws)["DBSnapshotArn"]
    rds, theirs = aws.client("rds"), aws.client("rds", MEMBER)
    with refused("DBSnapshotNotFound", 404):
        theirs.copy_db_snapshot(SourceDBSnapshotIdentifier=source,
                                TargetDBSnapshotIdentifier="copy")
    rds.modify_db_snapshot_attribute(DBSnapshotIdentifier="nightly", AttributeName="restore",
                                     ValuesToAdd=[MEMBER, OTHER])
    [attribute] = rds.describe_db_snapshot_attributes(
        DBSnapshotIdentifier="nightly")["DBSnapshotAttributesResult"]["DBSnapshotAttributes"]
    same((attribute["AttributeName"], sorted(attribute["AttributeValues"])),
         ("restore", [MEMBER, OTHER]))
    shared = theirs.describe_db_snapshots(SnapshotType="shared", IncludeShared=True)
    same([it["DBSnapshotArn"] for it in shared["DBSnapshots"]], [source])
    made = theirs.copy_db_snapshot(SourceDBSnapshotIdentifier=source,
                                   TargetDBSnapshotIdentifier="copy")["DBSnapshot"]
    same(made["DBSnapshotArn"], f"arn:aws:rds:{HOME}:{MEMBER}:snapshot:copy")


def check_a_snapshot_is_shared_with_twenty(aws):
    """A snapshot is shared with at most 20 accounts: SharedSnapshotQuotaExceeded.

    Source: RDS User Guide, "Sharing a DB snapshot"
    """
    aws.database("orders")
    snapshot(aws)
    with refused("SharedSnapshotQuotaExceeded", 400):
        aws.client("rds").modify_db_snapshot_attribute(
            DBSnapshotIdentifier="nightly", AttributeName="restore",
            ValuesToAdd=[f"4444000000{n:02}" for n in range(21)])


def check_tags_are_kept_by_arn(aws):
    """AddTagsToResource, RemoveTagsFromResource and ListTagsForResource take an ARN.

    Source: RDS API reference, AddTagsToResource
    """
    arn = aws.database("orders", tags={"a": "1"})
    rds = aws.client("rds")
    rds.add_tags_to_resource(ResourceName=arn, Tags=tag_list({"a": "2", "b": "3"}))
    same(tags_of(rds.list_tags_for_resource(ResourceName=arn), "TagList"), {"a": "2", "b": "3"})
    rds.remove_tags_from_resource(ResourceName=arn, TagKeys=["a"])
    same(tags_of(rds.list_tags_for_resource(ResourceName=arn), "TagList"), {"b": "3"})


def check_a_cluster_has_snapshots_of_its_own(aws):
    """CreateDBClusterSnapshot, with a code of its own when the name is taken.

    Source: RDS API reference, CreateDBClusterSnapshot
    """
    aws.cluster("orders")
    rds = aws.client("rds")
    made = rds.create_db_cluster_snapshot(
        DBClusterSnapshotIdentifier="nightly", DBClusterIdentifier="orders",
        Tags=tag_list({"a": "1"}))["DBClusterSnapshot"]
    same(made["DBClusterSnapshotArn"], f"arn:aws:rds:{HOME}:{HUB}:cluster-snapshot:nightly")
    aws.pass_time(7200)
    [found] = rds.describe_db_cluster_snapshots(
        DBClusterSnapshotIdentifier="nightly")["DBClusterSnapshots"]
    same((found["Status"], found["SnapshotType"], tags_of(found, "TagList")),
         ("available", "manual", {"a": "1"}))
    with refused("DBClusterSnapshotAlreadyExistsFault", 400):
        rds.create_db_cluster_snapshot(DBClusterSnapshotIdentifier="nightly",
                                       DBClusterIdentifier="orders")
    rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier="nightly")
    aws.pass_time(3600)
    with refused("DBClusterSnapshotNotFoundFault", 404):
        rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier="nightly")


def check_a_cluster_stops_and_starts(aws):
    """StopDBCluster and StartDBCluster, with a code of their own in the wrong state.

    Source: RDS API reference, StopDBCluster
    """
    aws.cluster("orders")
    rds = aws.client("rds")

    def cluster_status():
        return rds.describe_db_clusters(DBClusterIdentifier="orders")["DBClusters"][0]["Status"]

    with refused("InvalidDBClusterStateFault", 400):
        rds.start_db_cluster(DBClusterIdentifier="orders")
    rds.stop_db_cluster(DBClusterIdentifier="orders")
    aws.pass_time(7200)
    same(cluster_status(), "stopped")
    rds.start_db_cluster(DBClusterIdentifier="orders")
    aws.pass_time(7200)
    same(cluster_status(), "available")


def check_a_cluster_snapshot_is_copied_and_shared(aws):
    """A cluster's snapshot is shared by its attribute, and copied with its tags.

    Source: RDS API reference, CopyDBClusterSnapshot and ModifyDBClusterSnapshotAttribute
    """
    aws.cluster("orders")
    rds = aws.client("rds")
    rds.create_db_cluster_snapshot(DBClusterSnapshotIdentifier="nightly",
                                   DBClusterIdentifier="orders", Tags=tag_list({"a": "1"}))
    aws.pass_time(7200)
    rds.modify_db_cluster_snapshot_attribute(
        DBClusterSnapshotIdentifier="nightly", AttributeName="restore", ValuesToAdd=[MEMBER])
    [attribute] = rds.describe_db_cluster_snapshot_attributes(
        DBClusterSnapshotIdentifier="nightly"
    )["DBClusterSnapshotAttributesResult"]["DBClusterSnapshotAttributes"]
    same(attribute, {"AttributeName": "restore", "AttributeValues": [MEMBER]})
    rds.copy_db_cluster_snapshot(SourceDBClusterSnapshotIdentifier="nightly",
                                 TargetDBClusterSnapshotIdentifier="copy", CopyTags=True)
    aws.pass_time(7200)
    [found] = rds.describe_db_cluster_snapshots(
        DBClusterSnapshotIdentifier="copy")["DBClusterSnapshots"]
    same((found["Status"], tags_of(found, "TagList")), ("available", {"a": "1"}))


def check_a_database_is_deleted(aws):
    """DeleteDBInstance needs a final snapshot or to be told that there is none.

    Source: RDS API reference, DeleteDBInstance
    """
    aws.database("orders")
    rds = aws.client("rds")
    with refused("InvalidParameterCombination", 400):
        rds.delete_db_instance(DBInstanceIdentifier="orders")
    rds.delete_db_instance(DBInstanceIdentifier="orders", SkipFinalSnapshot=True)
    aws.pass_time(7200)
    with refused("DBInstanceNotFound", 404):
        rds.describe_db_instances(DBInstanceIdentifier="orders")


def check_a_database_is_rebooted(aws):
    """RebootDBInstance needs an available database, which is available again after it.

    Source: RDS API reference, RebootDBInstance
    """
    aws.database("orders")
    rds = aws.client("rds")
    rds.reboot_db_instance(DBInstanceIdentifier="orders")
    aws.pass_time(3600)
    same(status(aws), "available")
    rds.stop_db_instance(DBInstanceIdentifier="orders")
    aws.pass_time(7200)
    with refused("InvalidDBInstanceState", 400):
        rds.reboot_db_instance(DBInstanceIdentifier="orders")


def check_a_cluster_is_deleted(aws):
    """DeleteDBCluster needs a final snapshot or to be told that there is none.

    Source: RDS API reference, DeleteDBCluster
    """
    aws.cluster("orders")
    rds = aws.client("rds")
    with refused("InvalidParameterCombination", 400):
        rds.delete_db_cluster(DBClusterIdentifier="orders")
    rds.delete_db_cluster(DBClusterIdentifier="orders", SkipFinalSnapshot=True)
    aws.pass_time(7200)
    with refused("DBClusterNotFoundFault", 404):
        rds.describe_db_clusters(DBClusterIdentifier="orders")


def check_quotas_are_shown_with_what_is_used(aws):
    """DescribeAccountAttributes shows how many manual snapshots there are and may be.

    Source: RDS API reference, AccountQuota
    """
    aws.database("orders")
    snapshot(aws)
    quotas = aws.client("rds").describe_account_attributes()["AccountQuotas"]
    used = {it["AccountQuotaName"]: (it["Used"], it["Max"]) for it in quotas}
    same((used["ManualSnapshots"], used["ManualClusterSnapshots"]), ((1, 100), (0, 100)))


def check_what_events_are_about_is_of_a_type(aws):
    """DescribeEvents of one source needs its type: InvalidParameterCombination without.

    Source: RDS API reference, DescribeEvents, SourceIdentifier
    """
    with refused("InvalidParameterCombination", 400):
        aws.client("rds").describe_events(SourceIdentifier="orders")


def check_events_are_shown_for_two_weeks(aws):
    """DescribeEvents shows that a database has stopped, for 14 days, and no more may be asked for.

    Source: RDS API reference, DescribeEvents
    """
    aws.database("orders")
    rds = aws.client("rds")
    rds.stop_db_instance(DBInstanceIdentifier="orders")
    aws.pass_time(86400)
    events = rds.describe_events(SourceType="db-instance", Duration=14 * 24 * 60)["Events"]
    same([it["Message"] for it in events][-1:], ["DB instance stopped"])
    with refused("InvalidParameterValue", 400):
        rds.describe_events(SourceType="db-instance", Duration=15 * 24 * 60)
