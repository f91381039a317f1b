//! Each law is broken once, and found broken by its name.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{
    Fault, JobId, Journal, RunId, TaskName,
    engine::{JobFilter, KnownTask, Run, RunFilter, Slot, Tally, Write},
    job::{Job, Lease, Status, Work},
};
use lamplighter_rehearsal::{LawfulJournal, MemoryJournal, VirtualClock, finish};
use lamplighter_testkit::{place, task};
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp::constant(1_772_416_800, 0);

/// A journal that agrees to everything, so that only its guard notices.
struct Careless;

#[async_trait]
impl Journal for Careless {
    async fn create(&self, jobs: &[Job]) -> Result<Vec<Write>, Fault> {
        Ok(jobs.iter().map(|_| Write::Won).collect())
    }
    async fn replace(&self, _: &Job) -> Result<Write, Fault> {
        Ok(Write::Won)
    }
    async fn load(&self, _: &JobId) -> Result<Option<Job>, Fault> {
        Ok(None)
    }
    async fn due(&self, _: Timestamp, _: usize) -> Result<Vec<JobId>, Fault> {
        Ok(Vec::new())
    }
    async fn tally(&self, _: &RunId) -> Result<Tally, Fault> {
        Ok(Tally::default())
    }
    async fn take_slot(
        &self,
        _: &str,
        _: u32,
        _: &JobId,
        _: Timestamp,
        _: Timestamp,
    ) -> Result<Slot, Fault> {
        Ok(Slot::Taken)
    }
    async fn free_slot(
        &self,
        _: &str,
        _: u32,
        _: &JobId,
        _: Timestamp,
    ) -> Result<Vec<JobId>, Fault> {
        Ok(Vec::new())
    }
    async fn ticked(&self) -> Result<Option<Timestamp>, Fault> {
        Ok(None)
    }
    async fn set_ticked(&self, _: Timestamp) -> Result<(), Fault> {
        Ok(())
    }
    async fn known_tasks(&self) -> Result<BTreeMap<TaskName, KnownTask>, Fault> {
        Ok(BTreeMap::new())
    }
    async fn note_tasks(&self, _: &BTreeMap<TaskName, KnownTask>) -> Result<(), Fault> {
        Ok(())
    }
    async fn runs(&self, _: &RunFilter) -> Result<Vec<Run>, Fault> {
        Ok(Vec::new())
    }
    async fn jobs(&self, _: &JobFilter) -> Result<Vec<Job>, Fault> {
        Ok(Vec::new())
    }
    async fn expire(&self, _: Timestamp, _: usize) -> Result<usize, Fault> {
        Ok(0)
    }
}

fn guarded(journal: impl Journal + 'static) -> LawfulJournal {
    LawfulJournal::new(Arc::new(journal), Arc::new(VirtualClock::new(NOW, 1)))
}

fn find() -> Job {
    let place = place("111122223333", "eu-west-1");
    let order = Arc::new(task("nightly", "test.snap", Value::Null, &[]).order);
    let run = RunId::new(&order.task, NOW);
    let id = JobId::find(&run, &place);
    let work = Work::Find { order, place, occurrence: NOW, plan: None, only: None };
    Job::new(id, work, NOW, NOW, SignedDuration::from_hours(1))
}

fn act() -> Job {
    let Work::Find { order, place, occurrence, .. } = find().work else { unreachable!() };
    let id = JobId::act(&find().run(), &place, "vol-1");
    let (target, facts) = ("vol-1".to_owned(), json!({}).into());
    let work =
        Work::Act { order, place, occurrence, target, facts, why: String::new(), state: None };
    Job::new(id, work, NOW, NOW, SignedDuration::from_hours(1))
}

fn closed(job: Job) -> Job {
    let status = Status::Succeeded { summary: String::new() };
    Job { status, wake_at: None, closed_at: Some(NOW), version: job.version + 1, ..job }
}

