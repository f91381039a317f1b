//! What a host is told to do by a message or an event: a job to look at, an event of AWS, a tick.

use std::{fmt, time::Duration};

use lamplighter_core::{
    Engine, Fault, JobId,
    engine::{Event, Started},
    events::{self, CloudEvent},
    job::LEASE,
};
use serde_json::{Value, json};
use tokio::time::timeout;
use tracing::warn;

use crate::output::printable;

/// As much of a message that nobody understands is shown.
const SHOWN: usize = 200;
/// The most time for anything but a step on a target. A long listing renews its lease, and
/// what is cut off begins anew.
const LONGEST: Duration = Duration::from_secs(30 * 60);

/// Something that a host does when it is told to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Asked {
    /// A minute has passed.
    Tick,
    /// Somebody should look at this job.
    Look(JobId),
    /// AWS tells of something.
    Event(Box<CloudEvent>),
}

impl Asked {
    /// Does it within `left`, and no longer than it may take. Returns the runs that an event
    /// asked for. What fails can be asked for again.
    pub(crate) async fn done(self, engine: &Engine, left: Duration) -> Result<Vec<Started>, Fault> {
        let cut_off = |_| Err(Fault::transient("it took too long and was cut off"));
        timeout(left.min(self.longest()), self.done_by(engine)).await.unwrap_or_else(cut_off)
    }

    /// The same, where nobody hears of the fault: it is logged. `false`: it has to be asked for
    /// again.
    pub(crate) async fn done_or_logged(self, engine: &Engine, left: Duration) -> bool {
        let what = self.to_string();
        let done = self.done(engine, left).await;
        if let Err(fault) = &done {
            warn!(what, fault = ?fault.kind, message = fault.chain(), "not done; it comes again");
        }
        done.is_ok()
    }

    async fn done_by(self, engine: &Engine) -> Result<Vec<Started>, Fault> {
        match self {
            Asked::Tick => engine.tick_once_a_minute().await?,
            Asked::Look(job) => engine.advance(&job).await?,
            Asked::Event(event) => return engine.event(Event::Cloud(*event)).await,
        }
        Ok(Vec::new())
    }

    fn longest(&self) -> Duration {
        match self {
            // A step that outlives its lease would meet another worker.
            Asked::Look(job) if job.is_of_target() => {
                LEASE.unsigned_abs().saturating_sub(Duration::from_secs(10))
            }
            _ => LONGEST,
        }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Asked::Tick => f.write_str("tick"),
            Asked::Look(job) => write!(f, "job {job}"),
            Asked::Event(event) => write!(f, "event {}", event.id),
        }
    }
}

/// Reads a message of the queue: the id of a job, or what EventBridge has put there. The error
/// says what it is instead.
pub(crate) fn message(body: &str) -> Result<Asked, String> {
    if let Ok(job) = body.parse() {
        return Ok(Asked::Look(job));
    }
    let asked = serde_json::from_str::<Value>(body).ok().and_then(|it| event_bridge(&it));
    asked.unwrap_or_else(|| {
        let shown: String = printable(body).chars().take(SHOWN).collect();
        Err(format!("neither the id of a job nor an event of EventBridge: `{shown}`"))
    })
}

/// Reads what EventBridge delivers: an event, or that a minute has passed. `None` when it is
/// neither. An event that cannot be understood is an error that says why.
pub(crate) fn event_bridge(json: &Value) -> Option<Result<Asked, String>> {
    if *json == json!({ "tick": true }) {
        return Some(Ok(Asked::Tick));
    }
    let text = |key: &str| json.get(key).and_then(Value::as_str);
    let (source, kind) = (text("source")?, text("detail-type")?);
    // A rule with a schedule, and a schedule of EventBridge Scheduler without an input.
    if kind == "Scheduled Event" && ["aws.events", "aws.scheduler"].contains(&source) {
        return Some(Ok(Asked::Tick));
    }
    let event = events::parse(json).map_err(|bad| bad.to_string());
    Some(event.map(|it| Asked::Event(Box::new(it))))
}
