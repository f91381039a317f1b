use serde_json::json;

use super::*;
use crate::{Place, task::Order};

const START: &str = "2026-03-29T02:00:00Z";

fn at(secs: i64) -> Timestamp {
    START.parse::<Timestamp>().unwrap() + SignedDuration::from_secs(secs)
}

/// A job on one target with an hour to go.
fn job() -> Job {
    let order: Order = serde_json::from_value(json!({
        "task": "nightly", "defined-at": "tasks.yaml:1", "action": "a.b.c", "params": {},
        "select": serde_json::to_value(crate::select::Selection::default()).unwrap(),
        "adopt": null, "mode": "act",
        "guards": { "expect": null, "limit-targets": null, "limit-percent": null },
        "max-concurrent": null, "timeout": null, "stop-after": null, "time-zone": "UTC",
    }))
    .unwrap();
    let place =
        Place { account: "111122223333".parse().unwrap(), region: "eu-west-1".parse().unwrap() };
    let id = JobId::act(&RunId::new(&order.task, at(0)), &place, "vol-1");
    let work = Work::Act {
        order: order.into(),
        place,
        occurrence: at(0),
        target: "vol-1".to_owned(),
        facts: json!({}).into(),
        why: String::new(),
        state: None,
    };
    Job::new(id, work, at(0), at(0), SignedDuration::from_hours(1))
}

fn leased() -> Job {
    job().leased("me", at(0))
}

fn fault(kind: FaultKind) -> Result<Outcome, Fault> {
    Err(Fault::new(kind, "it broke"))
}

/// Settles a leased job 10 s after it was leased, and shows what matters of its next form.
#[track_caller]
fn check(job: &Job, result: Result<Outcome, Fault>, expected: &str) {
    let next = job.settled(result, Tried::default(), at(10), 1.0);
    assert_eq!(next.version, job.version + 1);
    assert_eq!(next.lease, None, "a settled job is nobody's");
    assert_eq!(next.wake_at.is_some(), next.status == Status::Open, "law L3");
    assert_eq!(next.closed_at.is_some(), next.status != Status::Open);
    assert_eq!(show(&next), expected);
}

fn show(job: &Job) -> String {
    let wait = job.wake_at.map(|wake| format!(" in {}s", wake.duration_since(at(10)).as_secs()));
    let state = match &job.work {
        Work::Act { state: Some(state), .. } => format!(" state={state}"),
        _ => String::new(),
    };
    let gate = job.waiting_at.as_ref().map(|gate| format!(" at {gate}")).unwrap_or_default();
    let tried = if job.tried.times > 0 { " tried" } else { "" };
    let message = job.status.message().map(|text| format!(": {text}")).unwrap_or_default();
    format!(
        "{}{} attempts={} throttled={}{state}{gate}{tried}{message}",
        job.status.state().as_str(),
        wait.unwrap_or_default(),
        job.attempts,
        job.throttled,
    )
}

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_step_that_is_done_closes_the_job() {
    check(
        &leased(),
        Ok(Outcome::Done("made it".into())),
        "succeeded attempts=0 throttled=0 tried: made it",
    );
    check(
        &leased(),
        Ok(Outcome::Skipped("gone".into())),
        "skipped attempts=0 throttled=0 tried: gone",
    );
    check(
        &leased(),
        Ok(Outcome::Stopped("enough".into())),
        "stopped attempts=0 throttled=0 tried: enough",
    );
}

#[test]
fn a_step_that_goes_on_starts_with_fresh_attempts() {
    let job = Job { attempts: 3, throttled: 7, ..leased() };
    check(
        &job,
        Ok(Outcome::Again { state: json!(1), wait: MINUTE }),
        "open in 60s attempts=0 throttled=0 state=1",
    );
}

#[test]
fn a_step_that_tried_nothing_changes_nothing_but_the_time() {
    let job = Job { attempts: 3, throttled: 7, ..leased() };
    check(&job, Ok(Outcome::Later { wait: MINUTE }), "open in 60s attempts=3 throttled=7");
    check(
        &job,
        Ok(Outcome::Waiting { gate: "g".into(), wait: MINUTE }),
        "open in 60s attempts=3 throttled=7 at g",
    );
}

#[test]
fn throttling_spends_no_attempt_and_other_faults_do() {
    let job = Job { attempts: 2, throttled: 3, ..leased() };
    check(&job, fault(FaultKind::Throttled), "open in 40s attempts=2 throttled=4 tried");
    check(&job, fault(FaultKind::Transient), "open in 8s attempts=3 throttled=3 tried");
}

#[test]
fn a_fault_that_had_no_effect_does_not_count_as_a_try() {
    let fault = Fault::new(FaultKind::Throttled, "it broke").nothing_tried();
    check(&leased(), Err(fault), "open in 5s attempts=0 throttled=1");
}

