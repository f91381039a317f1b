//! Bringing a database down: asks once, then looks until it is stopped.

use std::time::Duration;

use jiff::Timestamp;
use lamplighter_core::{Doing, Fault, StepCx, action::DESCRIBE_LAG, cloud::rds::WRONG_STATE};
use serde::{Deserialize, Serialize};

use crate::{
    bounds::{BUSY, LOOK, Readiness, has_code, readiness},
    family::{AnyDatabase, Family},
};

/// AWS does not stop such a database, whoever asks.
const NEVER: [&str; 1] = ["InvalidParameterCombination"];

/// A database on its way down. The default is one that nobody has asked yet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Halt {
    asked_at: Option<Timestamp>,
}

/// How far a database is.
#[derive(Debug, PartialEq)]
pub(crate) enum Halted {
    /// It is stopped.
    Stopped,
    /// Look again after this.
    Not(Duration),
    /// It cannot be stopped, and why.
    Refused(String),
}

impl Halt {
    /// Goes on from what was seen of the database.
    pub(crate) async fn step<F: Family>(
        &mut self,
        cx: &StepCx<'_>,
        it: &F::Database,
    ) -> Result<Halted, Fault> {
        let it = it.facts();
        match (it.state, readiness(&it)) {
            ("stopped", _) => Ok(Halted::Stopped),
            ("stopping", _) => Ok(Halted::Not(LOOK)),
            (state, Readiness::Stuck) => Ok(Halted::Refused(format!("it is `{state}`"))),
            // Instances are stopped when they are available, and not while storage is optimized.
            ("available", _) => match self.asked_at {
                Some(at) if cx.now < at + DESCRIBE_LAG => Ok(Halted::Not(LOOK)),
                _ => self.ask::<F>(cx, it.id).await,
            },
            (_, Readiness::Busy | Readiness::Ready) => Ok(Halted::Not(BUSY)),
        }
    }

    async fn ask<F: Family>(&mut self, cx: &StepCx<'_>, id: &str) -> Result<Halted, Fault> {
        match cx.here.rds().stop(F::KIND, id).await {
            Ok(()) => {
                self.asked_at = Some(cx.now);
                Ok(Halted::Not(LOOK))
            }
            // It was seen as it no longer is.
            Err(fault) if has_code(&fault, &WRONG_STATE) => Ok(Halted::Not(LOOK)),
            Err(fault) if has_code(&fault, &NEVER) => {
                Ok(Halted::Refused(format!("AWS does not let it be stopped: {}", fault.chain())))
            }
            Err(fault) => Err(fault).doing(format!("stopping `{id}`")),
        }
    }
}
