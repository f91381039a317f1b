"""The hub on Lambda with the real program as its `bootstrap`, which works through two accounts.

DynamoDB, SQS, Scheduler and Lambda are ministack; EC2 and STS are the simulator, where the role in
the member account may do what `member.yaml` says and nothing else.
"""

import json
import subprocess
from pathlib import Path

import boto3

from stage import HUB, MEMBER, REGION, Ministack, Stack, bed, document, until

EXTERNAL_ID = "7f3c"
VOLUMES = 3
ACCOUNTS = f"""
accounts:
  hub: {{ id: "{HUB}", role: lamplighter-member, external-id: {EXTERNAL_ID}, regions: [{REGION}] }}
  prod: {{ id: "{MEMBER}", role: lamplighter-member, external-id: {EXTERNAL_ID}, regions: [{REGION}] }}
"""
# A schedule of each minute: the first tick loads the task, and a later one makes it run.
TASKS = """
tasks:
  backup:
    action: ebs.snapshot.create
    schedule: { cron: "* * * * *" }
    accounts: [all]
    select: { tags: { backup: daily }, expect: 1 }
"""
# The next version does no more than look.
NEXT_TASKS = TASKS + "    mode: observe\n"


class Simulator(bed.EndPoint):
    """EC2 and STS."""

    def __init__(self, program: Path, port: int, work: Path, policies: list):
        role = {"regions": [REGION], "role": "lamplighter-member", "external-id": EXTERNAL_ID,
                "policies": policies}
        super().__init__(program, work, {
            "accounts": {HUB: {"name": "hub", **role}, MEMBER: {"name": "prod", **role}},
            "volumes": [
                {"count": VOLUMES, "size": 8, "tags": {"backup": "daily"}},
                {"count": 1, "size": 8, "tags": {"backup": "never"}},
            ],
        }, "--speed", "10", port=port)

    def snapshots(self) -> list:
        """The tags of all that Lamplighter made."""
        found = []
        for account in (HUB, MEMBER):
            ec2 = boto3.client("ec2", region_name=REGION, endpoint_url=self.address,
                               aws_access_key_id=account, aws_secret_access_key="any")
            for page in ec2.get_paginator("describe_snapshots").paginate(OwnerIds=["self"]):
                found += [{it["Key"]: it["Value"] for it in row["Tags"]}
                          for row in page["Snapshots"]]
        return found


class Hub:
    """The stack of the hub, and a person who looks into it."""

    def __init__(self, program: Path, ministack: Ministack, work: Path):
        self.program, self.ministack, self.work = program, ministack, work
        self.upload("1", TASKS)
        self.stack = Stack(
            ministack, "hub.yaml", "lamplighter", Host="lambda", CodeBucket="code",
            CodeKey="lamplighter-1.zip", MemberAccounts=f"{HUB},{MEMBER}")

    def upload(self, version: str, tasks: str) -> None:
        self.ministack.upload("code", f"lamplighter-{version}.zip", {
            "bootstrap": self.program.read_bytes(),
            "config/accounts.yaml": ACCOUNTS, "config/tasks.yaml": tasks})

    def invoke(self, payload: dict) -> dict:
        answer = self.ministack.client("lambda").invoke(
            FunctionName="lamplighter", Payload=json.dumps(payload))
        said = answer["Payload"].read().decode()
        assert "FunctionError" not in answer, f"{payload}: {said}\n{self.log()}"
        return json.loads(said)

    def lamplighter(self, *arguments: str):
        """What the program prints as JSON, from outside, on the journal of the stack."""
        done = subprocess.run(
            [self.program, "--config", self.work / "config", "--json", *arguments],
            env=bed.CLEAN | {
                "LAMPLIGHTER_JOURNAL": self.stack.output("Journal"),
                "AWS_ENDPOINT_URL": self.ministack.endpoint, "AWS_REGION": REGION,
                "AWS_ACCESS_KEY_ID": HUB, "AWS_SECRET_ACCESS_KEY": "test",
            }, capture_output=True, encoding="utf-8", check=False)
        assert done.returncode in (0, 1) and done.stdout, f"{arguments}: {done.stderr}"
        return json.loads(done.stdout)

    def log(self) -> str:
        logs = self.ministack.client("logs")
        return "\n".join(
            event["message"] for group in logs.describe_log_groups()["logGroups"]
            for page in logs.get_paginator("filter_log_events").paginate(
                logGroupName=group["logGroupName"])
            for event in page["events"])


