"""Images of instances."""

from aws import refused, same
from checks.snapshots import ids as snapshot_ids
from fleet import AWAY, HOME, HUB, MEMBER, tag_specification, tags_of

MISSING = "ami-0123456789abcdef0"


def made(aws, name="nightly", instance=None, **more) -> str:
    """An available image of an instance."""
    ec2 = aws.client("ec2")
    image = ec2.create_image(InstanceId=instance or aws.instance(), Name=name, NoReboot=True, **more)
    aws.pass_time(3600)
    return image["ImageId"]


def look(aws, image, account=HUB, region=HOME) -> dict:
    return aws.client("ec2", account, region).describe_images(ImageIds=[image])["Images"][0]


def snapshots_of(image: dict) -> list:
    return [it["Ebs"]["SnapshotId"] for it in image["BlockDeviceMappings"] if "Ebs" in it]


def check_an_image_becomes_available(aws):
    """An image is pending, then available; it has a snapshot of each volume.

    Source: EC2 API reference, CreateImage
    """
    ec2 = aws.client("ec2")
    image = ec2.create_image(InstanceId=aws.instance(), Name="nightly", Description="every night",
                             TagSpecifications=tag_specification("image", {"a": "1"}))["ImageId"]
    same(look(aws, image)["State"], "pending")
    aws.pass_time(3600)
    found = look(aws, image)
    same((found["State"], found["Name"], found["Description"], found["OwnerId"], found["Public"],
          tags_of(found)),
         ("available", "nightly", "every night", HUB, False, {"a": "1"}))
    same(snapshot_ids(ec2.describe_snapshots(SnapshotIds=snapshots_of(found))),
         snapshots_of(found))


def check_snapshots_of_an_image_are_tagged(aws):
    """CreateImage tags the image and its snapshots, each with its own tags.

    Source: EC2 API reference, CreateImage, TagSpecification
    """
    image = made(aws, TagSpecifications=[*tag_specification("image", {"of": "image"}),
                                         *tag_specification("snapshot", {"of": "snapshot"})])
    found = look(aws, image)
    snapshots = aws.client("ec2").describe_snapshots(SnapshotIds=snapshots_of(found))
    same((tags_of(found), [tags_of(it) for it in snapshots["Snapshots"]]),
         ({"of": "image"}, [{"of": "snapshot"}]))


def check_names_of_images_are_unique(aws):
    """A second image of the same name is refused with InvalidAMIName.Duplicate.

    Source: EC2 Developer Guide, "Error codes"
    """
    instance = aws.instance()
    made(aws, "nightly", instance)
    with refused("InvalidAMIName.Duplicate", 400):
        made(aws, "nightly", instance)


def check_an_image_that_does_not_exist_fails_the_call(aws):
    """DescribeImages by an id that does not exist is refused with InvalidAMIID.NotFound.

    Source: EC2 Developer Guide, "Error codes"
    """
    with refused("InvalidAMIID.NotFound", 400):
        aws.client("ec2").describe_images(ImageIds=[MISSING])


def check_snapshots_of_an_image_are_in_use(aws):
    """DeleteSnapshot of an image's snapshot is refused with InvalidSnapshot.InUse.

    Source: EC2 Developer Guide, "Error codes"
    """
    ec2, image = aws.client("ec2"), made(aws)
    [snapshot] = snapshots_of(look(aws, image))
    with refused("InvalidSnapshot.InUse", 400):
        ec2.delete_snapshot(SnapshotId=snapshot)
    ec2.deregister_image(ImageId=image)
    ec2.delete_snapshot(SnapshotId=snapshot)


def check_deregistering_keeps_snapshots(aws):
    """DeregisterImage leaves the snapshots, unless it is told to delete them.

    Source: EC2 API reference, DeregisterImage
    """
    ec2, instance = aws.client("ec2"), aws.instance()
    one, two = made(aws, "one", instance), made(aws, "two", instance)
    kept, deleted = snapshots_of(look(aws, one)), snapshots_of(look(aws, two))
    ec2.deregister_image(ImageId=one)
    answer = ec2.deregister_image(ImageId=two, DeleteAssociatedSnapshots=True)
    same([(it["SnapshotId"], it["ReturnCode"]) for it in answer["DeleteSnapshotResults"]],
         [(it, "success") for it in deleted])
    same(snapshot_ids(ec2.describe_snapshots(OwnerIds=["self"])), kept)


