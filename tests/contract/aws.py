"""What a check is given: clients of an organization, and what no AWS operation does."""

import contextlib

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

import model
from fleet import HOME, HUB, Fleet

# Nothing is tried again, and what a server refuses is not refused by the client before.
ONCE = Config(retries={"total_max_attempts": 1, "mode": "standard"}, read_timeout=30,
              parameter_validation=False)


class Difference(AssertionError):
    """The server does otherwise than the check says."""


def differs(what: str):
    raise Difference(what)


def same(found, expected, what: str = "") -> None:
    if found != expected:
        differs(f"{what}: " * bool(what) + f"{found!r} instead of {expected!r}")


@contextlib.contextmanager
def refused(code: str, status: int | None = None):
    """What is in the block is refused with this code, and this HTTP status if one is named."""
    try:
        yield
    except ClientError as refusal:
        found = refusal.response["Error"]["Code"]
        found_status = refusal.response["ResponseMetadata"]["HTTPStatusCode"]
        if found != code:
            differs(f"refused with {found} ({found_status}) instead of {code}: {refusal}")
        if status not in (None, found_status):
            differs(f"{code} with HTTP {found_status} instead of {status}")
    else:
        differs(f"accepted instead of refused with {code}")


class Aws(Fleet):
    """The organization on one server, as it is at the beginning of a check."""

    def __init__(self, name: str, server):
        super().__init__()
        self.name = name
        self.server = server
        self.endpoint = server.fresh()
        self.clients = {}
        self.keys = {}
        if self.simulated:
            self.put()

    @property
    def simulated(self) -> bool:
        return self.name == "simulator"

    def client(self, service: str, account: str = HUB, region: str = HOME):
        """A client of an account's administrator."""
        place = (service, account, region)
        if place not in self.clients:
            self.clients[place] = self.client_of(service, region, **self.administrator(account))
        return self.clients[place]

    def client_of(self, service: str, region: str = HOME, **credentials):
        """A client with other credentials."""
        client = boto3.client(service, region_name=region, endpoint_url=self.endpoint,
                              config=ONCE, **credentials)
        if self.simulated:
            model.watch(client)
        return client

    def administrator(self, account: str) -> dict:
        if self.name != "moto":
            # A key that is an account's number is the key of its administrator.
            return {"aws_access_key_id": account, "aws_secret_access_key": "secret"}
        # moto tells accounts apart by the role that was assumed, and lets anybody assume any.
        if account not in self.keys:
            anyone = self.client_of("sts", aws_access_key_id="anyone",
                                    aws_secret_access_key="secret")
            self.keys[account] = assumed(anyone.assume_role(
                RoleArn=f"arn:aws:iam::{account}:role/administrator", RoleSessionName="check"))
        return self.keys[account]

    def order(self, **order) -> None:
        """Has the simulator do what no AWS operation does: pass time, break, hold resources."""
        self.server.order(**order)

    def pass_time(self, seconds: int) -> None:
        """Lets time pass on the simulator, whose clock stands still. Elsewhere everything is
        done at once."""
        if self.simulated:
            self.order(advance=seconds)


def assumed(answer: dict) -> dict:
    """The credentials that AssumeRole handed out, as a client takes them."""
    made = answer["Credentials"]
    return {
        "aws_access_key_id": made["AccessKeyId"],
        "aws_secret_access_key": made["SecretAccessKey"],
        "aws_session_token": made["SessionToken"],
    }
