"""`docs/performance.md`: what was found, as a table and plots."""

import json
import os
import platform
import re
import subprocess
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import plot
from found import Found
from measured import ROOT

PATH = ROOT / "docs" / "performance.md"
PICTURES = ROOT / "docs" / "performance"
# What was found, so that one figure can be measured anew and the others stay.
KEPT = PICTURES / "found.json"

HEAD = """<!-- Written by scripts/bench. -->

# Performance

What `scripts/bench` has measured. Everything is on one machine and 127.0.0.1: the program as users
have it, built for release, and at the other end AWS as `lamplighter simulate --serve` plays it, with
its pages, its lags and its throttling by AWS's published buckets. CPU times are those of the client's
process, in itself and in the kernel, and hardly depend on what else a machine does; times on the clock
do.
"""


@dataclass(frozen=True)
class Section:
    """A part of the page: what it is called, and how it was measured."""
    title: str
    how: str


def noted(found: Found) -> dict:
    """What was found, with when and where."""
    return {"at": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"), "on": machine(),
            "commit": commit(), **found.as_json()}


def machine() -> str:
    """Processors, memory and system; no names."""
    said = ""
    if Path("/proc/cpuinfo").exists():
        models = re.findall(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        said = f" ({models[0].strip()})" if models else ""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (f"{os.cpu_count()} processors{said}, {memory:.0f} GiB of memory, "
            f"{platform.system()} {platform.machine()}")


def commit() -> str:
    told = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, check=False,
                          stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8")
    return told.stdout.strip() or "unknown"


def read() -> dict:
    return json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}


def write(kept: dict, sections: dict) -> None:
    PICTURES.mkdir(exist_ok=True)
    KEPT.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    parts = [HEAD]
    short = []
    for key, section in sections.items():
        if key not in kept:
            continue
        it = kept[key]
        found = Found.from_json({name: it[name] for name in ("rows", "plots", "said")})
        short += [row for row in found.rows if row.met is False]
        parts += [f"## {section.title}\n", section.how.strip() + "\n", table(found)]
        parts += [f"{text}\n" for text in found.said]
        for number, drawn in enumerate(found.plots):
            name = f"{key}-{number + 1}.svg"
            (PICTURES / name).write_text(plot.svg(drawn), encoding="utf-8")
            parts.append(f"![{drawn.title}](performance/{name})\n")
        parts.append(f"Measured {it['at']} at commit `{it['commit']}`, on {it['on']}.\n")
    said = "All goals are met.\n" if not short else "These fall short of their goals; what limits them is said below:\n\n" + "".join(
        f"- {row.what}: {row.found}; the goal is {row.goal}\n" for row in short)
    parts.insert(1, said)
    PATH.write_text("\n".join(parts), encoding="utf-8")


def table(found: Found) -> str:
    lines = ["| | found | goal | |", "|---|---|---|---|"]
    for row in found.rows:
        verdict = {None: "", True: "met", False: "**short**"}[row.met]
        lines.append(f"| {row.what} | {row.found} | {row.goal} | {verdict} |")
    return "\n".join(lines) + "\n"
