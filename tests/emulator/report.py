"""Compares two audits (`seed.py --audit`) of the organization and judges what happened between
them: one table row per place, and exit code 1 when the two tasks of `config/` did anything else
than they promise.

    report.py BEFORE AFTER

It knows nothing of Lamplighter's journal: it looks at what is there, as AWS would tell it.
"""

import json
import sys
from collections import Counter

from seed import FLEET

COLUMNS = ["account", "region", "volumes", "backed up", "snapshots before", "made", "deleted",
           "snapshots now", "others' kept"]


def load(path: str) -> dict:
    with open(path, encoding="utf-8") as file:
        return {(row["name"], row["region"]): row for row in json.load(file)["places"]}


def by_id(place: dict) -> dict:
    return {row["id"]: row for row in place["snapshots"]}


def is_nightly(snapshot: dict) -> bool:
    return snapshot["tags"].get("lamplighter:task") == "nightly-backup"


def compare(before: dict, after: dict, names: set) -> tuple:
    """The table row of one place, and what is wrong with it. `names` are those of the volumes
    that should be backed up."""
    old, new = by_id(before), by_id(after)
    made = [row for row in new.values() if row["id"] not in old]
    deleted = [row for row in old.values() if row["id"] not in new]
    foreign = [row for row in old.values() if not is_nightly(row)]
    selected = {row["id"]: row["tags"]["Name"] for row in after["volumes"]
                if row["tags"].get("Name") in names}
    problems = []

    made_of = Counter(row["volume"] for row in made)
    for volume, name in selected.items():
        if made_of.pop(volume, 0) != 1:
            problems.append(f"{volume} ({name}) should have one new snapshot")
        kept = [row for row in old.values() if row["volume"] == volume and row["id"] in new]
        if not any(is_nightly(row) for row in kept):
            problems.append(f"{volume} ({name}) has lost its whole history")
    problems += [f"{volume} should have no new snapshot" for volume in made_of]
    problems += [f"{row['id']} was not ours to delete" for row in deleted if not is_nightly(row)]
    jobs = Counter(row["tags"].get("lamplighter:job") for row in made)
    problems += [f"{count} snapshots are from the job {job}" for job, count in jobs.items()
                 if count > 1 or job is None]
    row = [len(after["volumes"]), len(selected), len(old), len(made), len(deleted), len(new),
           len([row for row in foreign if row["id"] in new])]
    return row, problems


def main() -> int:
    if len(sys.argv) != 3:
        sys.exit("usage: report.py BEFORE AFTER")
    before, after = load(sys.argv[1]), load(sys.argv[2])
    rows, problems = [], []
    for place, volumes in FLEET.items():
        backed_up = {volume.name for volume in volumes if volume.backed_up}
        row, wrong = compare(before[place], after[place], backed_up)
        rows.append([*place, *row])
        problems += [f"{'/'.join(place)}: {text}" for text in wrong]
    total = [sum(row[column] for row in rows) for column in range(2, len(COLUMNS))]
    rows.append(["all", f"{len(FLEET)} places", *total])
    if total[COLUMNS.index("deleted") - 2] == 0:
        problems.append("nothing was pruned")

    table = [COLUMNS, *rows]
    widths = [max(len(str(row[column])) for row in table) for column in range(len(COLUMNS))]
    for row in table:
        cells = [str(cell).ljust(width) if column < 2 else str(cell).rjust(width)
                 for column, (cell, width) in enumerate(zip(row, widths))]
        print("  ".join(cells).rstrip())
    for problem in problems:
        print(f"WRONG: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
