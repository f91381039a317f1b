"""STS: who calls, and roles."""

from datetime import datetime, timedelta, timezone

from aws import assumed, refused, same
from fleet import HUB, MEMBER


def session(aws, role, service="sts", **more):
    """A client in a role."""
    answer = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="check", **more)
    return aws.client_of(service, **assumed(answer))


def check_a_caller_is_told_its_account(aws):
    """GetCallerIdentity names the account, and an ARN in it.

    Source: STS API reference, GetCallerIdentity
    """
    for account in (HUB, MEMBER):
        who = aws.client("sts", account).get_caller_identity()
        same((who["Account"], who["Arn"].split(":")[4]), (account, account))


def check_who_assumes_a_role_is_in_its_account(aws):
    """AssumeRole hands out credentials of the role's account, named after role and session.

    Source: STS API reference, AssumeRole
    """
    role = aws.role("backup")
    answer = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="nightly")
    user = f"arn:aws:sts::{MEMBER}:assumed-role/backup/nightly"
    same(answer["AssumedRoleUser"]["Arn"], user)
    same(answer["AssumedRoleUser"]["AssumedRoleId"].split(":")[1], "nightly")
    who = aws.client_of("sts", **assumed(answer)).get_caller_identity()
    same((who["Account"], who["Arn"]), (MEMBER, user))
    same(who["UserId"], answer["AssumedRoleUser"]["AssumedRoleId"])


def check_an_external_id_is_asked_for(aws):
    """A role whose trust policy names an external id is AccessDenied without it.

    Source: IAM User Guide, "Access to AWS accounts owned by third parties"
    """
    role = aws.role("backup", external_id="lamplighter")
    sts = aws.client("sts")
    for more in ({}, {"ExternalId": "another"}, {"ExternalId": "Lamplighter"}):
        with refused("AccessDenied", 403):
            sts.assume_role(RoleArn=role, RoleSessionName="check", **more)
    session(aws, role, ExternalId="lamplighter").get_caller_identity()


def check_who_is_not_trusted_is_denied(aws):
    """An account that the trust policy does not name is AccessDenied.

    Source: IAM User Guide, "Methods to assume a role"
    """
    role = aws.role("backup", account=HUB)
    with refused("AccessDenied", 403):
        aws.client("sts", MEMBER).assume_role(RoleArn=role, RoleSessionName="check")


def check_a_role_that_does_not_exist_is_denied(aws):
    """Whoever assumes a role that does not exist is told AccessDenied, as whoever may not.

    Source: IAM User Guide, "Troubleshoot IAM roles"
    """
    role = f"arn:aws:iam::{MEMBER}:role/nobody"
    with refused("AccessDenied", 403):
        aws.client("sts").assume_role(RoleArn=role, RoleSessionName="check")


def check_a_role_may_do_what_its_policies_say(aws):
    """A role that may only list queues is AccessDenied when it makes one.

    Source: IAM User Guide, "Policy evaluation logic"
    """
    sqs = session(aws, aws.role("reader", may=["sqs:ListQueues"]), "sqs")
    sqs.list_queues()
    with refused("AccessDenied"):
        sqs.create_queue(QueueName="jobs")


check_a_role_may_do_what_its_policies_say.on = ("ministack",)


def check_a_role_may_describe_only_what_it_is_allowed_to(aws):
    """A call that no policy allows is UnauthorizedOperation in EC2, with DryRun too.

    Source: EC2 Developer Guide, "Error codes"
    """
    ec2 = session(aws, aws.role("reader", may=["ec2:DescribeRegions"]), "ec2")
    ec2.describe_regions()
    for dry_run in (False, True):
        with refused("UnauthorizedOperation", 403):
            ec2.describe_volumes(DryRun=dry_run)


def check_a_session_lasts_as_long_as_asked_for(aws):
    """DurationSeconds says how long; from 15 minutes to the role's longest session, 1 hour.

    Source: STS API reference, AssumeRole, DurationSeconds
    """
    sts, role = aws.client("sts"), aws.role("backup")
    for seconds in (900, 3600):
        answer = sts.assume_role(RoleArn=role, RoleSessionName="check", DurationSeconds=seconds)
        expires = answer["Credentials"]["Expiration"]
        same(expires.tzinfo is not None, True)
        if not aws.simulated:
            left = expires - datetime.now(timezone.utc)
            same(abs(left - timedelta(seconds=seconds)) < timedelta(seconds=60), True, "lasts")
    for seconds in (899, 3601):
        with refused("ValidationError", 400):
            sts.assume_role(RoleArn=role, RoleSessionName="check", DurationSeconds=seconds)


def check_a_chained_session_lasts_an_hour(aws):
    """Whoever is in a role and assumes another may ask for an hour at most.

    Source: IAM User Guide, "Roles terms and concepts", role chaining
    """
    hub, role = aws.role("worker", account=HUB), aws.role("backup")
    chained = session(aws, hub)
    chained.assume_role(RoleArn=role, RoleSessionName="check", DurationSeconds=3600)
    with refused("ValidationError", 400):
        chained.assume_role(RoleArn=role, RoleSessionName="check", DurationSeconds=3601)


def check_a_session_expires(aws):
    """After its time, a session is refused with ExpiredToken; in EC2 with RequestExpired.

    Source: EC2 Developer Guide, "Error codes"; STS API reference, common errors
    """
    role = aws.role("backup")
    sts, ec2 = (session(aws, role, it, DurationSeconds=900) for it in ("sts", "ec2"))
    aws.pass_time(899)
    sts.get_caller_identity()
    aws.pass_time(1)
    with refused("ExpiredToken", 403):
        sts.get_caller_identity()
    with refused("RequestExpired", 400):
        ec2.describe_volumes()


check_a_session_expires.on = ("simulator",)


def check_a_session_name_has_two_characters(aws):
    """A RoleSessionName of one character, or with a space, is refused with ValidationError.

    Source: STS API reference, AssumeRole
    """
    role = aws.role("backup")
    for name in ("x", "every night"):
        with refused("ValidationError", 400):
            aws.client("sts").assume_role(RoleArn=role, RoleSessionName=name)


def check_a_token_that_nobody_issued_is_invalid(aws):
    """A session token that STS has not issued is refused with InvalidClientTokenId.

    Source: STS API reference, common errors
    """
    forged = aws.client_of("sts", aws_access_key_id="ASIA0FORGEDFORGED000",
                           aws_secret_access_key="secret", aws_session_token="forged")
    with refused("InvalidClientTokenId", 403):
        forged.get_caller_identity()


def check_a_key_needs_its_own_token(aws):
    """A session's key without its token, or with another's, is InvalidClientTokenId.

    Source: STS API reference, common errors
    """
    sts, role = aws.client("sts"), aws.role("backup")
    one, two = (assumed(sts.assume_role(RoleArn=role, RoleSessionName="check")) for _ in "12")
    for token in (None, two["aws_session_token"]):
        with refused("InvalidClientTokenId", 403):
            aws.client_of("sts", **one | {"aws_session_token": token}).get_caller_identity()


def check_a_signature_is_verified(aws):
    """A session's key with the wrong secret is refused with SignatureDoesNotMatch.

    Source: STS API reference, common errors
    """
    answer = aws.client("sts").assume_role(RoleArn=aws.role("backup"), RoleSessionName="check")
    thief = assumed(answer) | {"aws_secret_access_key": "guessed"}
    with refused("SignatureDoesNotMatch", 403):
        aws.client_of("sts", **thief).get_caller_identity()
