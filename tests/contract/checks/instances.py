"""EC2 instances: listed, stopped, started, changed, terminated."""

from aws import refused, same
from fleet import MEMBER, tags_of

MISSING = "i-0123456789abcdef0"


def look(aws, instance) -> dict:
    answer = aws.client("ec2").describe_instances(InstanceIds=[instance])
    return answer["Reservations"][0]["Instances"][0]


def state(aws, instance) -> str:
    return look(aws, instance)["State"]["Name"]


def stopped(aws, **more) -> str:
    """A stopped instance."""
    instance = aws.instance(**more)
    aws.client("ec2").stop_instances(InstanceIds=[instance])
    aws.pass_time(3600)
    return instance


def ids(answer: dict) -> list:
    return [it["InstanceId"] for group in answer["Reservations"] for it in group["Instances"]]


def check_an_instance_is_shown_with_what_it_is(aws):
    """DescribeInstances shows type, state and its code, root device, volumes and tags.

    Source: EC2 API reference, Instance
    """
    instance = aws.instance(tags={"stage": "prod"})
    found = look(aws, instance)
    same((found["InstanceType"], found["State"], found["RootDeviceType"], tags_of(found)),
         ("t3.micro", {"Code": 16, "Name": "running"}, "ebs", {"stage": "prod"}))
    [volume] = found["BlockDeviceMappings"]
    same((volume["DeviceName"], volume["Ebs"]["Status"]),
         (found["RootDeviceName"], "attached"))
    ec2 = aws.client("ec2")
    [attached] = ec2.describe_volumes(VolumeIds=[volume["Ebs"]["VolumeId"]])["Volumes"]
    same((attached["State"], attached["Attachments"][0]["InstanceId"]), ("in-use", instance))


def check_instances_are_filtered(aws):
    """DescribeInstances filters by state, type and tag.

    Source: EC2 API reference, DescribeInstances
    """
    one, two = aws.instance(tags={"stage": "prod"}), stopped(aws, kind="m5.large")
    for name, values, expected in [
        ("instance-state-name", ["running"], {one}),
        ("instance-state-name", ["running", "stopped"], {one, two}),
        ("instance-state-code", ["80"], {two}),
        ("instance-type", ["m5.*"], {two}),
        ("tag:stage", ["pr*"], {one}),
        ("instance-id", [one, MISSING], {one}),
    ]:
        answer = aws.client("ec2").describe_instances(Filters=[{"Name": name, "Values": values}])
        same(set(ids(answer)), expected, f"{name} {values}")


def check_instances_are_listed_in_pages(aws):
    """MaxResults=5 shows five of six instances and a token; the paginator shows each once.

    Source: EC2 Developer Guide, "Pagination"
    """
    there = sorted(aws.instance() for _ in range(6))
    ec2 = aws.client("ec2")
    same(len(ids(ec2.describe_instances(MaxResults=5))), 5, "the first page")
    pages = ec2.get_paginator("describe_instances").paginate(PaginationConfig={"PageSize": 5})
    same(sorted(it for page in pages for it in ids(page)), there)


def check_ids_and_pages_exclude_each_other(aws):
    """MaxResults with explicit ids is refused with InvalidParameterCombination.

    Source: EC2 API reference, DescribeInstances, MaxResults
    """
    instance = aws.instance()
    with refused("InvalidParameterCombination", 400):
        aws.client("ec2").describe_instances(InstanceIds=[instance], MaxResults=5)


def check_a_stopping_instance_stops(aws):
    """StopInstances answers `stopping`, coming from `running`; then the instance is stopped.

    Source: EC2 API reference, StopInstances
    """
    instance = aws.instance()
    [change] = aws.client("ec2").stop_instances(InstanceIds=[instance])["StoppingInstances"]
    same((change["PreviousState"]["Name"], change["CurrentState"]["Name"]),
         ("running", "stopping"))
    aws.pass_time(3600)
    same(look(aws, instance)["State"], {"Code": 80, "Name": "stopped"})


