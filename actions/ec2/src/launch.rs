//! Bringing an instance up, as the first of some types that there is capacity for.
//!
//! Every move may be repeated: AWS lets an instance be started that runs, and be given the type
//! that it has. What is seen of an instance lags behind, so a move that AWS refuses because of
//! the instance's state is not a failure: it was seen as it no longer is.

use std::time::Duration;

use jiff::Timestamp;
use lamplighter_core::{
    Doing, Fault, FaultKind, StepCx, Tags, action::DESCRIBE_LAG, cloud::instances::Instance,
};
use serde::{Deserialize, Serialize};

use crate::bounds::{LOOK, WRONG_STATE, has_code};

/// The tag with the type that an instance had before it was started as another one, because
/// there was no capacity. The next start returns to it.
pub(crate) const ORIGINAL_TYPE_TAG: &str = "lamplighter:original-type";

/// There is no capacity for the type now, or not in this zone.
/// Source: EC2 Developer Guide, "Error codes for the Amazon EC2 API".
const NO_CAPACITY: [&str; 4] = [
    "InsufficientInstanceCapacity",
    "InsufficientHostCapacity",
    "InsufficientCapacityOnHost",
    "Unsupported",
];
/// AWS starts this instance only itself, or lets only its manager.
const NEVER: [&str; 2] = ["IncorrectSpotRequestState", "OperationNotPermitted"];

/// An instance on its way up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Launch {
    /// The type that it has when none of the others works.
    pub(crate) home: String,
    /// The types to try, in this order.
    pub(crate) types: Vec<String>,
    /// Which of them is tried. Past the last: none works.
    current: usize,
    /// Whether its type may have been changed on the way.
    moved: bool,
    /// When it was started before: what is shown as running since then is out of date.
    past: Timestamp,
    /// When it was asked to start.
    asked_at: Option<Timestamp>,
    /// Why types before the current one did not work.
    refused: Vec<Refusal>,
}

/// Why a type did not work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Refusal {
    instance_type: String,
    why: String,
    /// Whether there may be capacity later.
    pub(crate) may_pass: bool,
}

/// How far an instance is.
#[derive(Debug, PartialEq)]
pub(crate) enum Launched {
    /// It runs, as it was seen.
    Running,
    /// Look again after this.
    Not(Duration),
    /// None of the types works; it has its type of before, and is stopped.
    Nowhere,
    /// AWS does not let it be started, and why.
    Refused(String),
    /// It is terminated, or will be.
    Gone,
}

/// What becomes of the record of the type that an instance had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// It is kept in a tag before the type is changed.
    InTag,
    /// The job has it.
    InJob,
}

impl Launch {
    /// Of an instance that was last started then and goes back to this type, as one of these.
    pub(crate) fn new(home: &str, types: Vec<String>, past: Timestamp) -> Launch {
        let (home, refused) = (home.to_owned(), Vec::new());
        Launch { home, types, current: 0, moved: false, past, asked_at: None, refused }
    }

    /// The same types once more, from the first on.
    pub(crate) fn again(&self) -> Launch {
        Launch { current: 0, refused: Vec::new(), ..self.clone() }
    }

    /// The same instance, which was last started then, as one of other types.
    pub(crate) fn with_types(&self, types: Vec<String>, past: Timestamp) -> Launch {
        Launch { types, past: self.past.max(past), asked_at: None, ..self.again() }
    }

    /// Why the types that were tried do not work: `t3.micro`: …; `m5.large`: ….
    pub(crate) fn refusals(&self) -> String {
        let one = |it: &Refusal| format!("`{}`: {}", it.instance_type, it.why);
        self.refused.iter().map(one).collect::<Vec<_>>().join("; ")
    }

    /// Whether there may be capacity later for a type that was tried.
    pub(crate) fn may_pass(&self) -> bool {
        self.refused.iter().any(|it| it.may_pass)
    }

