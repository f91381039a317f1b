//! A snapshot that a job takes: it is there once, because its name is made of the job.

use std::time::Duration;

use jiff::Timestamp;
use lamplighter_core::{
    Doing, Fault, FaultKind, StepCx, Tags,
    action::JOB_TAG,
    cloud::rds::{Kind, NewSnapshot, QUOTA_EXCEEDED, Rds, Snapshot, TAKEN, WRONG_STATE},
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
    Available(Box<Snapshot>),
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
    let made = Named { cx, rds: cx.here.rds(), kind: F::KIND, name: &name };
    if let Some(begun) = made.begun().await? {
        return Ok(begun);
    }
    let id = database.facts().id.to_owned();
    let new = NewSnapshot { database: id.clone(), name: name.clone(), tags };
    match cx.here.rds().create_snapshot(F::KIND, &new).await {
        // It was seen as it no longer is.
        Err(fault) if has_code(&fault, &WRONG_STATE) => busy_or_not::<F>(cx, database).await,
        answer => {
            made.answered(answer).await.doing(format!("taking the snapshot `{name}` of `{id}`"))
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

/// A snapshot that a job makes in a place, by its name: only this job makes one of this name.
#[derive(Clone, Copy)]
pub(crate) struct Named<'a> {
    pub(crate) cx: &'a StepCx<'a>,
    pub(crate) rds: &'a dyn Rds,
    pub(crate) kind: Kind,
    pub(crate) name: &'a str,
}

impl Named<'_> {
    /// What an earlier try of the step has started. `None`: start it.
    pub(crate) async fn begun(&self) -> Result<Option<Begun>, Fault> {
        if self.cx.tried.times == 0 {
            return Ok(None);
        }
        if let Some(found) = self.find().await? {
            return self.ours(&found).map(Some);
        }
        Ok(self.cx.lag_left().map(Begun::Wait))
    }

    /// What has come of the call that starts it.
    pub(crate) async fn answered(&self, answer: Result<(), Fault>) -> Result<Begun, Fault> {
        match answer {
            Ok(()) => Ok(Begun::Taking(Taking { since: self.cx.now, looks: 0 })),
            Err(fault) if has_code(&fault, &TAKEN) => match self.find().await? {
                Some(found) => self.ours(&found),
                None => Ok(Begun::Wait(LOOK)),
            },
            Err(fault) => Err(match fault.kind {
                _ if has_code(&fault, &[QUOTA_EXCEEDED]) => full(fault),
                FaultKind::Throttled => fault.nothing_tried(),
                _ => fault,
            }),
        }
    }

    /// Looks how it stands, or why it failed.
    pub(crate) async fn stands(&self, taking: Taking) -> Result<Result<Stand, String>, Fault> {
        let name = self.name;
        let pending = |taking: Taking| {
            let (taking, wait) = taking.look_again();
            Ok(Ok(Stand::Pending(taking, wait)))
        };
        let Some(found) = self.find().await? else {
            if self.cx.longest_lag_left(taking.since).is_some() {
                return pending(taking);
            }
            return Ok(Err(format!("the snapshot `{name}` disappeared before it was available")));
        };
        match found.state.as_str() {
            "available" => Ok(Ok(Stand::Available(Box::new(found)))),
            "creating" | "copying" => pending(taking),
            other => Ok(Err(format!("the snapshot `{name}` is `{other}`"))),
        }
    }

    async fn find(&self) -> Result<Option<Snapshot>, Fault> {
        let found = self.rds.snapshot(self.kind, self.name).await;
        found.doing(format!("looking at the snapshot `{}`", self.name))
    }

    fn ours(&self, found: &Snapshot) -> Result<Begun, Fault> {
        if !is_of_job(self.cx, found) {
            let message = format!("there is a snapshot `{}` that this job has not made", found.id);
            return Err(Fault::permanent(message));
        }
        Ok(Begun::Taking(Taking { since: self.cx.now, looks: 0 }))
    }
}

/// Whether a snapshot carries this job's tag.
pub(crate) fn is_of_job(cx: &StepCx<'_>, it: &Snapshot) -> bool {
    it.tags.get(JOB_TAG).map(String::as_str) == Some(cx.job.as_str())
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

    /// Looks how it stands with the snapshot of this name here.
    pub(crate) async fn stands<F: Family>(
        self,
        cx: &StepCx<'_>,
        name: &str,
    ) -> Result<Stand, Fault> {
        let made = Named { cx, rds: cx.here.rds(), kind: F::KIND, name };
        made.stands(self).await?.map_err(Fault::permanent)
    }

    fn look_again(self) -> (Taking, Duration) {
        let wait = FIRST_WAIT.saturating_mul(1 << self.looks.min(10)).min(LONGEST_WAIT);
        (Taking { looks: self.looks + 1, ..self }, wait)
    }
}
