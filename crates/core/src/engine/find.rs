//! Finding the targets in one place, and making a record for each.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{
    BATCH, Engine, Write,
    guards::{self, Found},
    listing::Listing,
    survey::{Planned, Survey, survey},
};
use crate::{
    Facts, Fault, FaultKind, JobId, Place,
    action::{AnyAction, DESCRIBE_LAG, LookCx, Pulse, Verdict},
    cloud::Session,
    job::{Job, Outcome, PlannedPlace, Status, Work},
    task::{Mode, Order},
};

/// For surveys that hold no lease.
pub(super) struct NoPulse;

#[async_trait]
impl Pulse for NoPulse {
    async fn beat(&self) -> Result<(), Fault> {
        Ok(())
    }
}

/// Renews the lease of a long step when half of it is gone.
struct Held<'a> {
    engine: &'a Engine,
    job: Mutex<Job>,
}

impl Held<'_> {
    fn job(&self) -> Job {
        self.job.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }
}

#[async_trait]
impl Pulse for Held<'_> {
    async fn beat(&self) -> Result<(), Fault> {
        let job = self.job();
        let now = self.engine.ports.clock.now();
        let fresh = job
            .lease
            .as_ref()
            .is_some_and(|it| it.until.duration_since(now) > crate::job::LEASE / 2);
        if fresh {
            return Ok(());
        }
        let renewed = job.renewed(now);
        if self.engine.ports.journal.replace(&renewed).await? == Write::Lost {
            return Err(Fault::transient("the lease went to another worker"));
        }
        *self.job.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = renewed;
        Ok(())
    }
}

impl Engine {
    /// Surveys a place and records every selected target: to act on, skipped or failed.
    pub(super) async fn find(&self, job: Job, now: Timestamp) -> (Job, Result<Outcome, Fault>) {
        let held = Held { engine: self, job: Mutex::new(job.clone()) };
        let result = self.find_targets(&job, &held, now).await;
        (held.job(), result)
    }

    async fn find_targets(
        &self,
        job: &Job,
        held: &Held<'_>,
        now: Timestamp,
    ) -> Result<Outcome, Fault> {
        let Work::Find { order, place, occurrence, plan, only } = &job.work else {
            return Err(Fault::permanent("this job finds nothing"));
        };
        let action = self.action(&order.action)?;
        let session = Session { task: order.task.clone(), occurrence: *occurrence };
        let scope = self.ports.accounts.scope(place, &session).await?;
        let decided_at = plan.as_ref().map_or(now, |plan| plan.now);
        let mut listing =
            self.listings.take(&job.id, now).unwrap_or_else(|| Listing::new(decided_at));
        let cx = LookCx {
            session: &session,
            time_zone: order.time_zone.rules(),
            now: listing.now,
            schedule: self.schedule(&order.task),
            here: &*scope,
            accounts: &*self.ports.accounts,
            pulse: held,
        };
        let survey = match survey(action, order, cx, only.as_ref(), &mut listing).await {
            Err(fault) if fault.kind == FaultKind::Throttled => {
                self.listings.keep(&job.id, listing, now);
                return Err(fault);
            }
            survey => survey?,
        };
        if let Some(only) = only
            && !survey.settles(only)
            && let Some(wait) = lag_left(*occurrence, job.created_at, now)
        {
            return Ok(Outcome::Later { wait });
        }
        let maker = Maker { action, order, place, occurrence: *occurrence, job, now };
        let (children, to_act, failed) = match plan {
            // What the plan does not name is none of its business.
            Some(plan) => {
                let (children, to_act) = maker.as_planned(plan, &survey);
                (children, to_act, 0)
            }
            None => (maker.as_surveyed(&survey), survey.found.to_act, survey.failed()),
        };
        let found = Found { to_act, ..survey.found };
        let guards = match only {
            Some(_) => order.guards.of_event(),
            None => order.guards.clone(),
        };
        guards::within_limit(&guards, found)?;
        for batch in children.chunks(BATCH) {
            self.add(batch).await?;
            held.beat().await?;
        }
        if plan.is_none() {
            guards::as_expected(&guards, survey.found)?;
        }
        if let Some(only) = only.as_ref().filter(|_| children.is_empty()) {
            return Ok(Outcome::Skipped(nothing_of(only)));
        }
        Ok(Outcome::Done(summary(action, children.len(), found, failed)))
    }
}

/// How much longer what an event is about may look as it did before, or not be there. An event
/// from the future does not prolong it.
fn lag_left(event_at: Timestamp, heard_at: Timestamp, now: Timestamp) -> Option<Duration> {
    let visible_at = event_at.min(heard_at) + DESCRIBE_LAG;
    Duration::try_from(visible_at.duration_since(now)).ok().filter(|left| !left.is_zero())
}

fn nothing_of(only: &BTreeSet<String>) -> String {
    let ids: Vec<String> = only.iter().map(|id| format!("`{id}`")).collect();
    format!("gone or not selected: {}", ids.join(", "))
}

/// What cannot be acted on, as the configuration or the resource is.
fn failed(why: &str) -> Status {
    Status::Failed { kind: FaultKind::Config, message: why.to_owned() }
}

fn summary(action: &dyn AnyAction, records: usize, found: Found, failed: usize) -> String {
    let kind = action.target_kind();
    if records == 0 {
        return format!("no {kind} selected, of {} listed", found.listed);
    }
    let left = (records - failed) as u64 - found.to_act;
    let mut text = format!("{records} {kind}: {} to act on, {left} left", found.to_act);
    if failed > 0 {
        text.push_str(&format!(", {failed} failed"));
    }
    text
}