#[test]
fn the_fifth_transient_fault_in_a_row_is_the_last() {
    let job = Job { attempts: 4, ..leased() };
    check(&job, fault(FaultKind::Transient), "failed attempts=4 throttled=0 tried: it broke");
}

#[test]
fn what_cannot_get_better_closes_the_job_at_once() {
    for kind in [FaultKind::Permission, FaultKind::Config, FaultKind::Refused, FaultKind::Permanent]
    {
        check(&leased(), fault(kind), "failed attempts=0 throttled=0 tried: it broke");
    }
}

#[test]
fn after_the_deadline_only_a_result_counts() {
    let job = Job { deadline: at(10), ..leased() };
    check(
        &job,
        Ok(Outcome::Done("made it".into())),
        "succeeded attempts=0 throttled=0 tried: made it",
    );
    for result in
        [Ok(Outcome::Again { state: json!(1), wait: MINUTE }), Ok(Outcome::Later { wait: MINUTE })]
    {
        check(
            &job,
            result,
            "failed attempts=0 throttled=0 tried: not done before its deadline 2026-03-29T02:00:10Z",
        );
    }
    check(
        &job,
        fault(FaultKind::Throttled),
        "failed attempts=0 throttled=0 tried: not done before its deadline 2026-03-29T02:00:10Z: it broke",
    );
}

#[test]
fn the_time_in_a_queue_is_not_the_jobs_own_but_ends_as_well() {
    let waiting = |job: &Job, now| {
        let outcome = Outcome::Waiting { gate: "g".into(), wait: MINUTE };
        job.settled(Ok(outcome), Tried::default(), now, 0.0)
    };
    let day = SignedDuration::from_hours(24);
    let next = waiting(&leased(), at(0) + day);
    assert_eq!(next.status, Status::Open);
    assert_eq!(next.deadline, at(0) + day + SignedDuration::from_secs(3660));
    let last = waiting(&leased(), at(0) + LONGEST_QUEUE);
    assert_eq!(last.status.state(), State::Failed);
}

#[track_caller]
fn check_admission(job: &Job, secs: i64, expected: Admission) {
    assert_eq!(job.admit(at(secs)), expected);
}

#[test]
fn one_worker_at_a_time_takes_a_step_and_only_when_it_is_due() {
    check_admission(&job(), -1, Admission::NotNow);
    check_admission(&job(), 0, Admission::Go);
    let lease = LEASE.as_secs();
    check_admission(&leased(), lease - 1, Admission::NotNow);
    check_admission(&leased(), lease, Admission::Go);
    let waiting = Job { waiting_at: Some("g".into()), wake_at: Some(at(60)), ..job() };
    check_admission(&waiting, 0, Admission::Go);
    let closed = leased().settled(Ok(Outcome::Done(String::new())), Tried::default(), at(1), 0.0);
    check_admission(&closed, 9_999, Admission::NotNow);
}

#[test]
fn a_lease_wakes_the_job_when_it_ends_and_can_be_renewed() {
    let leased = leased();
    let until = Some(at(0) + LEASE);
    assert_eq!(
        (leased.wake_at, leased.tried, leased.version),
        (until, Tried { times: 1, last: Some(at(0)) }, 1)
    );
    assert_eq!(leased.lease, Some(Lease { holder: "me".into(), until: at(0) + LEASE }));
    let renewed = leased.renewed(at(50));
    assert_eq!(renewed.lease, Some(Lease { holder: "me".into(), until: at(50) + LEASE }));
    assert_eq!((renewed.wake_at, renewed.version), (Some(at(50) + LEASE), 2));
}

#[test]
fn a_job_reads_back_from_json() {
    // An action with the state `()` remembers `null`: that it was begun is not forgotten.
    let begun = Outcome::Again { state: json!(null), wait: MINUTE };
    for job in [leased(), leased().settled(Ok(begun), Tried::default(), at(1), 0.0)] {
        let text = serde_json::to_string(&job).unwrap();
        assert_eq!(serde_json::from_str::<Job>(&text).unwrap(), job);
    }
}

#[test]
fn whoever_takes_a_step_waits_at_no_gate_any_more() {
    let wait = Duration::from_secs(60);
    let gate = "ebs-copies".to_owned();
    let waiting =
        leased().settled(Ok(Outcome::Waiting { gate, wait }), Tried::default(), at(0), 1.0);
    assert_eq!(waiting.waiting_at.as_deref(), Some("ebs-copies"));
    assert_eq!(waiting.admit(at(1)), Admission::Go, "there may be room");
    let again = Ok(Outcome::Again { state: json!(1), wait });
    let next = waiting.leased("me", at(1)).settled(again, Tried::default(), at(1), 1.0);
    assert_eq!(next.waiting_at, None);
    assert_eq!(next.admit(at(2)), Admission::NotNow, "it is not due yet");
}
