//! Jobs: written once, replaced by one, due in time.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{
    Fault, FaultKind, JobId, Journal,
    engine::{JobFilter, Tally, Write},
    job::{Job, Outcome, PlannedPlace, PlannedTarget, Status, Tried, Work},
};
use serde_json::json;

use super::{
    act, at, counted, create, done, find, leased, order, place, replace, run, settled, spread,
    waiting,
};

pub(super) async fn a_job_is_created_once(journal: &dyn Journal) {
    let run = run("nightly", 0);
    let [a, b, c] = ["a", "b", "c"].map(|target| act(&run, target, 0));
    let other_a = act(&run, "a", 7);
    let writes = journal.create(&[a.clone(), b.clone(), other_a.clone()]).await.unwrap();
    assert_eq!(writes, [Write::Won, Write::Won, Write::Lost], "an id twice in one batch");
    let writes = journal.create(&[other_a, c.clone()]).await.unwrap();
    assert_eq!(writes, [Write::Lost, Write::Won], "an id that exists");
    for job in [&a, &b, &c] {
        assert_eq!(journal.load(&job.id).await.unwrap().as_ref(), Some(job));
    }
    assert_eq!(journal.create(&[]).await.unwrap(), []);
    assert_eq!(journal.tally(&run).await.unwrap(), counted([&a, &b, &c]));
}

pub(super) async fn a_large_batch_is_created_whole(journal: &dyn Journal) {
    let run = run("nightly", 0);
    let jobs: Vec<Job> = (0..500).map(|n| act(&run, &format!("vol-{n:03}"), n)).collect();
    create(journal, &jobs).await;
    let filter = JobFilter { run: Some(run.clone()), ..JobFilter::default() };
    assert_eq!(journal.jobs(&filter).await.unwrap(), jobs);
    assert_eq!(journal.tally(&run).await.unwrap(), counted(&jobs));
}

pub(super) async fn a_job_is_loaded_as_it_was_written(journal: &dyn Journal) {
    let run = run("nightly", 0);
    let occurrence = at(0);
    let odd = "vol-1/ü \"quoted\" 'and' {braced} \u{1f56f} @2026-03-29T02:00:00Z%\\";
    let target = PlannedTarget { target: odd.to_owned(), facts: json!({"size-gib": 1.5}).into() };
    let planned = PlannedPlace { place: place(), now: at(0), targets: vec![target] };
    let planned_spread = Work::Spread {
        order: order(&run),
        reach: Vec::new(),
        groups: Vec::new(),
        occurrence,
        spread: Some(Duration::from_secs(1200)),
        plan: Some(vec![planned]),
    };
    let precise: Timestamp = "2026-03-29T02:00:00.123456789Z".parse().unwrap();
    let spread =
        Job::new(JobId::spread(&run), planned_spread, precise, precise, SignedDuration::MAX);
    let mut long = act(&run, odd, 0);
    if let Work::Act { facts, .. } = &mut long.work {
        *facts = json!({"tags": vec!["x".repeat(256); 200], "none": null, "big": u64::MAX}).into();
    }
    let jobs = [spread, find(&run), long];
    create(journal, &jobs).await;
    for job in &jobs {
        assert_eq!(journal.load(&job.id).await.unwrap().as_ref(), Some(job));
    }
    let mut next = jobs[2].clone();
    let again = Outcome::Again { state: json!({"copy": "snap-1"}), wait: Duration::from_secs(9) };
    next = leased(&next, 1);
    for result in [Ok(again), Err(Fault::transient("later")), Err(Fault::permanent(odd))] {
        replace(journal, &next).await;
        assert_eq!(journal.load(&next.id).await.unwrap().as_ref(), Some(&next));
        next = next.settled(result, Tried { times: 1, last: Some(precise) }, at(2), 0.5);
    }
    replace(journal, &next).await;
    assert_eq!(journal.load(&next.id).await.unwrap().as_ref(), Some(&next));
    assert_eq!(journal.load(&JobId::missed(&run)).await.unwrap(), None);
}

