//! Acting on one target: gates, then one step of the action.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Engine, Slot, guards};
use crate::{
    Doing, Fault, FaultKind, JobId, Place,
    action::{AnyAction, Progress, StepCx},
    cloud::Session,
    job::{Job, Outcome, Status, Tried, Work},
    task::Order,
};

/// How long a slot is held without a sign of life. Every step prolongs it.
const SLOT_HELD: SignedDuration = SignedDuration::from_hours(1);
/// How long a job waits at a full gate before it looks again, when nobody tells it of room.
const GATE_WAIT: Duration = Duration::from_secs(60);

/// How long a job that has begun waits before it tries again to enter its account.
const DOOR_WAIT: Duration = Duration::from_secs(60);

/// Something that only so many jobs may be in at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gate {
    key: String,
    limit: u32,
}

/// What a job of this task must get into before it takes its next step, always in the same order.
fn gates(
    action: &dyn AnyAction,
    order: &Order,
    place: &Place,
    state: Option<&Value>,
) -> Result<Vec<Gate>, Fault> {
    let own = order.max_concurrent.map(|limit| Gate {
        key: format!("max-concurrent/{}/{place}", order.task),
        limit: limit.get(),
    });
    let mut gates: Vec<Gate> = own.into_iter().collect();
    if let Some(gate) = &action.spec().gate {
        let places = action.gated_at(&order.params, place, state)?;
        let of = |place: &Place| Gate { key: format!("{}/{place}", gate.name), limit: gate.limit };
        gates.extend(places.iter().map(of));
    }
    Ok(gates)
}

impl Engine {
    pub(super) async fn act(
        &self,
        job: &Job,
        tried: Tried,
        now: Timestamp,
    ) -> Result<Outcome, Fault> {
        let Work::Act { order, place, occurrence, facts, state, target, .. } = &job.work else {
            return Err(Fault::permanent("this job acts on nothing"));
        };
        let action = self.action(&order.action)?;
        if state.is_none() && tried.times == 0 {
            if job.deadline <= now {
                return Err(Fault::permanent(format!(
                    "not begun before its deadline {}",
                    job.deadline
                )));
            }
            if order.stop_after.is_some() {
                let tally = self.ports.journal.tally(&job.run()).await?;
                if let Some(reason) = guards::give_up(order.stop_after, &tally) {
                    return Ok(Outcome::Stopped(reason));
                }
            }
        }
        if let Some(full) =
            self.enter(gates(action, order, place, state.as_ref())?, &job.id, now).await?
        {
            let wait = GATE_WAIT.mul_f64(0.5 + self.ports.clock.jitter() / 2.0);
            return Ok(Outcome::Waiting { gate: full, wait });
        }
        let session = Session { task: order.task.clone(), occurrence: *occurrence };
        let doing = || format!("{} on `{target}` in {place}", order.action);
        let scope = match self.ports.accounts.scope(place, &session).await {
            // The work has begun and nothing is wrong with it: it must not end half done because
            // nobody can get in for a while.
            Err(fault) if state.is_some() && fault.kind == FaultKind::Transient => {
                return Ok(Outcome::Later { wait: DOOR_WAIT });
            }
            // The step was not even begun.
            scope => scope.map_err(Fault::nothing_tried).doing(doing())?,
        };
        let cx = StepCx {
            session: &session,
            job: &job.id,
            time_zone: order.time_zone.rules(),
            now,
            tried,
            here: &*scope,
            accounts: &*self.ports.accounts,
        };
        let progress = action.step_json(&cx, &order.params, facts, state.as_ref()).await;
        Ok(match progress.doing(doing())? {
            Progress::Done(summary) => Outcome::Done(summary),
            Progress::Skipped(reason) => Outcome::Skipped(reason),
            Progress::Again { state, wait } => Outcome::Again { state, wait },
            Progress::Later { wait } => Outcome::Later { wait },
        })
    }

    /// Takes a slot at every gate, or none. Returns the gate that was full.
    async fn enter(
        &self,
        gates: Vec<Gate>,
        job: &JobId,
        now: Timestamp,
    ) -> Result<Option<String>, Fault> {
        let mut entered: Vec<Gate> = Vec::new();
        for gate in gates {
            let until = now + SLOT_HELD;
            let slot = self.ports.journal.take_slot(&gate.key, gate.limit, job, now, until).await?;
            if slot == Slot::Full {
                for other in entered {
                    self.free(&other, job, now).await?;
                }
                return Ok(Some(gate.key));
            }
            entered.push(gate);
        }
        Ok(None)
    }

    /// Gives back the slots that a job had for its step and does not need for the next one.
    pub(super) async fn leave(
        &self,
        before: &Job,
        after: &Job,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let gates_of = |job: &Job| match &job.work {
            Work::Act { order, place, state, .. } => {
                gates(self.action(&order.action)?, order, place, state.as_ref())
            }
            _ => Ok(Vec::new()),
        };
        let kept = match after.status {
            Status::Open => gates_of(after)?,
            _ => Vec::new(),
        };
        for gate in gates_of(before)?.iter().filter(|gate| !kept.contains(gate)) {
            self.free(gate, &after.id, now).await?;
        }
        Ok(())
    }

    /// Gives a slot back and tells as many waiting jobs as there is room for.
    async fn free(&self, gate: &Gate, job: &JobId, now: Timestamp) -> Result<(), Fault> {
        let next = self.ports.journal.free_slot(&gate.key, gate.limit, job, now).await?;
        let wakes: Vec<(JobId, Duration)> =
            next.into_iter().map(|id| (id, Duration::ZERO)).collect();
        if wakes.is_empty() { Ok(()) } else { self.ports.queue.wake(&wakes).await }
    }
}
