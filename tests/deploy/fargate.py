"""The hub on Fargate, without the tasks of ECS, which run nowhere but in AWS: so nobody takes
messages from the queue, and everything that is sent to it can be looked at there."""

import json
from functools import partial

from stage import HUB, MEMBER, ROOT, Ministack, Stack, refused, until

GIVEN = {
    "Name": "lamplighter-ecs", "Host": "fargate", "MemberAccounts": f"{HUB},{MEMBER}",
    "Image": f"{HUB}.dkr.ecr.eu-west-1.amazonaws.com/lamplighter:1",
    "VpcId": "vpc-0123456789abcdef0", "SubnetIds": "subnet-0123456789abcdef0",
}


def what_is_missing_is_refused(ministack: Ministack) -> None:
    for missing, said in [
        ("Image", "Host fargate needs Image"),
        ("SubnetIds", "Host fargate needs SubnetIds"),
        ("VpcId", "Host fargate needs VpcId"),
        ("MemberAccounts", "OrganizationId or MemberAccounts is needed"),
    ]:
        given = {key: value for key, value in GIVEN.items() if key != missing}
        message = refused(partial(Stack, ministack, "hub.yaml", "refused", **given),
                          "ValidationError")
        assert said in message, message
    message = refused(partial(Stack, ministack, "hub.yaml", "refused", MemberAccounts=HUB),
                      "ValidationError")
    assert "Host lambda needs CodeBucket" in message, message


def a_service_works_and_nothing_of_lambda_is_made(ministack: Ministack, stack: Stack) -> None:
    made = set(stack.resources())
    assert {"Journal", "Queue", "Service", "TaskDefinition", "Tick"} <= made, made
    assert not {"Function", "QueueToFunction", "ErrorsAlarm", "ThrottlesAlarm"} & made, made
    ecs = ministack.client("ecs")
    (task,) = [ecs.describe_task_definition(taskDefinition=stack.resources()["TaskDefinition"])
               ["taskDefinition"]]
    (container,) = task["containerDefinitions"]
    assert container["command"] == ["worker"] and container["readonlyRootFilesystem"], container
    assert task["taskRoleArn"] == stack.output("RoleArn"), task
    variables = {it["name"]: it["value"] for it in container["environment"]}
    assert variables["LAMPLIGHTER_JOURNAL"] == stack.output("Journal"), variables
    assert variables["LAMPLIGHTER_QUEUE"] == stack.output("Queue"), variables
    (service,) = ecs.describe_services(cluster="lamplighter-ecs",
                                       services=["lamplighter-ecs"])["services"]
    network = service["networkConfiguration"]["awsvpcConfiguration"]
    assert network["assignPublicIp"] == "DISABLED", network


def the_log_has_the_words_that_alarms_wait_for(ministack: Ministack) -> None:
    engine = "".join(it.read_text() for it in (ROOT / "crates/core/src/engine").glob("*.rs"))
    filters = ministack.client("logs").describe_metric_filters()["metricFilters"]
    assert len(filters) == 2, filters
    for it in filters:
        message = f"{it['filterPattern']});\n"
        assert message in engine, f"no log message ends with {message}"


def events_of_the_bus_come_to_the_queue(ministack: Ministack, stack: Stack) -> None:
    sent = ministack.client("events").put_events(Entries=[
        {"EventBusName": "lamplighter-ecs", "Source": "my.deployer", "DetailType": "Volume Filled",
         "Detail": json.dumps({"volume": "vol-1"}), "Resources": []}])
    assert sent["FailedEntryCount"] == 0, sent
    event = received(ministack, stack, lambda it: it.get("source") == "my.deployer" and it)
    assert event["detail"] == {"volume": "vol-1"} and event["account"] == HUB, event


def the_schedule_sends_the_tick_to_the_queue(ministack: Ministack, stack: Stack) -> None:
    assert received(ministack, stack, lambda it: it == {"tick": True})


def received(ministack: Ministack, stack: Stack, wanted):
    """What `wanted` makes of the first message that it wants. A tick comes once a minute."""
    sqs = ministack.client("sqs")
    url = stack.output("Queue").removeprefix("sqs:")

    def look():
        for it in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", []):
            if found := wanted(json.loads(it["Body"])):
                sqs.delete_message(QueueUrl=url, ReceiptHandle=it["ReceiptHandle"])
                return found
        return None

    return until(look, 90, "no such message came")
