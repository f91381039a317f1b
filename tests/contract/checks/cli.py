"""The AWS CLI, with its own way of asking for pages."""

import json
import subprocess

import bed
from aws import differs, same
from fleet import HOME, HUB


def cli(aws, *words, fails=False) -> str:
    """What the CLI prints; when it fails, its error."""
    run = subprocess.run(
        [bed.PROGRAMS / "aws", *words, "--endpoint-url", aws.endpoint, "--region", HOME],
        env=bed.CLEAN | {"AWS_ACCESS_KEY_ID": HUB, "AWS_SECRET_ACCESS_KEY": "secret",
                         "AWS_MAX_ATTEMPTS": "1", "AWS_PAGER": ""},
        stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=60)
    if (run.returncode != 0) != fails:
        differs(f"{' '.join(words)} ended with {run.returncode}: {run.stderr}")
    return run.stderr if fails else run.stdout


def check_the_cli_pages(aws):
    """`aws ec2 describe-volumes --page-size 5` shows all seven volumes.

    Source: AWS CLI User Guide, "Using the pagination options"
    """
    there = sorted(aws.volume() for _ in range(7))
    query = ["--query", "Volumes[].VolumeId", "--output", "json"]
    found = json.loads(cli(aws, "ec2", "describe-volumes", "--page-size", "5", *query))
    same(sorted(found), there)


def check_the_cli_is_refused(aws):
    """The CLI tells the code of an error.

    Source: AWS CLI User Guide, "Troubleshooting errors"
    """
    error = cli(aws, "ec2", "describe-volumes", "--volume-ids", "vol-0123456789abcdef0", fails=True)
    same("(InvalidVolume.NotFound)" in error, True, error)


def check_the_cli_knows_who_calls(aws):
    """`aws sts get-caller-identity` shows the account.

    Source: AWS CLI Command Reference, sts get-caller-identity
    """
    found = cli(aws, "sts", "get-caller-identity", "--query", "Account", "--output", "text")
    same(found.strip(), HUB)
