//! What tasks have decided about a resource, as the journal tells it.

use std::fmt;

use jiff::Timestamp;
use lamplighter_catalog::ACTIONS;
use lamplighter_core::{
    Fault, JobId, Journal, Place, RunId, action,
    engine::RunFilter,
    job::{Job, State},
    task::Task,
};
use serde_json::{Value, json};

use crate::output;

/// The runs that may have decided something, the latest first, each with what its task works on.
pub(super) struct History(Vec<(RunId, &'static str)>);

/// The same decision, once or again and again.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Decision {
    task: String,
    /// Its occurrence.
    first: String,
    last: String,
    times: usize,
    state: State,
    /// What was done, and why.
    says: String,
    /// Whether it made the resource.
    made: bool,
}

impl History {
    /// The runs of these tasks since an instant.
    pub(super) async fn read(
        journal: &dyn Journal,
        tasks: &[Task],
        since: Timestamp,
    ) -> Result<History, Fault> {
        let mut runs = Vec::new();
        for task in tasks {
            let Some(action) = action::find(ACTIONS, &task.order.action) else { continue };
            let filter = RunFilter {
                task: Some(task.order.task.clone()),
                since: Some(since),
                ..RunFilter::default()
            };
            let of_task = journal.runs(&filter).await?;
            runs.extend(of_task.into_iter().map(|run| (run.id, action.target_kind())));
        }
        runs.sort_by(|(a, _), (b, _)| a.occurrence().cmp(b.occurrence()));
        Ok(History(runs))
    }

    /// What was decided about a resource of one of these kinds, and what made it, in the order of
    /// time.
    pub(super) async fn about(
        &self,
        journal: &dyn Journal,
        (place, id): (&Place, &str),
        kinds: &[&str],
        made_by: Option<&str>,
    ) -> Result<Vec<Decision>, Fault> {
        let mut all: Vec<Decision> = Vec::new();
        let maker = match made_by.and_then(|it| it.parse::<JobId>().ok()) {
            Some(job) => journal.load(&job).await?,
            None => None,
        };
        all.extend(maker.as_ref().map(|job| Decision::of(job, true)));
        for (run, _) in self.0.iter().filter(|(_, kind)| kinds.contains(kind)) {
            let Some(job) = journal.load(&JobId::act(run, place, id)).await? else { continue };
            let it = Decision::of(&job, false);
            let same = |last: &&mut Decision| {
                (last.made, &last.task, last.state, &last.says)
                    == (it.made, &it.task, it.state, &it.says)
            };
            match all.iter_mut().rev().find(|last| last.task == it.task).filter(same) {
                Some(last) => (last.times, last.last) = (last.times + 1, it.last),
                None => all.push(it),
            }
        }
        Ok(all)
    }
}

impl Decision {
    fn of(job: &Job, made: bool) -> Decision {
        let at = job.work.occurrence().to_string();
        let message = job.status.message().map(str::to_owned);
        let says: Vec<String> =
            message.into_iter().chain(job.work.why().map(str::to_owned)).collect();
        Decision {
            task: job.run().task().to_owned(),
            first: at.clone(),
            last: at,
            times: 1,
            state: job.status.state(),
            says: says.join(": "),
            made,
        }
    }

    pub(super) fn as_json(&self) -> Value {
        json!({
            "task": self.task, "first": self.first, "last": self.last, "times": self.times,
            "state": self.state, "says": self.says, "made": self.made,
        })
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Decision { task, first, last, times, state, says, made } = self;
        let made = if *made { " (made it)" } else { "" };
        let says = output::printable(says);
        match times {
            1 => write!(f, "{first}  {task}{made}: {}: {says}", state.as_str()),
            _ => write!(f, "{first} to {last}, {times} times  {task}: {}: {says}", state.as_str()),
        }
    }
}
