"""The program as a Lambda function: how long it takes until it asks for work, and its size.

Lambda starts `bootstrap` and waits until that asks the runtime API for the first invocation: that
is the initialization. The runtime API is played here.
"""

import os
import statistics
import subprocess
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from found import Found
from journals import SPEED, TASKS, ask, create_table
from measured import MIB, bed
from organization import Organization

TIMES = 15


class RuntimeApi:
    """Lambda's runtime API, which never has work, and notes when it is asked for some."""

    def __init__(self):
        self.asked = threading.Event()
        self.over = threading.Event()
        outer = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.set()
                outer.over.wait()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()


def measure(bench) -> Found:
    found = Found()
    program = bench.deployed or bench.program
    built = "as it is deployed" if bench.deployed else "a release build, not the one for deployment"
    zipped = bench.place()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.write(program, "bootstrap")
    size = zipped.stat().st_size / MIB
    inits = []
    with Organization(bench.program, bench.place(), TASKS, [{"count": 1}], speed=SPEED) as there:
        queue = ask(there, "sqs", "AmazonSQS.CreateQueue", {"QueueName": "lamplighter"})["QueueUrl"]
        create_table(there)
        for _ in range(TIMES):
            inits.append(init(program, there, queue))
    median = statistics.median(inits) * 1e3
    found.row(f"Initialization of the function, the median of {TIMES} ({built})",
              f"{median:.0f} ms; from {min(inits) * 1e3:.0f} to {max(inits) * 1e3:.0f} ms",
              "at most 100 ms", median <= 100)
    found.row(f"The function's zip ({built})",
              f"{size:.1f} MiB; the program is {os.path.getsize(program) / MIB:.1f} MiB",
              "at most 12 MiB", size <= 12)
    if not bench.deployed:
        found.said.append("What limits it: the SDK, above all that of EC2, is most of the program. The build "
                          "for deployment (`cargo build --profile dist`), which is made for size, is smaller; "
                          "its link takes long, so it is measured only with `scripts/bench --dist`.")
    return found


def init(program, there: Organization, queue: str) -> float:
    """Seconds from the start of the process until it asks for the first invocation."""
    with RuntimeApi() as api:
        began = time.monotonic()
        process = subprocess.Popen([program], cwd=there.work, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=bed.CLEAN | there.environment | {
                "AWS_LAMBDA_RUNTIME_API": api.address, "AWS_LAMBDA_FUNCTION_NAME": "lamplighter",
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512", "AWS_LAMBDA_FUNCTION_VERSION": "1",
                "LAMBDA_TASK_ROOT": str(there.work),
                "LAMPLIGHTER_JOURNAL": "dynamodb:lamplighter", "LAMPLIGHTER_QUEUE": f"sqs:{queue}",
            })
        try:
            if not api.asked.wait(30):
                raise RuntimeError("the function did not ask for work")
            return time.monotonic() - began
        finally:
            process.kill()
            process.wait()
