//! Bringing an instance down: asks once, then looks until it is stopped.

use std::time::Duration;

use jiff::Timestamp;
use lamplighter_core::{
    Doing, Fault, StepCx,
    action::DESCRIBE_LAG,
    cloud::instances::{Instance, Stop},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounds::{LOOK, WRONG_STATE, has_code};

/// AWS does not stop this instance, whoever asks.
const NEVER: [&str; 2] = ["OperationNotPermitted", "UnsupportedOperation"];
/// It cannot hibernate.
const CANNOT_HIBERNATE: &str = "UnsupportedHibernationConfiguration";
/// It has just booted, and will be able to. No code says so.
/// Source: EC2 User Guide, "Troubleshoot Amazon EC2 instance hibernation".
const CANNOT_YET: &str = "not ready to hibernate yet";
const HIBERNATION_WAIT: Duration = Duration::from_secs(60);

/// Whether an instance keeps its memory when it is stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Hibernate {
    /// It does not: its operating system shuts down.
    #[default]
    Never,
    /// It does where it can; the others shut down.
    IfPossible,
    /// It does; those that cannot are left alone.
    Always,
}

/// An instance on its way down. The default is one that nobody has asked yet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Halt {
    asked: Option<Asked>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Asked {
    at: Timestamp,
    /// When the instance had been started.
    launched_at: Timestamp,
}

/// How far an instance is.
#[derive(Debug, PartialEq)]
pub(crate) enum Halted {
    /// It is stopped.
    Stopped,
    /// Look again after this.
    Not(Duration),
    /// AWS does not let it be stopped, and why.
    Refused(String),
    /// It is terminated, or will be.
    Gone,
}

impl Halt {
    /// Goes on from what was seen of the instance.
    pub(crate) async fn step(
        &mut self,
        cx: &StepCx<'_>,
        it: &Instance,
        hibernate: Hibernate,
    ) -> Result<Halted, Fault> {
        match it.state.as_str() {
            "stopped" => Ok(Halted::Stopped),
            "shutting-down" | "terminated" => Ok(Halted::Gone),
            "running" => match &self.asked {
                Some(asked) if it.launched_at > asked.launched_at => Err(Fault::permanent(
                    format!("somebody has started `{}` while it was to be stopped", it.id),
                )),
                Some(asked) if cx.now < asked.at + DESCRIBE_LAG => Ok(Halted::Not(LOOK)),
                _ => self.ask(cx, it, hibernate).await,
            },
            _ => Ok(Halted::Not(LOOK)),
        }
    }

    async fn ask(
        &mut self,
        cx: &StepCx<'_>,
        it: &Instance,
        hibernate: Hibernate,
    ) -> Result<Halted, Fault> {
        let how = match hibernate {
            Hibernate::Never => Stop::ShutDown,
            Hibernate::IfPossible if !it.hibernation => Stop::ShutDown,
            Hibernate::IfPossible | Hibernate::Always => Stop::Hibernate,
        };
        let mut answer = cx.here.instances().stop(&it.id, how).await;
        if let (Stop::Hibernate, Err(fault)) = (how, &answer) {
            let cannot = has_code(fault, &[CANNOT_HIBERNATE, "UnsupportedOperation"]);
            if cannot && fault.chain().contains(CANNOT_YET) {
                return Ok(Halted::Not(HIBERNATION_WAIT));
            }
            if cannot && hibernate == Hibernate::IfPossible {
                answer = cx.here.instances().stop(&it.id, Stop::ShutDown).await;
            }
        }
        match answer {
            Ok(()) => {
                self.asked = Some(Asked { at: cx.now, launched_at: it.launched_at });
                Ok(Halted::Not(LOOK))
            }
            // It was seen as it no longer is.
            Err(fault) if has_code(&fault, &WRONG_STATE) => Ok(Halted::Not(LOOK)),
            Err(fault) if has_code(&fault, &NEVER) || has_code(&fault, &[CANNOT_HIBERNATE]) => {
                Ok(Halted::Refused(format!("AWS does not let it be stopped: {}", fault.chain())))
            }
            Err(fault) => Err(fault).doing(format!("stopping `{}`", it.id)),
        }
    }
}
