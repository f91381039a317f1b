"""Installs the emulator below `.tools` and prints the directory of its programs.

    install.py [LOCK-FILE]

What is installed is exactly the lock file, `requirements.txt` beside this unless another is
named, checked against its hashes. A directory is complete only when its stamp is written, so one
that a crash left behind is made anew; a lock makes a second run wait for the first. Nothing
outside `.tools` is touched.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
REQUIREMENTS = Path(sys.argv[1]).resolve() if sys.argv[1:] else HERE / "requirements.txt"
TOOLS = HERE.parent.parent / ".tools"


def directory() -> Path:
    """Where this lock file, for this interpreter and this place, is installed."""
    # A virtual environment holds absolute paths, to itself and to the interpreter.
    key = "\n".join([REQUIREMENTS.read_text(), sys.version, sys.base_prefix, str(TOOLS)])
    return TOOLS / f"emulator-{hashlib.sha256(key.encode()).hexdigest()[:12]}"


def install(place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    print(f"Installing {REQUIREMENTS} into {place}, once", file=sys.stderr, flush=True)
    subprocess.run(
        [sys.executable, "-m", "venv", str(place)], check=True, stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
    )
    pip = [str(place / "bin" / "python"), "-m", "pip", "--no-input", "--disable-pip-version-check"]
    # A user's `PIP_USER` or `PIP_TARGET` would install beside the environment.
    drop = {"PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PYTHONHOME", "PYTHONPATH"}
    subprocess.run(
        [*pip, "install", "--quiet", "--require-hashes", "--only-binary", ":all:",
         "--requirement", str(REQUIREMENTS)],
        check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr,
        env={name: value for name, value in os.environ.items() if name not in drop},
    )


def main() -> None:
    # So that a half-made directory is removed then, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    TOOLS.mkdir(exist_ok=True)
    place = directory()
    stamp = place / "complete"
    with open(TOOLS / "emulator.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists():
            try:
                install(place)
                stamp.touch()
            except BaseException:
                with contextlib.suppress(OSError):
                    shutil.rmtree(place)
                raise
    print(place / "bin")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except subprocess.CalledProcessError as problem:
        sys.exit(f"Installing the emulator failed: `{' '.join(problem.cmd[:4])} …` "
                 f"ended with {problem.returncode}; what it printed stands above")
