"""A tick: what of 10,000 tasks is due."""

from bench import divan
from found import Found


def measure(_) -> Found:
    found = Found()
    medians = divan("lamplighter-core", "tick")
    found.row("What is due of 10,000 tasks, a minute after the last tick",
              f"{medians['a_minute_of_10_000_tasks'] * 1e3:.1f} ms")
    found.row("The same after a day away", f"{medians['a_day_away_with_10_000_tasks'] * 1e3:.1f} ms")
    return found