/// Makes the records of one place.
struct Maker<'a> {
    action: &'a dyn AnyAction,
    order: &'a Arc<Order>,
    place: &'a Place,
    occurrence: Timestamp,
    job: &'a Job,
    now: Timestamp,
}

impl Maker<'_> {
    /// One record for each selected target and for each of which that is not known.
    fn as_surveyed(&self, survey: &Survey) -> Vec<Job> {
        let planned = survey.planned.iter().map(|it| match &it.verdict {
            Verdict::Act { effect, reason } if self.order.mode == Mode::Observe => {
                let why = reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
                let reason = format!("only observes: would {effect}{why}");
                self.record(it, Status::Skipped { reason })
            }
            Verdict::Act { .. } => self.open(it),
            Verdict::Leave { reason } => {
                self.record(it, Status::Skipped { reason: reason.clone() })
            }
            Verdict::Fail { reason } => self.record(it, failed(reason)),
        });
        let unknown = survey
            .unknown
            .iter()
            .map(|(candidate, why)| self.record_of(&candidate.id, &candidate.facts, failed(why)));
        let own = survey.own.iter().map(|candidate| {
            let reason = "this task has made it itself".to_owned();
            self.record_of(&candidate.id, &candidate.facts, Status::Skipped { reason })
        });
        planned.chain(unknown).chain(own).collect()
    }

    /// One record for each target of a saved plan: to act on if it is as it was planned, refused
    /// if it is not.
    fn as_planned(&self, plan: &PlannedPlace, survey: &Survey) -> (Vec<Job>, u64) {
        let now: BTreeMap<&str, &Planned> =
            survey.planned.iter().map(|it| (it.target.as_str(), it)).collect();
        let mut to_act = 0;
        let records = plan.targets.iter().map(|wanted| {
            let found = now.get(wanted.target.as_str());
            let drift = match found.map(|it| (&it.verdict, &it.facts)) {
                None => Some("it is gone, or no longer selected".to_owned()),
                Some((Verdict::Leave { reason }, _)) => {
                    Some(format!("it would be left alone now: {reason}"))
                }
                Some((Verdict::Fail { reason }, _)) => {
                    Some(format!("it cannot be acted on now: {reason}"))
                }
                Some((Verdict::Act { .. }, facts)) => difference(&wanted.facts, facts),
            };
            match drift {
                None => {
                    to_act += 1;
                    let why = found.and_then(|it| it.verdict.reason());
                    self.open_of(&wanted.target, &wanted.facts, why)
                }
                Some(drift) => {
                    let message = format!("changed since the plan: {drift}; plan again");
                    let status = Status::Failed { kind: FaultKind::Refused, message };
                    self.record_of(&wanted.target, &wanted.facts, status)
                }
            }
        });
        let records = records.collect();
        (records, to_act)
    }

    fn open(&self, it: &Planned) -> Job {
        self.open_of(&it.target, &it.facts, it.verdict.reason())
    }

    fn record(&self, it: &Planned, status: Status) -> Job {
        self.record_of(&it.target, &it.facts, status)
    }

    fn open_of(&self, target: &str, facts: &Facts, why: Option<&str>) -> Job {
        let timeout = self.order.timeout.unwrap_or_else(|| {
            SignedDuration::try_from(self.action.spec().timeout).unwrap_or(SignedDuration::MAX)
        });
        Job::new(self.id(target), self.work(target, facts, why), self.now, self.now, timeout)
    }

    fn record_of(&self, target: &str, facts: &Facts, status: Status) -> Job {
        Job::record(self.id(target), self.work(target, facts, None), status, self.now)
    }

    fn id(&self, target: &str) -> JobId {
        JobId::act(&self.job.run(), self.place, target)
    }

    fn work(&self, target: &str, facts: &Facts, why: Option<&str>) -> Work {
        Work::Act {
            order: Arc::clone(self.order),
            place: self.place.clone(),
            occurrence: self.occurrence,
            target: target.to_owned(),
            facts: facts.clone(),
            why: why.unwrap_or_default().to_owned(),
            state: None,
        }
    }
}

/// What differs between two sets of facts, in words.
fn difference(planned: &Facts, found: &Facts) -> Option<String> {
    if planned == found {
        return None;
    }
    let (planned, found) = (&planned.value(), &found.value());
    let keys = |value: &Value| value.as_object().map(|it| it.keys().cloned().collect::<Vec<_>>());
    let mut names = keys(planned).unwrap_or_default();
    names.extend(keys(found).unwrap_or_default());
    names.sort();
    names.dedup();
    let changes: Vec<String> = names
        .iter()
        .filter(|name| planned.get(name) != found.get(name))
        .map(|name| {
            let show = |value: &Value| value.get(name).map_or("nothing".into(), Value::to_string);
            format!("`{name}` was {} and is {}", show(planned), show(found))
        })
        .collect();
    Some(changes.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_difference_names_what_changed() {
        #[track_caller]
        fn check(found: Value, expected: Option<&str>) {
            let planned = json!({ "size_gib": 8, "state": "in-use" });
            assert_eq!(difference(&planned.into(), &found.into()).as_deref(), expected);
        }
        check(json!({ "size_gib": 8, "state": "in-use" }), None);
        check(json!({ "size_gib": 16, "state": "in-use" }), Some("`size_gib` was 8 and is 16"));
        check(json!({ "size_gib": 8 }), Some("`state` was \"in-use\" and is nothing"));
    }
}
