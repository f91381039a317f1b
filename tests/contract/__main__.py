"""Runs the same checks, as an AWS client makes its calls, against the simulator and against moto
and ministack, two emulators by other people. Where one of those differs from AWS, the difference
is in `known_differences.py`; the simulator has none but those that are meant.

    python tests/contract [--write] [--on SERVER] [--only PART-OF-A-NAME]

`docs/simulator-referees.md` is written from the checks and the differences; with `--write` it is
written anew, otherwise it is compared. Run it with the Python that
`tests/emulator/install.py tests/contract/requirements.txt` installs.
"""

import argparse
import re
import sys
import time
import traceback
from pathlib import Path

import bed
import model
import page
from aws import Aws
from catalog import CHECKS, Check
from known_differences import DIFFERENCES

OPERATIONS = bed.ROOT / "docs" / "simulator.md"

def run(check: Check, name: str, server) -> str | None:
    """What is wrong, or nothing."""
    known = DIFFERENCES.get((name, check.name))
    try:
        check.function(Aws(name, server))
    except Exception as problem:
        found = f"{type(problem).__name__}: {problem}"
        if not known:
            return f"{found}\n{where(problem)}"
        if known.shows not in found:
            return f"differs otherwise than by `{known.shows}`:\n{found}"
        return None
    return "agrees: the difference is gone, take it out of known_differences.py" if known else None


def unchecked() -> list:
    """The simulator's operations that no check has made."""
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", OPERATIONS.read_text(encoding="utf-8"), re.M)
    there = {(service, name) for service, names in rows for name in names.split(", ")}
    return [f"no check asks the simulator for {service} {name}"
            for service, name in sorted(there - model.ANSWERED)]


def where(problem: Exception) -> str:
    """Where it happened, in the checks."""
    frames = traceback.extract_tb(problem.__traceback__)
    return "".join(f"  {it.filename}:{it.lineno}: {it.line}\n" for it in frames
                   if bed.HERE / "checks" in Path(it.filename).parents)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the page anew")
    parser.add_argument("--on", choices=bed.SERVERS, action="append", help="this server only")
    parser.add_argument("--only", default="", help="checks with this in their names only")
    arguments = parser.parse_args()

    wrong = [f"{key} is of no check" for key in DIFFERENCES
             if key not in {(name, check.name) for check in CHECKS for name in check.on}]
    for name, start in bed.SERVERS.items():
        checks = [it for it in CHECKS if name in it.on and arguments.only in it.name]
        if not checks or name not in (arguments.on or bed.SERVERS):
            continue
        began = time.monotonic()
        differences = len(wrong)
        with start() as server:
            for check in checks:
                if problem := run(check, name, server):
                    print(f"\n{name}, {check.name}: {check.rule}\n{problem}", flush=True)
                    wrong.append(f"{name}, {check.name}")
        known = sum((name, check.name) in DIFFERENCES for check in checks)
        print(f"{name:<10} {len(checks):>4} checks, {known:>3} known differences, "
              f"{len(wrong) - differences} wrong, {time.monotonic() - began:.1f} s", flush=True)
    if not arguments.only and "simulator" in (arguments.on or bed.SERVERS):
        wrong += unchecked()
    if not page.is_current(write=arguments.write):
        wrong.append(f"{page.PATH.name} is not current: run with --write and look at the change")
    print("".join(f"\nWRONG: {it}" for it in wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
