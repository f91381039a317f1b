//! What an action is, and how the engine sees one.
//!
//! Authors implement [`Action`] with their own types. The engine only sees [`AnyAction`], where
//! those types have become JSON.

mod any;
mod permissions;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    time::Duration,
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::{
    Doing, Fault, JobId, Place, Tags, TaskName,
    cloud::{self, AccountPool, Page, PageToken, Resource, Scope, Session},
    job::Tried,
    schedule::Schedule,
    select::ServerFilter,
    task::hex,
    template::Values,
};

pub use any::{AnyAction, Candidate, Catalog, Kept, find, ordered};
pub use permissions::Permissions;

/// The tag that names the task which made a resource. Retention touches nothing without it.
pub const TASK_TAG: &str = "lamplighter:task";
/// The tag that names the job which made a resource, so that a repeated step finds it again.
pub const JOB_TAG: &str = "lamplighter:job";
/// The tag that names what a backup is a backup of.
pub const SOURCE_TAG: &str = "lamplighter:source";
/// The tag with the point in time that a backup holds, in RFC 3339.
pub const TAKEN_AT_TAG: &str = "lamplighter:taken-at";
/// The tag of a snapshot that was taken with others, that names their instance.
pub const INSTANCE_TAG: &str = "lamplighter:instance";
/// The tag of such a snapshot that says how it was taken: `crash` or `application`.
pub const CONSISTENCY_TAG: &str = "lamplighter:consistency";
/// The tag of a copy that names what it was copied from.
pub const COPIED_FROM_TAG: &str = "lamplighter:copied-from";
/// What the tags begin with that name a backup's copies: the place of the copy follows.
pub const COPIED_TO_TAG: &str = "lamplighter:copied-to:";
/// The tag of a copy on the way to another one, that names what it was copied from. It is no
/// backup: the job that made it deletes it.
pub const HOP_TAG: &str = "lamplighter:hop-of";

/// How long describes may lag behind writes. Whoever looks for what an earlier try may have
/// made waits this long after that try before an empty answer counts.
/// Source: EC2 Developer Guide, "Eventual consistency".
pub const DESCRIBE_LAG: SignedDuration = SignedDuration::from_secs(60);
/// How long at the most something new may stay hidden from describes, and something that is gone
/// may be shown. What does not fit what was written counts only after that.
/// Source: EC2 Developer Guide, "Eventual consistency".
pub const LONGEST_LAG: SignedDuration = SignedDuration::from_mins(5);

/// For texts of actions without placeholders of their own.
static NO_NAMES: BTreeMap<&str, String> = BTreeMap::new();

/// A kind of work on AWS resources.
///
/// The engine lists the resources a task selects, lets [`plan`](Action::plan) judge each, makes
/// one job per target to act on, and calls [`step`](Action::step) until it is done.
#[async_trait]
pub trait Action: Send + Sync + 'static {
    /// The `with:` block of a task. `deny_unknown_fields`; its doc comments are the reference.
    type Params: DeserializeOwned + JsonSchema + Debug + Send + Sync;
    /// What tasks of this action select.
    type Target: Resource;
    /// What has to be remembered between two steps. `()` when one step is enough.
    type State: Serialize + DeserializeOwned + Debug + Send + Sync;
    /// What planning has to know beside the targets. `()` when nothing.
    type Known: Default + Send + Sync;

    /// The static facts.
    const SPEC: Spec;

    /// Whether `plan` compares the targets with each other, as retention does. An event is about
    /// some of them only, so none can trigger such an action.
    const COMPARES_TARGETS: bool = false;

    /// Those of its permissions that [`look`](Action::look) uses in the place itself whenever
    /// something is selected there, as far as its parameters need them.
    const LOOKS: &'static [&'static str] = &[];

    /// Checks what the types of `Params` cannot express. Names both keys of a rule.
    fn check(_params: &Self::Params) -> Result<(), BadParams> {
        Ok(())
    }

    /// What a task with these parameters needs to be allowed, beside listing its targets.
    fn permissions(_params: &Self::Params) -> Permissions {
        Permissions::here(Self::SPEC.permissions)
    }

    /// What the targets of a task with these parameters are called: of several kinds, all of them.
    fn kinds(_params: &Self::Params) -> Vec<&'static str> {
        vec![Self::Target::KIND]
    }

    /// IAM actions that listing the targets of a task with these parameters needs.
    fn listing(_params: &Self::Params) -> Vec<&'static str> {
        Self::Target::PERMISSIONS.to_vec()
    }

    /// One page of the resources that a task with these parameters may select. May return more
    /// than `filter` admits, never fewer.
    async fn list(
        _params: &Self::Params,
        scope: &dyn Scope,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Self::Target>, Fault> {
        Self::Target::list(scope, filter, page).await
    }

    /// Reads what planning has to know beside the targets: what there is already at a copy's
    /// destination, the state of a key. Reads only. What can be read of one target but not of
    /// another is for [`plan`](Action::plan) to judge; a fault here fails the whole place.
    async fn look(
        _cx: &LookCx<'_>,
        _params: &Self::Params,
        _found: &[Self::Target],
    ) -> Result<Self::Known, Fault> {
        Ok(Self::Known::default())
    }

    /// Judges every selected resource, in the order given. All decisions belong here: a dry run
    /// is a plan and nothing else.
    fn plan(
        params: &Self::Params,
        cx: &PlanCx<'_>,
        found: &[Self::Target],
        known: &Self::Known,
    ) -> Vec<Verdict>;

    /// The places whose [gate](Spec::gate) a job has to be in for its next step. It leaves those
    /// that its next state does not name. Without a gate, nobody asks.
    fn gated_at(
        _params: &Self::Params,
        here: &Place,
        _state: Option<&Self::State>,
    ) -> BTreeSet<Place> {
        BTreeSet::from([here.clone()])
    }

    /// Takes one step. It may run again with the same arguments after a crash, so it must leave
    /// the cloud as if it had run once. It never sleeps: it says when to look again.
    async fn step(
        &self,
        cx: &StepCx<'_>,
        params: &Self::Params,
        target: &Self::Target,
        state: Option<Self::State>,
    ) -> Result<Progress<Self::State>, Fault>;

    /// Tries what steps on a target would need, without an effect, and names the IAM actions that
    /// were found to be allowed. One that is not allowed is a permission fault. Most services of
    /// AWS have no way to try a call: what nobody can tell is left out.
    async fn rehearse(
        _cx: &StepCx<'_>,
        _params: &Self::Params,
        _target: &Self::Target,
    ) -> Result<Vec<&'static str>, Fault> {
        Ok(Vec::new())
    }
}

