"""What benchmarks are given: the programs, and places to work in."""

import itertools
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from measured import ROOT

# A line of a table of divan: a name, then columns of which the median is the fourth from the end.
ROW = re.compile(r"[├╰]─ (\S+)")
MEDIAN = -4


@dataclass
class Bench:
    program: Path
    work: Path
    # `None` where it could not be installed.
    custodian: Path | None
    # Built for deployment. `None` where it was not.
    deployed: Path | None
    numbers: itertools.count = field(default_factory=itertools.count)

    def place(self) -> Path:
        """A directory that is not there yet."""
        return self.work / str(next(self.numbers))


def divan(package: str, name: str) -> dict:
    """The medians of a benchmark of the workspace, by the names of its rows, in seconds."""
    ran = subprocess.run(["cargo", "bench", "--locked", "--quiet", "-p", package, "--bench", name],
                         cwd=ROOT, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         encoding="utf-8")
    units = {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1}
    medians = {}
    for line in ran.stdout.splitlines():
        row, columns = ROW.search(line), line.split("│")
        if row and columns[MEDIAN].strip():
            value, unit = columns[MEDIAN].split()
            medians[row[1]] = float(value) * units[unit]
    if not medians:
        raise RuntimeError(f"no figures in what {name} said:\n{ran.stdout}")
    return medians
