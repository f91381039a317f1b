"""EBS snapshots in one account: made, listed, tagged, deleted, archived, locked."""

from datetime import datetime

from aws import refused, same
from fleet import AWAY, HUB, tag_list, tag_specification, tags_of

MISSING = "snap-0123456789abcdef0"


def ids(answer: dict) -> list:
    return [it["SnapshotId"] for it in answer["Snapshots"]]


def completed(aws, volume=None, **more) -> str:
    """A completed snapshot."""
    made = aws.client("ec2").create_snapshot(VolumeId=volume or aws.volume(), **more)
    aws.pass_time(3600)
    return made["SnapshotId"]


def check_a_new_snapshot_is_pending(aws):
    """CreateSnapshot answers at once with a snapshot that is pending, its tags with it.

    Source: EC2 API reference, CreateSnapshot
    """
    volume = aws.volume(size=20)
    made = aws.client("ec2").create_snapshot(
        VolumeId=volume, Description="nightly",
        TagSpecifications=tag_specification("snapshot", {"task": "nightly", "empty": ""}))
    same((made["State"], made["VolumeId"], made["VolumeSize"], made["Description"],
          made["OwnerId"], made["Encrypted"], tags_of(made)),
         ("pending", volume, 20, "nightly", HUB, False, {"task": "nightly", "empty": ""}))
    same(type(made["StartTime"]), datetime)


def check_a_snapshot_completes(aws):
    """A snapshot is shown as completed, 100%, when it is.

    Source: EC2 API reference, Snapshot
    """
    snapshot = completed(aws)
    [found] = aws.client("ec2").describe_snapshots(SnapshotIds=[snapshot])["Snapshots"]
    same((found["State"], found["Progress"], found["StorageTier"]),
         ("completed", "100%", "standard"))


def check_a_snapshot_is_of_a_volume(aws):
    """CreateSnapshot of a volume that does not exist is refused with InvalidVolume.NotFound.

    Source: EC2 Developer Guide, "Error codes"
    """
    with refused("InvalidVolume.NotFound", 400):
        aws.client("ec2").create_snapshot(VolumeId="vol-0123456789abcdef0")


def check_a_dry_run_makes_none(aws):
    """CreateSnapshot with DryRun answers DryRunOperation and makes nothing.

    Source: EC2 API reference, CreateSnapshot, DryRun
    """
    volume, ec2 = aws.volume(), aws.client("ec2")
    with refused("DryRunOperation", 412):
        ec2.create_snapshot(VolumeId=volume, DryRun=True)
    same(ids(ec2.describe_snapshots(OwnerIds=["self"])), [])


def check_snapshots_of_a_volume_are_fifteen_seconds_apart(aws):
    """A second snapshot of a volume within 15 s is SnapshotCreationPerVolumeRateExceeded.

    Source: EC2 Developer Guide, "Error codes"
    """
    volume, ec2 = aws.volume(), aws.client("ec2")
    ec2.create_snapshot(VolumeId=volume)
    with refused("SnapshotCreationPerVolumeRateExceeded", 400):
        ec2.create_snapshot(VolumeId=volume)


def check_five_snapshots_of_a_volume_may_be_pending(aws):
    """A sixth snapshot of a volume while five are pending is ConcurrentSnapshotLimitExceeded.

    Source: EBS User Guide, "Quotas for Amazon EBS"
    """
    volume, ec2 = aws.volume(size=1000), aws.client("ec2")
    for _ in range(5):
        ec2.create_snapshot(VolumeId=volume)
        aws.pass_time(15)
    with refused("ConcurrentSnapshotLimitExceeded", 400):
        ec2.create_snapshot(VolumeId=volume)


def check_a_resource_has_at_most_fifty_tags(aws):
    """A snapshot with 51 tags is refused with TagLimitExceeded, and is not made.

    Source: EC2 User Guide, "Tag your Amazon EC2 resources"
    """
    volume, ec2 = aws.volume(), aws.client("ec2")
    many = tag_specification("snapshot", {f"key-{n}": "" for n in range(51)})
    with refused("TagLimitExceeded", 400):
        ec2.create_snapshot(VolumeId=volume, TagSpecifications=many)
    same(ids(ec2.describe_snapshots(OwnerIds=["self"])), [])


def check_keys_of_aws_are_reserved(aws):
    """A tag whose key begins with `aws:` is refused with InvalidTagKey.Malformed.

    Source: EC2 Developer Guide, "Error codes"
    """
    snapshot = completed(aws)
    with refused("InvalidTagKey.Malformed", 400):
        aws.client("ec2").create_tags(Resources=[snapshot], Tags=tag_list({"aws:x": "1"}))


