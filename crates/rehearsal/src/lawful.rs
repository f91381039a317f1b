//! A journal that checks the laws of the engine on each write.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{
    AccountId, Clock, Fault, JobId, Journal, RunId, TaskName,
    engine::{JobFilter, KnownTask, Run, RunFilter, Slot, Tally, Write},
    job::{Job, Status, Work},
    retry::MAX_ATTEMPTS,
    task::Reach,
};

use crate::lock;

/// A journal around another one. It remembers what was written and notes each write that breaks
/// a law, whether the engine asked for it or the journal below got it wrong.
pub struct LawfulJournal {
    journal: Arc<dyn Journal>,
    clock: Arc<dyn Clock>,
    /// How far the clocks of two workers may be apart.
    apart: SignedDuration,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    jobs: BTreeMap<JobId, Job>,
    /// For each gate: who was let in until when.
    gates: BTreeMap<String, BTreeMap<JobId, Timestamp>>,
    broken: Vec<String>,
    /// Every form of every job, if somebody wants to know.
    history: Option<Vec<(Timestamp, Job)>>,
}

impl LawfulJournal {
    /// Watches over a journal that is empty.
    pub fn new(journal: Arc<dyn Journal>, clock: Arc<dyn Clock>) -> LawfulJournal {
        LawfulJournal { journal, clock, apart: SignedDuration::ZERO, seen: Mutex::default() }
    }

    /// The same, for workers whose clocks are so far apart at most: a lease may be taken for ended
    /// by so much too early.
    #[must_use]
    pub fn with_clocks_apart(self, apart: SignedDuration) -> LawfulJournal {
        LawfulJournal { apart, ..self }
    }

    /// From now on everything that is written is remembered.
    pub fn remember(&self) {
        lock(&self.seen).history.get_or_insert_default();
    }

    /// What was written and when, as far as it was to be remembered.
    pub fn history(&self) -> Vec<(Timestamp, Job)> {
        lock(&self.seen).history.clone().unwrap_or_default()
    }

    /// The laws that were broken: each with its name and how.
    pub fn broken_laws(&self) -> Vec<String> {
        lock(&self.seen).broken.clone()
    }
}

impl Seen {
    fn created(&mut self, job: &Job, now: Timestamp) {
        if self.jobs.contains_key(&job.id) {
            self.breaks(format!("L1: `{}` was created twice", job.id));
            return;
        }
        let groups = self.groups(&job.run());
        if !computed_ids(job, &groups).contains(&job.id) {
            self.breaks(format!("L1: `{}` is not the id of its work", job.id));
        }
        let known = |ids: &Vec<JobId>| -> Vec<&Job> {
            ids.iter().filter_map(|id| self.jobs.get(id)).collect()
        };
        let levels = parents(job, &groups);
        let parents = levels.iter().map(known).find(|it| !it.is_empty()).unwrap_or_default();
        if let Some(parent) = parents.first()
            && parents.iter().all(|it| it.status != Status::Open)
        {
            let id = parent.id.clone();
            self.breaks(format!("L4: `{}` was created after `{id}` had closed", job.id));
        }
        self.written(job, now);
    }

    /// The names of the parts of the organization that a run works in.
    fn groups(&self, run: &RunId) -> Vec<String> {
        match self.jobs.get(&JobId::spread(run)).map(|it| &it.work) {
            Some(Work::Spread { groups, .. }) => groups.iter().map(|it| it.name.clone()).collect(),
            _ => Vec::new(),
        }
    }

    fn replaced(&mut self, job: &Job, now: Timestamp, apart: SignedDuration) {
        let Some(before) = self.jobs.get(&job.id).filter(|before| *before != job).cloned() else {
            return;
        };
        let id = &job.id;
        if before.status != Status::Open {
            self.breaks(format!("L2: `{id}` was closed, and changed"));
        }
        if let (Some(held), Some(lease)) = (&before.lease, &job.lease)
            && held.until > now + apart
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
        self.written(job, now);
    }

    fn written(&mut self, job: &Job, now: Timestamp) {
        if (job.status == Status::Open) != job.wake_at.is_some() {
            let (state, wake) = (job.status.state().as_str(), job.wake_at);
            self.breaks(format!("L3: `{}` is {state} and wakes at {wake:?}", job.id));
        }
        self.jobs.insert(job.id.clone(), job.clone());
        self.history.as_mut().into_iter().for_each(|it| it.push((now, job.clone())));
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
fn computed_ids(job: &Job, groups: &[String]) -> Vec<JobId> {
    let (task, occurrence) = (&job.work.order().task, job.work.occurrence());
    let run = match job.run().event().map(str::parse) {
        Some(Ok(event)) => RunId::of_event(task, occurrence, &event),
        _ => RunId::new(task, occurrence),
    };
    match &job.work {
        Work::Spread { reach, .. } => {
            let mut ids = vec![JobId::spread(&run), JobId::missed(&run)];
            ids.extend(reach.iter().flat_map(|it| entering(&run, &it.account, groups)));
            ids.extend(groups.iter().map(|it| JobId::group(&run, it)));
            ids
        }
        Work::Find { place, .. } => vec![JobId::find(&run, place)],
        Work::Act { place, target, .. } => vec![JobId::act(&run, place, target)],
    }
}

/// The jobs that enter an account for a run: for itself, and for parts of the organization.
fn entering(run: &RunId, account: &AccountId, groups: &[String]) -> Vec<JobId> {
    let members = groups.iter().map(|it| JobId::member(run, it, account));
    members.chain([JobId::account(run, account)]).collect()
}

/// The job that made this one is in the first of these lists of which any exists.
fn parents(job: &Job, groups: &[String]) -> Vec<Vec<JobId>> {
    let run = job.run();
    let top = vec![JobId::spread(&run)];
    let parts: Vec<JobId> = groups.iter().map(|it| JobId::group(&run, it)).collect();
    match &job.work {
        Work::Act { place, .. } => vec![vec![JobId::find(&run, place)]],
        Work::Find { place, .. } => {
            vec![entering(&run, &place.account, groups), [parts, top].concat()]
        }
        Work::Spread { .. } if job.id == JobId::missed(&run) => Vec::new(),
        Work::Spread { reach, .. } => {
            let of = |group: &String| {
                let is_of = |it: &Reach| job.id == JobId::member(&run, group, &it.account);
                reach.iter().any(is_of).then(|| JobId::group(&run, group))
            };
            vec![groups.iter().filter_map(of).collect(), top]
        }
    }
}

#[async_trait]
impl Journal for LawfulJournal {
    async fn create(&self, jobs: &[Job]) -> Result<Vec<Write>, Fault> {
        let writes = self.journal.create(jobs).await?;
        let (mut seen, now) = (lock(&self.seen), self.clock.now());
        for (job, _) in jobs.iter().zip(&writes).filter(|(_, write)| **write == Write::Won) {
            seen.created(job, now);
        }
        Ok(writes)
    }

    async fn replace(&self, job: &Job) -> Result<Write, Fault> {
        let write = self.journal.replace(job).await?;
        if write == Write::Won {
            lock(&self.seen).replaced(job, self.clock.now(), self.apart);
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
