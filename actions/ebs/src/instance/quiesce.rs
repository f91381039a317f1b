//! Who holds the applications of an instance still while its set is taken, and what becomes of
//! instances where nobody can.

use lamplighter_core::{
    Fault, FaultKind,
    action::BadParams,
    cloud::{instances::Instance, ssm::Outcome},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::scripts::Scripts;

/// How a set becomes application-consistent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Quiesce {
    /// Linux: scripts that the instance runs.
    #[serde(default)]
    pub(super) scripts: Option<Scripts>,
    /// Windows: the Volume Shadow Copy Service. The instance takes the snapshots itself, so that its
    /// profile needs AWS's policy `AWSEC2VssSnapshotPolicy`; data volumes cannot be left out.
    #[serde(default)]
    pub(super) vss: bool,
    /// What becomes of an instance for which there is neither, that SSM does not hear of, or that
    /// could not be held still.
    #[serde(default)]
    pub(super) otherwise: Otherwise,
}

/// What becomes of an instance whose set cannot be application-consistent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Otherwise {
    /// Its job fails.
    #[default]
    Fail,
    /// It gets a crash-consistent set.
    Crash,
}

/// Who holds the applications of an instance still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    Scripts,
    Vss,
}

/// What becomes of a job that has taken nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Then {
    /// It begins anew: the reason may be gone next time.
    Again,
    /// What the task says of instances that cannot be held still.
    Otherwise,
    /// It fails: a permission is missing, which is nothing of the instance.
    Fail,
}

impl Quiesce {
    pub(super) fn check(&self) -> Result<(), BadParams> {
        if self.scripts.is_none() && !self.vss {
            let message = "neither `scripts` nor `vss`: nothing is held still".to_owned();
            return Err(BadParams { path: "quiesce".to_owned(), message });
        }
        self.scripts.as_ref().map_or(Ok(()), Scripts::check)
    }

    /// Who can hold the applications of this instance still, or why nobody can. Whether SSM hears
    /// of it is another question.
    pub(super) fn holder(&self, it: &Instance) -> Result<Holder, String> {
        let holder = match (it.platform.starts_with("windows"), &self.scripts) {
            (true, _) if self.vss => Holder::Vss,
            (true, _) => return Err("it runs Windows, and scripts are for Linux".to_owned()),
            (false, Some(_)) => Holder::Scripts,
            (false, None) => return Err("it runs Linux, and VSS is for Windows".to_owned()),
        };
        match it.state.as_str() {
            "running" => Ok(holder),
            state => Err(format!("it is `{state}`, and runs no commands")),
        }
    }
}

impl Then {
    pub(super) fn after(fault: &Fault) -> Then {
        match fault.kind {
            FaultKind::Permission => Then::Fail,
            FaultKind::Throttled | FaultKind::Transient => Then::Again,
            FaultKind::Config | FaultKind::Refused | FaultKind::Permanent => Then::Otherwise,
        }
    }
}

/// How a command has ended, in words.
pub(super) fn ended(it: &Outcome) -> String {
    let code = match it.exit_code {
        Some(code) => format!("ended with {code}"),
        None => format!("did not run to its end: {}", it.details),
    };
    match it.errors.trim() {
        "" => code,
        errors => format!("{code}: {errors}"),
    }
}