def check_tags_are_added_replaced_and_removed(aws):
    """CreateTags adds tags and replaces those with the same key; DeleteTags removes by key.

    Source: EC2 API reference, CreateTags and DeleteTags
    """
    ec2, snapshot = aws.client("ec2"), completed(aws)

    def tags():
        return tags_of(ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0])

    ec2.create_tags(Resources=[snapshot], Tags=tag_list({"a": "1", "b": "1"}))
    ec2.create_tags(Resources=[snapshot], Tags=tag_list({"b": "2", "c": "3"}))
    same(tags(), {"a": "1", "b": "2", "c": "3"})
    ec2.delete_tags(Resources=[snapshot], Tags=[{"Key": "a"}, {"Key": "b", "Value": "other"}])
    same(tags(), {"b": "2", "c": "3"})


def check_snapshots_are_filtered(aws):
    """DescribeSnapshots filters by volume, status, description, tier, tag and start.

    Source: EC2 API reference, DescribeSnapshots
    """
    ec2, volume = aws.client("ec2"), aws.volume()
    one = completed(aws, volume, Description="one",
                    TagSpecifications=tag_specification("snapshot", {"task": "nightly"}))
    two = completed(aws, Description="two")
    began = ec2.describe_snapshots(SnapshotIds=[one])["Snapshots"][0]["StartTime"]
    for name, values, expected in [
        ("volume-id", [volume], {one}),
        ("status", ["completed"], {one, two}),
        ("status", ["pending"], set()),
        ("description", ["t?o"], {two}),
        ("storage-tier", ["standard"], {one, two}),
        ("encrypted", ["false"], {one, two}),
        ("tag:task", ["night*"], {one}),
        ("tag-key", ["task"], {one}),
        ("snapshot-id", [one, MISSING], {one}),
        ("owner-id", [HUB], {one, two}),
        ("start-time", [began.strftime("%Y-%m-%d*")], {one, two}),
    ]:
        found = ec2.describe_snapshots(OwnerIds=["self"],
                                       Filters=[{"Name": name, "Values": values}])
        same(set(ids(found)), expected, f"{name} {values}")


def check_snapshots_are_listed_in_pages(aws):
    """MaxResults=5 shows five of six snapshots and a token; the paginator shows each once.

    Source: EC2 Developer Guide, "Pagination"
    """
    ec2 = aws.client("ec2")
    there = sorted(completed(aws) for _ in range(6))
    first = ec2.describe_snapshots(OwnerIds=["self"], MaxResults=5)
    same(len(first["Snapshots"]), 5, "the first page")
    pages = ec2.get_paginator("describe_snapshots").paginate(
        OwnerIds=["self"], PaginationConfig={"PageSize": 5})
    same(sorted(it for page in pages for it in ids(page)), there)


def check_a_snapshot_that_does_not_exist_fails_the_call(aws):
    """DescribeSnapshots by an id that does not exist is refused with InvalidSnapshot.NotFound.

    Source: EC2 Developer Guide, "Error codes"
    """
    with refused("InvalidSnapshot.NotFound", 400):
        aws.client("ec2").describe_snapshots(SnapshotIds=[MISSING])


def check_a_deleted_snapshot_is_gone(aws):
    """DeleteSnapshot removes a snapshot; a second time it is InvalidSnapshot.NotFound.

    Source: EC2 API reference, DeleteSnapshot
    """
    ec2, snapshot = aws.client("ec2"), completed(aws)
    ec2.delete_snapshot(SnapshotId=snapshot)
    same(ids(ec2.describe_snapshots(OwnerIds=["self"])), [])
    with refused("InvalidSnapshot.NotFound", 400):
        ec2.delete_snapshot(SnapshotId=snapshot)


def check_a_dry_run_deletes_nothing(aws):
    """DeleteSnapshot with DryRun answers DryRunOperation and deletes nothing.

    Source: EC2 API reference, DeleteSnapshot, DryRun
    """
    ec2, snapshot = aws.client("ec2"), completed(aws)
    with refused("DryRunOperation", 412):
        ec2.delete_snapshot(SnapshotId=snapshot, DryRun=True)
    same(ids(ec2.describe_snapshots(SnapshotIds=[snapshot])), [snapshot])


def check_a_snapshot_is_archived_and_restored(aws):
    """ModifySnapshotTier archives a snapshot, which is listed as such; it can be restored.

    Source: EBS User Guide, "Archive Amazon EBS snapshots"
    """
    ec2, snapshot = aws.client("ec2"), completed(aws)
    answer = ec2.modify_snapshot_tier(SnapshotId=snapshot, StorageTier="archive")
    same(answer["SnapshotId"], snapshot)
    aws.pass_time(72 * 3600)
    [found] = ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"]
    same((found["StorageTier"], found["State"]), ("archive", "completed"))
    filters = [{"Name": "snapshot-id", "Values": [snapshot]}]
    [status] = ec2.describe_snapshot_tier_status(Filters=filters)["SnapshotTierStatuses"]
    same((status["StorageTier"], status["LastTieringOperationStatus"]),
         ("archive", "archival-completed"))
    ec2.restore_snapshot_tier(SnapshotId=snapshot, PermanentRestore=True)
    aws.pass_time(72 * 3600)
    [found] = ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"]
    same(found["StorageTier"], "standard")


