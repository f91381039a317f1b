"""The organization that is simulated: five accounts in two regions, and tasks that work there."""

import json
from collections import Counter
from datetime import datetime
from pathlib import Path

from measured import bed

REGIONS = ["eu-central-1", "eu-west-1"]
HUB, *MEMBERS = [str(number) * 12 for number in range(1, 6)]
ENTERED = {"role": "lamplighter-member", "external-id": "7f3c"}


def accounts(regions: list) -> dict:
    """By their ids; the first is the one that the process itself is in."""
    return {id: {"name": f"account-{id[0]}", "regions": regions, **({} if id == HUB else ENTERED)}
            for id in [HUB, *MEMBERS]}


def places(regions: list) -> list:
    return [(account, region) for account in [HUB, *MEMBERS] for region in regions]


class Organization:
    """Lamplighter in a directory of its own, with a simulated AWS beside it."""

    def __init__(self, program: Path, work: Path, tasks: dict, volumes: list,
                 regions: list = REGIONS, speed: float = 1.0, **config):
        work.mkdir()
        self.program, self.work = program, work
        (work / "config").mkdir()
        named = {it["name"]: {"id": id} | {key: value for key, value in it.items() if key != "name"}
                 for id, it in accounts(regions).items()}
        (work / "config" / "all.yaml").write_text(
            json.dumps({"accounts": named, "tasks": tasks, **config}))
        fleet = {"seed": 1, "accounts": accounts(regions), "volumes": volumes}
        self.trail = work / "trail.jsonl"
        self.aws = bed.EndPoint(program, work, fleet, "--trail", str(self.trail),
                                "--speed", str(speed))
        self.environment = self.aws.environment

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.aws.__exit__()

    def command(self, *arguments: str) -> list:
        return [self.program, "--config", self.work / "config", *arguments]

    def calls(self) -> list:
        """All that AWS was asked for. It has ended then."""
        self.aws.__exit__()
        with open(self.trail, encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]


def counted(calls: list) -> dict:
    """How many calls there were of each operation, the most frequent first."""
    return dict(Counter(it["operation"] for it in calls).most_common())


def instant(text: str) -> float:
    """Seconds since 1970 of a time in the trail, which has up to nine digits after the point."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{whole}+00:00").timestamp() + float(f"0.{fraction or 0}")
