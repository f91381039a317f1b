//! What every AWS operation is here: a request that says what it needs and has an effect.

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::Place;
use serde::Serialize;

use crate::{
    buckets::Bucket,
    cloud::{Services, State},
    iam::Need,
    organization::Caller,
    refusal::Refusal,
};

/// One operation of one service: its request, as it comes over the wire.
pub(crate) trait Operation: Sized {
    /// What is known of it without a request.
    const SPEC: Spec;

    /// What it answers, as it goes over the wire.
    type Answer<'s>: Serialize;

    /// What the caller must be allowed to do. Asked before anything else happens; must not
    /// refuse, for what is not there needs a permission too.
    fn needs(&self, cx: &Cx<'_>) -> Vec<Need>;

    /// The bucket that the call is paid from.
    fn bucket(&self) -> Bucket {
        Self::SPEC.bucket
    }

    /// Does it, or refuses.
    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<Self::Answer<'s>, Refusal>;
}

/// What is known of an operation without a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spec {
    /// The service, as its end point and IAM call it: `ec2`.
    pub(crate) service: &'static str,
    /// The operation's name: `DescribeVolumes`.
    pub(crate) name: &'static str,
    /// Whether it may change something.
    pub(crate) access: Access,
    /// The bucket that calls are paid from.
    pub(crate) bucket: Bucket,
}

/// Whether a call writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It only reads.
    Reads,
    /// It may change something.
    Writes,
}

/// One call while it happens.
pub(crate) struct Cx<'c> {
    /// The whole cloud.
    pub(crate) state: &'c mut State,
    /// Who calls.
    pub(crate) caller: &'c Caller,
    /// The account and region that the call goes to.
    pub(crate) place: &'c Place,
    /// When.
    pub(crate) now: Timestamp,
    /// The instant that a describe shows.
    pub(crate) seen: Timestamp,
    /// Set by an operation that has nothing to answer yet and whose caller waits until then.
    pub(crate) retry_until: Option<Timestamp>,
}

impl Cx<'_> {
    /// The services of the place that the call goes to.
    pub(crate) fn here(&self) -> &Services {
        self.state.services(self.place)
    }

    /// The services of the place that the call goes to, to change them.
    pub(crate) fn here_mut(&mut self) -> &mut Services {
        self.state.services_mut(self.place)
    }

    /// Looks back by a lag of describes, never before what a test put there.
    pub(crate) fn lagging(now: Timestamp, lag: SignedDuration) -> Timestamp {
        now.checked_sub(lag).unwrap_or(Timestamp::MIN)
    }
}