def check_a_locked_snapshot_is_not_deleted(aws):
    """A locked snapshot cannot be deleted; one in governance mode can be unlocked first.

    Source: EBS User Guide, "Amazon EBS snapshot lock"
    """
    ec2, snapshot = aws.client("ec2"), completed(aws)
    locked = ec2.lock_snapshot(SnapshotId=snapshot, LockMode="governance", LockDuration=1)
    same((locked["LockState"], locked["LockDuration"]), ("governance", 1))
    with refused("OperationNotPermitted", 400):
        ec2.delete_snapshot(SnapshotId=snapshot)
    same(ids(ec2.describe_locked_snapshots()), [snapshot])
    ec2.unlock_snapshot(SnapshotId=snapshot)
    ec2.delete_snapshot(SnapshotId=snapshot)


def check_fast_restores_are_made_ready(aws):
    """Fast restores of a snapshot are enabling, then enabled in that zone, until disabled.

    Source: EBS User Guide, "Amazon EBS fast snapshot restore"
    """
    ec2, snapshot = aws.client("ec2"), completed(aws)
    begun = ec2.enable_fast_snapshot_restores(
        AvailabilityZones=["eu-west-1a"], SourceSnapshotIds=[snapshot, MISSING])
    [well], [badly] = begun["Successful"], begun["Unsuccessful"]
    same((well["SnapshotId"], well["State"]), (snapshot, "enabling"))
    same((badly["SnapshotId"], badly["FastSnapshotRestoreStateErrors"][0]["Error"]["Code"]),
         (MISSING, "InvalidSnapshot.NotFound"))
    aws.pass_time(86400)
    [found] = ec2.describe_fast_snapshot_restores()["FastSnapshotRestores"]
    same((found["SnapshotId"], found["AvailabilityZone"], found["State"]),
         (snapshot, "eu-west-1a", "enabled"))
    ended = ec2.disable_fast_snapshot_restores(
        AvailabilityZones=["eu-west-1a"], SourceSnapshotIds=[snapshot])
    same([it["State"] for it in ended["Successful"]], ["disabling"])


def check_volumes_are_encrypted_by_default_when_told_to(aws):
    """Encryption by default makes new volumes encrypted, each account and region for itself.

    Source: EBS User Guide, "Enable Amazon EBS encryption by default"
    """
    ec2 = aws.client("ec2")
    same(ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"], False)
    ec2.enable_ebs_encryption_by_default()
    same(ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"], True)
    away = aws.client("ec2", region=AWAY)
    same(away.get_ebs_encryption_by_default()["EbsEncryptionByDefault"], False)
    [volume] = ec2.describe_volumes(VolumeIds=[aws.volume()])["Volumes"]
    same(volume["Encrypted"], True)
    ec2.disable_ebs_encryption_by_default()
    [volume] = ec2.describe_volumes(VolumeIds=[aws.volume()])["Volumes"]
    same(volume["Encrypted"], False)


def check_the_default_key_is_that_of_aws(aws):
    """GetEbsDefaultKmsKeyId answers alias/aws/ebs until another key is chosen.

    Source: EC2 API reference, GetEbsDefaultKmsKeyId
    """
    same(aws.client("ec2").get_ebs_default_kms_key_id()["KmsKeyId"], "alias/aws/ebs")


def check_public_access_is_blocked(aws):
    """While public access is blocked, no snapshot is shared with all.

    Source: EBS User Guide, "Block public access for Amazon EBS snapshots"
    """
    ec2, snapshot = aws.client("ec2"), completed(aws)
    public = {"SnapshotId": snapshot, "Attribute": "createVolumePermission",
              "OperationType": "add", "GroupNames": ["all"]}
    same(ec2.get_snapshot_block_public_access_state()["State"], "unblocked")
    ec2.modify_snapshot_attribute(**public)
    ec2.reset_snapshot_attribute(SnapshotId=snapshot, Attribute="createVolumePermission")
    ec2.enable_snapshot_block_public_access(State="block-new-sharing")
    same(ec2.get_snapshot_block_public_access_state()["State"], "block-new-sharing")
    with refused("OperationNotPermitted", 400):
        ec2.modify_snapshot_attribute(**public)
    ec2.disable_snapshot_block_public_access()
    ec2.modify_snapshot_attribute(**public)
