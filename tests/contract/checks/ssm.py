"""SSM Run Command: what instances are told to do."""

from aws import refused, same
from fleet import HOME, HUB

SHELL = "AWS-RunShellScript"
VSS = "AWSEC2-VssInstallAndSnapshot"
MISSING = "00000000-1111-2222-3333-444444444444"


def managed(aws, **more) -> str:
    """An instance that SSM hears of."""
    if not aws.simulated:
        return aws.instance()
    instance = f"i-{next(aws.count):08x}"
    aws.put(instances=[{"id": instance, "account": HUB, "region": HOME,
                        "agent": "online", **more}])
    return instance


def send(aws, instance, document=SHELL, **parameters) -> dict:
    answer = aws.client("ssm").send_command(
        DocumentName=document, InstanceIds=[instance], TimeoutSeconds=30,
        Parameters=parameters or {"commands": ["true"]})
    return answer["Command"]


def outcome(aws, instance, command, **more) -> dict:
    return aws.client("ssm").get_command_invocation(
        CommandId=command["CommandId"], InstanceId=instance, **more)


def check_a_command_runs_and_ends(aws):
    """SendCommand answers with an id of 36 characters; later the command has ended with a code.

    Source: SSM API reference, SendCommand and GetCommandInvocation
    """
    instance = managed(aws)
    command = send(aws, instance)
    same((len(command["CommandId"]), command["DocumentName"]), (36, SHELL))
    aws.pass_time(600)
    found = outcome(aws, instance, command)
    same((found["Status"], found["ResponseCode"], found["InstanceId"]), ("Success", 0, instance))


def check_a_command_does_not_show_at_once(aws):
    """GetCommandInvocation right after SendCommand is InvocationDoesNotExist.

    Source: SSM API reference, GetCommandInvocation, errors
    """
    instance = managed(aws)
    command = send(aws, instance)
    with refused("InvocationDoesNotExist", 400):
        outcome(aws, instance, command)


def check_an_unknown_command_does_not_exist(aws):
    """GetCommandInvocation of a command that was never sent is InvocationDoesNotExist.

    Source: SSM API reference, GetCommandInvocation, errors
    """
    instance = managed(aws)
    with refused("InvocationDoesNotExist", 400):
        outcome(aws, instance, {"CommandId": MISSING})


def check_an_instance_that_is_not_managed_is_refused(aws):
    """SendCommand to an instance that SSM does not hear of is InvalidInstanceId.

    Source: SSM API reference, SendCommand, errors
    """
    instance = aws.instance()
    with refused("InvalidInstanceId", 400):
        send(aws, instance)


def check_an_unknown_document_is_refused(aws):
    """SendCommand of a document that does not exist is InvalidDocument.

    Source: SSM API reference, SendCommand, errors
    """
    instance = managed(aws)
    with refused("InvalidDocument", 400):
        send(aws, instance, "Nothing")


def check_an_unknown_parameter_is_refused(aws):
    """SendCommand with a parameter that the document does not have is InvalidParameters.

    Source: SSM API reference, SendCommand, errors
    """
    instance = managed(aws)
    with refused("InvalidParameters", 400):
        send(aws, instance, command=["true"])


def check_of_several_steps_one_is_asked_for(aws):
    """GetCommandInvocation of a document with several steps wants the name of one.

    Source: SSM API reference, GetCommandInvocation, PluginName
    """
    instance = managed(aws, platform="windows")
    command = send(aws, instance, VSS, ExcludeBootVolume=["False"])
    aws.pass_time(600)
    with refused("InvalidPluginName", 400):
        outcome(aws, instance, command)
    same(outcome(aws, instance, command, PluginName="CreateVssSnapshot")["Status"], "Success")


def check_managed_instances_are_listed(aws):
    """DescribeInstanceInformation lists those that SSM hears of, also in pages of five.

    Source: SSM API reference, DescribeInstanceInformation
    """
    there = sorted(managed(aws) for _ in range(6))
    online = [{"Key": "PingStatus", "Values": ["Online"]}]
    pages = aws.client("ssm").get_paginator("describe_instance_information").paginate(
        Filters=online, PaginationConfig={"PageSize": 5})
    found = [[it["InstanceId"] for it in page["InstanceInformationList"]] for page in pages]
    same(sorted(it for page in found for it in page), there)
    same([len(page) for page in found], [5, 1])
