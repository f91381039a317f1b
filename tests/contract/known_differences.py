"""Where a server answers otherwise than AWS, and is known to.

What AWS does stands with the check, with its source; here stands what the server does instead.
`shows` is a part of the check's failure, so that an entry hides no other mistake. An entry whose
check passes is an error: it says so when the server has been mended.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    """What a server does instead."""

    instead: str
    shows: str
    # Why it may: for the simulator only, which is ours to mend.
    why: str = ""


DIFFERENCES = {
}
