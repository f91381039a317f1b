"""DescribeVolumes."""

from aws import refused, same
from fleet import AWAY, MEMBER, tags_of

MISSING = "vol-0123456789abcdef0"


def ids(answer: dict) -> list:
    return [it["VolumeId"] for it in answer["Volumes"]]


def check_a_volume_is_shown_with_what_it_is(aws):
    """DescribeVolumes shows a volume's size, type, state, zone, encryption and tags.

    Source: EC2 API reference, Volume
    """
    volume = aws.volume(size=20, tags={"backup": "daily", "note": ""})
    [found] = aws.client("ec2").describe_volumes(VolumeIds=[volume])["Volumes"]
    same((found["Size"], found["VolumeType"], found["State"], found["AvailabilityZone"],
          found["Encrypted"], found["Iops"], found.get("SnapshotId", ""), found["Attachments"]),
         (20, "gp3", "available", "eu-west-1a", False, 3000, "", []))
    same(tags_of(found), {"backup": "daily", "note": ""})


def check_pages_are_as_long_as_was_asked_for(aws):
    """MaxResults=5 shows five of seven volumes and a token, and two with that token.

    Source: EC2 Developer Guide, "Pagination"
    """
    there = {aws.volume() for _ in range(7)}
    ec2 = aws.client("ec2")
    first = ec2.describe_volumes(MaxResults=5)
    same(len(first["Volumes"]), 5, "the first page")
    second = ec2.describe_volumes(MaxResults=5, NextToken=first["NextToken"])
    same(set(ids(first) + ids(second)), there, "both pages")
    same(second.get("NextToken"), None, "the last token")


def check_a_paginator_finds_each_once(aws):
    """boto3's paginator shows each of twelve volumes once.

    Source: EC2 Developer Guide, "Pagination"
    """
    there = sorted(aws.volume() for _ in range(12))
    pages = aws.client("ec2").get_paginator("describe_volumes").paginate(
        PaginationConfig={"PageSize": 5})
    same(sorted(it for page in pages for it in ids(page)), there)


def check_filters_admit_what_matches_them_all(aws):
    """A filter admits what matches any of its values, with wildcards; all filters must admit.

    Source: EC2 User Guide, "Filter your resources"
    """
    daily = aws.volume(size=8, tags={"backup": "daily"})
    weekly = aws.volume(size=9, tags={"backup": "weekly", "stage": "prod"})
    plain = aws.volume(size=9)
    ec2 = aws.client("ec2")
    for filters, expected in [
        ({"tag:backup": ["daily"]}, {daily}),
        ({"tag:backup": ["daily", "weekly"]}, {daily, weekly}),
        ({"tag:backup": ["?aily"]}, {daily}),
        ({"tag:backup": ["*ly"]}, {daily, weekly}),
        ({"tag:backup": ["Daily"]}, set()),
        ({"tag-key": ["stage"]}, {weekly}),
        ({"size": ["9"]}, {weekly, plain}),
        ({"size": ["9"], "tag-key": ["backup"]}, {weekly}),
        ({"volume-id": [plain, MISSING]}, {plain}),
        ({"status": ["available"], "encrypted": ["false"]}, {daily, weekly, plain}),
        ({"volume-type": ["gp3"], "availability-zone": ["eu-west-1b"]}, set()),
    ]:
        wanted = [{"Name": name, "Values": values} for name, values in filters.items()]
        same(set(ids(ec2.describe_volumes(Filters=wanted))), expected, str(filters))


def check_places_are_apart(aws):
    """A volume is in one account and region: elsewhere its id is InvalidVolume.NotFound.

    Source: EC2 User Guide, "Resource locations"
    """
    volume = aws.volume()
    for ec2 in (aws.client("ec2", MEMBER), aws.client("ec2", region=AWAY)):
        with refused("InvalidVolume.NotFound", 400):
            ec2.describe_volumes(VolumeIds=[volume])
        same(ec2.describe_volumes()["Volumes"], [])


def check_an_id_that_does_not_exist_fails_the_call(aws):
    """One id that does not exist fails a describe of others that do: InvalidVolume.NotFound.

    Source: EC2 Developer Guide, "Error codes"
    """
    volume = aws.volume()
    with refused("InvalidVolume.NotFound", 400):
        aws.client("ec2").describe_volumes(VolumeIds=[volume, MISSING])


def check_a_page_has_at_least_five(aws):
    """MaxResults below 5 is refused with InvalidParameterValue.

    Source: EC2 API reference, DescribeVolumes, MaxResults
    """
    with refused("InvalidParameterValue", 400):
        aws.client("ec2").describe_volumes(MaxResults=4)


def check_a_token_that_was_not_given_is_invalid(aws):
    """A NextToken that was not handed out is refused with InvalidNextToken.

    Source: EC2 Developer Guide, "Error codes"
    """
    with refused("InvalidNextToken", 400):
        aws.client("ec2").describe_volumes(MaxResults=5, NextToken="forged")


