"""All checks, by file, and which servers each is run against."""

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass

# The files of checks and the servers that know their services.
FILES = {
    "sts": ("simulator", "ministack"),
    "regions": ("simulator", "moto"),
    "volumes": ("simulator", "moto"),
    "snapshots": ("simulator", "moto"),
    "copies": ("simulator", "moto"),
    "instances": ("simulator", "moto"),
    "images": ("simulator", "moto"),
    "kms": ("simulator", "moto", "ministack"),
    "ssm": ("simulator", "moto"),
    "organizations": ("simulator",),
    "rds": ("simulator", "moto"),
    "scaling": ("simulator", "moto"),
    "dynamodb": ("simulator", "ministack"),
    "items": ("simulator", "ministack"),
    "sqs": ("simulator", "ministack"),
    "events": ("simulator", "ministack"),
    "faults": ("simulator",),
    "cli": ("simulator",),
}


@dataclass(frozen=True)
class Check:
    """One rule of AWS and how it is checked."""

    name: str
    function: Callable
    on: tuple

    @property
    def rule(self) -> str:
        return " ".join(self.parts[0].split())

    @property
    def source(self) -> str:
        """The AWS page that the rule comes from."""
        return " ".join(self.parts[-1].removeprefix("Source:").split())

    @property
    def parts(self) -> list:
        parts = inspect.getdoc(self.function).split("\n\n")
        if len(parts) != 2 or not parts[-1].startswith("Source:"):
            raise ValueError(f"{self.name}: the docstring is a rule and its source")
        return parts


def checks_of(file: str, on: tuple) -> list:
    module = importlib.import_module(f"checks.{file}")
    found = [it for name, it in vars(module).items() if name.startswith("check_")]
    return [Check(f"{file}.{it.__name__.removeprefix('check_')}", it, getattr(it, "on", on))
            for it in found]


CHECKS = [check for file, on in FILES.items() for check in checks_of(file, on)]
