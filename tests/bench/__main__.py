"""Measures what is promised, prints it, and writes it to `docs/performance.md`.

    LAMPLIGHTER_BINARY=target/release/lamplighter python tests/bench [FIGURE...]

`scripts/bench` builds the program and calls this. Without figures all are measured; with some, the
page keeps the others as they were. Needs the standard library only.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import creation
import function
import host
import journals
import page
import selection
import ticks
from bench import Bench
from page import Section

FIGURES = {
    "selection": (selection, Section("Select and plan", """
`lamplighter plan` of a task that makes snapshots of the volumes with a tag that have 100 GiB and more;
and [Cloud Custodian](https://cloudcustodian.io) 0.9.53 with the same selection, in a `custodian run
--dryrun` for each place, its CPU time summed. Both select the same volumes, which is checked. Lamplighter
has AWS filter by the tag; Custodian lists all volumes, as its policies do. The second line of the plots
is a task for which Lamplighter, too, lists them all.""")),
    "creation": (creation, Section("At AWS's own speed", """
`lamplighter run` in real time makes a snapshot of each of 1,000 volumes in each of five places, where AWS
lets 100 calls of `CreateSnapshot` pass at once and five a second after that. Lamplighter takes its default
share of that, 70 %, so the least time is that of 930 calls at 3.5 a second. The time is that from the first
to the last snapshot, by the simulator's trail of calls.""")),
    "journals": (journals, Section("Jobs per second", """
The first lines are `cargo bench -p lamplighter-embedded`: each job is created, loaded, leased and closed, in
three durable writes. The others are the whole program: `lamplighter run` of a task that tags volumes, many
in one call, so that it is the records that take the time. On one machine the simulated DynamoDB shares the
processors with the program.""")),
    "ticks": (ticks, Section("A tick", """
`cargo bench -p lamplighter-core --bench tick`: what of 10,000 tasks is due, by schedules of many kinds in ten
time zones.""")),
    "function": (function, Section("As a Lambda function", """
From the start of the process until it asks Lambda's runtime API for its first invocation, with its
configuration read and its table and queue looked for. Lambda gives a function of 512 MB less processor than
this machine has during invocations, but a whole one during initialization.""")),
    "host": (host, Section("A host that goes on", """
`lamplighter serve` on SQLite and on the real clock, with eighteen tasks that are due each minute in ten
places: more occurrences than a dozen tasks have in three hours that are due every five minutes. Memory is the
median of what is resident, looked at each second. It is compared after a warm-up: a run's sessions in the
accounts are forgotten a quarter of an hour after their last use, so for so long they become more.""")),
}


def path(name: str) -> Path | None:
    return Path(os.environ[name]).resolve(strict=True) if os.environ.get(name) else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figures", nargs="*", metavar="FIGURE",
                        help=f"one or more of {', '.join(FIGURES)}; default: all")
    chosen = parser.parse_args().figures or list(FIGURES)
    if unknown := [it for it in chosen if it not in FIGURES]:
        parser.error(f"no figure is called {', '.join(unknown)}")
    program = path("LAMPLIGHTER_BINARY")
    if not program:
        parser.error("LAMPLIGHTER_BINARY has to name the program")
    kept = page.read()
    with tempfile.TemporaryDirectory(prefix="lamplighter-bench.") as work:
        bench = Bench(program, Path(work), path("LAMPLIGHTER_CUSTODIAN"), path("LAMPLIGHTER_DIST"))
        for name in chosen:
            module, section = FIGURES[name]
            began = time.monotonic()
            print(f"{section.title}", flush=True)
            found = module.measure(bench)
            for row in found.rows:
                verdict = {None: "", True: " (met)", False: " (SHORT)"}[row.met]
                goal = f"; goal: {row.goal}{verdict}" if row.goal else ""
                print(f"  {row.what}: {row.found}{goal}")
            print(f"  took {time.monotonic() - began:.0f} s", flush=True)
            kept[name] = page.noted(found)
            page.write(kept, {key: section for key, (_, section) in FIGURES.items()})
    print(f"Written to {page.PATH.relative_to(page.ROOT)}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
