"""Deploys the templates of `deploy/` for real, into ministack, and uses what they made.

    LAMPLIGHTER_BINARY=target/debug/lamplighter python tests/deploy

Run it with the Python that `tests/emulator/install.py tests/deploy/requirements.txt` installs.
Without LAMPLIGHTER_BINARY, which is the whole program with the AWS SDK, what needs it is left out,
and that is said.
"""

import os
import sys
import tempfile
import time
import traceback
from pathlib import Path

import fargate
import hub
import roles
import stacksets
from stage import HUB, MEMBER, REGION, Ministack, Stack, bed

FAILED = []


def check(function, *arguments) -> None:
    """Calls it, and says by its name how it went."""
    began = time.monotonic()
    name = function.__name__.replace("_", " ")
    try:
        function(*arguments)
        result = "ok"
    except Exception:
        traceback.print_exc()
        FAILED.append(name)
        result = "FAILED"
    print(f"  {result:<6} {time.monotonic() - began:5.1f} s  {name}", flush=True)


def on_fargate() -> None:
    print("The hub on Fargate", flush=True)
    with Ministack() as ministack:
        check(fargate.what_is_missing_is_refused, ministack)
        stack = Stack(ministack, "hub.yaml", "lamplighter-ecs", **fargate.GIVEN)
        check(fargate.the_log_has_the_words_that_alarms_wait_for, ministack)
        for function in [
            fargate.a_service_works_and_nothing_of_lambda_is_made,
            fargate.events_of_the_bus_come_to_the_queue,
            fargate.the_schedule_sends_the_tick_to_the_queue,
        ]:
            check(function, ministack, stack)


def with_permissions() -> None:
    print("Roles, where permissions are enforced", flush=True)
    with Ministack(auth=True) as ministack:
        ministack.upload("code", "none.zip", {"bootstrap": ""})
        deployed = Stack(ministack, "hub.yaml", "lamplighter", **roles.HUB_STACK)
        member = Stack(ministack, "member.yaml", "lamplighter-member", MEMBER,
                       HubPrincipal=deployed.output("RoleArn"), ExternalId=roles.EXTERNAL_ID)
        probe = roles.Probe(ministack, deployed)
        check(roles.the_member_is_entered_with_the_right_external_id_only, probe, member)
        check(roles.nobody_else_enters_the_member, ministack, member)
        check(roles.the_hub_enters_no_other_role, ministack, probe)
        check(roles.the_hub_has_what_the_policy_command_says, ministack)
        check(roles.the_hub_has_its_own_table_and_queue_and_no_other, ministack, probe, deployed)


def in_many_accounts() -> None:
    print("Members by a StackSet", flush=True)
    check(stacksets.every_account_has_one_role_and_every_region_forwards)


def on_lambda(program: Path) -> None:
    print("The hub on Lambda, with the program", flush=True)
    port = bed.free_port()
    address = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as place, Ministack(EC2=address, STS=address) as ministack:
        work = Path(place)
        (work / "config").mkdir()
        (work / "config" / "all.yaml").write_text(hub.ACCOUNTS + hub.TASKS)
        Stack(ministack, "member.yaml", "lamplighter-member", MEMBER, ExternalId=hub.EXTERNAL_ID,
              HubPrincipal=f"arn:aws:iam::{HUB}:role/lamplighter-hub",
              HubBusArn=f"arn:aws:events:{REGION}:{HUB}:event-bus/lamplighter")
        policies = hub.policies_of_the_member(ministack)
        with hub.Simulator(program, port, work, policies) as simulator:
            deployed = hub.Hub(program, ministack, work)
            check(hub.the_schedule_ticks_and_every_target_is_done, deployed, simulator)
            check(hub.a_plan_can_be_asked_for, deployed)
            check(hub.a_poisoned_message_ends_among_the_dead_letters, deployed)
            check(hub.a_version_is_rolled_out_and_back, deployed)


def main() -> int:
    on_fargate()
    with_permissions()
    in_many_accounts()
    if program := os.environ.get("LAMPLIGHTER_BINARY"):
        on_lambda(Path(program).resolve(strict=True))
    else:
        print("The hub on Lambda is LEFT OUT: it needs LAMPLIGHTER_BINARY, the program", flush=True)
    print("".join(f"\nFAILED: {it}" for it in FAILED))
    return 1 if FAILED else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
