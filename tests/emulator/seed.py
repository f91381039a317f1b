"""Fills the emulator with a small organization: three accounts, each in two regions, with
tagged volumes and some weeks of snapshots.

    seed.py                seeds what is not there yet; one line per place (account and region)
    seed.py --audit        prints all volumes and snapshots as JSON
    seed.py --credentials  prints credentials of the hub account as NAME=VALUE lines

It talks to `AWS_ENDPOINT_URL` and to nothing else, which must be an address of this machine:
it can neither fill nor read a real account.
"""

import argparse
import ipaddress
import json
import os
import sys
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

ACCOUNTS = {"hub": "111122223333", "prod-data": "222233334444", "prod-web": "333344445555"}
REGIONS = ["eu-west-1", "us-east-1"]
ROLE = "lamplighter-member"
EXTERNAL_ID = "7f3c"

# Nights, counted back from today, of which every backed-up volume has a snapshot: the last ten
# and then one a week.
NIGHTS = [*range(1, 11), 14, 21, 28, 35]
NIGHTLY_AT = time(2, 0, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Volume:
    name: str
    size_gib: int
    tags: dict = field(default_factory=dict)
    backed_up: bool = False
    foreign: bool = False  # has snapshots that `prune-backups` must leave alone


def daily(name: str, size_gib: int, stage: str, team: str, **more) -> Volume:
    """A volume that `nightly-backup` selects, with a history."""
    foreign = more.pop("foreign", False)
    tags = {"backup": "daily", "stage": stage, "team": team, **more}
    return Volume(name, size_gib, tags, backed_up=True, foreign=foreign)


# Beside what is backed up, each kind of volume that is not: no tag, another value, another
# stage, told to be ignored.
FLEET = {
    ("hub", "eu-west-1"): [
        daily("audit-log", 50, "prod", "platform", foreign=True),
        Volume("bastion", 8, {"stage": "prod", "team": "platform"}),
    ],
    ("hub", "us-east-1"): [
        daily("audit-log", 50, "prod", "platform"),
        Volume("sandbox", 8, {"backup": "daily", "stage": "dev", "team": "platform"}),
    ],
    ("prod-data", "eu-west-1"): [
        daily("orders-db", 100, "prod", "data", foreign=True),
        daily("orders-db-log", 40, "prod", "data"),
        daily("orders-db-next", 100, "preprod", "data"),
        Volume("reports", 200, {"backup": "weekly", "stage": "prod", "team": "data"}),
        Volume("scratch", 500),
    ],
    ("prod-data", "us-east-1"): [
        daily("orders-replica", 100, "prod", "data", foreign=True),
        Volume("import", 80, {"backup": "daily", "stage": "prod", "team": "data",
                              "ignore": "until the migration is over"}),
    ],
    ("prod-web", "eu-west-1"): [
        daily("shop-1", 20, "prod", "web"),
        daily("shop-2", 20, "prod", "web", foreign=True),
        Volume("cache", 16, {"stage": "prod", "team": "web"}),
    ],
    ("prod-web", "us-east-1"): [
        daily("shop-1", 20, "prod", "web"),
        Volume("build", 120, {"backup": "never", "stage": "dev", "team": "web"}),
    ],
}


def loopback_endpoint() -> str:
    """`AWS_ENDPOINT_URL`, when it is an address of this machine. Ends the program otherwise."""
    url = os.environ.get("AWS_ENDPOINT_URL", "")
    try:
        host = urlsplit(url).hostname or ""
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        sys.exit(f"AWS_ENDPOINT_URL is `{url}`: this works on an emulator on this machine only, "
                 "such as http://127.0.0.1:5000")
    return url


class Organization:
    """Clients for every account of the emulated organization."""

    def __init__(self, endpoint: str):
        os.environ["NO_PROXY"] = "*"
        self.endpoint = endpoint
        self.credentials = {}

    def client(self, service: str, account: str, region: str):
        return self._client(service, region, **self._session(account))

    def hub_credentials(self) -> dict:
        return self._session("hub")

    def _session(self, account: str) -> dict:
        if account not in self.credentials:
            # The emulator tells accounts apart by who assumed which role, and takes anyone's
            # credentials for that first step.
            role = "lamplighter-hub" if account == "hub" else ROLE
            made = self._client("sts", REGIONS[0], "anyone", "anything").assume_role(
                RoleArn=f"arn:aws:iam::{ACCOUNTS[account]}:role/{role}",
                RoleSessionName="seed", ExternalId=EXTERNAL_ID,
            )["Credentials"]
            self.credentials[account] = {
                "aws_access_key_id": made["AccessKeyId"],
                "aws_secret_access_key": made["SecretAccessKey"],
                "aws_session_token": made["SessionToken"],
            }
        return self.credentials[account]

    def _client(self, service, region, aws_access_key_id, aws_secret_access_key,
                aws_session_token=None):
        return boto3.client(
            service, region_name=region, endpoint_url=self.endpoint,
            aws_access_key_id=aws_access_key_id, aws_secret_access_key=aws_secret_access_key,
            aws_session_token=aws_session_token, config=Config(retries={"mode": "standard"}),
        )


def seed_role(organization: Organization, account: str) -> None:
    """The role that Lamplighter assumes in a member account. The emulator would do without."""
    iam = organization.client("iam", account, REGIONS[0])
    trust = {
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNTS['hub']}:root"},
            "Condition": {"StringEquals": {"sts:ExternalId": EXTERNAL_ID}},
        }],
    }
    try:
        iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(trust))
    except iam.exceptions.EntityAlreadyExistsException:
        pass


