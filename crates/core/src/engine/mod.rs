//! Turns time and requests into jobs, and jobs into results.
//!
//! Every host calls the same three functions and nothing else: [`Engine::tick`] each minute,
//! [`Engine::event`] for a request, and [`Engine::advance`] for each job it is told of. Planning
//! ([`Planner`]) only reads.

mod act;
mod caught;
mod find;
pub mod guards;
mod in_hand;
mod inbox;
mod listing;
mod overdue;
mod planner;
mod ports;
mod spread;
mod survey;
mod tick;

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tracing::{info, warn};

pub use inbox::{Inbox, Message};
pub use overdue::{Overdue, overdue};
pub use planner::Planner;
pub use ports::{
    Clock, Counts, JobFilter, Journal, KnownTask, Ports, Queue, Run, RunFilter, Slot, Tally, Write,
};
pub use survey::{Planned, Survey};

use self::{in_hand::InHand, listing::Listings};
use crate::{
    Catalog, Fault, JobId, RunId, TaskName,
    action::{self, AnyAction},
    events::CloudEvent,
    job::{Admission, Job, Outcome, Status, Tried, WorkKind},
    plan::Plan,
    schedule::Schedule,
    task::Task,
};

/// Time for listing resources and making jobs.
const FIND_TIMEOUT: SignedDuration = SignedDuration::from_hours(1);
/// Jobs written to the journal in one call.
const BATCH: usize = 500;

/// The engine: a configuration, a catalog, and the outside world.
#[derive(Clone)]
pub struct Engine {
    catalog: Catalog,
    /// Each with its fingerprint.
    tasks: Arc<[(Task, String)]>,
    ports: Ports,
    in_hand: InHand,
    listings: Listings,
}

/// Something that asks for a run now.
#[derive(Clone, Debug)]
pub enum Event {
    /// Somebody asks for a run of a task, for an instant.
    Run {
        /// The task.
        task: TaskName,
        /// The occurrence.
        at: Timestamp,
    },
    /// Somebody asks for what a saved plan says, and nothing else.
    Apply(Plan),
    /// AWS tells of something that tasks may subscribe to.
    Cloud(CloudEvent),
}

/// A run that an event asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// The run.
    pub run: RunId,
    /// `Lost` when this occurrence was asked for before: nothing is done twice.
    pub write: Write,
}

impl Engine {
    /// An engine for checked tasks.
    pub fn new(catalog: Catalog, tasks: Vec<Task>, ports: Ports) -> Engine {
        let with_fingerprint = |task: Task| {
            let fingerprint = task.fingerprint();
            (task, fingerprint)
        };
        let tasks = tasks.into_iter().map(with_fingerprint).collect();
        Engine { catalog, tasks, ports, in_hand: InHand::default(), listings: Listings::default() }
    }

