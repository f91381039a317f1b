"""KMS: keys, as those who encrypt snapshots see them."""

from aws import refused, same
from fleet import HUB, MEMBER

MISSING = "11111111-2222-3333-4444-555555555555"


def check_a_key_is_shown_with_what_it_is(aws):
    """DescribeKey shows whose key it is, whether it is enabled, and what it is for.

    Source: KMS API reference, KeyMetadata
    """
    arn = aws.key()
    kms = aws.client("kms")
    for name in (arn, arn.rsplit("/", 1)[1]):
        found = kms.describe_key(KeyId=name)["KeyMetadata"]
        same((found["Arn"], found["AWSAccountId"], found["Enabled"], found["KeyState"],
              found["KeyManager"], found["KeySpec"], found["KeyUsage"]),
             (arn, HUB, True, "Enabled", "CUSTOMER", "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"))


def check_a_key_that_does_not_exist_is_not_found(aws):
    """DescribeKey of a key that does not exist is NotFoundException.

    Source: KMS API reference, DescribeKey, errors
    """
    with refused("NotFoundException", 400):
        aws.client("kms").describe_key(KeyId=MISSING)


def check_a_key_is_disabled_and_enabled(aws):
    """DisableKey and EnableKey change the state of a key.

    Source: KMS API reference, DisableKey
    """
    kms, key = aws.client("kms"), aws.key().rsplit("/", 1)[1]
    kms.disable_key(KeyId=key)
    same(kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"], "Disabled")
    kms.enable_key(KeyId=key)
    same(kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"], "Enabled")


def check_anothers_key_is_denied(aws):
    """A key whose policy does not name the caller's account is AccessDeniedException.

    Source: KMS Developer Guide, "Allowing users in other accounts to use a KMS key"
    """
    key = aws.key()
    with refused("AccessDeniedException", 400):
        aws.client("kms", MEMBER).describe_key(KeyId=key)


def check_keys_of_aws_have_aliases(aws):
    """ListAliases lists alias/aws/ebs, which AWS manages, in every account.

    Source: KMS API reference, ListAliases
    """
    kms = aws.client("kms")
    aliases = {it["AliasName"]: it for it in kms.list_aliases()["Aliases"]}
    arn = f"arn:aws:kms:eu-west-1:{HUB}:alias/aws/ebs"
    same(aliases.get("alias/aws/ebs", {}).get("AliasArn"), arn)
    found = kms.describe_key(KeyId="alias/aws/ebs")["KeyMetadata"]
    same(found["KeyManager"], "AWS")


def check_a_key_is_granted(aws):
    """A grant is listed until it is retired.

    Source: KMS API reference, CreateGrant
    """
    kms, key = aws.client("kms"), aws.key()
    user = f"arn:aws:iam::{HUB}:role/worker"
    made = kms.create_grant(KeyId=key, GranteePrincipal=user, RetiringPrincipal=user,
                            Operations=["Decrypt", "CreateGrant"])
    [found] = kms.list_grants(KeyId=key)["Grants"]
    same((found["GrantId"], found["GranteePrincipal"], sorted(found["Operations"])),
         (made["GrantId"], user, ["CreateGrant", "Decrypt"]))
    kms.retire_grant(KeyId=key, GrantId=made["GrantId"])
    same(kms.list_grants(KeyId=key)["Grants"], [])
