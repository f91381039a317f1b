"""What goes wrong on the way: lost answers, dropped calls, throttling. No emulator can do it."""

from botocore.exceptions import ConnectionClosedError, HTTPClientError

from aws import differs, refused, same
from checks.snapshots import ids


def rule(aws, **rule) -> None:
    aws.order(faults={"faults": [rule]})


def unanswered(call) -> None:
    """The call gets no answer."""
    try:
        call()
    except (ConnectionClosedError, HTTPClientError):
        return
    differs("answered")


def check_a_lost_answer_is_a_call_that_took_effect(aws):
    """A call whose answer is lost took effect: whoever makes it again has two snapshots.

    Source: EC2 Developer Guide, "Ensuring idempotency in Amazon EC2 API requests"
    """
    ec2, volume = aws.client("ec2"), aws.volume()
    rule(aws, action="CreateSnapshot", times=1, **{"lose-answer": True})
    unanswered(lambda: ec2.create_snapshot(VolumeId=volume))
    same(len(ids(ec2.describe_snapshots(OwnerIds=["self"]))), 1, "after the first")
    aws.pass_time(15)
    ec2.create_snapshot(VolumeId=volume)
    same(len(ids(ec2.describe_snapshots(OwnerIds=["self"]))), 2, "after the second")


def check_a_dropped_call_took_no_effect(aws):
    """A call that is dropped on the way took no effect.

    Source: EC2 Developer Guide, "Ensuring idempotency in Amazon EC2 API requests"
    """
    ec2, volume = aws.client("ec2"), aws.volume()
    rule(aws, action="CreateSnapshot", times=1, drop=True)
    unanswered(lambda: ec2.create_snapshot(VolumeId=volume))
    same(ids(ec2.describe_snapshots(OwnerIds=["self"])), [])


def check_a_call_that_fails_by_rule_has_the_code_and_status_of_aws(aws):
    """InternalError is HTTP 500, and RequestLimitExceeded HTTP 503.

    Source: EC2 Developer Guide, "Error codes", server errors
    """
    for code, status in [("InternalError", 500), ("RequestLimitExceeded", 503)]:
        rule(aws, service="ec2", action="Describe*", error=code)
        with refused(code, status):
            aws.client("ec2").describe_volumes()


def check_calls_are_paid_from_a_bucket(aws):
    """51 unfiltered describes at once are RequestLimitExceeded; a second later 10 are answered.

    Source: EC2 Developer Guide, "Request throttling for the Amazon EC2 API"
    """
    aws.order(throttle=True)
    ec2 = aws.client("ec2")

    def describe(times):
        for _ in range(times):
            ec2.describe_volumes()
        with refused("RequestLimitExceeded", 503):
            ec2.describe_volumes()

    describe(50)
    ec2.describe_volumes(MaxResults=5)
    aws.client("ec2", region="us-east-1").describe_volumes()
    aws.pass_time(1)
    describe(10)