pub(super) async fn a_write_needs_the_version_before(journal: &dyn Journal) {
    let run = run("nightly", 0);
    let first = act(&run, "a", 0);
    let second = leased(&first, 1);
    let third = second.renewed(at(2));
    assert_eq!(journal.replace(&second).await.unwrap(), Write::Lost, "nothing to replace");
    assert_eq!(journal.load(&first.id).await.unwrap(), None);
    create(journal, std::slice::from_ref(&first)).await;
    assert_eq!(journal.replace(&third).await.unwrap(), Write::Lost, "a version left out");
    let other_first = act(&run, "a", 7);
    assert_eq!(journal.replace(&other_first).await.unwrap(), Write::Lost, "the same version");
    replace(journal, &second).await;
    let stale = first.leased("worker-2", at(1));
    assert_eq!(journal.replace(&stale).await.unwrap(), Write::Lost, "a stale version");
    assert_eq!(journal.load(&first.id).await.unwrap(), Some(second));
    replace(journal, &third).await;
    assert_eq!(journal.load(&first.id).await.unwrap(), Some(third));
}

pub(super) async fn a_write_may_be_repeated_until_somebody_else_writes(journal: &dyn Journal) {
    let first = act(&run("nightly", 0), "a", 0);
    create(journal, std::slice::from_ref(&first)).await;
    let second = leased(&first, 1);
    for _ in 0..3 {
        replace(journal, &second).await;
    }
    let third = done(&second, 2);
    for _ in 0..3 {
        replace(journal, &third).await;
    }
    assert_eq!(journal.replace(&second).await.unwrap(), Write::Lost);
    assert_eq!(journal.create(&[first]).await.unwrap(), [Write::Lost]);
    assert_eq!(journal.load(&third.id).await.unwrap().as_ref(), Some(&third));
    assert_eq!(journal.tally(&third.run()).await.unwrap(), counted([&third]));
}

pub(super) async fn a_closed_job_never_changes(journal: &dyn Journal) {
    let run = run("nightly", 0);
    let open = act(&run, "a", 0);
    let closed = done(&open, 1);
    let reason = "the host was down".to_owned();
    let work = spread(&run).work;
    let record = Job::record(JobId::missed(&run), work, Status::Skipped { reason }, at(0));
    create(journal, &[open.clone(), record.clone()]).await;
    replace(journal, &closed).await;
    for stored in [closed, record] {
        let reopened =
            Job { status: Status::Open, closed_at: None, wake_at: Some(at(0)), ..stored.clone() };
        let changes = [
            Job { version: stored.version + 1, ..reopened.clone() },
            Job { version: stored.version + 1, ..stored.clone() },
            reopened,
        ];
        for change in changes {
            assert_eq!(journal.replace(&change).await.unwrap(), Write::Lost);
        }
        assert_eq!(journal.load(&stored.id).await.unwrap(), Some(stored));
    }
    assert_eq!(journal.due(at(999), 10).await.unwrap(), []);
}

pub(super) async fn jobs_are_due_when_their_time_has_come(journal: &dyn Journal) {
    let (one, two) = (run("nightly", 0), run("weekly", 0));
    let jobs =
        [act(&one, "c", 1), act(&two, "a", 3), act(&one, "b", 2), act(&two, "d", 9), find(&one)];
    create(journal, &jobs).await;
    replace(journal, &done(&jobs[4], 0)).await;
    let closed = Job { wake_at: Some(at(0)), ..done(&act(&one, "closed", 0), 0) };
    create(journal, &[closed]).await;
    let ids = |which: &[usize]| -> Vec<JobId> {
        which.iter().map(|index| jobs[*index].id.clone()).collect()
    };
    assert_eq!(journal.due(at(0), 9).await.unwrap(), []);
    let instant = SignedDuration::from_nanos(1);
    assert_eq!(journal.due(at(2) - instant, 9).await.unwrap(), ids(&[0]));
    assert_eq!(journal.due(at(2), 9).await.unwrap(), ids(&[0, 2]));
    assert_eq!(journal.due(at(5), 9).await.unwrap(), ids(&[0, 2, 1]));
    assert_eq!(journal.due(at(5), 2).await.unwrap(), ids(&[0, 2]), "the longest due first");
    assert_eq!(journal.due(at(5), 0).await.unwrap(), []);
    assert_eq!(journal.due(Timestamp::MAX, usize::MAX).await.unwrap(), ids(&[0, 2, 1, 3]));
    let moved = waiting(&jobs[0], "gate", 30);
    replace(journal, &moved).await;
    assert_eq!(journal.due(at(5), 9).await.unwrap(), ids(&[2, 1]), "its time has moved");
    assert_eq!(journal.due(at(30), 9).await.unwrap(), ids(&[2, 1, 3, 0]), "it waits at a gate");
}

