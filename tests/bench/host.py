"""Memory and open files of `serve` while it works."""

import json
import os
import statistics
import subprocess
import time
from pathlib import Path

import measured
from found import Found, Plot
from measured import MIB, bed
from organization import Organization

# Tasks that are due each minute.
TASKS = 18
# Sessions in accounts are of one run, and are kept for a quarter of an hour after their last use.
# After that all that is kept for a time is there.
WARM, MINUTES = 16, 28
# As many occurrences as a dozen tasks have in an hour that are due every five minutes.
HOUR = 12 * 12
# Of each task in each of ten places.
VOLUMES = 2


def tasks() -> dict:
    """Each makes snapshots of volumes of its own, and lists all that there are."""
    return {f"task-{number}": {
        "action": "ebs.snapshot.create", "schedule": {"every": "1m"}, "accounts": "all",
        "select": {"where": f'tags.task == "{number}"', "limit": {"percent": 100}},
    } for number in range(TASKS)}


def measure(bench) -> Found:
    volumes = [{"count": VOLUMES, "size": 8, "tags": {"task": str(number)}}
               for number in range(TASKS)]
    volumes.append({"count": 300, "size": 8, "tags": {"task": "none"}})
    samples = []
    with Organization(bench.program, bench.place(), tasks(), volumes, speed=20) as there:
        serve = there.command("--journal", "sqlite:bench.db", "serve")
        process = subprocess.Popen(serve, cwd=there.work, env=bed.CLEAN | there.environment,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            began = time.monotonic()
            while (now := time.monotonic() - began) < MINUTES * 60:
                samples.append((now, *resident_and_open(process.pid)))
                time.sleep(1)
        finally:
            bed.ended(process)
        out = there.work / "runs.json"
        measured.run(there.command("--json", "--journal", "sqlite:bench.db", "runs", "--limit", "100000"),
                     there.environment, there.work, out)
        runs = json.loads(out.read_text())
    return judged(samples, runs)


def judged(samples: list, runs: list) -> Found:
    found = Found()
    warm = [it for it in samples if it[0] >= WARM * 60]
    quarter = len(warm) // 4
    parts = warm[:quarter], warm[-quarter:]
    targets = sum(it["targets"] for it in runs)
    found.row(f"Occurrences that it worked on in {MINUTES} minutes, and their targets",
              f"{len(runs):,} and {targets:,}", f"an hour's at least: {HOUR}", len(runs) >= HOUR)
    memory = [statistics.median(it[1] for it in part) / MIB for part in parts]
    found.row("Memory, in the first and in the last quarter of the time after the warm-up",
              f"{memory[0]:.1f} MiB and {memory[1]:.1f} MiB", "flat: at most a twentieth more",
              memory[1] <= 1.05 * memory[0])
    files = [max(it[2] for it in part) for part in parts]
    found.row("Open files, the most in the same quarters", f"{files[0]} and {files[1]}",
              "flat: at most a twentieth more", files[1] <= 1.05 * files[0])
    found.plots.append(Plot("Memory of `serve`", "minutes", "MiB", {
        "resident": [(now / 60, resident / MIB) for now, resident, _ in samples][::10]}))
    return found


def resident_and_open(pid: int) -> tuple:
    """Bytes in memory, and open files, as Linux tells them."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE"), len(os.listdir(f"/proc/{pid}/fd"))
