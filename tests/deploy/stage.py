"""Where the templates are deployed: ministack, and what stands around it.

ministack creates the stacks and then is what they describe: it keeps the table and the queues,
sends the ticks, feeds the function, and runs its `bootstrap` as a process of this machine. What it
does otherwise than AWS is made up for here, each with its reason, and nowhere else.
"""

import io
import json
import re
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "contract"))

import bed  # noqa: E402

TEMPLATES = ROOT / "deploy"
REGION = "eu-west-1"
HUB, MEMBER = "111122223333", "222233334444"


class Ministack(bed.Referee):
    """ministack. A 12-digit access key is the administrator of that account."""

    def __init__(self, auth: bool = False, **environment: str):
        port = bed.free_port()
        own = f"http://127.0.0.1:{port}"
        # For the code of functions, which it unpacks and leaves there.
        self.place = tempfile.TemporaryDirectory()
        super().__init__(["ministack"], {
            "AUTH": str(auth).lower(), "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port),
            # Else addresses of queues begin with `localhost`, which may be another machine.
            "MINISTACK_HOST": "127.0.0.1",
            "SFTP_ENABLED": "0", "IOT_MTLS_ENABLED": "0", "TMPDIR": self.place.name,
            "STATE_DIR": self.place.name,
            # A function inherits ministack's environment: so it finds ministack, and whatever
            # else is named here, without a variable that the template has not.
            "AWS_ENDPOINT_URL": own,
            **{f"AWS_ENDPOINT_URL_{name}": url for name, url in environment.items()},
        }, "/_ministack/reset")

    def __exit__(self, *_):
        super().__exit__()
        self.place.cleanup()

    def client(self, service: str, account: str = HUB):
        return boto3.client(
            service, region_name=REGION, endpoint_url=self.endpoint,
            aws_access_key_id=account, aws_secret_access_key="test",
            config=Config(retries={"mode": "standard"}),
        )

    def upload(self, bucket: str, key: str, files: dict) -> None:
        """A zip of programs and texts, as a function's code."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, content in files.items():
                entry = zipfile.ZipInfo(name)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = (0o755 if name == "bootstrap" else 0o644) << 16
                archive.writestr(entry, content)
        s3 = self.client("s3")
        if bucket not in [it["Name"] for it in s3.list_buckets()["Buckets"]]:
            s3.create_bucket(Bucket=bucket,
                             CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket=bucket, Key=key, Body=packed.getvalue())


class Stack:
    """A stack of one of the templates."""

    def __init__(self, ministack: Ministack, template: str, name: str, account: str = HUB,
                 **parameters: str):
        self.ministack, self.template, self.name = ministack, template, name
        self.account, self.parameters = account, parameters
        self.text = (TEMPLATES / template).read_text()
        self.formation = ministack.client("cloudformation", account)
        self.formation.create_stack(**self.request())
        self.wait("CREATE_COMPLETE")
        self.make_up()

    def request(self) -> dict:
        return {
            "StackName": self.name,
            "TemplateBody": with_numbers(self.text, self.parameters),
            "Capabilities": ["CAPABILITY_NAMED_IAM"],
            "Parameters": [{"ParameterKey": key, "ParameterValue": value}
                           for key, value in self.parameters.items()],
        }

    def update(self, **parameters: str) -> None:
        self.parameters |= parameters
        self.formation.update_stack(**self.request())
        self.wait("UPDATE_COMPLETE")

    def delete(self) -> None:
        self.formation.delete_stack(StackName=self.name)

    def wait(self, status: str) -> None:
        until(lambda: not self.now()["StackStatus"].endswith("IN_PROGRESS"), 60,
              f"{self.name} is still in progress")
        if self.now()["StackStatus"] != status:
            events = self.formation.describe_stack_events(StackName=self.name)["StackEvents"]
            why = [f"{it['LogicalResourceId']}: {it.get('ResourceStatusReason')}"
                   for it in events if it["ResourceStatus"].endswith("FAILED")]
            raise AssertionError(f"{self.name}: {self.now()['StackStatus']}, {why}")

    def now(self) -> dict:
        return self.formation.describe_stacks(StackName=self.name)["Stacks"][0]

    def output(self, key: str) -> str:
        found = [it["OutputValue"] for it in self.now()["Outputs"] if it["OutputKey"] == key]
        assert len(found) == 1, f"{key}: {found}"
        return found[0]

    def resources(self) -> dict:
        """The physical ids of the resources."""
        rows = self.formation.describe_stack_resources(StackName=self.name)["StackResources"]
        return {it["LogicalResourceId"]: it["PhysicalResourceId"] for it in rows}

    def make_up(self) -> None:
        """What ministack's stacks leave out of a table: the time to live, and the states of the
        indexes. It is made anew by a call of its own, from what it says that it is."""
        made = {name for key, name in self.resources().items() if key == "Journal"}
        tables = self.ministack.client("dynamodb", self.account)
        for name in made:
            table = tables.describe_table(TableName=name)["Table"]
            tables.update_table(TableName=name, DeletionProtectionEnabled=False)
            tables.delete_table(TableName=name)
            tables.create_table(
                TableName=name, BillingMode=table["BillingModeSummary"]["BillingMode"],
                AttributeDefinitions=table["AttributeDefinitions"], KeySchema=table["KeySchema"],
                GlobalSecondaryIndexes=[
                    {key: index[key] for key in ("IndexName", "KeySchema", "Projection")}
                    for index in table["GlobalSecondaryIndexes"]],
                DeletionProtectionEnabled=table["DeletionProtectionEnabled"])
            tables.update_time_to_live(
                TableName=name,
                TimeToLiveSpecification={"Enabled": True, "AttributeName": time_to_live()})


def time_to_live() -> str:
    """The attribute that the hub's template names."""
    text = (TEMPLATES / "hub.yaml").read_text()
    (attribute,) = re.findall(r"TimeToLiveSpecification: { AttributeName: (\w+), Enabled: true }",
                              text)
    return attribute


def with_numbers(template: str, given: dict) -> str:
    """The template with its numbers in the places of their parameters. CloudFormation makes
    numbers of them; ministack hands on texts, and then fails to compare them."""
    numbers = re.findall(r"^  (\w+):\n    Type: Number\n(?:    .+\n)*?    Default: (\d+)$",
                         template, re.MULTILINE)
    for name, default in numbers:
        template = re.sub(rf"!Ref {name}\b", given.get(name, default), template)
    return template


def until(there, seconds: float, otherwise: str):
    """What `there` returns, as soon as it is something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := there():
            return found
        time.sleep(0.2)
    raise AssertionError(f"{otherwise}, after {seconds} s")


def refused(call, code: str) -> str:
    """The message of the AWS error that the call must end with."""
    try:
        call()
    except ClientError as error:
        found = error.response["Error"]
        assert found["Code"] == code, found
        return found["Message"]
    raise AssertionError(f"it was not refused with {code}")


def document(text) -> dict:
    """A policy, which boto3 reads in some answers and not in others."""
    return json.loads(text) if isinstance(text, str) else text