def check_a_stopped_instance_starts(aws):
    """StartInstances answers `pending`, coming from `stopped`; then the instance runs.

    Source: EC2 API reference, StartInstances
    """
    instance = stopped(aws)
    [change] = aws.client("ec2").start_instances(InstanceIds=[instance])["StartingInstances"]
    same((change["PreviousState"]["Name"], change["CurrentState"]["Name"]),
         ("stopped", "pending"))
    aws.pass_time(3600)
    same(state(aws, instance), "running")


def check_a_stopping_instance_does_not_start(aws):
    """StartInstances of an instance that is stopping is refused with IncorrectInstanceState.

    Source: EC2 Developer Guide, "Error codes"
    """
    ec2, instance = aws.client("ec2"), aws.instance()
    ec2.stop_instances(InstanceIds=[instance])
    with refused("IncorrectInstanceState", 400):
        ec2.start_instances(InstanceIds=[instance])


def check_a_terminated_instance_does_not_start(aws):
    """StartInstances of a terminated instance is refused with IncorrectInstanceState.

    Source: EC2 Developer Guide, "Error codes"
    """
    ec2, instance = aws.client("ec2"), aws.instance()
    [change] = ec2.terminate_instances(InstanceIds=[instance])["TerminatingInstances"]
    same(change["CurrentState"]["Name"], "shutting-down")
    aws.pass_time(600)
    same(state(aws, instance), "terminated")
    with refused("IncorrectInstanceState", 400):
        ec2.start_instances(InstanceIds=[instance])


def check_one_that_does_not_exist_fails_all(aws):
    """Of several instances one that does not exist fails the call, and none is stopped.

    Source: EC2 API reference, TerminateInstances; EC2 Developer Guide, "Error codes"
    """
    ec2, instance = aws.client("ec2"), aws.instance()
    with refused("InvalidInstanceID.NotFound", 400):
        ec2.stop_instances(InstanceIds=[instance, MISSING])
    same(state(aws, instance), "running")
    with refused("InvalidInstanceID.NotFound", 400):
        ec2.describe_instances(InstanceIds=[instance, MISSING])


def check_anothers_instance_is_not_there(aws):
    """An instance of another account is InvalidInstanceID.NotFound.

    Source: EC2 Developer Guide, "Error codes"
    """
    instance = aws.instance()
    with refused("InvalidInstanceID.NotFound", 400):
        aws.client("ec2", MEMBER).start_instances(InstanceIds=[instance])


def check_a_dry_run_stops_nothing(aws):
    """StopInstances with DryRun answers DryRunOperation and stops nothing.

    Source: EC2 API reference, StopInstances, DryRun
    """
    ec2, instance = aws.client("ec2"), aws.instance()
    with refused("DryRunOperation", 412):
        ec2.stop_instances(InstanceIds=[instance], DryRun=True)
    same(state(aws, instance), "running")


def check_the_type_of_a_stopped_instance_changes(aws):
    """ModifyInstanceAttribute changes the type of a stopped instance.

    Source: EC2 User Guide, "Change the instance type"
    """
    instance = stopped(aws)
    aws.client("ec2").modify_instance_attribute(
        InstanceId=instance, InstanceType={"Value": "t3.large"})
    same(look(aws, instance)["InstanceType"], "t3.large")


def check_the_type_of_a_running_instance_does_not_change(aws):
    """Changing the type of a running instance is refused with IncorrectInstanceState.

    Source: EC2 User Guide, "Change the instance type"
    """
    instance = aws.instance()
    with refused("IncorrectInstanceState", 400):
        aws.client("ec2").modify_instance_attribute(
            InstanceId=instance, InstanceType={"Value": "t3.large"})


def check_a_type_that_does_not_exist_is_refused(aws):
    """Changing to a type that does not exist is refused with InvalidInstanceAttributeValue.

    Source: EC2 Developer Guide, "Error codes"
    """
    instance = stopped(aws)
    with refused("InvalidInstanceAttributeValue", 400):
        aws.client("ec2").modify_instance_attribute(
            InstanceId=instance, InstanceType={"Value": "t3.colossal"})


def check_a_protected_instance_is_not_terminated(aws):
    """An instance with disableApiTermination is not terminated: OperationNotPermitted.

    Source: EC2 User Guide, "Enable termination protection"
    """
    ec2, instance = aws.client("ec2"), aws.instance()
    ec2.modify_instance_attribute(InstanceId=instance, DisableApiTermination={"Value": True})
    with refused("OperationNotPermitted", 400):
        ec2.terminate_instances(InstanceIds=[instance])
    same(state(aws, instance), "running")


