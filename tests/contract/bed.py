"""The servers that the checks run against, each on a free port of 127.0.0.1.

A server is ready when it says where it listens; nothing waits for a fixed time. Each ends with
this process: it is stopped when its `with` block ends, and the simulator also when its standard
input closes.
"""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PROGRAMS = Path(sys.executable).parent
RUNNING = re.compile(r"Running on http://127\.0\.0\.1:(\d+)")
# Nothing of this shell's AWS settings reaches a server or a client.
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "NO_PROXY": "*",
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ended(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Referee:
    """A program of this virtual environment that is started once and forgets on request."""

    def __init__(self, command: list, environment: dict, forget: str):
        self.forget = forget
        self.process = subprocess.Popen(
            [PROGRAMS / command[0], *command[1:]], env=CLEAN | environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            encoding="utf-8", errors="replace",
        )
        self.said = []
        self.endpoint = f"http://127.0.0.1:{self.port()}"
        # Read on, or the server would wait for room in the pipe.
        threading.Thread(target=lambda: self.said.extend(self.process.stdout), daemon=True).start()

    def port(self) -> int:
        for line in self.process.stdout:
            self.said.append(line)
            if found := RUNNING.search(line):
                return int(found[1])
        self.process.wait()
        raise RuntimeError(f"{self.process.args[0]} did not start:\n{''.join(self.said)}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        ended(self.process)

    def fresh(self) -> str:
        """The end point, with nothing in it."""
        request = urllib.request.Request(self.endpoint + self.forget, data=b"", method="POST")
        with urllib.request.urlopen(request, timeout=30):
            return self.endpoint


def moto() -> Referee:
    # Without its thousand images, whose snapshots it would list as everybody's own.
    return Referee(["moto_server", "-H", "127.0.0.1", "-p", "0"],
                   {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}, "/moto-api/reset")


def ministack() -> Referee:
    # It writes its port into the addresses of queues, so it has to be told one.
    return Referee(["ministack"], {
        "AUTH": "true", "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(free_port()),
        "SFTP_ENABLED": "0", "IOT_MTLS_ENABLED": "0",
    }, "/_ministack/reset")


class EndPoint:
    """A fleet as an AWS end point: `lamplighter simulate --serve`, in a directory that has a
    configuration. What clients need to get there is in `environment`."""

    EXPORT = re.compile(r"(\w+)=(\S+)")

    def __init__(self, program: Path, work: Path, fleet: dict, *arguments: str, port: int = 0):
        (work / "fleet.yaml").write_text(json.dumps(fleet))
        self.process = subprocess.Popen(
            [program, "--config", work / "config", "simulate", "--fleet", work / "fleet.yaml",
             "--days", "0", "--serve", str(port), *arguments],
            env=CLEAN, cwd=work, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, encoding="utf-8",
        )
        self.said = []
        self.environment = {}
        while not self.environment or self.said[-1].startswith("export "):
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError(f"the simulator has ended: {''.join(self.said)}")
            self.said.append(line)
            if line.startswith("export "):
                self.environment |= dict(self.EXPORT.findall(line))
        self.address = self.environment["AWS_ENDPOINT_URL"]
        # Read on, or it would wait for room in the pipe.
        threading.Thread(target=lambda: self.said.extend(self.process.stdout), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        ended(self.process)


class Simulator:
    """The simulator: a program of its own for each check, which takes orders by its input."""

    def __init__(self):
        self.program = build()
        self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.stdin.close()
            ended(self.process)
            self.process = None

    def fresh(self) -> str:
        self.__exit__()
        self.process = subprocess.Popen([self.program], env=CLEAN, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, encoding="utf-8")
        return f"http://{self.answer()}"

    def order(self, **order) -> None:
        """Has it do something that no AWS operation does."""
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        if (answer := self.answer()) != "done":
            raise RuntimeError(f"{order}: {answer}")

    def answer(self) -> str:
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the simulator has ended ({self.process.wait()})")
        return line.strip()


def build() -> str:
    """Builds the simulator's server and returns its path."""
    built = subprocess.run(
        ["cargo", "build", "--locked", "--quiet", "--package", "lamplighter-simulator",
         "--example", "contract", "--message-format", "json-render-diagnostics"],
        cwd=ROOT, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, encoding="utf-8",
    )
    made = (json.loads(line) for line in built.stdout.splitlines())
    return next(it["executable"] for it in made if it.get("executable"))


SERVERS = {"simulator": Simulator, "moto": moto, "ministack": ministack}