def policies_of_the_member(ministack: Ministack) -> list:
    """What the deployed role may do."""
    iam, name = ministack.client("iam", MEMBER), "lamplighter-member"
    names = iam.list_role_policies(RoleName=name)["PolicyNames"]
    found = [iam.get_role_policy(RoleName=name, PolicyName=it)["PolicyDocument"] for it in names]
    # The simulator's two accounts share the fleet's words for the role.
    return [json.loads(json.dumps(document(it)).replace(f":{MEMBER}:", ":*:")) for it in found]


def the_schedule_ticks_and_every_target_is_done(hub: Hub, simulator: Simulator) -> None:
    """Nobody invokes the function but the schedule and the queue."""
    whole = 2 * VOLUMES

    def first_done():
        return [it for it in hub.lamplighter("runs")
                if it["targets"] == whole and it["jobs"]["open"] == 0]

    # Two ticks, of which one comes each minute, and the time that the snapshots take: the engine
    # looks at them after half a minute, and then each minute.
    try:
        run = until(first_done, 420, "no run is done")[-1]
    except AssertionError as late:
        raise AssertionError(f"{late}: {hub.log()}") from None
    assert run["state"] == "succeeded" and run["targets"] == whole, run
    of_run = [it for it in simulator.snapshots()
              if it["lamplighter:job"].startswith(f"backup@{run['occurrence']}/")]
    sources = sorted(it["lamplighter:source"] for it in of_run)
    assert len(sources) == whole and len(set(sources)) == whole, f"none twice: {sources}"


def a_plan_can_be_asked_for(hub: Hub) -> None:
    plan = hub.invoke({"plan": ["backup"]})
    verdicts = [it["verdict"] for task in plan["tasks"] for it in task["verdicts"]]
    assert verdicts.count("act") == 2 * VOLUMES, plan


def a_poisoned_message_ends_among_the_dead_letters(hub: Hub) -> None:
    """Five receives, a quarter of an hour apart, are more than a test waits for: the queue hides
    messages for a second here. All else is as it was deployed."""
    sqs = hub.ministack.client("sqs")
    url = hub.stack.output("Queue").removeprefix("sqs:")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    sqs.send_message(QueueUrl=url, MessageBody="poison")
    dead = hub.stack.output("DeadLetters")
    (message,) = until(lambda: sqs.receive_message(QueueUrl=dead).get("Messages"), 60,
                       "the message did not get there")
    assert message["Body"] == "poison", message
    # It was not the function that failed.
    assert "left for the dead-letter queue" in hub.log(), hub.log()
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "960"})


def a_version_is_rolled_out_and_back(hub: Hub) -> None:
    """The table and the queue stay, and the function is the other one."""
    function = hub.ministack.client("lambda")
    before = hub.stack.resources()
    first = function.get_function(FunctionName="lamplighter")["Configuration"]["CodeSha256"]
    hub.upload("2", NEXT_TASKS)
    hub.stack.update(CodeKey="lamplighter-2.zip")
    second = function.get_function(FunctionName="lamplighter")["Configuration"]["CodeSha256"]
    assert first != second and hub.stack.resources() == before
    answer = hub.invoke({"tick": True})
    assert isinstance(answer, dict), answer
    hub.stack.update(CodeKey="lamplighter-1.zip")
    again = function.get_function(FunctionName="lamplighter")["Configuration"]["CodeSha256"]
    assert again == first and hub.stack.resources() == before
    a_plan_can_be_asked_for(hub)