    /// The tasks it was made with.
    pub fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter().map(|(task, _)| task)
    }

    /// The outside world it was given.
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// Starts what an event asks for. Safe to call twice: an occurrence runs once, and so does
    /// an event of AWS for each task that it triggers. When the organization cannot be asked
    /// whether the event is from one of a task's accounts, that is a fault, and the event is to
    /// come again; the tasks that it triggers all the same have started.
    pub async fn event(&self, event: Event) -> Result<Vec<Started>, Fault> {
        let now = self.ports.clock.now();
        let mut learned = Ok(());
        let jobs = match event {
            Event::Run { task, at } => {
                let task = self.task(&task)?;
                vec![spread::job(&task.order, (&task.reach, &task.groups), at, None, None, now)]
            }
            Event::Apply(plan) => plan
                .tasks
                .iter()
                .map(|it| {
                    let places = it.places(plan.planned_at);
                    spread::job(&it.order, (&[], &[]), it.occurrence, None, Some(places), now)
                })
                .collect(),
            Event::Cloud(event) => {
                let (jobs, all) = self.caught(&event, now).await?;
                learned = all;
                jobs
            }
        };
        let writes = self.add(&jobs).await?;
        learned?;
        let started = jobs.iter().zip(writes);
        Ok(started.map(|(job, write)| Started { run: job.run(), write }).collect())
    }

    /// Takes one step of a job. Safe to call twice, too early, or in two workers at once.
    pub async fn advance(&self, id: &JobId) -> Result<(), Fault> {
        let Some(_in_hand) = self.in_hand.take(id) else { return Ok(()) };
        let Some(job) = self.ports.journal.load(id).await? else { return Ok(()) };
        let now = self.ports.clock.now();
        if job.admit(now) == Admission::NotNow {
            return Ok(());
        }
        let leased = job.leased(&self.ports.worker, now);
        if self.ports.journal.replace(&leased).await? == Write::Lost {
            return Ok(());
        }
        let (leased, result) = if job.lease.is_some() && job.deadline <= now {
            // Whoever held it died in the step and settled nothing, and so may the next one: the
            // deadline ends that as well.
            (leased, Err(Fault::permanent("the worker died in the middle of a step")))
        } else {
            self.work(leased, job.tried, now).await
        };
        let now = self.ports.clock.now();
        let settled = leased.settled(result, job.tried, now, self.ports.clock.jitter());
        if self.ports.journal.replace(&settled).await? == Write::Lost {
            return Ok(());
        }
        log(&settled);
        self.after(&leased, &settled, now).await
    }

    /// The configured task of this name.
    pub fn task(&self, name: &TaskName) -> Result<&Task, Fault> {
        let found = self.tasks().find(|task| task.order.task == *name);
        found.ok_or_else(|| Fault::config(format!("no task `{name}` in the configuration")))
    }

    /// When a task runs by itself, as it is configured now.
    fn schedule(&self, task: &TaskName) -> Option<&Schedule> {
        self.task(task).ok().filter(|it| it.enabled)?.schedule.as_ref()
    }

    /// Does the work of one step. Returns the job as it stands in the journal then: a long step
    /// renews its lease.
    async fn work(&self, job: Job, tried: Tried, now: Timestamp) -> (Job, Result<Outcome, Fault>) {
        match job.work.kind() {
            WorkKind::Spread => {
                let result = self.spread(&job, now).await;
                (job, result)
            }
            WorkKind::Find => self.find(job, now).await,
            WorkKind::Act => {
                let result = self.act(&job, tried, now).await;
                (job, result)
            }
        }
    }

    /// What is left to do when a job has settled: it is woken, and slots that it does not need
    /// any more go to others.
    async fn after(&self, before: &Job, job: &Job, now: Timestamp) -> Result<(), Fault> {
        if let Some(at) = job.wake_at {
            let wait = Duration::try_from(at.duration_since(now)).unwrap_or_default();
            self.ports.queue.wake(&[(job.id.clone(), wait)]).await?;
        }
        self.leave(before, job, now).await
    }

    /// Writes new jobs and tells the queue of those that were new.
    async fn add(&self, jobs: &[Job]) -> Result<Vec<Write>, Fault> {
        let now = self.ports.clock.now();
        let writes = self.ports.journal.create(jobs).await?;
        let wakes: Vec<(JobId, Duration)> = jobs
            .iter()
            .zip(&writes)
            .filter(|(_, write)| **write == Write::Won)
            .filter_map(|(job, _)| {
                let wait = Duration::try_from(job.wake_at?.duration_since(now)).unwrap_or_default();
                Some((job.id.clone(), wait))
            })
            .collect();
        if !wakes.is_empty() {
            self.ports.queue.wake(&wakes).await?;
        }
        Ok(writes)
    }

    fn action(&self, name: &str) -> Result<&'static dyn AnyAction, Fault> {
        action::ordered(self.catalog, name)
    }
}

fn log(job: &Job) {
    let place = job.work.place().map(ToString::to_string);
    let (task, action) = (&job.work.order().task, &job.work.order().action);
    let message = job.status.message();
    match &job.status {
        Status::Failed { kind, .. } => {
            warn!(%task, job = %job.id, action, place, fault = ?kind, message, "job failed");
        }
        Status::Open => {
            tracing::debug!(%task, job = %job.id, wake_at = ?job.wake_at, "job goes on");
        }
        _ => {
            info!(%task, job = %job.id, action, place, state = job.status.state().as_str(), message, "job closed");
        }
    }
}
