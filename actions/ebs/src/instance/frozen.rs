//! From the freezing script to the thawing one. That something is frozen is remembered before
//! anything is, so that whoever goes on after a crash thaws it. Between the two no fault ends a
//! step: it ends the moment, and the thaw follows.

use std::time::Duration;

use jiff::Timestamp;
use lamplighter_core::{
    Fault, FaultKind, Progress, StepCx,
    action::DESCRIBE_LAG,
    cloud::{instances::Instance, ssm::Document},
    retry::MAX_ATTEMPTS,
};
use serde::{Deserialize, Serialize};

use super::{
    Taking, give_up,
    params::Params,
    quiesce::{Then, ended},
    scripts::{NEVER_FROZEN, Scripts, THAWED_BEFORE},
    set::{Set, last_call},
    take,
};
use crate::watch::{made_by, not_started};

/// The wait between two looks at a script.
const LOOK: Duration = Duration::from_secs(2);
/// How long a thaw may take.
const THAW: Duration = Duration::from_secs(180);
/// The wait before it is begun anew; it doubles each time.
const ANEW: Duration = Duration::from_secs(15);
/// How often it is tried from the beginning, when it is not known what has become of a call.
const ROUNDS: u32 = 5;

/// What a job remembers while something is frozen, or may be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Frozen {
    round: u32,
    phase: Phase,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Phase {
    /// The script that freezes is sent.
    Freeze,
    /// It runs.
    Freezing { command: String, since: Timestamp },
    /// It has ended well: the snapshots are taken.
    Take { frozen_at: Timestamp },
    /// The script that thaws is sent.
    Thaw { taken: Taken },
    /// It runs.
    Thawing { taken: Taken, command: String, since: Timestamp },
    /// It has ended so, and nobody knows yet whether there are snapshots.
    Look { frozen_at: Timestamp, since: Timestamp, late: Option<String> },
}

/// What was taken while it was frozen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Taken {
    /// These.
    Set(Set),
    /// Nobody knows: the answer was lost.
    Unknown { frozen_at: Timestamp },
    /// Nothing, for this reason.
    Nothing { why: String, then: Then },
}

impl Frozen {
    /// Nothing has happened yet.
    pub(super) fn begin() -> Frozen {
        Frozen { round: 1, phase: Phase::Freeze }
    }

    /// Takes one step.
    pub(super) async fn step(
        self,
        cx: &StepCx<'_>,
        (params, scripts): (&Params, &Scripts),
        target: &Instance,
    ) -> Result<Progress<Taking>, Fault> {
        let Frozen { round, phase } = self;
        let job = Job { cx, params, scripts, target, round };
        match phase {
            Phase::Freeze => job.freeze().await,
            Phase::Freezing { command, since } => job.follow_freeze(command, since).await,
            Phase::Take { frozen_at } => job.take(frozen_at).await,
            Phase::Thaw { taken } => job.thaw(taken).await,
            Phase::Thawing { taken, command, since } => {
                job.follow_thaw(taken, command, since).await
            }
            Phase::Look { frozen_at, since, late } => job.look(frozen_at, since, late).await,
        }
    }
}

/// What the steps of one round share.
struct Job<'a> {
    cx: &'a StepCx<'a>,
    params: &'a Params,
    scripts: &'a Scripts,
    target: &'a Instance,
    round: u32,
}

