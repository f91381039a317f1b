//! A journal that checks the laws of the engine on each write.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use jiff::Timestamp;
use lamplighter_core::{
    Clock, Fault, JobId, Journal, RunId, TaskName,
    engine::{JobFilter, KnownTask, Run, RunFilter, Slot, Tally, Write},
    job::{Job, Status, Work},
    retry::MAX_ATTEMPTS,
};

use crate::lock;

/// A journal around another one. It remembers what was written and notes each write that breaks
/// a law, whether the engine asked for it or the journal below got it wrong.
pub struct LawfulJournal {
    journal: Arc<dyn Journal>,
    clock: Arc<dyn Clock>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    jobs: BTreeMap<JobId, Job>,
    /// For each gate: who was let in until when.
    gates: BTreeMap<String, BTreeMap<JobId, Timestamp>>,
    broken: Vec<String>,
}

impl LawfulJournal {
    /// Watches over a journal that is empty.
    pub fn new(journal: Arc<dyn Journal>, clock: Arc<dyn Clock>) -> LawfulJournal {
        LawfulJournal { journal, clock, seen: Mutex::default() }
    }

    /// The laws that were broken: each with its name and how.
    pub fn broken_laws(&self) -> Vec<String> {
        lock(&self.seen).broken.clone()
    }
}

impl Seen {
    fn created(&mut self, job: &Job) {
        if self.jobs.contains_key(&job.id) {
            self.breaks(format!("L1: `{}` was created twice", job.id));
            return;
        }
        if !computed_ids(job).contains(&job.id) {
            self.breaks(format!("L1: `{}` is not the id of its work", job.id));
        }
        let parent = parents(job).iter().find_map(|id| self.jobs.get(id));
        if let Some(parent) = parent.filter(|parent| parent.status != Status::Open) {
            let id = &parent.id;
            self.breaks(format!("L4: `{}` was created after `{id}` had closed", job.id));
        }
        self.written(job);
    }

    fn replaced(&mut self, job: &Job, now: Timestamp) {
        let Some(before) = self.jobs.get(&job.id).filter(|before| *before != job).cloned() else {
            return;
        };
        let id = &job.id;
        if before.status != Status::Open {
            self.breaks(format!("L2: `{id}` was closed, and changed"));
        }
        if let (Some(held), Some(lease)) = (&before.lease, &job.lease)
            && held.until > now
            && held.holder != lease.holder
        {
            let (one, other) = (&held.holder, &lease.holder);
            self.breaks(format!("L5: `{other}` leased `{id}` while `{one}` held it"));
        }
        let spent = job.attempts.saturating_sub(before.attempts);
        let throttled = job.throttled.saturating_sub(before.throttled);
        if spent + throttled > 1 || job.attempts >= MAX_ATTEMPTS {
            let (from, to) = (before.attempts, job.attempts);
            self.breaks(format!(
                "L9: attempts of `{id}` went from {from} to {to}, throttled {throttled}"
            ));
        }
        self.written(job);
    }

    fn written(&mut self, job: &Job) {
        if (job.status == Status::Open) != job.wake_at.is_some() {
            let (state, wake) = (job.status.state().as_str(), job.wake_at);
            self.breaks(format!("L3: `{}` is {state} and wakes at {wake:?}", job.id));
        }
        self.jobs.insert(job.id.clone(), job.clone());
    }

    fn entered(
        &mut self,
        gate: &str,
        limit: u32,
        holder: &JobId,
        now: Timestamp,
        until: Timestamp,
    ) {
        let inside = self.gates.entry(gate.to_owned()).or_default();
        inside.retain(|_, until| *until > now);
        inside.insert(holder.clone(), until);
        let inside = inside.len();
        if inside > limit as usize {
            self.breaks(format!("L10: {inside} are in gate `{gate}`, and its limit is {limit}"));
        }
    }

    fn breaks(&mut self, law: String) {
        self.broken.push(law);
    }
}

