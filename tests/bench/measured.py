"""A process, and what it took.

The kernel counts the CPU time and the peak of the memory of a process that has ended; nothing is
sampled. A peak below that of this harness, some ten MiB, cannot be seen: a process begins as a copy
of the one that starts it.
"""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT / "tests" / "contract"))

import bed  # noqa: E402

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
    began = time.monotonic()
    with open(out, "wb") as said, open(work / "errors", "wb") as errors:
        process = subprocess.Popen(command, env=bed.CLEAN | environment, cwd=work,
                                   stdin=subprocess.DEVNULL, stdout=said, stderr=errors)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            bed.ended(process)
            raise
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}: "
                           f"{(work / 'errors').read_text(errors='replace')[-2000:]}")
    # In KiB, but in bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    return Took(time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit)