    /// Goes on from what was seen of the instance.
    pub(crate) async fn step(
        &mut self,
        cx: &StepCx<'_>,
        it: &Instance,
        record: Record,
    ) -> Result<Launched, Fault> {
        let has_started = it.launched_at > self.past;
        match it.state.as_str() {
            "shutting-down" | "terminated" => Ok(Launched::Gone),
            "running" if has_started => Ok(Launched::Running),
            "stopped" if has_started && self.asked_at.is_some() => {
                // AWS has accepted the start, and it came to nothing.
                let code = it.state_reason.as_deref().unwrap_or("AWS does not say why");
                let may_pass = code.ends_with("InsufficientInstanceCapacity");
                self.refuse(format!("it stopped again: `{code}`"), may_pass);
                (self.past, self.asked_at) = (it.launched_at, None);
                Ok(Launched::Not(Duration::ZERO))
            }
            "stopped" if self.asked_at.is_none_or(|at| cx.now >= at + DESCRIBE_LAG) => {
                self.ask(cx, it, record).await
            }
            _ => Ok(Launched::Not(LOOK)),
        }
    }

    async fn ask(
        &mut self,
        cx: &StepCx<'_>,
        it: &Instance,
        record: Record,
    ) -> Result<Launched, Fault> {
        let id = &it.id;
        let Some(wanted) = self.types.get(self.current).cloned() else {
            let home = self.home.clone();
            return match self.become_(cx, it, &home).await {
                Err(fault) if has_code(&fault, &WRONG_STATE) => Ok(Launched::Not(LOOK)),
                Err(fault) => Err(fault),
                Ok(()) => Ok(Launched::Nowhere),
            };
        };
        let recorded = it.tags.get(ORIGINAL_TYPE_TAG) == Some(&self.home);
        if record == Record::InTag && wanted != self.home && !recorded {
            let tags = Tags::from([(ORIGINAL_TYPE_TAG.to_owned(), self.home.clone())]);
            cx.here.instances().tag(id, &tags).await.doing(format!("tagging `{id}`"))?;
        }
        let mut answer = self.become_(cx, it, &wanted).await;
        if answer.is_ok() {
            answer = cx.here.instances().start(id).await.doing(format!("starting `{id}`"));
        }
        match answer {
            Ok(()) => {
                (self.past, self.asked_at) = (self.past.max(it.launched_at), Some(cx.now));
                Ok(Launched::Not(LOOK))
            }
            Err(fault) if has_code(&fault, &WRONG_STATE) => Ok(Launched::Not(LOOK)),
            Err(fault) if has_code(&fault, &NEVER) => {
                Ok(Launched::Refused(format!("AWS does not let it be started: {}", fault.chain())))
            }
            Err(fault) if has_code(&fault, &NO_CAPACITY) => {
                self.refuse(fault.chain(), true);
                Ok(Launched::Not(Duration::ZERO))
            }
            // AWS knows better than we do which types an instance can have.
            Err(fault) if matches!(fault.kind, FaultKind::Config | FaultKind::Permanent) => {
                self.refuse(fault.chain(), false);
                Ok(Launched::Not(Duration::ZERO))
            }
            Err(fault) => Err(fault),
        }
    }

    /// Gives a stopped instance a type, unless it certainly has it.
    async fn become_(&mut self, cx: &StepCx<'_>, it: &Instance, wanted: &str) -> Result<(), Fault> {
        if !self.moved && it.instance_type == wanted {
            return Ok(());
        }
        let answer = cx.here.instances().set_type(&it.id, wanted).await;
        answer.doing(format!("making `{}` a `{wanted}`", it.id))?;
        self.moved = true;
        Ok(())
    }

    /// Gives the current type up.
    fn refuse(&mut self, why: String, may_pass: bool) {
        let instance_type = self.types.get(self.current).cloned().unwrap_or_default();
        self.refused.push(Refusal { instance_type, why, may_pass });
        self.current += 1;
    }
}