pub(super) async fn a_leased_job_is_due_when_its_lease_ends(journal: &dyn Journal) {
    let job = act(&run("nightly", 0), "a", 0);
    create(journal, std::slice::from_ref(&job)).await;
    let held = leased(&job, 10);
    replace(journal, &held).await;
    assert_eq!(journal.due(at(11), 9).await.unwrap(), []);
    assert_eq!(journal.due(at(12), 9).await.unwrap(), std::slice::from_ref(&job.id));
    let renewed = held.renewed(at(11));
    replace(journal, &renewed).await;
    assert_eq!(journal.due(at(12), 9).await.unwrap(), []);
    assert_eq!(journal.due(at(13), 9).await.unwrap(), std::slice::from_ref(&job.id));
    replace(journal, &done(&renewed, 12)).await;
    assert_eq!(journal.due(at(99), 9).await.unwrap(), []);
}

pub(super) async fn the_tally_follows_every_transition(journal: &dyn Journal) {
    let (ours, other) = (run("nightly", 0), run("nightly", 60));
    assert_eq!(journal.tally(&ours).await.unwrap(), Tally::default(), "before its first job");
    create(journal, &[spread(&other), find(&other)]).await;
    let failed = |kind| Err(Fault::new(kind, "it cannot be done"));
    let ends: [Result<Outcome, Fault>; 8] = [
        Ok(Outcome::Done("done".to_owned())),
        Ok(Outcome::Skipped("gone".to_owned())),
        Ok(Outcome::Stopped("enough have failed".to_owned())),
        failed(FaultKind::Permanent),
        failed(FaultKind::Transient),
        Ok(Outcome::Later { wait: Duration::from_secs(1) }),
        Ok(Outcome::Waiting { gate: "gate".to_owned(), wait: Duration::from_secs(1) }),
        Ok(Outcome::Again { state: json!(1), wait: Duration::from_secs(1) }),
    ];
    let filter = JobFilter { run: Some(ours.clone()), ..JobFilter::default() };
    let check = async || {
        let jobs = journal.jobs(&filter).await.unwrap();
        assert_eq!(journal.tally(&ours).await.unwrap(), counted(&jobs));
    };
    let reason = "missed".to_owned();
    let missed =
        Job::record(JobId::missed(&ours), spread(&ours).work, Status::Skipped { reason }, at(0));
    create(journal, &[missed, spread(&ours), find(&ours)]).await;
    check().await;
    for (index, end) in ends.into_iter().enumerate() {
        let job = act(&ours, &format!("vol-{index}"), 0);
        create(journal, std::slice::from_ref(&job)).await;
        check().await;
        let held = leased(&job, 1);
        replace(journal, &held).await;
        check().await;
        let next = held.settled(end, Tried::default(), at(1), 0.5);
        replace(journal, &next).await;
        check().await;
        // Neither a repetition nor a loser counts.
        replace(journal, &next).await;
        assert_eq!(journal.replace(&done(&job, 9)).await.unwrap(), Write::Lost);
        assert_eq!(journal.create(&[job]).await.unwrap(), [Write::Lost]);
        check().await;
    }
    for job in [spread(&ours), find(&ours)] {
        replace(journal, &settled(&job, Outcome::Done("done".to_owned()), 1)).await;
        check().await;
    }
    let theirs = counted(&[spread(&other), find(&other)]);
    assert_eq!(journal.tally(&other).await.unwrap(), theirs, "runs do not mix");
}
