//! Which queue a URL names, and whether the caller may use it.
//!
//! Source: SQS Developer Guide, "Queue and message identifiers in Amazon SQS" and "Using custom
//! policies with the Amazon SQS Access Policy Language".

use lamplighter_core::{AccountId, Place};

use super::{missing_parameter, queue::Queue};
use crate::{
    access, arn,
    cloud::State,
    iam::{Context, Need},
    operation::Cx,
    refusal::Refusal,
};

/// A queue by its account, region, and name; there may be none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) place: Place,
    pub(crate) name: String,
}

/// Whether an action on a queue of another account can be allowed by the queue's policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strangers {
    /// It can.
    IfAdmitted,
    /// It is for the queue's own account only.
    Never,
}

impl Address {
    /// The queue that a URL names: `http://HOST/ACCOUNT/NAME`. AWS's own host names have the
    /// region in them, which must be the one that is called.
    pub(crate) fn of_url(cx: &Cx<'_>, url: &str) -> Result<Address, Refusal> {
        if url.is_empty() {
            return Err(missing_parameter("QueueUrl"));
        }
        let read = || {
            let (scheme, rest) = url.split_once("://")?;
            let mut parts = rest.split('/');
            let (host, account, name) = (parts.next()?, parts.next()?, parts.next()?);
            let region = host.strip_prefix("sqs.").and_then(|it| it.strip_suffix(".amazonaws.com"));
            let here = region.is_none_or(|region| *region == *cx.place.region.to_string());
            let whole = parts.next().is_none() && ["http", "https"].contains(&scheme);
            let account: AccountId = account.parse().ok()?;
            let place = Place { account, region: cx.place.region.clone() };
            (here && whole && !name.is_empty()).then(|| Address { place, name: name.to_owned() })
        };
        read().ok_or_else(|| {
            let message = format!("The address {url} is not valid for this endpoint.");
            Refusal::new("InvalidAddress", message).status(404)
        })
    }

    /// The queue that an ARN names.
    pub(crate) fn of_arn(arn: &str) -> Option<Address> {
        let rest = arn.strip_prefix("arn:aws:sqs:")?;
        let mut parts = rest.split(':');
        let (region, account, name) = (parts.next()?, parts.next()?, parts.next()?);
        let place = Place { account: account.parse().ok()?, region: region.parse().ok()? };
        parts.next().is_none().then(|| Address { place, name: name.to_owned() })
    }

    pub(crate) fn arn(&self) -> String {
        arn::of("sqs", &self.place, &self.name)
    }

    /// Where the queue is reached.
    pub(crate) fn url(&self, cx: &Cx<'_>) -> String {
        let Address { place: Place { account, region }, name } = self;
        match &cx.state.dials.endpoint {
            Some(endpoint) => format!("{}/{account}/{name}", endpoint.trim_end_matches('/')),
            None => format!("https://sqs.{region}.amazonaws.com/{account}/{name}"),
        }
    }

    /// The queue, if there is one.
    pub(crate) fn queue<'s>(&self, state: &'s State) -> Option<&'s Queue> {
        state.services_of(&self.place)?.sqs.queues.get(&self.name)
    }

    /// The queue, to change it.
    ///
    /// Refuses when there is none.
    pub(crate) fn queue_mut<'s>(&self, state: &'s mut State) -> Result<&'s mut Queue, Refusal> {
        if self.queue(state).is_none() {
            return Err(no_queue());
        }
        let queues = &mut state.services_mut(&self.place).sqs.queues;
        queues.get_mut(&self.name).ok_or_else(no_queue)
    }

    /// What an action on it needs.
    pub(crate) fn need(&self, cx: &Cx<'_>, action: &'static str) -> Need {
        let context = match self.queue(cx.state) {
            Some(queue) => Context::default().with_tags("aws:ResourceTag", &queue.tags),
            None => Context::default(),
        };
        Need::on(action, self.arn()).with(context)
    }

    /// Refuses when there is no such queue, or it is another account's and does not let the
    /// caller in.
    pub(crate) fn enter(
        &self,
        cx: &Cx<'_>,
        action: &'static str,
        strangers: Strangers,
    ) -> Result<(), Refusal> {
        let Some(queue) = self.queue(cx.state) else { return Err(no_queue()) };
        // A new queue is not known at once, as everything that AWS lists.
        if queue.created_at > cx.seen {
            return Err(no_queue());
        }
        let policy = queue.attributes.text("Policy");
        let own = self.place.account == cx.caller.account;
        let stranger = cx.state.organization.principal(cx.caller);
        let admitted = || {
            let need = self.need(cx, action);
            strangers == Strangers::IfAdmitted && access::admits(policy, &stranger, &need)
        };
        if own || admitted() {
            return Ok(());
        }
        let message = format!(
            "User: {} is not authorized to perform: {} on resource: {} because no resource-based \
             policy allows the {} action",
            cx.caller.arn(),
            action.to_ascii_lowercase(),
            self.arn(),
            action.to_ascii_lowercase()
        );
        Err(Refusal::new("AccessDenied", message).status(403))
    }
}

/// What an action on the queue of a URL needs. A URL that names none needs the action on all.
pub(crate) fn need_on(cx: &Cx<'_>, url: &str, action: &'static str) -> Vec<Need> {
    match Address::of_url(cx, url) {
        Ok(address) => vec![address.need(cx, action)],
        Err(_) => vec![Need::anywhere(action)],
    }
}

pub(crate) fn no_queue() -> Refusal {
    Refusal::new("QueueDoesNotExist", "The specified queue does not exist.")
}
