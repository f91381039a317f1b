"""EBS snapshots across regions, accounts and keys."""

from aws import refused, same
from fleet import AWAY, HOME, HUB, MEMBER, OTHER, tag_specification, tags_of
from checks.snapshots import MISSING, completed, ids


def share(aws, snapshot, account=MEMBER) -> None:
    aws.client("ec2").modify_snapshot_attribute(
        SnapshotId=snapshot, Attribute="createVolumePermission", OperationType="add",
        UserIds=[account])


def copy(aws, snapshot, account=HUB, region=AWAY, **more) -> str:
    return aws.client("ec2", account, region).copy_snapshot(
        SourceRegion=HOME, SourceSnapshotId=snapshot, **more)["SnapshotId"]


def look(aws, snapshot, account=HUB, region=AWAY) -> dict:
    ec2 = aws.client("ec2", account, region)
    return ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]


def check_a_copy_is_made_in_the_region_that_is_called(aws):
    """A copy has the tags and description that were asked for, none of its source's.

    Source: EBS User Guide, "Copy an Amazon EBS snapshot"
    """
    source = completed(aws, aws.volume(size=20), Description="source",
                       TagSpecifications=tag_specification("snapshot", {"of": "source"}))
    made = aws.client("ec2", region=AWAY).copy_snapshot(
        SourceRegion=HOME, SourceSnapshotId=source, Description="copy",
        TagSpecifications=tag_specification("snapshot", {"of": "copy"}))
    same(tags_of(made), {"of": "copy"}, "answered")
    aws.pass_time(3600)
    found = look(aws, made["SnapshotId"])
    same((found["State"], found["Description"], found["VolumeSize"], found["OwnerId"],
          found["Encrypted"], tags_of(found)),
         ("completed", "copy", 20, HUB, False, {"of": "copy"}))


def check_a_copy_is_of_no_volume(aws):
    """The VolumeId of a copy is vol-ffffffff, which is no volume's.

    Source: EC2 API reference, Snapshot, VolumeId
    """
    found = look(aws, copy(aws, completed(aws)))
    same(found["VolumeId"], "vol-ffffffff")


def check_a_copy_needs_a_source(aws):
    """CopySnapshot of a snapshot that does not exist is refused with InvalidSnapshot.NotFound.

    Source: EC2 Developer Guide, "Error codes"
    """
    with refused("InvalidSnapshot.NotFound", 400):
        copy(aws, MISSING)


def check_a_pending_snapshot_is_not_copied(aws):
    """CopySnapshot of a snapshot that is pending is refused with IncorrectState.

    Source: EBS User Guide, "Copy an Amazon EBS snapshot"
    """
    source = aws.client("ec2").create_snapshot(VolumeId=aws.volume())["SnapshotId"]
    with refused("IncorrectState", 400):
        copy(aws, source)


def check_twenty_copies_may_be_pending(aws):
    """A 21st copy to a region while 20 are pending is refused with ResourceLimitExceeded.

    Source: EBS User Guide, "Quotas for Amazon EBS"
    """
    source = completed(aws)
    for _ in range(20):
        copy(aws, source)
    with refused("ResourceLimitExceeded", 400):
        copy(aws, source)


def check_a_copy_is_encrypted_with_the_key_that_is_named(aws):
    """A copy with Encrypted and KmsKeyId is encrypted with that key.

    Source: EC2 API reference, CopySnapshot
    """
    key = aws.key(region=AWAY)
    made = copy(aws, completed(aws), Encrypted=True, KmsKeyId=key)
    aws.pass_time(3600)
    found = look(aws, made)
    same((found["Encrypted"], found["KmsKeyId"], found["State"]), (True, key, "completed"))


def check_a_key_without_encryption_is_refused(aws):
    """KmsKeyId without Encrypted=true is refused with InvalidParameterDependency.

    Source: EC2 API reference, CopySnapshot, KmsKeyId
    """
    key, source = aws.key(region=AWAY), completed(aws)
    with refused("InvalidParameterDependency", 400):
        copy(aws, source, KmsKeyId=key)


def check_a_copy_with_a_bad_key_fails_later(aws):
    """A copy with a key that does not exist is accepted, and ends in the state `error`.

    Source: EC2 API reference, CopySnapshot, KmsKeyId
    """
    key = f"arn:aws:kms:{AWAY}:{HUB}:key/11111111-2222-3333-4444-555555555555"
    made = copy(aws, completed(aws), Encrypted=True, KmsKeyId=key)
    aws.pass_time(3600)
    found = look(aws, made)
    same((found["State"], found.get("StateMessage")),
         ("error", "Given key ID is not accessible"))