def check_ids_and_pages_exclude_each_other(aws):
    """MaxResults with explicit ids is refused with InvalidParameterCombination.

    Source: EC2 API reference, DescribeVolumes, MaxResults
    """
    volume = aws.volume()
    with refused("InvalidParameterCombination", 400):
        aws.client("ec2").describe_volumes(VolumeIds=[volume], MaxResults=5)


def check_a_filter_that_there_is_not_is_invalid(aws):
    """A filter with an unknown name is refused with InvalidParameterValue.

    Source: EC2 User Guide, "Filter your resources"
    """
    with refused("InvalidParameterValue", 400):
        aws.client("ec2").describe_volumes(Filters=[{"Name": "colour", "Values": ["red"]}])


def check_a_dry_run_needs_no_volume(aws):
    """DryRun answers DryRunOperation, HTTP 412, when the call is permitted.

    Source: EC2 API reference, DescribeVolumes, DryRun
    """
    with refused("DryRunOperation", 412):
        aws.client("ec2").describe_volumes(DryRun=True)


def check_a_volume_is_deleted(aws):
    """DeleteVolume removes a volume; then it is InvalidVolume.NotFound.

    Source: EC2 API reference, DeleteVolume
    """
    ec2, volume = aws.client("ec2"), aws.volume()
    ec2.delete_volume(VolumeId=volume)
    aws.pass_time(60)
    same(ids(ec2.describe_volumes()), [])
    with refused("InvalidVolume.NotFound", 400):
        ec2.delete_volume(VolumeId=volume)


def check_a_volume_is_made_of_a_snapshot(aws):
    """A volume of a snapshot has its size when none is given, and `gp2` for a type.

    Source: EC2 API reference, CreateVolume
    """
    ec2 = aws.client("ec2")
    snapshot = ec2.create_snapshot(VolumeId=aws.volume(size=20))["SnapshotId"]
    aws.pass_time(3600)
    made = ec2.create_volume(AvailabilityZone="eu-west-1b", SnapshotId=snapshot)
    same((made["State"], made["Size"], made["SnapshotId"], made["VolumeType"]),
         ("creating", 20, snapshot, "gp2"))


def check_a_token_makes_one_volume(aws):
    """CreateVolume again with the same ClientToken answers the same volume.

    Source: EC2 Developer Guide, "Ensuring idempotency in Amazon EC2 API requests"
    """
    ec2 = aws.client("ec2")
    same_call = {"AvailabilityZone": "eu-west-1a", "Size": 8, "ClientToken": "token"}
    first = ec2.create_volume(**same_call)["VolumeId"]
    same(ec2.create_volume(**same_call)["VolumeId"], first)
    with refused("IdempotentParameterMismatch", 400):
        ec2.create_volume(**same_call | {"Size": 9})


def check_a_volume_grows(aws):
    """ModifyVolume answers `modifying`; DescribeVolumesModifications follows it.

    Source: EC2 API reference, ModifyVolume
    """
    ec2, volume = aws.client("ec2"), aws.volume(size=8)
    begun = ec2.modify_volume(VolumeId=volume, Size=16)["VolumeModification"]
    same((begun["ModificationState"], begun["OriginalSize"], begun["TargetSize"]),
         ("modifying", 8, 16))
    aws.pass_time(86400)
    [found] = ec2.describe_volumes_modifications(VolumeIds=[volume])["VolumesModifications"]
    same((found["ModificationState"], found["Progress"]), ("completed", 100))
    same(ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["Size"], 16)


def check_a_volume_does_not_shrink(aws):
    """ModifyVolume to a smaller size is refused with InvalidParameterValue.

    Source: EBS User Guide, "Modify a volume using EBS Elastic Volumes"
    """
    volume = aws.volume(size=8)
    with refused("InvalidParameterValue", 400):
        aws.client("ec2").modify_volume(VolumeId=volume, Size=7)


def check_tags_are_listed(aws):
    """DescribeTags lists the tags of resources, by resource and by key.

    Source: EC2 API reference, DescribeTags
    """
    one, two = aws.volume(tags={"a": "1", "b": "2"}), aws.volume(tags={"a": "3"})
    for name, value, expected in [
        ("resource-id", one, {(one, "a", "1"), (one, "b", "2")}),
        ("key", "a", {(one, "a", "1"), (two, "a", "3")}),
        ("value", "3", {(two, "a", "3")}),
    ]:
        found = aws.client("ec2").describe_tags(Filters=[{"Name": name, "Values": [value]}])["Tags"]
        same({(it["ResourceId"], it["Key"], it["Value"]) for it in found}, expected)
        same({it["ResourceType"] for it in found}, {"volume"})
