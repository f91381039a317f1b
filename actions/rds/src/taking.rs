//! A snapshot that a job takes: it is there once, because its name is made of the job.

use std::time::Duration;

use jiff::Timestamp;
use lamplighter_core::{
    Doing, Fault, FaultKind, StepCx, Tags,
    action::JOB_TAG,
    cloud::rds::{NewSnapshot, QUOTA_EXCEEDED, Snapshot, TAKEN, WRONG_STATE},
};
use serde::{Deserialize, Serialize};

use crate::{
    bounds::{BUSY, LOOK, Readiness, has_code, look, readiness},
    family::{AnyDatabase, Family},
    names,
};

/// The wait before the first look; it doubles with each one.
const FIRST_WAIT: Duration = Duration::from_secs(60);
const LONGEST_WAIT: Duration = Duration::from_secs(600);
/// The wait for room where there are as many snapshots as there may be.
const FULL: Duration = Duration::from_secs(600);

/// What a job remembers of the snapshot that it has started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Taking {
    since: Timestamp,
    /// How often it was looked at.
    looks: u32,
}

/// What has come of starting a snapshot.
#[derive(Debug)]
pub(crate) enum Begun {
    /// It is being taken.
    Taking(Taking),
    /// It cannot be started yet, or nobody knows whether it was: take the same step again.
    Wait(Duration),
    /// It cannot be started at all, and why.
    Cannot(String),
}

/// How it stands with a snapshot that was started.
#[derive(Debug)]
pub(crate) enum Stand {
    /// Look again after this.
    Pending(Taking, Duration),
    /// It is available.
    Available,
}

/// The name of the snapshot that a job takes of a database.
pub(crate) fn name<F: Family>(cx: &StepCx<'_>, database: &F::Database) -> String {
    names::snapshot(F::KIND, database.facts().id, cx.job, cx.session.occurrence)
}

/// Starts the snapshot, unless an earlier try has.
pub(crate) async fn begin<F: Family>(
    cx: &StepCx<'_>,
    database: &F::Database,
    tags: Tags,
) -> Result<Begun, Fault> {
    let name = name::<F>(cx, database);
    if cx.tried.times > 0 {
        if let Some(taken) = find::<F>(cx, &name).await? {
            return ours(cx, &taken);
        }
        if let Some(wait) = cx.lag_left() {
            return Ok(Begun::Wait(wait));
        }
    }
    let id = database.facts().id.to_owned();
    let new = NewSnapshot { database: id.clone(), name: name.clone(), tags };
    match cx.here.rds().create_snapshot(F::KIND, &new).await {
        Ok(()) => Ok(Begun::Taking(Taking { since: cx.now, looks: 0 })),
        Err(fault) if has_code(&fault, &TAKEN) => match find::<F>(cx, &name).await? {
            Some(taken) => ours(cx, &taken),
            None => Ok(Begun::Wait(LOOK)),
        },
        // It was seen as it no longer is.
        Err(fault) if has_code(&fault, &WRONG_STATE) => busy_or_not::<F>(cx, database).await,
        Err(fault) => {
            let fault = match fault.kind {
                _ if has_code(&fault, &[QUOTA_EXCEEDED]) => full(fault),
                FaultKind::Throttled => fault.nothing_tried(),
                _ => fault,
            };
            Err(fault).doing(format!("taking the snapshot `{name}` of `{id}`"))
        }
    }
}

/// Whoever finds no room waits for retention to make some, until the deadline.
pub(crate) fn full(mut fault: Fault) -> Fault {
    fault.kind = FaultKind::Throttled;
    fault.retry_after(FULL)
}

async fn busy_or_not<F: Family>(cx: &StepCx<'_>, database: &F::Database) -> Result<Begun, Fault> {
    let Some(it) = look(cx, database).await? else {
        return Ok(Begun::Cannot("it is gone".to_owned()));
    };
    let it = it.facts();
    Ok(match readiness(&it) {
        Readiness::Stuck => Begun::Cannot(format!("it is `{}`", it.state)),
        Readiness::Busy | Readiness::Ready => Begun::Wait(BUSY),
    })
}

/// A snapshot of this name: only this job makes one.
fn ours(cx: &StepCx<'_>, found: &Snapshot) -> Result<Begun, Fault> {
    if found.tags.get(JOB_TAG).map(String::as_str) != Some(cx.job.as_str()) {
        let message = format!("there is a snapshot `{}` that this job has not made", found.id);
        return Err(Fault::permanent(message));
    }
    Ok(Begun::Taking(Taking { since: cx.now, looks: 0 }))
}

async fn find<F: Family>(cx: &StepCx<'_>, name: &str) -> Result<Option<Snapshot>, Fault> {
    let found = cx.here.rds().snapshot(F::KIND, name).await;
    found.doing(format!("looking at the snapshot `{name}`"))
}

impl Taking {
    /// A snapshot that a call has started by the way.
    pub(crate) fn now(cx: &StepCx<'_>) -> Taking {
        Taking { since: cx.now, looks: 0 }
    }

    /// The first look, some time after the start.
    pub(crate) fn first_look(self) -> (Taking, Duration) {
        self.look_again()
    }

    /// Looks how it stands.
    pub(crate) async fn stands<F: Family>(
        self,
        cx: &StepCx<'_>,
        name: &str,
    ) -> Result<Stand, Fault> {
        let found = find::<F>(cx, name).await?;
        match found.as_ref().map(|it| it.state.as_str()) {
            Some("available") => Ok(Stand::Available),
            Some("creating" | "copying") => Ok(self.pending()),
            None if cx.longest_lag_left(self.since).is_some() => Ok(self.pending()),
            None => {
                let message = format!("the snapshot `{name}` disappeared before it was available");
                Err(Fault::permanent(message))
            }
            Some(other) => Err(Fault::permanent(format!("the snapshot `{name}` is `{other}`"))),
        }
    }

    fn pending(self) -> Stand {
        let (taking, wait) = self.look_again();
        Stand::Pending(taking, wait)
    }

    fn look_again(self) -> (Taking, Duration) {
        let wait = FIRST_WAIT.saturating_mul(1 << self.looks.min(10)).min(LONGEST_WAIT);
        (Taking { looks: self.looks + 1, ..self }, wait)
    }
}
