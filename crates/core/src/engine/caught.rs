//! Events of AWS become jobs.

use std::sync::Arc;

use jiff::Timestamp;
use tracing::debug;

use super::{Engine, FIND_TIMEOUT};
use crate::{
    Fault, JobId, RunId,
    events::{Catch, CloudEvent, catch},
    job::{Job, Work},
    task::{Reach, Task},
};

impl Engine {
    /// One job for each task that the event triggers, to find its targets. It happened in one
    /// place, so nothing is spread. Whether that is one of a task's places may have to be learned
    /// from the organization: when that fails, the jobs of the other tasks are there all the same.
    pub(super) async fn caught(
        &self,
        event: &CloudEvent,
        now: Timestamp,
    ) -> Result<(Vec<Job>, Result<(), Fault>), Fault> {
        let mut jobs = Vec::new();
        let mut learned = Ok(());
        for task in self.tasks().filter(|task| !task.on.is_empty()) {
            let kind = self.action(&task.order.action)?.target_kind();
            match self.members(task, event).await {
                Ok(members) => {
                    let caught = catch(task, &members, kind, event);
                    jobs.extend(job(task, caught, event, now));
                }
                Err(fault) => learned = Err(fault),
            }
        }
        Ok((jobs, learned))
    }

    /// Where the task works in the account of the event for parts of the organization. They are
    /// asked for only when it matters.
    async fn members(&self, task: &Task, event: &CloudEvent) -> Result<Vec<Reach>, Fault> {
        let mut members = Vec::new();
        if task.enabled && task.on.iter().any(|it| it.takes(event)) {
            for group in &task.groups {
                let found = self.ports.accounts.members(group).await?;
                members.extend(found.reach(group).filter(|it| it.account == event.place.account));
            }
        }
        Ok(members)
    }
}

fn job(task: &Task, caught: Catch, event: &CloudEvent, now: Timestamp) -> Option<Job> {
    let name = &task.order.task;
    let only = match caught {
        Catch::Unrelated => return None,
        Catch::Ignored(reason) => {
            let (account, region) = (&event.place.account, &event.place.region);
            debug!(task = %name, event = %event.id, %account, %region, reason, "event ignored");
            return None;
        }
        Catch::Targets(targets) => Some(targets),
    };
    let run = RunId::of_event(name, event.at, &event.id);
    let work = Work::Find {
        order: Arc::new(task.order.clone()),
        place: event.place.clone(),
        occurrence: event.at,
        plan: None,
        only,
    };
    Some(Job::new(JobId::find(&run, &event.place), work, now, now, FIND_TIMEOUT))
}