/// The ids that this work may have. Nothing else names an occurrence's work, so it exists once.
fn computed_ids(job: &Job) -> Vec<JobId> {
    let (task, occurrence) = (&job.work.order().task, job.work.occurrence());
    let run = match job.run().event().map(str::parse) {
        Some(Ok(event)) => RunId::of_event(task, occurrence, &event),
        _ => RunId::new(task, occurrence),
    };
    match &job.work {
        Work::Spread { reach, .. } => {
            let mut ids = vec![JobId::spread(&run), JobId::missed(&run)];
            ids.extend(reach.iter().map(|it| JobId::account(&run, &it.account)));
            ids
        }
        Work::Find { place, .. } => vec![JobId::find(&run, place)],
        Work::Act { place, target, .. } => vec![JobId::act(&run, place, target)],
    }
}

/// The job that made this one is the first of these that exists.
fn parents(job: &Job) -> Vec<JobId> {
    let run = job.run();
    match &job.work {
        Work::Act { place, .. } => vec![JobId::find(&run, place)],
        Work::Find { place, .. } => {
            vec![JobId::account(&run, &place.account), JobId::spread(&run)]
        }
        Work::Spread { .. } if job.id == JobId::missed(&run) => Vec::new(),
        Work::Spread { .. } => vec![JobId::spread(&run)],
    }
}

#[async_trait]
impl Journal for LawfulJournal {
    async fn create(&self, jobs: &[Job]) -> Result<Vec<Write>, Fault> {
        let writes = self.journal.create(jobs).await?;
        let mut seen = lock(&self.seen);
        for (job, _) in jobs.iter().zip(&writes).filter(|(_, write)| **write == Write::Won) {
            seen.created(job);
        }
        Ok(writes)
    }

    async fn replace(&self, job: &Job) -> Result<Write, Fault> {
        let write = self.journal.replace(job).await?;
        if write == Write::Won {
            lock(&self.seen).replaced(job, self.clock.now());
        }
        Ok(write)
    }

    async fn take_slot(
        &self,
        gate: &str,
        limit: u32,
        holder: &JobId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Slot, Fault> {
        let slot = self.journal.take_slot(gate, limit, holder, now, until).await?;
        if slot == Slot::Taken {
            lock(&self.seen).entered(gate, limit, holder, now, until);
        }
        Ok(slot)
    }

    async fn free_slot(
        &self,
        gate: &str,
        limit: u32,
        holder: &JobId,
        now: Timestamp,
    ) -> Result<Vec<JobId>, Fault> {
        let waiting = self.journal.free_slot(gate, limit, holder, now).await?;
        if let Some(inside) = lock(&self.seen).gates.get_mut(gate) {
            inside.remove(holder);
        }
        Ok(waiting)
    }

    async fn expire(&self, before: Timestamp, limit: usize) -> Result<usize, Fault> {
        self.journal.expire(before, limit).await
    }

    async fn load(&self, id: &JobId) -> Result<Option<Job>, Fault> {
        self.journal.load(id).await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<JobId>, Fault> {
        self.journal.due(now, limit).await
    }

    async fn tally(&self, run: &RunId) -> Result<Tally, Fault> {
        self.journal.tally(run).await
    }

    async fn ticked(&self) -> Result<Option<Timestamp>, Fault> {
        self.journal.ticked().await
    }

    async fn set_ticked(&self, until: Timestamp) -> Result<(), Fault> {
        self.journal.set_ticked(until).await
    }

    async fn known_tasks(&self) -> Result<BTreeMap<TaskName, KnownTask>, Fault> {
        self.journal.known_tasks().await
    }

    async fn note_tasks(&self, tasks: &BTreeMap<TaskName, KnownTask>) -> Result<(), Fault> {
        self.journal.note_tasks(tasks).await
    }

    async fn runs(&self, filter: &RunFilter) -> Result<Vec<Run>, Fault> {
        self.journal.runs(filter).await
    }

    async fn jobs(&self, filter: &JobFilter) -> Result<Vec<Job>, Fault> {
        self.journal.jobs(filter).await
    }
}
