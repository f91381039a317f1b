//! Sets that Windows takes itself: VSS holds its applications still, and the instance asks for the
//! snapshots in its own name. They carry the job's tag, and that of AWS which says whether VSS has
//! held all of them: nothing else is believed.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{
    Fault, FaultKind, Progress, StepCx, Tags,
    action::{INSTANCE_TAG, LONGEST_LAG, SOURCE_TAG},
    cloud::{
        ec2::{DESCRIPTION_MAX, Snapshot},
        instances::Instance,
        ssm::{Document, NewCommand},
    },
    retry::MAX_ATTEMPTS,
};
use serde::{Deserialize, Serialize};

use super::{
    Taking,
    choice::NotChosen,
    chosen, give_up,
    params::Params,
    quiesce::{Then, ended},
    set::last_call,
    shown,
};
use crate::watch::{made_by, not_started};

/// The wait between two looks at the command.
const LOOK: Duration = Duration::from_secs(10);
/// How long the instance may take for the snapshots, once the components are there.
const EXECUTION: Duration = Duration::from_secs(600);
/// After how long a command that nobody knows of has ended, if it was sent: its delivery, an hour at
/// the most for the installation of the components, and the snapshots.
const LONGEST: SignedDuration = SignedDuration::from_mins(90);
/// How often it is asked for, when it is not known what has become of a call.
const ROUNDS: u32 = 3;
/// The tag of AWS that says that VSS has held a volume still.
/// Source: EC2 User Guide, "Use Systems Manager command documents to create VSS based snapshots".
const HELD_TAG: &str = "AppConsistent";
/// The tag of AWS that says that Windows has taken a snapshot.
const MADE_TAG: &str = "AwsVssConfig";
/// The tags that AWS sets beside those that it is given: these two, `Device` and an empty `Name`.
pub(super) const TAGS_OF_AWS: usize = 4;

/// What a job remembers while Windows takes a set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Shadows {
    round: u32,
    phase: Phase,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Phase {
    /// The command is sent.
    Send,
    /// It runs.
    Running { command: String },
    /// It has ended, or nobody knows: what has come of it shows until then.
    Look { until: Timestamp, why: Option<String>, then: Then },
}

impl Shadows {
    /// Nothing has happened yet.
    pub(super) fn begin() -> Shadows {
        Shadows { round: 1, phase: Phase::Send }
    }

    /// Takes one step.
    pub(super) async fn step(
        self,
        cx: &StepCx<'_>,
        params: &Params,
        target: &Instance,
    ) -> Result<Progress<Taking>, Fault> {
        let job = Job { cx, params, target, round: self.round };
        match self.phase {
            Phase::Send => job.send().await,
            Phase::Running { command } => job.follow(command).await,
            Phase::Look { until, why, then } => job.look(until, why, then).await,
        }
    }
}

/// Whether VSS has held still all volumes of a set.
pub(super) fn are_held(set: &[Snapshot]) -> bool {
    let is_held = |it: &Snapshot| {
        it.tags.get(HELD_TAG).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    };
    !set.is_empty() && set.iter().all(is_held)
}

/// What the steps of one round share.
struct Job<'a> {
    cx: &'a StepCx<'a>,
    params: &'a Params,
    target: &'a Instance,
    round: u32,
}

