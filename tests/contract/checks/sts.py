"""STS: who calls, and roles."""

from aws import HUB, MEMBER, refused, same


def check_a_caller_is_told_its_account(aws):
    """GetCallerIdentity names the account, and an ARN in it.

    Source: STS API reference, GetCallerIdentity
    """
    for account in (HUB, MEMBER):
        who = aws.client("sts", account).get_caller_identity()
        same((who["Account"], who["Arn"].split(":")[4]), (account, account))


def check_a_session_name_has_two_characters(aws):
    """A RoleSessionName of one character is refused with ValidationError.

    Source: STS API reference, AssumeRole
    """
    role = f"arn:aws:iam::{MEMBER}:role/backup"
    with refused("ValidationError", 400):
        aws.client("sts").assume_role(RoleArn=role, RoleSessionName="x")


def check_a_role_that_does_not_exist_is_denied(aws):
    """Whoever assumes a role that does not exist is told AccessDenied, as whoever may not.

    Source: IAM User Guide, "Troubleshoot IAM roles"
    """
    role = f"arn:aws:iam::{MEMBER}:role/nobody"
    with refused("AccessDenied", 403):
        aws.client("sts").assume_role(RoleArn=role, RoleSessionName="check")


def check_a_token_that_nobody_issued_is_invalid(aws):
    """A session token that STS has not issued is refused with InvalidClientTokenId.

    Source: STS API reference, common errors
    """
    forged = aws.client_of("sts", aws_access_key_id="ASIA0FORGEDFORGED000",
                           aws_secret_access_key="secret", aws_session_token="forged")
    with refused("InvalidClientTokenId", 403):
        forged.get_caller_identity()