/// The static facts of an action.
#[derive(Debug)]
pub struct Spec {
    /// Dotted and lower-case: `ebs.snapshot.create`.
    pub name: &'static str,
    /// One line, third person: `Creates a snapshot of each selected volume.`
    pub summary: &'static str,
    /// IAM actions that it may need in the accounts of its targets, sorted.
    pub permissions: &'static [&'static str],
    /// IAM actions that it may need in other accounts, which its parameters name, sorted.
    pub elsewhere: &'static [&'static str],
    /// What it does to its targets.
    pub effect: Effect,
    /// A job that is not done after this long has failed, unless the task says otherwise.
    pub timeout: Duration,
    /// What its jobs queue for, beside the task's own `max-concurrent`; where, says
    /// [`Action::gated_at`].
    pub gate: Option<GateSpec>,
}

/// What an action does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Makes something new and leaves its targets as they are.
    Creates,
    /// Changes its targets.
    Changes,
    /// Deletes its targets. The engine offers only what carries [`TASK_TAG`] or was adopted.
    Deletes,
}

/// A limit of AWS on how many of an action's jobs may be under way in one place.
#[derive(Debug)]
pub struct GateSpec {
    /// What is limited, in a word or two: `snapshot-copies`.
    pub name: &'static str,
    /// How many at a time.
    pub limit: u32,
}

/// What should happen to one selected resource, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Verdict {
    /// It is acted on.
    Act {
        /// What would happen, in words: `create a snapshot (8 GiB)`.
        effect: String,
        /// Why, where that is not obvious.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// It is left alone.
    Leave {
        /// Why.
        reason: String,
    },
    /// It should be acted on, and cannot be: a failure that is known before anything is done.
    Fail {
        /// Why, and what to do about it.
        reason: String,
    },
}

impl Verdict {
    /// Why it is acted on, where that is not obvious, or why not.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Verdict::Act { reason, .. } => reason.as_deref(),
            Verdict::Leave { reason } | Verdict::Fail { reason } => Some(reason),
        }
    }
}

/// What a plan may use.
#[derive(Clone, Copy, Debug)]
pub struct PlanCx<'a> {
    /// The task.
    pub task: &'a TaskName,
    /// Where the targets are.
    pub place: &'a Place,
    /// The instant that the task runs for.
    pub occurrence: Timestamp,
    /// The zone of dates in texts.
    pub time_zone: &'a TimeZone,
    /// The instant to decide for.
    pub now: Timestamp,
    /// When the task runs by itself, if it does.
    pub schedule: Option<&'a Schedule>,
}

impl<'a> PlanCx<'a> {
    /// What placeholders will stand for in the job of a target. An action with names of its own
    /// sets `extra`.
    pub fn values(&self, target: &'a str, target_tags: &'a Tags) -> Values<'a> {
        Values {
            task: self.task,
            occurrence: self.occurrence,
            time_zone: self.time_zone,
            place: self.place,
            target,
            target_tags,
            extra: &NO_NAMES,
        }
    }
}

