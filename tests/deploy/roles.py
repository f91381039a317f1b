"""Both templates where permissions are enforced: signatures, policies, trust and external ids.

A function of the test's own has the hub's role and does what the hub does with it. Trust is by
account here, not by organization, which ministack does not have. What it judges wrongly are
conditions on tags: what the member's role may do to snapshots is shown by `hub.py`, where the
simulator judges it.
"""

import io
import json
import re
import zipfile

from stage import HUB, MEMBER, ROOT, Ministack, Stack, document

EXTERNAL_ID = "7f3c"
PROBE = """
import boto3
from botocore.exceptions import ClientError

def handler(event, context):
    client = boto3.client(event["service"], endpoint_url=event["endpoint"])
    try:
        getattr(client, event["method"])(**event["arguments"])
        return "done"
    except ClientError as error:
        return error.response["Error"]["Code"]
"""
HUB_STACK = {"Host": "lambda", "CodeBucket": "code", "CodeKey": "none.zip",
             "MemberAccounts": f"{HUB},{MEMBER}"}


class Probe:
    """Makes calls with the hub's role, as a function in its account."""

    def __init__(self, ministack: Ministack, hub: Stack):
        self.ministack, self.function = ministack, ministack.client("lambda")
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("probe.py", PROBE)
        self.function.create_function(
            FunctionName="probe", Runtime="python3.13", Handler="probe.handler", Timeout=60,
            Role=hub.output("RoleArn"), Code={"ZipFile": packed.getvalue()})

    def __call__(self, service: str, method: str, **arguments) -> str:
        asked = {"service": service, "method": method, "arguments": arguments,
                 "endpoint": self.ministack.endpoint}
        answer = self.function.invoke(FunctionName="probe", Payload=json.dumps(asked))
        return json.loads(answer["Payload"].read())


def the_member_is_entered_with_the_right_external_id_only(probe: Probe, member: Stack) -> None:
    arn = f"arn:aws:iam::{MEMBER}:role/{member.resources()['Role']}"
    for given, ends in [
        ({"ExternalId": EXTERNAL_ID}, "done"),
        ({"ExternalId": EXTERNAL_ID + "x"}, "AccessDenied"),
        ({}, "AccessDenied"),
    ]:
        ended = probe("sts", "assume_role", RoleArn=arn, RoleSessionName="probe", **given)
        assert ended == ends, f"{given}: {ended}"


def nobody_else_enters_the_member(ministack: Ministack, member: Stack) -> None:
    iam = ministack.client("iam", MEMBER)
    role = iam.get_role(RoleName="lamplighter-member")["Role"]
    (statement,) = document(role["AssumeRolePolicyDocument"])["Statement"]
    assert statement["Principal"] == {"AWS": f"arn:aws:iam::{HUB}:role/lamplighter-hub"}, statement
    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": EXTERNAL_ID}}, statement


def the_hub_enters_no_other_role(ministack: Ministack, probe: Probe) -> None:
    trust = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"AWS": f"arn:aws:iam::{HUB}:role/lamplighter-hub"}}]}
    ministack.client("iam", MEMBER).create_role(
        RoleName="administrator", AssumeRolePolicyDocument=json.dumps(trust))
    arn = f"arn:aws:iam::{MEMBER}:role/administrator"
    assert probe("sts", "assume_role", RoleArn=arn, RoleSessionName="probe") == "AccessDenied"


def the_hub_has_what_the_policy_command_says(ministack: Ministack) -> None:
    text = (ROOT / "crates/policy/src/backends.rs").read_text()
    said = [re.findall(r'"(\w+:\w+)"', actions)
            for actions in re.findall(r"^const \w+: \[&str; \d+\] = \[([^\]]+)\];", text, re.MULTILINE)]
    iam, name = ministack.client("iam"), "lamplighter-hub"
    policies = [iam.get_role_policy(RoleName=name, PolicyName=it)["PolicyDocument"]
                for it in iam.list_role_policies(RoleName=name)["PolicyNames"]]
    given = [it["Action"] for policy in policies for it in document(policy)["Statement"]]
    said.append(["sts:AssumeRole"])
    given = [[it] if isinstance(it, str) else it for it in given]
    assert sorted(given) == sorted(said), f"{given}\n{said}"


def without_demanding_tls(hub: Stack) -> None:
    """Takes the queues' demand of TLS back, since ministack is called without it."""
    demand = re.compile(r"          - Sid: OnlyEncrypted\n(?:            .+\n)+")
    hub.text, found = demand.subn("", hub.text.replace(
        "Statement:\n          - Sid: OnlyEncrypted", "Statement: []\n          - Sid: OnlyEncrypted"))
    assert found == 2, found
    hub.update()


def the_hub_has_its_own_table_and_queue_and_no_other(
        ministack: Ministack, probe: Probe, hub: Stack) -> None:
    sqs, tables = ministack.client("sqs"), ministack.client("dynamodb")
    other = sqs.create_queue(QueueName="other")["QueueUrl"]
    tables.create_table(TableName="other", BillingMode="PAY_PER_REQUEST",
                        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
                        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}])
    own = hub.output("Queue").removeprefix("sqs:")
    assert probe("sqs", "send_message", QueueUrl=own, MessageBody="x") == "AccessDenied", \
        "it is called without TLS here"
    without_demanding_tls(hub)
    assert probe("sqs", "send_message", QueueUrl=own, MessageBody="x") == "done"
    assert probe("sqs", "send_message", QueueUrl=other, MessageBody="x") == "AccessDenied"
    table = hub.output("Journal").removeprefix("dynamodb:")
    key = {"pk": {"S": "x"}, "sk": {"S": "x"}}
    assert probe("dynamodb", "put_item", TableName=table, Item=key) == "done"
    assert probe("dynamodb", "get_item", TableName=table, Key=key) == "done"
    assert probe("dynamodb", "query", TableName=table, IndexName="open",
                 KeyConditionExpression="#o = :o", ExpressionAttributeNames={"#o": "open"},
                 ExpressionAttributeValues={":o": {"S": "1"}}) == "done"
    denied = "AccessDeniedException"
    assert probe("dynamodb", "put_item", TableName="other", Item=key) == denied
    assert probe("dynamodb", "scan", TableName=table) == denied
    assert probe("dynamodb", "delete_table", TableName=table) == denied
    assert probe("ec2", "describe_volumes") == "UnauthorizedOperation", "that is for members"

