"""EventBridge: events, rules, and the queues they go to."""

import json

from aws import refused, same
from checks.sqs import queue, receive
from fleet import HOME, HUB, MEMBER

PATTERN = {"source": ["lamplighter"], "detail": {"state": ["done", "failed"]}}


def rule(aws, pattern=None, name="to-jobs", **target) -> str:
    """The URL of a queue that a rule sends events to."""
    url, events = queue(aws), aws.client("events")
    arn = f"arn:aws:sqs:{HOME}:{HUB}:jobs"
    policy = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage", "Resource": arn}]}
    aws.client("sqs").set_queue_attributes(QueueUrl=url,
                                           Attributes={"Policy": json.dumps(policy)})
    events.put_rule(Name=name, EventPattern=json.dumps(pattern or PATTERN))
    answer = events.put_targets(Rule=name, Targets=[{"Id": "jobs", "Arn": arn, **target}])
    same((answer["FailedEntryCount"], answer["FailedEntries"]), (0, []))
    return url


def put(aws, detail, source="lamplighter", **more) -> dict:
    return aws.client("events").put_events(Entries=[{
        "Source": source, "DetailType": "Job", "Detail": json.dumps(detail), **more}])


def check_an_event_that_a_rule_admits_is_sent(aws):
    """An event that a rule's pattern admits is sent to its target, and others are not.

    Source: EventBridge User Guide, "Creating event patterns"
    """
    url = rule(aws)
    put(aws, {"state": "running"})
    put(aws, {"state": "done"}, source="another")
    answer = put(aws, {"state": "done", "n": 1}, Resources=["arn:aws:ec2:x"])
    same(answer["FailedEntryCount"], 0)
    [message] = receive(aws, url)
    event = json.loads(message["Body"])
    same({name: event[name] for name in
          ("version", "id", "source", "detail-type", "account", "region", "resources", "detail")},
         {"version": "0", "id": answer["Entries"][0]["EventId"], "source": "lamplighter",
          "detail-type": "Job", "account": HUB, "region": HOME, "resources": ["arn:aws:ec2:x"],
          "detail": {"state": "done", "n": 1}})


def check_a_rule_is_found(aws):
    """A rule is described and listed, with its targets.

    Source: EventBridge API reference, DescribeRule and ListTargetsByRule
    """
    rule(aws)
    events = aws.client("events")
    found = events.describe_rule(Name="to-jobs")
    same((found["Arn"], json.loads(found["EventPattern"]), found["State"]),
         (f"arn:aws:events:{HOME}:{HUB}:rule/to-jobs", PATTERN, "ENABLED"))
    same([it["Name"] for it in events.list_rules(NamePrefix="to-")["Rules"]], ["to-jobs"])
    [target] = events.list_targets_by_rule(Rule="to-jobs")["Targets"]
    same((target["Id"], target["Arn"]), ("jobs", f"arn:aws:sqs:{HOME}:{HUB}:jobs"))


def check_a_rule_that_does_not_exist_is_not_found(aws):
    """What is asked of a rule that does not exist is ResourceNotFoundException.

    Source: EventBridge API reference, DescribeRule, errors
    """
    with refused("ResourceNotFoundException", 400):
        aws.client("events").describe_rule(Name="nothing")


def check_a_pattern_is_json(aws):
    """A pattern that is no JSON is refused with InvalidEventPatternException.

    Source: EventBridge API reference, PutRule, errors
    """
    with refused("InvalidEventPatternException", 400):
        aws.client("events").put_rule(Name="bad", EventPattern="{")


def check_a_rule_that_is_disabled_sends_nothing(aws):
    """A rule that is put there as DISABLED sends nothing, until it is ENABLED.

    Source: EventBridge API reference, PutRule, State
    """
    url, events = rule(aws), aws.client("events")
    same_rule = {"Name": "to-jobs", "EventPattern": json.dumps(PATTERN)}
    events.put_rule(**same_rule, State="DISABLED")
    put(aws, {"state": "done"})
    same(receive(aws, url), [])
    events.put_rule(**same_rule, State="ENABLED")
    put(aws, {"state": "done"})
    same(len(receive(aws, url)), 1)


def check_a_rule_without_targets_is_deleted(aws):
    """A rule is deleted when it has no targets any more, otherwise ValidationException.

    Source: EventBridge API reference, DeleteRule
    """
    rule(aws)
    events = aws.client("events")
    with refused("ValidationException", 400):
        events.delete_rule(Name="to-jobs")
    events.remove_targets(Rule="to-jobs", Ids=["jobs"])
    events.delete_rule(Name="to-jobs")
    with refused("ResourceNotFoundException", 400):
        events.describe_rule(Name="to-jobs")


def check_events_of_aws_are_its_own(aws):
    """PutEvents with a source that begins with `aws.` fails for that entry.

    Source: EventBridge API reference, PutEventsRequestEntry, Source
    """
    answer = put(aws, {}, source="aws.ec2")
    same((answer["FailedEntryCount"], answer["Entries"][0].get("ErrorCode")),
         (1, "NotAuthorizedForSourceException"))


def check_a_detail_is_json(aws):
    """PutEvents with a detail that is no JSON fails for that entry: MalformedDetail.

    Source: EventBridge API reference, PutEventsRequestEntry, Detail
    """
    answer = aws.client("events").put_events(Entries=[
        {"Source": "lamplighter", "DetailType": "Job", "Detail": "{"}])
    same((answer["FailedEntryCount"], answer["Entries"][0].get("ErrorCode")),
         (1, "MalformedDetail"))


def check_leave_is_given_and_taken_back(aws):
    """PutPermission lets an account use the bus; RemovePermission takes it back, once.

    Source: EventBridge API reference, PutPermission and RemovePermission, errors
    """
    events = aws.client("events")
    events.put_permission(StatementId="member", Action="events:PutEvents", Principal=MEMBER)
    events.remove_permission(StatementId="member")
    with refused("ResourceNotFoundException", 400):
        events.remove_permission(StatementId="member")


def check_snapshots_make_events(aws):
    """A snapshot that completes is an event, whose ARNs have the region in place of the account.

    Source: EBS User Guide, "EventBridge events for Amazon EBS"
    """
    pattern = {"source": ["aws.ec2"], "detail-type": ["EBS Snapshot Notification"]}
    url, volume = rule(aws, pattern), aws.volume()
    snapshot = aws.client("ec2").create_snapshot(VolumeId=volume)["SnapshotId"]
    aws.pass_time(3600)
    [message] = receive(aws, url)
    event = json.loads(message["Body"])
    same((event["detail"]["event"], event["detail"]["result"], event["detail"]["snapshot_id"]),
         ("createSnapshot", "succeeded", f"arn:aws:ec2::{HOME}:snapshot/{snapshot}"))


check_snapshots_make_events.on = ("simulator",)
