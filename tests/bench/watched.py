"""Runs a command and writes to a file what it took: watched.py FILE COMMAND...

A program of its own, because the kernel counts a process as a copy of the one that starts it until
it is the command: whatever that one has in memory would be the least that is ever measured. This one
has hardly anything.
"""

import json
import os
import signal
import sys
import time

report, *command = sys.argv[1:]
began = time.monotonic()
child = os.posix_spawn(command[0], command, os.environ)
signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGKILL))
_, status, usage = os.wait4(child, 0)
with open(report, "w", encoding="utf-8") as out:
    json.dump({
        "wall": time.monotonic() - began,
        "cpu": usage.ru_utime + usage.ru_stime,
        # In KiB, but in bytes on macOS.
        "memory": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
    }, out)
sys.exit(os.waitstatus_to_exitcode(status) and 1)
