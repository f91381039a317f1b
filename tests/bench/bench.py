"""What benchmarks are given: the programs, and places to work in."""

import itertools
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from measured import ROOT

# Of a table of divan: the name, and the third of the columns, which is the median.
ROW = re.compile(r"^\s*[├╰]─ (\S+)\s")


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
        columns = line.split("│")
        row = ROW.match(line.replace("│", " ", 1) if line.startswith("│") else line)
        if row and len(columns) >= 5:
            value, unit = columns[-4].split()
            medians[row[1]] = float(value) * units[unit]
    if not medians:
        raise RuntimeError(f"no figures in what {name} said:\n{ran.stdout}")
    return medians