/// What a look before a plan may use.
#[derive(Clone, Copy)]
pub struct LookCx<'a> {
    /// On whose behalf.
    pub session: &'a Session,
    /// The zone of dates in texts.
    pub time_zone: &'a TimeZone,
    /// The instant to decide for.
    pub now: Timestamp,
    /// When the task runs by itself, if it does.
    pub schedule: Option<&'a Schedule>,
    /// The account and region of the targets.
    pub here: &'a dyn Scope,
    /// The way to other accounts and regions.
    pub accounts: &'a dyn AccountPool,
    /// To be told between two pages, so that a long look is not taken for dead.
    pub pulse: &'a dyn Pulse,
}

impl LookCx<'_> {
    /// Reads a listing to its end, page by page, as [`cloud::each`] does; a pulse after each. A
    /// fault says that this was being done.
    pub async fn each<T, F>(
        &self,
        doing: &str,
        mut list: impl FnMut(Option<PageToken>) -> F,
        take: impl FnMut(T),
    ) -> Result<(), Fault>
    where
        F: Future<Output = Result<Page<T>, Fault>>,
    {
        let one = |page| {
            let listing = list(page);
            async move {
                let listed = listing.await.doing(doing)?;
                self.pulse.beat().await?;
                Ok(listed)
            }
        };
        cloud::each(one, take).await
    }
}

/// Told between two pages that a long reading is alive. A fault ends it.
#[async_trait]
pub trait Pulse: Send + Sync {
    /// A page was read.
    async fn beat(&self) -> Result<(), Fault>;
}

/// What came of a step.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress<S> {
    /// The job is finished. The text is for people: `created snap-1`.
    Done(String),
    /// There turned out to be nothing to do. The text says why.
    Skipped(String),
    /// Remember `state` and take the next step after `wait`.
    Again {
        /// What to remember.
        state: S,
        /// How long to wait.
        wait: Duration,
    },
    /// Nothing was tried in this step: take it again after `wait`.
    Later {
        /// How long to wait.
        wait: Duration,
    },
}

/// What a step may use.
pub struct StepCx<'a> {
    /// On whose behalf.
    pub session: &'a Session,
    /// The job.
    pub job: &'a JobId,
    /// The zone of dates in texts.
    pub time_zone: &'a TimeZone,
    /// The time.
    pub now: Timestamp,
    /// How often this step was tried before: whatever it makes may exist already.
    pub tried: Tried,
    /// The account and region of the target.
    pub here: &'a dyn Scope,
    /// The way to other accounts and regions.
    pub accounts: &'a dyn AccountPool,
}

impl StepCx<'_> {
    /// The tags that mark what this job makes.
    pub fn ownership_tags(&self) -> Tags {
        Tags::from([
            (TASK_TAG.to_owned(), self.session.task.to_string()),
            (JOB_TAG.to_owned(), self.job.to_string()),
        ])
    }

    /// A client token for what this job makes: 64 characters, the same at each try.
    /// Source: EC2 Developer Guide, "Ensuring idempotency in Amazon EC2 API requests".
    pub fn client_token(&self) -> String {
        hex(&Sha256::digest(self.job.as_str()))
    }

    /// The tags of a backup that this job makes: whose it is, what it is a backup of, and when it
    /// was asked for.
    pub fn backup_tags(&self, source: &str, asked_at: Timestamp) -> Tags {
        let taken_at = Timestamp::from_second(asked_at.as_second()).unwrap_or(asked_at);
        let mut tags = self.ownership_tags();
        tags.insert(SOURCE_TAG.to_owned(), source.to_owned());
        tags.insert(TAKEN_AT_TAG.to_owned(), taken_at.to_string());
        tags
    }

    /// What placeholders stand for in this job. An action with names of its own sets `extra`.
    pub fn values<'a>(&'a self, target: &'a str, target_tags: &'a Tags) -> Values<'a> {
        Values {
            task: &self.session.task,
            occurrence: self.session.occurrence,
            time_zone: self.time_zone,
            place: self.here.place(),
            target,
            target_tags,
            extra: &NO_NAMES,
        }
    }

    /// How much longer describes may not show what an earlier try made. `None` when an empty
    /// answer is final.
    pub fn lag_left(&self) -> Option<Duration> {
        self.time_to(self.tried.last? + DESCRIBE_LAG)
    }

    /// How much longer, at the most, describes may not show what was written at `written_at`.
    /// `None` when they show it.
    pub fn longest_lag_left(&self, written_at: Timestamp) -> Option<Duration> {
        self.time_to(written_at + LONGEST_LAG)
    }

    fn time_to(&self, at: Timestamp) -> Option<Duration> {
        let left = Duration::try_from(at.duration_since(self.now)).ok();
        left.filter(|left| !left.is_zero())
    }
}

/// A parameter that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadParams {
    /// Dotted path below `with`, such as `keep.last`. Empty for the block as a whole.
    pub path: String,
    /// What is wrong with it and what was expected.
    pub message: String,
}
