//! Bringing a database up: asks once, then looks until it is available.

use std::time::Duration;

use jiff::Timestamp;
use lamplighter_core::{Doing, Fault, StepCx, action::DESCRIBE_LAG, cloud::rds::WRONG_STATE};
use serde::{Deserialize, Serialize};

use crate::{
    bounds::{LOOK, Readiness, has_code, readiness},
    family::{AnyDatabase, Family},
};

/// AWS does not start such a database, whoever asks.
const NEVER: [&str; 1] = ["InvalidParameterCombination"];

/// A database on its way up. The default is one that nobody has asked yet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Launch {
    asked_at: Option<Timestamp>,
}

/// How far a database is.
#[derive(Debug, PartialEq)]
pub(crate) enum Launched {
    /// It runs.
    Running,
    /// Look again after this.
    Not(Duration),
    /// It cannot be started, and why.
    Refused(String),
}

impl Launch {
    /// Goes on from what was seen of the database.
    pub(crate) async fn step<F: Family>(
        &mut self,
        cx: &StepCx<'_>,
        it: &F::Database,
    ) -> Result<Launched, Fault> {
        let it = it.facts();
        match (it.state, readiness(&it)) {
            ("stopped", _) => match self.asked_at {
                Some(at) if cx.now < at + DESCRIBE_LAG => Ok(Launched::Not(LOOK)),
                _ => self.ask::<F>(cx, it.id).await,
            },
            ("stopping" | "starting", _) => Ok(Launched::Not(LOOK)),
            (state, Readiness::Stuck) => Ok(Launched::Refused(format!("it is `{state}`"))),
            (_, Readiness::Ready | Readiness::Busy) => Ok(Launched::Running),
        }
    }

    async fn ask<F: Family>(&mut self, cx: &StepCx<'_>, id: &str) -> Result<Launched, Fault> {
        match cx.here.rds().start(F::KIND, id).await {
            Ok(()) => {
                self.asked_at = Some(cx.now);
                Ok(Launched::Not(LOOK))
            }
            // It was seen as it no longer is.
            Err(fault) if has_code(&fault, &WRONG_STATE) => Ok(Launched::Not(LOOK)),
            Err(fault) if has_code(&fault, &NEVER) => {
                Ok(Launched::Refused(format!("AWS does not let it be started: {}", fault.chain())))
            }
            Err(fault) => Err(fault).doing(format!("starting `{id}`")),
        }
    }
}
