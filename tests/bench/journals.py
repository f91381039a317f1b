"""Jobs per second through the journals."""

import json
import time
import urllib.request

import measured
from bench import divan
from found import Found
from measured import bed
from organization import HUB, Organization, counted, places

# The benchmark of the journal on SQLite takes so many jobs through it.
THROUGH = 2_000
# In each place: as many calls as AWS's bucket for `CreateTags` lets pass at once, and less, so that
# nothing waits for AWS.
REGIONS = ["eu-central-1", "eu-north-1", "eu-west-1", "us-east-1"]
VOLUMES = 90
# Of the simulated time, so that a new table is soon there.
SPEED = 20
WRITES = {"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem"}

TASKS = {"tag": {"action": "tags.set", "accounts": "all", "select": {"where": "true"},
                 "with": {"kinds": ["volumes"], "tags": {"checked": "yes"}}}}


def measure(bench) -> Found:
    found = Found()
    medians = divan("lamplighter-embedded", "journal")
    for callers in ("1", "10", "100", "500"):
        rate = THROUGH / medians[callers]
        goal = ("at least 2,000", rate >= 2_000) if callers == "100" else ("", None)
        found.row(f"Jobs a second through SQLite, {callers} under way", f"{rate:,.0f}", *goal)
    jobs = VOLUMES * len(places(REGIONS))
    for kind in ("sqlite", "dynamodb"):
        volumes = [{"count": VOLUMES, "size": 8}]
        with Organization(bench.program, bench.place(), TASKS, volumes, REGIONS, SPEED,
                          pacing={"share": "100%"}) as there:
            if kind == "dynamodb":
                create_table(there)
            url = {"sqlite": "sqlite:bench.db", "dynamodb": "dynamodb:lamplighter"}[kind]
            out = there.work / "run.json"
            took = measured.run(there.command("--json", "--journal", url, "run", "tag"),
                                there.environment, there.work, out)
            (ran,) = json.loads(out.read_text())["runs"]
            if ran["targets"] != jobs or ran["state"] != "succeeded":
                raise RuntimeError(f"{ran}")
            calls = there.calls()
        print(f"    {jobs} jobs, {kind}: {took}, {counted(calls)}", flush=True)
        name = {"sqlite": "SQLite", "dynamodb": "DynamoDB, simulated over the wire"}[kind]
        found.row(f"Jobs a second in a whole `run` on {name}", f"{jobs / took.wall:,.0f}")
        if kind == "dynamodb":
            written = sum(it["operation"] in WRITES for it in calls)
            asked = sum(it["service"] == "dynamodb" for it in calls)
            found.row("Writing calls to DynamoDB for each target, and all calls",
                      f"{written / jobs:.2f} and {asked / jobs:.2f}")
    return found


def create_table(there: Organization) -> None:
    """The journal's table, as `deploy/hub.yaml` has it."""
    def keys(hashed: str, ranged: str) -> list:
        return [{"AttributeName": hashed, "KeyType": "HASH"},
                {"AttributeName": ranged, "KeyType": "RANGE"}]

    def index(name: str, hashed: str, ranged: str) -> dict:
        return {"IndexName": name, "KeySchema": keys(hashed, ranged),
                "Projection": {"ProjectionType": "KEYS_ONLY"}}

    names = ["pk", "sk", "open", "wake_at", "gate", "runs", "run"]
    ask(there, "dynamodb", "DynamoDB_20120810.CreateTable", {
        "TableName": "lamplighter", "BillingMode": "PAY_PER_REQUEST", "KeySchema": keys("pk", "sk"),
        "AttributeDefinitions": [{"AttributeName": it, "AttributeType": "S"} for it in names],
        "GlobalSecondaryIndexes": [index("open", "open", "wake_at"),
                                   index("waiting", "gate", "wake_at"), index("runs", "runs", "run")],
    })
    # It takes ten simulated seconds, and some more until every call sees it.
    time.sleep(30 / SPEED)


def ask(there: Organization, service: str, target: str, body: dict) -> dict:
    """A call of a service that speaks JSON, as any client makes it; nobody checks signatures."""
    signed = (f"AWS4-HMAC-SHA256 Credential={HUB}/20260101/{there.environment['AWS_REGION']}/"
              f"{service}/aws4_request, SignedHeaders=host, Signature=00")
    request = urllib.request.Request(
        there.aws.address, json.dumps(body).encode(),
        {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.0",
         "Authorization": signed})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as answer:
        return json.loads(answer.read())
