"""Select and plan: `lamplighter plan`, and Cloud Custodian with the same selection."""

import json
from pathlib import Path

import measured
from found import Found, Plot
from measured import MIB, Took
from organization import REGIONS, Organization, counted, places

SELECT = {"tags": {"backup": "daily"}, "where": "target.size_gib >= 100"}
# The same in the words of Custodian.
POLICY = {"policies": [{
    "name": "select", "resource": "ebs",
    "filters": [{"tag:backup": "daily"}, {"type": "value", "key": "Size", "op": "ge", "value": 100}],
}]}
LIMITS = """What limits it: Lamplighter has ten places in one process at a time, and Custodian one. A plan is told
as a whole, so until its end all that is known of each target that it would act on is kept as JSON, for
`apply` to refuse what has changed since; that is most of the memory. Each listed volume costs {listed:.0f} µs of
CPU time, and each planned one {planned:.0f} µs more: the SDK reads AWS's XML into types of its own, of which the
values are made that conditions ask about and plans carry along."""
# Looks at every volume and plans for one in a hundred: AWS has no filter for this.
FEW = {"where": "target.size_gib > 495"}
MOST = 100_000


def tasks() -> dict:
    backup = {"action": "ebs.snapshot.create", "accounts": "all"}
    return {"nightly": {**backup, "select": SELECT}, "few": {**backup, "select": FEW}}


def fleet(volumes: int) -> list:
    """So many volumes over all places, six of ten with the tag, and all of them with some."""
    here = volumes // len(places(REGIONS))
    size, team = "8..500", "team-{1..4}"
    return [
        {"count": here * 6 // 10, "size": size, "attached": "80%",
         "tags": {"backup": "daily", "team": team, "Name": "database-{n}", "stage": "prod"}},
        {"count": here * 4 // 10, "size": size, "attached": "80%",
         "tags": {"backup": "weekly", "team": team, "Name": "cache-{n}", "stage": "prod"}},
    ]


def plan(organization: Organization, task: str) -> tuple:
    """What it took, and the volumes that would be backed up."""
    out = organization.work / "plan.json"
    took = measured.run(organization.command("--json", "plan", task), organization.environment,
                        organization.work, out)
    (planned,) = json.loads(out.read_text())["tasks"]
    return took, {it["target"] for it in planned["verdicts"] if it["verdict"] == "act"}


def custodian(program: Path, organization: Organization) -> tuple:
    """The same by Custodian: one run in each place, one after the other, which costs no more CPU
    than side by side, and the memory of one only."""
    work = organization.work / "custodian"
    work.mkdir()
    (work / "policy.json").write_text(json.dumps(POLICY))
    took, selected = Took(0, 0, 0), set()
    for account, region in places(REGIONS):
        took += measured.run(
            [program, "run", "--dryrun", "--cache-period", "0", "--region", region,
             "--output-dir", "out", "policy.json"],
            organization.environment | {"AWS_ACCESS_KEY_ID": account, "HOME": str(work),
                                        "AWS_REGION": region, "AWS_DEFAULT_REGION": region},
            work, work / "said")
        rows = json.loads((work / "out" / "select" / "resources.json").read_text())
        selected |= {it["VolumeId"] for it in rows}
    return took, selected


def measure(bench) -> Found:
    found = Found()
    names = {"nightly": "those with the tag are listed, half are planned",
             "few": "all are listed, one in a hundred is planned"}
    series = {"cpu": {}, "memory": {}, "planned": {}}
    for volumes in (MOST // 100, MOST // 10, MOST):
        for task, name in names.items():
            with Organization(bench.program, bench.place(), tasks(), fleet(volumes)) as there:
                took, planned = plan(there, task)
                calls = counted(there.calls())
            print(f"    {task} of {volumes}: {len(planned)} planned, {took}, {calls}", flush=True)
            for key, value in (("cpu", took.cpu), ("memory", took.memory / MIB),
                               ("planned", len(planned))):
                series[key].setdefault(name, []).append((volumes, value))
            if volumes == MOST and task == "nightly":
                compare(bench, found, took, planned, calls)
    grown(found, series, *names.values())
    if any(row.met is False for row in found.rows):
        found.said.append(limits(series, *names.values()))
    found.plots += [
        Plot("CPU time of a plan", "volumes in ten places", "s", series["cpu"]),
        Plot("Peak memory of a plan", "volumes in ten places", "MiB", series["memory"]),
    ]
    return found


def compare(bench, found: Found, took: Took, planned: set, calls: dict) -> None:
    found.row(f"Plan {len(planned):,} of {MOST:,} volumes in 10 places", f"{took.wall:.1f} s")
    found.row("Calls for that", said(calls))
    if not bench.custodian:
        found.row("Client CPU", f"{took.cpu:.2f} s; Custodian could not be installed",
                  "30 times less than Cloud Custodian")
        found.row("Peak memory", f"{took.memory / MIB:.0f} MiB; Custodian could not be installed",
                  "10 times less than Cloud Custodian")
        return
    with Organization(bench.program, bench.place(), tasks(), fleet(MOST)) as there:
        theirs, selected = custodian(bench.custodian, there)
        print(f"    Custodian: {len(selected)} selected, {theirs}", flush=True)
        found.row("Calls of Cloud Custodian for the same", said(counted(there.calls())))
    if selected != planned:
        raise RuntimeError(f"{len(planned)} planned, and Custodian selected {len(selected)}")
    less = theirs.cpu / took.cpu
    found.row("Client CPU, and Custodian's",
              f"{took.cpu:.2f} s and {theirs.cpu:.1f} s: {times(less)}", "30 times less",
              less >= 30)
    less = theirs.memory / took.memory
    found.row("Peak memory, and Custodian's",
              f"{took.memory / MIB:.0f} MiB and {theirs.memory / MIB:.0f} MiB: {times(less)}",
              "10 times less", less >= 10)


def times(less: float) -> str:
    return f"{less:.1f} times less" if less >= 1 else f"{1 / less:.1f} times more"


def grown(found: Found, series: dict, most: str, few: str) -> None:
    """From a tenth to the whole."""
    _, (_, tenth), (_, whole) = series["cpu"][most]
    found.row(f"CPU for {MOST:,} volumes, and for a tenth", f"{whole / tenth:.1f} times as much",
              "linear: 10 times, or at most 12", whole <= 12 * tenth)
    # Of the tenth, each place has one full page already.
    (_, tenth), (_, whole) = series["memory"][few][1:]
    found.row(f"Peak memory to look at {MOST:,} volumes, and at a tenth, a page in each place",
              f"{whole:.0f} MiB and {tenth:.0f} MiB", "flat: at most a half more",
              whole <= 1.5 * tenth)
    (_, tenth), (_, whole) = series["memory"][most][1:]
    (_, fewer), (_, more) = series["planned"][most][1:]
    found.row("Memory for each further target of a plan, which is all told at its end",
              f"{(whole - tenth) * 1024 / (more - fewer):.1f} KiB")


def limits(series: dict, most: str, few: str) -> str:
    """What a volume costs, as it follows from the two tasks: six of ten volumes have the tag."""
    listed = series["cpu"][few][-1][1] / MOST
    planned = (series["cpu"][most][-1][1] - 0.6 * MOST * listed) / series["planned"][most][-1][1]
    return LIMITS.format(listed=listed * 1e6, planned=planned * 1e6)


def said(calls: dict) -> str:
    return ", ".join(f"{count} {name}" for name, count in calls.items())
