//! What happened in a world, line by line.

use jiff::Timestamp;
use lamplighter_core::job::{Job, Status};
use lamplighter_simulator::Outcome;

use crate::World;

impl World {
    /// From now on [`trace`](World::trace) tells what happens.
    pub fn traced(self) -> World {
        self.laws.remember();
        self.faults.remember(self.rehearsal.clock());
        self
    }

    /// What went wrong, what AWS was asked and what was written to the journal, as far as one line
    /// of it says `about`: a job's id, a target, or nothing for all. Of one instant the mishaps
    /// come first, then the calls, then what was written.
    pub fn trace(&self, about: &str) -> String {
        let mut lines: Vec<(Timestamp, u8, String)> = Vec::new();
        lines.extend(self.faults.remembered().into_iter().map(|(at, mishap)| (at, 0, mishap)));
        for call in self.cloud.calls() {
            let outcome = match call.outcome {
                Outcome::Done => String::new(),
                other => format!(": {other:?}"),
            };
            let session = call.caller.role.map(|(_, session)| session).unwrap_or_default();
            let about = call.about.join(" ");
            let (operation, place) = (call.operation, call.place);
            let line = format!("{operation} in {place} as {session} {about}{outcome}");
            lines.push((call.at, 1, line));
        }
        lines.extend(self.laws.history().iter().map(|(at, job)| (*at, 2, line(job))));
        lines.sort_by_key(|(at, order, _)| (*at, *order));
        let told = lines.into_iter().filter(|(_, order, line)| *order == 0 || line.contains(about));
        let text = |(at, _, line): (Timestamp, u8, String)| format!("{at:.0} {line}\n");
        told.map(text).collect()
    }
}

/// A form of a job.
fn line(job: &Job) -> String {
    let Job { id, version, attempts, throttled, .. } = job;
    let state = job.status.state().as_str();
    let now = match (&job.lease, &job.status) {
        (Some(lease), _) => format!("leased by {} until {:.0}", lease.holder, lease.until),
        (None, Status::Open) => {
            let wake_at = job.wake_at.unwrap_or_default();
            let gate = job.waiting_at.as_ref().map(|gate| format!(" or gate `{gate}` has room"));
            format!("waits until {wake_at:.0}{}", gate.unwrap_or_default())
        }
        (None, status) => status.message().unwrap_or_default().to_owned(),
    };
    let tried = job.tried.times;
    format!("{id} v{version} {state}, tried {tried}, attempts {attempts}/{throttled}: {now}")
}