def check_status_is_of_running_instances(aws):
    """DescribeInstanceStatus shows running instances, and others only when asked to.

    Source: EC2 API reference, DescribeInstanceStatus
    """
    ec2, one, two = aws.client("ec2"), aws.instance(), stopped(aws)

    def shown(**more):
        answer = ec2.describe_instance_status(**more)["InstanceStatuses"]
        return {it["InstanceId"]: it["InstanceState"]["Name"] for it in answer}

    same(shown(), {one: "running"})
    same(shown(IncludeAllInstances=True), {one: "running", two: "stopped"})


def check_all_volumes_of_an_instance_are_snapshotted_at_once(aws):
    """CreateSnapshots makes a snapshot of each volume, with the volume's tags when told to.

    Source: EC2 API reference, CreateSnapshots
    """
    ec2, instance = aws.client("ec2"), aws.instance()
    [volume] = [it["Ebs"]["VolumeId"] for it in look(aws, instance)["BlockDeviceMappings"]]
    ec2.create_tags(Resources=[volume], Tags=[{"Key": "of", "Value": "volume"}])
    made = ec2.create_snapshots(InstanceSpecification={"InstanceId": instance},
                                CopyTagsFromSource="volume")["Snapshots"]
    same([(it["VolumeId"], it["State"], tags_of(it)) for it in made],
         [(volume, "pending", {"of": "volume"})])
    with refused("InvalidInstanceID.NotFound", 400):
        ec2.create_snapshots(InstanceSpecification={"InstanceId": MISSING})


def check_an_instance_is_rebooted(aws):
    """RebootInstances leaves an instance running; of one that does not exist it fails.

    Source: EC2 API reference, RebootInstances
    """
    ec2, instance = aws.client("ec2"), aws.instance()
    ec2.reboot_instances(InstanceIds=[instance])
    same(state(aws, instance), "running")
    with refused("InvalidInstanceID.NotFound", 400):
        ec2.reboot_instances(InstanceIds=[MISSING])


def check_attributes_are_asked_for_one_by_one(aws):
    """DescribeInstanceAttribute answers the one that was asked for.

    Source: EC2 API reference, DescribeInstanceAttribute
    """
    ec2, instance = aws.client("ec2"), aws.instance()
    for attribute, name, value in [
        ("instanceType", "InstanceType", "t3.micro"),
        ("disableApiTermination", "DisableApiTermination", False),
    ]:
        found = ec2.describe_instance_attribute(InstanceId=instance, Attribute=attribute)
        same((found["InstanceId"], found[name]), (instance, {"Value": value}))


def check_types_are_shown_with_what_they_have(aws):
    """DescribeInstanceTypes shows processors, memory and architecture.

    Source: EC2 API reference, InstanceTypeInfo
    """
    [found] = aws.client("ec2").describe_instance_types(InstanceTypes=["t3.micro"])["InstanceTypes"]
    same((found["VCpuInfo"]["DefaultVCpus"], found["MemoryInfo"]["SizeInMiB"],
          found["ProcessorInfo"]["SupportedArchitectures"], found["Hypervisor"],
          found["CurrentGeneration"], found["BareMetal"]),
         (2, 1024, ["x86_64"], "nitro", True, False))


def check_a_type_that_there_is_not_is_invalid(aws):
    """DescribeInstanceTypes of a type that does not exist is refused with InvalidInstanceType.

    Source: EC2 Developer Guide, "Error codes"
    """
    with refused("InvalidInstanceType", 400):
        aws.client("ec2").describe_instance_types(InstanceTypes=["t3.colossal"])


def check_zones_offer_types(aws):
    """DescribeInstanceTypeOfferings lists the zones that offer a type.

    Source: EC2 API reference, DescribeInstanceTypeOfferings
    """
    found = aws.client("ec2").describe_instance_type_offerings(
        LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": ["m5.large"]}])
    offers = found["InstanceTypeOfferings"]
    same({it["InstanceType"] for it in offers}, {"m5.large"})
    same({"eu-west-1a", "eu-west-1b"} <= {it["Location"] for it in offers}, True)
