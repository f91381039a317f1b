"""A process, and what it took.

The kernel counts the CPU time and the peak of the memory of a process that has ended; nothing is
sampled.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT / "tests" / "contract"))

import bed  # noqa: E402

WATCHED = Path(__file__).resolve().with_name("watched.py")
MIB = 1024 * 1024


@dataclass(frozen=True)
class Took:
    """Seconds, seconds of CPU in the process itself and in the kernel, and bytes."""
    wall: float
    cpu: float
    memory: int

    def __add__(self, other: "Took") -> "Took":
        """One after the other."""
        return Took(self.wall + other.wall, self.cpu + other.cpu, max(self.memory, other.memory))

    def __str__(self) -> str:
        return f"{self.wall:.1f} s, {self.cpu:.2f} s of CPU, {self.memory / MIB:.0f} MiB at most"


def run(command: list, environment: dict, work: Path, out: Path) -> Took:
    """Runs it to its end in a directory, with its output in a file there; raises if it fails."""
    report = work / "took.json"
    with open(out, "wb") as said, open(work / "errors", "wb") as errors:
        process = subprocess.Popen([sys.executable, "-I", "-S", WATCHED, report, *command], cwd=work,
                                   env=bed.CLEAN | environment, stdin=subprocess.DEVNULL,
                                   stdout=said, stderr=errors)
        try:
            code = process.wait()
        except BaseException:
            bed.ended(process)
            raise
    if code != 0:
        raise RuntimeError(f"{command[0]} ended with {code}: "
                           f"{(work / 'errors').read_text(errors='replace')[-2000:]}")
    return Took(**json.loads(report.read_text()))
