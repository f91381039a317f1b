"""Creations at AWS's own speed: 5,000 snapshots, which the bucket of `CreateSnapshot` bounds."""

import subprocess
import time

from found import Found, Plot
from measured import bed
from organization import Organization, instant, places

REGIONS = ["eu-west-1"]
VOLUMES = 1_000
# Of `CreateSnapshot` in an account and region: what it holds, and what it gains in a second.
# Source: EC2 Developer Guide, "Request throttling for the Amazon EC2 API".
CAPACITY, PER_SECOND = 100, 5
# Lamplighter's default.
SHARE = 0.7
# The least time that this share of the bucket leaves: it begins full.
BOUND = (VOLUMES - CAPACITY * SHARE) / (PER_SECOND * SHARE)

TASKS = {"nightly": {"action": "ebs.snapshot.create", "accounts": "all", "select": {"where": "true"}}}


def measure(bench) -> Found:
    volumes = [{"count": VOLUMES, "size": 8}]
    with Organization(bench.program, bench.place(), TASKS, volumes, REGIONS) as there:
        # All are made long before the first is watched to its end, which is not waited for.
        process = subprocess.Popen(
            there.command("--journal", "sqlite:bench.db", "run", "nightly"), cwd=there.work,
            env=bed.CLEAN | there.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            time.sleep(BOUND * 1.15)
        finally:
            bed.ended(process)
        calls = [it for it in there.calls() if it["operation"] == "CreateSnapshot"]
    return judged(calls)


def judged(calls: list) -> Found:
    found = Found()
    wanted = VOLUMES * len(places(REGIONS))
    times = sorted(instant(it["at"]) for it in calls if it["outcome"] == "done")
    throttled = sum(it.get("code") == "RequestLimitExceeded" for it in calls)
    seconds = times[-1] - times[0]
    what = f"{wanted:,} throttled creations in 5 places, against the bound of {BOUND:.0f} s"
    if len(times) < wanted:
        found.row(what, f"{len(times):,} after {seconds:.0f} s", "at most 1.05 times", False)
    else:
        found.row(what, f"{seconds:.1f} s: {seconds / BOUND:.3f} times", "at most 1.05 times",
                  seconds <= 1.05 * BOUND)
    if len(times) > wanted:
        raise RuntimeError(f"{len(times)} snapshots of {wanted} volumes")
    share = throttled / len(calls)
    found.row("Share of answers that were throttled", f"{share:.2%} of {len(calls):,}", "below 1 %",
              share < 0.01)
    line = [(at - times[0], number + 1) for number, at in enumerate(times)][::50]
    ideal = [(0, len(places(REGIONS)) * CAPACITY * SHARE), (BOUND, wanted)]
    found.plots.append(Plot("Snapshots made", "s", "snapshots", {"made": line, "the bound": ideal}))
    return found
