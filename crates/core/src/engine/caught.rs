//! Events of AWS become jobs.

use jiff::Timestamp;
use tracing::debug;

use super::{Engine, FIND_TIMEOUT};
use crate::{
    Fault, JobId, RunId,
    events::{Catch, CloudEvent, catch},
    job::{Job, Work},
};

impl Engine {
    /// One job for each task that the event triggers, to find its targets. It happened in one
    /// place, so nothing is spread.
    pub(super) fn caught(&self, event: &CloudEvent, now: Timestamp) -> Result<Vec<Job>, Fault> {
        let mut jobs = Vec::new();
        for task in self.tasks().filter(|task| !task.on.is_empty()) {
            let name = &task.order.task;
            let only = match catch(task, self.action(&task.order.action)?.target_kind(), event) {
                Catch::Unrelated => continue,
                Catch::Ignored(reason) => {
                    let (account, region) = (&event.place.account, &event.place.region);
                    debug!(task = %name, event = %event.id, %account, %region, reason, "event ignored");
                    continue;
                }
                Catch::Targets(targets) => Some(targets),
            };
            let run = RunId::of_event(name, event.at, &event.id);
            let work = Work::Find {
                order: task.order.clone(),
                place: event.place.clone(),
                occurrence: event.at,
                plan: None,
                only,
            };
            jobs.push(Job::new(JobId::find(&run, &event.place), work, now, now, FIND_TIMEOUT));
        }
        Ok(jobs)
    }
}