def check_a_copy_with_a_disabled_key_fails_later(aws):
    """A copy with a key that is disabled is accepted, and ends in the state `error`.

    Source: EBS User Guide, "How Amazon EBS encryption works"
    """
    key = aws.key(region=AWAY)
    aws.client("kms", region=AWAY).disable_key(KeyId=key)
    made = copy(aws, completed(aws), Encrypted=True, KmsKeyId=key)
    aws.pass_time(3600)
    same(look(aws, made)["State"], "error")


def check_sharing_is_listed(aws):
    """ModifySnapshotAttribute adds and removes accounts, which DescribeSnapshotAttribute lists.

    Source: EC2 API reference, ModifySnapshotAttribute
    """
    ec2, snapshot = aws.client("ec2"), completed(aws)

    def permissions():
        answer = ec2.describe_snapshot_attribute(
            SnapshotId=snapshot, Attribute="createVolumePermission")
        return sorted(it["UserId"] for it in answer["CreateVolumePermissions"])

    same(permissions(), [])
    share(aws, snapshot, MEMBER)
    share(aws, snapshot, OTHER)
    same(permissions(), [MEMBER, OTHER])
    ec2.modify_snapshot_attribute(
        SnapshotId=snapshot, CreateVolumePermission={"Remove": [{"UserId": OTHER}]})
    same(permissions(), [MEMBER])


def check_a_shared_snapshot_is_seen(aws):
    """An account sees a snapshot that is shared with it: by id, and as restorable by it.

    Source: EC2 API reference, DescribeSnapshots
    """
    snapshot = completed(aws)
    share(aws, snapshot)
    theirs = aws.client("ec2", MEMBER)
    same(ids(theirs.describe_snapshots(SnapshotIds=[snapshot])), [snapshot], "by id")
    same(ids(theirs.describe_snapshots(RestorableByUserIds=["self"])), [snapshot], "restorable")
    same(ids(theirs.describe_snapshots(OwnerIds=["self"])), [], "own")
    same(ids(theirs.describe_snapshots(OwnerIds=[HUB])), [snapshot], "the owner's")


def check_a_snapshot_that_is_not_shared_is_not_seen(aws):
    """An account does not see another's snapshot that is not shared with it.

    Source: EC2 API reference, DescribeSnapshots
    """
    snapshot = completed(aws)
    share(aws, snapshot, OTHER)
    theirs = aws.client("ec2", MEMBER)
    same(ids(theirs.describe_snapshots(OwnerIds=[HUB])), [])
    with refused("InvalidSnapshot.NotFound", 400):
        copy(aws, snapshot, MEMBER)


def check_a_shared_snapshot_is_copied_by_the_other_account(aws):
    """An account copies a snapshot that is shared with it, and owns the copy.

    Source: EBS User Guide, "Copy an Amazon EBS snapshot"
    """
    snapshot = completed(aws)
    share(aws, snapshot)
    made = copy(aws, snapshot, MEMBER)
    aws.pass_time(3600)
    found = look(aws, made, MEMBER)
    same((found["OwnerId"], found["State"]), (MEMBER, "completed"))


def check_a_snapshot_under_an_aws_key_is_not_shared(aws):
    """A snapshot that is encrypted with aws/ebs cannot be shared.

    Source: EBS User Guide, "Share an Amazon EBS snapshot"
    """
    source = copy(aws, completed(aws), region=HOME, Encrypted=True)
    aws.pass_time(3600)
    with refused("OperationNotPermitted", 400):
        share(aws, source)


def check_a_copy_under_anothers_key_needs_its_leave(aws):
    """A copy of another's snapshot under a key that the copier may not use ends in `error`.

    Source: EBS User Guide, "Share the KMS key used to encrypt a shared snapshot"
    """
    for users, state in [((), "error"), ((MEMBER,), "completed")]:
        key = aws.key(users=users)
        source = copy(aws, completed(aws), region=HOME, Encrypted=True, KmsKeyId=key)
        aws.pass_time(3600)
        share(aws, source)
        own = aws.key(MEMBER, AWAY)
        made = copy(aws, source, MEMBER, Encrypted=True, KmsKeyId=own)
        aws.pass_time(3600)
        same(look(aws, made, MEMBER)["State"], state, f"a key for {users}")