def tagged(kind: str, tags: dict) -> list:
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    return [{"ResourceType": kind, "Tags": pairs}]


def seed_place(organization: Organization, account: str, region: str, today: date) -> str:
    """Makes the volumes that are missing, each with its snapshots, and says what it made."""
    ec2 = organization.client("ec2", account, region)
    present = {tags_of(row).get("Name") for row in ec2.describe_volumes()["Volumes"]}
    made = {"volumes": 0, "snapshots": 0, "foreign snapshots": 0}
    for volume in FLEET[account, region]:
        if volume.name in present:
            continue
        volume_id = ec2.create_volume(
            AvailabilityZone=f"{region}a", Size=volume.size_gib, VolumeType="gp3",
            TagSpecifications=tagged("volume", {"Name": volume.name, **volume.tags}),
        )["VolumeId"]
        made["volumes"] += 1
        if volume.backed_up:
            for night in NIGHTS:
                taken_at = datetime.combine(today - timedelta(days=night), NIGHTLY_AT)
                own_snapshot(ec2, "nightly-backup", account, region, volume_id, taken_at)
            made["snapshots"] += len(NIGHTS)
        if volume.foreign:
            ec2.create_snapshot(VolumeId=volume_id, Description="before the upgrade, keep")
            ec2.create_snapshot(
                VolumeId=volume_id, Description="made by another tool",
                TagSpecifications=tagged("snapshot", {"created-by": "another-tool"}),
            )
            # Lamplighter's own, but not the task's that is pruned.
            taken_at = datetime.combine(today - timedelta(days=300), NIGHTLY_AT)
            own_snapshot(ec2, "year-end-archive", account, region, volume_id, taken_at)
            made["foreign snapshots"] += 3
    return ", ".join(f"{count} {what}" for what, count in made.items())


def own_snapshot(ec2, task, account, region, volume_id, taken_at) -> None:
    """A snapshot as Lamplighter would have made it then."""
    at = taken_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    ec2.create_snapshot(
        VolumeId=volume_id, Description=f"{task} of {volume_id}",
        TagSpecifications=tagged("snapshot", {
            "lamplighter:task": task,
            "lamplighter:job": f"{task}@{at}/{ACCOUNTS[account]}/{region}/{volume_id}",
            "lamplighter:source": volume_id,
            "lamplighter:taken-at": at,
        }),
    )


def tags_of(row: dict) -> dict:
    return {tag["Key"]: tag["Value"] for tag in row.get("Tags", [])}


def audit_place(organization: Organization, account: str, region: str) -> dict:
    ec2 = organization.client("ec2", account, region)
    volumes = ec2.describe_volumes()["Volumes"]
    snapshots = ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
    return {
        "name": account,
        "account": ACCOUNTS[account],
        "region": region,
        "volumes": [
            {"id": row["VolumeId"], "size-gib": row["Size"], "state": row["State"],
             "tags": tags_of(row)}
            for row in sorted(volumes, key=lambda row: row["VolumeId"])
        ],
        "snapshots": [
            {"id": row["SnapshotId"], "volume": row["VolumeId"], "state": row["State"],
             "description": row.get("Description", ""), "started-at": row["StartTime"].isoformat(),
             "tags": tags_of(row)}
            for row in sorted(snapshots, key=lambda row: row["SnapshotId"])
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--audit", action="store_true", help="print all there is as JSON")
    mode.add_argument("--credentials", action="store_true", help="print the hub's credentials")
    parser.add_argument("--today", type=date.fromisoformat, metavar="DATE",
                        default=datetime.now(timezone.utc).date(),
                        help="the history ends the night before this day (default: today, UTC)")
    arguments = parser.parse_args()
    organization = Organization(loopback_endpoint())

    if arguments.credentials:
        for name, value in organization.hub_credentials().items():
            print(f"{name.upper()}={value}")
    elif arguments.audit:
        places = [audit_place(organization, *place) for place in FLEET]
        print(json.dumps({"places": places}, indent=2))
    else:
        for account in ACCOUNTS:
            if account != "hub":
                seed_role(organization, account)
        for account, region in FLEET:
            made = seed_place(organization, account, region, arguments.today)
            print(f"{account:<10} {ACCOUNTS[account]}  {region:<10}  {made}", flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
