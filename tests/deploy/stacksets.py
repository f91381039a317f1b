"""The member template as a StackSet, in two accounts and two regions: in moto, since ministack has
no StackSets. moto does without the organization and without checking who may do what."""

import json
import re

import boto3

from stage import HUB, MEMBER, REGION, ROOT, TEMPLATES, bed

ACCOUNTS = [MEMBER, "333344445555"]
ELSEWHERE = "us-east-1"
NAME = "lamplighter-member"
GIVEN = {
    "HubPrincipal": f"arn:aws:iam::{HUB}:role/lamplighter-hub", "ExternalId": "7f3c",
    "OrganizationId": "o-abcdefghij", "HomeRegion": REGION,
    "HubBusArn": f"arn:aws:events:{REGION}:{HUB}:event-bus/lamplighter",
    "OwnSources": "my.deployer,my.other",
}


def every_account_has_one_role_and_every_region_forwards() -> None:
    with bed.moto() as moto:
        formation = client(moto, "cloudformation", HUB, REGION)
        formation.create_stack_set(
            StackSetName=NAME, TemplateBody=(TEMPLATES / "member.yaml").read_text(),
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Parameters=[{"ParameterKey": key, "ParameterValue": value}
                        for key, value in GIVEN.items()])
        formation.create_stack_instances(
            StackSetName=NAME, Accounts=ACCOUNTS, Regions=[REGION, ELSEWHERE],
            OperationPreferences={"RegionOrder": [REGION, ELSEWHERE]})
        for account in ACCOUNTS:
            looks_right(moto, account)


def looks_right(moto, account: str) -> None:
    iam = client(moto, "iam", account, REGION)
    roles = {it["RoleName"]: it["AssumeRolePolicyDocument"] for it in iam.list_roles()["Roles"]}
    assert set(roles) == {NAME, f"{NAME}-events"}, roles
    (statement,) = roles[NAME]["Statement"]
    assert statement["Condition"]["StringEquals"] == {
        "sts:ExternalId": "7f3c", "aws:PrincipalOrgID": "o-abcdefghij"}, statement
    for region in (REGION, ELSEWHERE):
        events = client(moto, "events", account, region)
        (rule,) = events.list_rules()["Rules"]
        assert rule["Name"] == f"{NAME}-events", f"{account} {region}: {rule}"
        assert forwarded(rule) == understood() | {("my.deployer", ""), ("my.other", "")}
        (target,) = events.list_targets_by_rule(Rule=f"{NAME}-events")["Targets"]
        assert target["Arn"] == GIVEN["HubBusArn"], target
        assert target["RoleArn"] == f"arn:aws:iam::{account}:role/{NAME}-events", target


def forwarded(rule: dict) -> set:
    """Sources and types of the events that a rule forwards."""
    return {(source, kind) for it in json.loads(rule["EventPattern"])["$or"]
            for source in it["source"] for kind in it.get("detail-type", [""])}


def understood() -> set:
    """Sources and types of the events that the program knows by name."""
    text = (ROOT / "crates/core/src/events/detail.rs").read_text()
    return set(re.findall(r'^ +\("(aws\.\w+)", "([^"]+)"\) =>', text, re.MULTILINE))


def client(moto, service: str, account: str, region: str):
    """A client in an account: moto tells accounts apart by who assumed which role."""
    def of(name: str, **credentials):
        return boto3.client(name, region_name=region, endpoint_url=moto.endpoint, **credentials)

    made = of("sts", aws_access_key_id="anyone", aws_secret_access_key="anything").assume_role(
        RoleArn=f"arn:aws:iam::{account}:role/test", RoleSessionName="test")["Credentials"]
    return of(service, aws_access_key_id=made["AccessKeyId"],
              aws_secret_access_key=made["SecretAccessKey"],
              aws_session_token=made["SessionToken"])