impl Job<'_> {
    async fn freeze(&self) -> Result<Progress<Taking>, Fault> {
        let Job { cx, scripts, target, round, .. } = *self;
        if cx.tried.times > 0 {
            return Ok(self.nothing("nobody knows whether it was frozen".to_owned(), Then::Again));
        }
        let freezing = scripts.freezing(cx.job, round, target);
        match cx.here.ssm().send(&freezing).await {
            Ok(command) => Ok(self.on(Phase::Freezing { command, since: cx.now }, LOOK)),
            Err(fault) => match Then::after(&fault) {
                Then::Otherwise => give_up(self.params, fault.chain()),
                Then::Again | Then::Fail => Err(not_started(fault)),
            },
        }
    }

    async fn follow_freeze(
        &self,
        command: String,
        since: Timestamp,
    ) -> Result<Progress<Taking>, Fault> {
        let cx = self.cx;
        let is_over = cx.now >= since + self.scripts.thaw_after();
        match cx.here.ssm().outcome(Document::Shell, &command, &self.target.id).await {
            Err(fault) if fault.kind == FaultKind::Throttled && !is_over => Err(fault),
            Err(fault) => {
                let then = Then::after(&fault);
                Ok(self.nothing(fault.chain(), then))
            }
            Ok(Some(it)) if it.exit_code != Some(0) => {
                Ok(self.nothing(format!("`freeze` {}", ended(&it)), Then::Otherwise))
            }
            Ok(Some(_)) if !is_over => {
                Ok(self.on(Phase::Take { frozen_at: cx.now }, Duration::ZERO))
            }
            Ok(None) if !is_over => Ok(self.on(Phase::Freezing { command, since }, LOOK)),
            Ok(ended) => {
                let why = "it was not frozen before its time was over".to_owned();
                let then = if ended.is_some() { Then::Again } else { Then::Otherwise };
                Ok(self.nothing(why, then))
            }
        }
    }

    async fn take(&self, frozen_at: Timestamp) -> Result<Progress<Taking>, Fault> {
        let cx = self.cx;
        if cx.tried.times > 0 {
            return Ok(self.thaws(Taken::Unknown { frozen_at }));
        }
        let taken = match take(cx, self.params, self.target).await {
            // An earlier round may have made one that does not show yet.
            Ok(Ok(made)) if self.round > 1 => Taken::Set(Set::now(cx, made).unsure()),
            Ok(Ok(made)) => Taken::Set(Set::now(cx, made)),
            Ok(Err(why)) => Taken::Nothing { why, then: Then::Otherwise },
            Err(fault) if fault.kind == FaultKind::Transient => Taken::Unknown { frozen_at },
            Err(fault) => {
                let then = Then::after(&fault);
                Taken::Nothing { why: fault.chain(), then }
            }
        };
        Ok(self.thaws(taken))
    }

    async fn thaw(&self, taken: Taken) -> Result<Progress<Taking>, Fault> {
        let Job { cx, scripts, target, round, .. } = *self;
        match cx.here.ssm().send(&scripts.thawing(cx.job, round, target)).await {
            Ok(command) => Ok(self.on(Phase::Thawing { taken, command, since: cx.now }, LOOK)),
            Err(fault) if self.is_tried_again(&fault) => Err(fault),
            Err(fault) => {
                self.thawed(taken, Some(format!("`thaw` could not be sent: {}", fault.chain())))
            }
        }
    }

    async fn follow_thaw(
        &self,
        taken: Taken,
        command: String,
        since: Timestamp,
    ) -> Result<Progress<Taking>, Fault> {
        let cx = self.cx;
        let late = match cx.here.ssm().outcome(Document::Shell, &command, &self.target.id).await {
            Err(fault) if self.is_tried_again(&fault) => return Err(fault),
            Err(fault) => Some(fault.chain()),
            Ok(None) if cx.now < since + THAW => {
                return Ok(self.on(Phase::Thawing { taken, command, since }, LOOK));
            }
            Ok(None) => Some("`thaw` did not end in time".to_owned()),
            Ok(Some(it)) => match it.exit_code {
                Some(0) => None,
                Some(THAWED_BEFORE) => Some("it thawed by itself before".to_owned()),
                Some(NEVER_FROZEN) => Some("it was never frozen".to_owned()),
                _ => Some(format!("`thaw` {}", ended(&it))),
            },
        };
        self.thawed(taken, late)
    }

    /// Goes on after the thaw; `late` says why what was taken is not application-consistent.
    fn thawed(&self, taken: Taken, late: Option<String>) -> Result<Progress<Taking>, Fault> {
        match taken {
            Taken::Set(set) => {
                let proven = late.is_none().then(|| set.asked_at());
                Ok(Taking::follows(set, proven, late))
            }
            Taken::Unknown { frozen_at } => {
                let since = self.cx.now;
                Ok(self.on(Phase::Look { frozen_at, since, late }, Duration::ZERO))
            }
            Taken::Nothing { why, then: Then::Again } => self.again(why),
            Taken::Nothing { why, then: Then::Otherwise } => give_up(self.params, why),
            Taken::Nothing { why, then: Then::Fail } => Err(Fault::new(FaultKind::Permission, why)),
        }
    }

    async fn look(
        &self,
        frozen_at: Timestamp,
        since: Timestamp,
        late: Option<String>,
    ) -> Result<Progress<Taking>, Fault> {
        let cx = self.cx;
        let made = made_by(cx, cx.here.ec2()).await?;
        let newest = last_call(made).map(|(set, _)| set);
        if let Some(set) = newest.filter(|it| it.asked_at() >= to_second(frozen_at)) {
            let proven = late.is_none().then(|| set.asked_at());
            return Ok(Taking::follows(set, proven, late));
        }
        if cx.now < since + DESCRIBE_LAG {
            return Ok(self.on(Phase::Look { frozen_at, since, late }, 5 * LOOK));
        }
        self.again("nothing was taken".to_owned())
    }

    /// Begins anew, unless it was done often enough.
    fn again(&self, why: String) -> Result<Progress<Taking>, Fault> {
        if self.round >= ROUNDS {
            return give_up(self.params, why);
        }
        let state = Taking::Frozen(Frozen { round: self.round + 1, phase: Phase::Freeze });
        Ok(Progress::Again { state, wait: ANEW * (1 << self.round.min(ROUNDS)) })
    }

    /// Nothing was taken: thaws.
    fn nothing(&self, why: String, then: Then) -> Progress<Taking> {
        self.thaws(Taken::Nothing { why, then })
    }

    fn thaws(&self, taken: Taken) -> Progress<Taking> {
        self.on(Phase::Thaw { taken }, Duration::ZERO)
    }

    fn on(&self, phase: Phase, wait: Duration) -> Progress<Taking> {
        Progress::Again { state: Taking::Frozen(Frozen { round: self.round, phase }), wait }
    }

    /// Whether the engine tries a step again that ends so.
    fn is_tried_again(&self, fault: &Fault) -> bool {
        fault.kind == FaultKind::Throttled
            || fault.kind == FaultKind::Transient && self.cx.tried.times + 1 < MAX_ATTEMPTS
    }
}

/// Tags say the time to the second.
fn to_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}