impl Job<'_> {
    async fn send(&self) -> Result<Progress<Taking>, Fault> {
        let cx = self.cx;
        if cx.tried.times > 0 {
            let why = "nobody knows whether VSS was asked".to_owned();
            return Ok(self.looks(LONGEST, Some(why), Then::Again));
        }
        // What only looks has asked for nothing.
        let Some((now, volumes)) = shown(cx, self.target).await.map_err(Fault::nothing_tried)?
        else {
            return Ok(Progress::Skipped("it is gone".to_owned()));
        };
        let without_root = match chosen(self.params, &now, &volumes) {
            Ok(chosen) if chosen.without.is_empty() => chosen.without_root,
            Ok(chosen) => return give_up(self.params, leaves_out(&chosen.without)),
            Err(NotChosen::Leave(reason)) => return Ok(Progress::Skipped(reason)),
            Err(NotChosen::Fail(reason)) => return Err(Fault::permanent(reason)),
        };
        match cx.here.ssm().send(&self.command(without_root)).await {
            Ok(command) => Ok(self.on(Phase::Running { command }, LOOK)),
            Err(fault) => match Then::after(&fault) {
                Then::Otherwise => give_up(self.params, fault.chain()),
                Then::Again | Then::Fail => Err(not_started(fault)),
            },
        }
    }

    fn command(&self, without_root: bool) -> NewCommand {
        let Job { cx, params, target, .. } = *self;
        let values = cx.values(&target.id, &target.tags);
        let description = params.description.render_within(DESCRIPTION_MAX, &values);
        // Each is a backup of its own volume: it is told when it shows, and so are tags of any text.
        let mut tags = cx.backup_tags(&target.id, cx.now);
        tags.remove(SOURCE_TAG);
        tags.insert(INSTANCE_TAG.to_owned(), target.id.clone());
        let parameters = [
            ("ExcludeBootVolume", if without_root { "True" } else { "False" }.to_owned()),
            ("description", description.chars().map(harmless).collect()),
            ("tags", in_one_line(&tags)),
            ("executionTimeout", EXECUTION.as_secs().to_string()),
        ];
        NewCommand {
            instance_id: target.id.clone(),
            document: Document::Vss,
            parameters: parameters.into(),
            comment: format!("lamplighter takes snapshots of {}", target.id),
        }
    }

    async fn follow(&self, command: String) -> Result<Progress<Taking>, Fault> {
        let cx = self.cx;
        let why = match cx.here.ssm().outcome(Document::Vss, &command, &self.target.id).await {
            Err(fault) if self.is_tried_again(&fault) || Then::after(&fault) == Then::Fail => {
                return Err(fault);
            }
            Err(fault) => Some(fault.chain()),
            Ok(Some(it)) if it.exit_code == Some(0) => None,
            Ok(Some(it)) => Some(format!("VSS {}", ended(&it))),
            // AWS ends each command, well or not.
            Ok(None) => return Ok(self.on(Phase::Running { command }, LOOK)),
        };
        Ok(self.looks(LONGEST_LAG, why, Then::Otherwise))
    }

    async fn look(
        &self,
        until: Timestamp,
        why: Option<String>,
        then: Then,
    ) -> Result<Progress<Taking>, Fault> {
        let cx = self.cx;
        let made = made_by(cx, cx.here.ec2()).await?;
        let is_over = cx.now >= until;
        match last_call(made) {
            Some((set, newest)) if are_held(&newest) => Ok(Taking::follows(set, None, None)),
            _ if !is_over => Ok(self.on(Phase::Look { until, why, then }, LOOK)),
            // Snapshots may be there although the command has failed.
            Some((set, _)) => {
                let unsaid = || "AWS does not say that VSS held its applications still".to_owned();
                Ok(Taking::follows(set, None, Some(why.unwrap_or_else(unsaid))))
            }
            None => {
                self.again(why.unwrap_or_else(|| "VSS has taken no snapshots".to_owned()), then)
            }
        }
    }

    fn again(&self, why: String, then: Then) -> Result<Progress<Taking>, Fault> {
        match then {
            Then::Again if self.round < ROUNDS => {
                let shadows = Shadows { round: self.round + 1, phase: Phase::Send };
                let state = Taking::Shadows(shadows);
                Ok(Progress::Again { state, wait: Duration::ZERO })
            }
            Then::Again | Then::Otherwise | Then::Fail => give_up(self.params, why),
        }
    }

    fn looks(&self, span: SignedDuration, why: Option<String>, then: Then) -> Progress<Taking> {
        let until = self.cx.now + span;
        self.on(Phase::Look { until, why, then }, Duration::ZERO)
    }

    fn on(&self, phase: Phase, wait: Duration) -> Progress<Taking> {
        Progress::Again { state: Taking::Shadows(Shadows { round: self.round, phase }), wait }
    }

    /// Whether the engine tries a step again that ends so.
    fn is_tried_again(&self, fault: &Fault) -> bool {
        fault.kind == FaultKind::Throttled
            || fault.kind == FaultKind::Transient && self.cx.tried.times + 1 < MAX_ATTEMPTS
    }
}

/// Whether an instance with Windows has taken this snapshot itself.
pub(super) fn is_of_windows(it: &Snapshot) -> bool {
    it.tags.contains_key(MADE_TAG)
}

/// Why VSS cannot take the set that is asked for.
pub(super) fn leaves_out(volumes: &[String]) -> String {
    format!("VSS takes all data volumes, and `{}` is to be left out", volumes.join("`, `"))
}

/// Tags as the document takes them.
fn in_one_line(tags: &Tags) -> String {
    let harmless = |text: &str| text.chars().map(harmless).collect::<String>();
    let each =
        tags.iter().map(|(key, value)| format!("Key={},Value={}", harmless(key), harmless(value)));
    each.collect::<Vec<_>>().join(";")
}

/// The characters that are allowed in tags everywhere, less those that separate them here.
fn harmless(it: char) -> char {
    if it.is_ascii_alphanumeric() || " _.:/+-@".contains(it) { it } else { '-' }
}

#[cfg(test)]
#[path = "vss_tests.rs"]
mod tests;