def check_an_image_is_copied_to_another_region(aws):
    """CopyImage makes an image with snapshots of its own, and tags when told to.

    Source: EC2 API reference, CopyImage
    """
    image = made(aws, TagSpecifications=tag_specification("image", {"a": "1"}))
    there = aws.client("ec2", region=AWAY)
    ids = [there.copy_image(SourceImageId=image, SourceRegion=HOME, Name=f"copy-{tags}",
                            CopyImageTags=tags)["ImageId"] for tags in (False, True)]
    aws.pass_time(7200)
    found = [look(aws, it, region=AWAY) for it in ids]
    same([(it["State"], tags_of(it)) for it in found], [("available", {}), ("available", {"a": "1"})])
    [own] = snapshots_of(found[0])
    same(snapshot_ids(there.describe_snapshots(SnapshotIds=[own])), [own])


def check_a_shared_image_is_seen(aws):
    """An account sees an image that is shared with it, by id and as executable by it.

    Source: EC2 API reference, DescribeImages
    """
    image = made(aws)
    theirs = aws.client("ec2", MEMBER)
    same(theirs.describe_images(ExecutableUsers=["self"])["Images"], [])
    aws.client("ec2").modify_image_attribute(
        ImageId=image, LaunchPermission={"Add": [{"UserId": MEMBER}]})
    same(look(aws, image, MEMBER)["OwnerId"], HUB)
    shared = theirs.describe_images(ExecutableUsers=["self"])["Images"]
    same([it["ImageId"] for it in shared], [image])
    same(theirs.describe_images(Owners=["self"])["Images"], [])


def check_permissions_of_an_image_are_listed(aws):
    """DescribeImageAttribute lists the accounts that an image is shared with.

    Source: EC2 API reference, DescribeImageAttribute
    """
    ec2, image = aws.client("ec2"), made(aws)
    ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [{"UserId": MEMBER}]})
    found = ec2.describe_image_attribute(ImageId=image, Attribute="launchPermission")
    same(found["LaunchPermissions"], [{"UserId": MEMBER}])


def check_a_disabled_image_is_hidden(aws):
    """A disabled image is shown with IncludeDisabled only, until it is enabled.

    Source: EC2 API reference, DisableImage and DescribeImages
    """
    ec2, image = aws.client("ec2"), made(aws)

    def states(**more):
        return [it["State"] for it in ec2.describe_images(Owners=["self"], **more)["Images"]]

    ec2.disable_image(ImageId=image)
    same((states(), states(IncludeDisabled=True)), ([], ["disabled"]))
    ec2.enable_image(ImageId=image)
    same(states(), ["available"])


def check_an_image_is_deprecated(aws):
    """An image that is deprecated at a time shows that time, until it is taken back.

    Source: EC2 API reference, EnableImageDeprecation
    """
    ec2, image = aws.client("ec2"), made(aws)
    ec2.enable_image_deprecation(ImageId=image, DeprecateAt="2030-01-01T00:00:00Z")
    same(look(aws, image)["DeprecationTime"], "2030-01-01T00:00:00.000Z")
    ec2.disable_image_deprecation(ImageId=image)
    same(look(aws, image).get("DeprecationTime"), None)


def check_a_protected_image_is_not_deregistered(aws):
    """An image with deregistration protection is not deregistered: OperationNotPermitted.

    Source: EC2 User Guide, "Protect an Amazon EC2 AMI from deregistration"
    """
    ec2, image = aws.client("ec2"), made(aws)
    ec2.enable_image_deregistration_protection(ImageId=image)
    with refused("OperationNotPermitted", 400):
        ec2.deregister_image(ImageId=image)
    ec2.disable_image_deregistration_protection(ImageId=image)
    ec2.deregister_image(ImageId=image)