/// Creates the first jobs, replaces them by the second ones, creates the third ones, and names
/// the law that this breaks.
#[track_caller]
fn check(created: &[Job], replaced: &[Job], created_then: &[Job], law: Option<&str>) {
    let journal = guarded(Careless);
    let doing = async {
        journal.create(created).await?;
        for job in replaced {
            assert_eq!(journal.replace(job).await?, Write::Won);
        }
        journal.create(created_then).await?;
        Ok::<_, Fault>(())
    };
    finish(doing).expect("nobody dies").expect("the journal is careless");
    let broken = journal.broken_laws();
    let named = broken.first().and_then(|it| it.split_once(':')).map(|(law, _)| law);
    assert_eq!(named, law, "{broken:?}");
}

#[test]
fn l1_one_job_per_occurrence() {
    check(&[act()], &[], &[], None);
    check(&[act()], &[], &[act()], Some("L1"));
    let id = "nightly@2026-03-02T02:00:00Z/other".parse().unwrap();
    check(&[Job { id, ..act() }], &[], &[], Some("L1"));
}

#[test]
fn l2_a_closed_job_never_changes() {
    let status = Status::Stopped { reason: String::new() };
    let changed = Job { status, version: 2, ..closed(act()) };
    check(&[act()], &[closed(act()), changed], &[], Some("L2"));
    // The same once more is a lost answer and no change.
    check(&[act()], &[closed(act()), closed(act())], &[], None);
}

#[test]
fn l3_an_open_job_has_a_wake_time() {
    check(&[Job { wake_at: None, ..act() }], &[], &[], Some("L3"));
    check(&[act()], &[Job { wake_at: None, version: 1, ..act() }], &[], Some("L3"));
    check(&[act()], &[Job { wake_at: Some(NOW), ..closed(act()) }], &[], Some("L3"));
}

#[test]
fn l4_children_exist_before_their_parent_closes() {
    check(&[find(), act()], &[closed(find())], &[], None);
    check(&[find()], &[closed(find())], &[act()], Some("L4"));
}

#[test]
fn l5_one_unexpired_lease_per_job() {
    let one = act().leased("one", NOW);
    let over = SignedDuration::from_mins(3);
    check(&[act()], &[one.clone(), one.renewed(NOW)], &[], None);
    check(&[act()], &[one.clone(), one.leased("other", NOW)], &[], Some("L5"));
    check(&[act()], &[act().leased("one", NOW - over), one.leased("other", NOW)], &[], None);
    let ended = Some(Lease { holder: "one".to_owned(), until: NOW });
    check(&[act()], &[Job { lease: ended, ..one.clone() }, one.leased("other", NOW)], &[], None);
}

#[test]
fn l9_attempts_are_bounded_and_throttling_spends_none() {
    let tried = |attempts, throttled| Job { attempts, throttled, version: 1, ..act() };
    check(&[act()], &[tried(1, 0), tried(2, 0), tried(2, 1), tried(2, 2)], &[], None);
    check(&[act()], &[tried(2, 0)], &[], Some("L9"));
    check(&[act()], &[tried(1, 1)], &[], Some("L9"));
    check(&[tried(4, 0)], &[tried(5, 0)], &[], Some("L9"));
}

#[track_caller]
fn check_gate(journal: impl Journal + 'static, minutes: i64, expected: &[&str]) {
    let journal = guarded(journal);
    let holders = [act().id, find().id];
    for (step, holder) in holders.iter().enumerate() {
        let now = NOW + SignedDuration::from_mins(minutes * step as i64);
        let until = now + SignedDuration::from_mins(60);
        let slot = finish(journal.take_slot("gate", 1, holder, now, until)).expect("nobody dies");
        let _ = slot.expect("neither journal fails");
    }
    let broken: Vec<String> = journal.broken_laws();
    assert_eq!(broken, expected);
}

#[test]
fn l10_a_gate_never_holds_more_than_its_limit() {
    check_gate(Careless, 0, &["L10: 2 are in gate `gate`, and its limit is 1"]);
    check_gate(Careless, 59, &["L10: 2 are in gate `gate`, and its limit is 1"]);
    check_gate(Careless, 60, &[]);
    check_gate(MemoryJournal::default(), 0, &[]);
}
