//! `CreateQueue`, `DeleteQueue`, `GetQueueUrl`, `ListQueues`, `PurgeQueue`.
//! Source: SQS API, each operation.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use lamplighter_core::Tags;
use serde::{Deserialize, Serialize};

use super::{
    BUCKET,
    attributes::{Attributes, When},
    invalid_parameter,
    queue::Queue,
    queue_attributes::check_redrive,
    url::{Address, Strangers, need_on, no_queue},
};
use crate::{
    ec2,
    iam::{Context, Need},
    operation::{Access, Cx, Operation, Spec},
    pages,
    refusal::Refusal,
};

/// Between the deletion of a queue and the next of its name.
const NAME_IS_TAKEN_FOR: SignedDuration = SignedDuration::from_secs(60);
/// Between two purges of a queue.
const PURGE_TAKES: SignedDuration = SignedDuration::from_secs(60);
/// Queues on a page.
const LONGEST_PAGE: usize = 1000;

/// `CreateQueue`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct CreateQueue {
    pub(crate) queue_name: String,
    #[serde(default)]
    pub(crate) attributes: BTreeMap<String, String>,
    #[serde(default, rename = "tags")]
    pub(crate) tags: Tags,
}

/// Where a queue is reached.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct QueueUrl {
    queue_url: String,
}

impl Operation for CreateQueue {
    const SPEC: Spec =
        Spec { service: "sqs", name: "CreateQueue", access: Access::Writes, bucket: BUCKET };

    type Answer<'s> = QueueUrl;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let arn = Address { place: cx.place.clone(), name: self.queue_name.clone() }.arn();
        let sent = || Context::default().with_request_tags(&self.tags);
        let mut needs = vec![Need::on("sqs:CreateQueue", arn.clone()).with(sent())];
        if !self.tags.is_empty() {
            needs.push(Need::on("sqs:TagQueue", arn).with(sent()));
        }
        needs
    }

    /// A queue of this name and with exactly these attributes may be there already.
    fn run(self, cx: &mut Cx<'_>) -> Result<QueueUrl, Refusal> {
        let name = self.queue_name;
        let fifo = self.attributes.contains_key("FifoQueue");
        check_name(&name, fifo)?;
        let attributes = Attributes::default().with(&self.attributes, When::Created)?;
        ec2::tags::check(&self.tags)
            .map_err(|it| Refusal::new("InvalidParameterValue", it.message))?;
        let address = Address { place: cx.place.clone(), name };
        check_redrive(cx, &address, &attributes)?;
        let queue_url = address.url(cx);
        let now = cx.now;
        let here = &mut cx.here_mut().sqs;
        match here.queues.get(&address.name) {
            Some(queue) if queue.attributes == attributes => return Ok(QueueUrl { queue_url }),
            Some(_) => {
                return Err(Refusal::new(
                    "QueueNameExists",
                    "A queue already exists with the same name and a different value for an \
                     attribute",
                ));
            }
            None => {}
        }
        if here.deleted.get(&address.name).is_some_and(|at| now < *at + NAME_IS_TAKEN_FOR) {
            return Err(Refusal::new(
                "QueueDeletedRecently",
                "You must wait 60 seconds after deleting a queue before you can create another \
                 with the same name.",
            ));
        }
        let queue = Queue::new(address.arn(), attributes, self.tags, now);
        here.queues.insert(address.name, queue);
        Ok(QueueUrl { queue_url })
    }
}

/// Names have 1 to 80 letters, digits, hyphens, and underscores; those of FIFO queues end with
/// `.fifo`.
fn check_name(name: &str, fifo: bool) -> Result<(), Refusal> {
    let base = if fifo { name.strip_suffix(".fifo") } else { Some(name) };
    let allowed = |it: u8| it.is_ascii_alphanumeric() || b"-_".contains(&it);
    match base {
        Some(base) if !base.is_empty() && name.len() <= 80 && base.bytes().all(allowed) => Ok(()),
        None => Err(Refusal::new(
            "InvalidParameterValue",
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or \
             underscores, must end with .fifo suffix and be 1 to 80 in length.",
        )),
        Some(_) => Err(Refusal::new(
            "InvalidParameterValue",
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        )),
    }
}

/// `DeleteQueue`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct DeleteQueue {
    pub(crate) queue_url: String,
}

impl Operation for DeleteQueue {
    const SPEC: Spec =
        Spec { service: "sqs", name: "DeleteQueue", access: Access::Writes, bucket: BUCKET };

    type Answer<'s> = ();

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        need_on(cx, &self.queue_url, "sqs:DeleteQueue")
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<(), Refusal> {
        let address = Address::of_url(cx, &self.queue_url)?;
        address.enter(cx, "sqs:DeleteQueue", Strangers::Never)?;
        let now = cx.now;
        let here = &mut cx.here_mut().sqs;
        here.queues.remove(&address.name);
        here.deleted.retain(|_, at| now < *at + NAME_IS_TAKEN_FOR);
        here.deleted.insert(address.name, now);
        Ok(())
    }
}

/// `GetQueueUrl`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct GetQueueUrl {
    pub(crate) queue_name: String,
    #[serde(default, rename = "QueueOwnerAWSAccountId")]
    pub(crate) owner: Option<String>,
}

impl GetQueueUrl {
    fn address(&self, cx: &Cx<'_>) -> Option<Address> {
        let mut place = cx.place.clone();
        if let Some(owner) = &self.owner {
            place.account = owner.parse().ok()?;
        }
        Some(Address { place, name: self.queue_name.clone() })
    }
}

impl Operation for GetQueueUrl {
    const SPEC: Spec =
        Spec { service: "sqs", name: "GetQueueUrl", access: Access::Reads, bucket: BUCKET };

    type Answer<'s> = QueueUrl;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        match self.address(cx) {
            Some(address) => vec![address.need(cx, "sqs:GetQueueUrl")],
            None => vec![Need::anywhere("sqs:GetQueueUrl")],
        }
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<QueueUrl, Refusal> {
        let address = self.address(cx).ok_or_else(no_queue)?;
        // Whoever is not let in is not told whether there is one.
        address.enter(cx, "sqs:GetQueueUrl", Strangers::IfAdmitted).map_err(|_| no_queue())?;
        Ok(QueueUrl { queue_url: address.url(cx) })
    }
}

/// `ListQueues`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct ListQueues {
    pub(crate) queue_name_prefix: Option<String>,
    pub(crate) next_token: Option<String>,
    pub(crate) max_results: Option<usize>,
}

/// What `ListQueues` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct QueueUrls {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    queue_urls: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl Operation for ListQueues {
    const SPEC: Spec =
        Spec { service: "sqs", name: "ListQueues", access: Access::Reads, bucket: BUCKET };

    type Answer<'s> = QueueUrls;

    fn needs(&self, _: &Cx<'_>) -> Vec<Need> {
        vec![Need::anywhere("sqs:ListQueues")]
    }

    /// Without `MaxResults` there is one page of a thousand queues, and no more.
    fn run(self, cx: &mut Cx<'_>) -> Result<QueueUrls, Refusal> {
        let most = match self.max_results {
            None => LONGEST_PAGE,
            Some(most @ 1..=LONGEST_PAGE) => most,
            Some(other) => {
                let reason = format!("Must be between 1 and {LONGEST_PAGE}, if provided.");
                return Err(invalid_parameter(&other.to_string(), "MaxResults", &reason));
            }
        };
        let prefix = self.queue_name_prefix.unwrap_or_default();
        let listing = pages::listing(cx.place, Self::SPEC.name, &(&prefix, most));
        let after = pages::after(listing, self.next_token.as_deref()).map_err(|it| {
            let reason = it.message;
            invalid_parameter(self.next_token.as_deref().unwrap_or_default(), "NextToken", &reason)
        })?;
        let queues = cx.here().sqs.queues.iter().map(|(name, queue)| (name.as_str(), queue));
        let rest = queues.filter(|(name, it)| {
            name.starts_with(&prefix)
                && it.created_at <= cx.seen
                && after.as_deref().is_none_or(|after| *name > after)
        });
        let url = |name: &str, _: &Queue| {
            let address = Address { place: cx.place.clone(), name: name.to_owned() };
            Some(address.url(cx))
        };
        let (queue_urls, next_token) = pages::page(listing, rest, most, usize::MAX, url);
        let next_token = next_token.filter(|_| self.max_results.is_some());
        Ok(QueueUrls { queue_urls, next_token })
    }
}

/// `PurgeQueue`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct PurgeQueue {
    pub(crate) queue_url: String,
}

impl Operation for PurgeQueue {
    const SPEC: Spec =
        Spec { service: "sqs", name: "PurgeQueue", access: Access::Writes, bucket: BUCKET };

    type Answer<'s> = ();

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        need_on(cx, &self.queue_url, "sqs:PurgeQueue")
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<(), Refusal> {
        let address = Address::of_url(cx, &self.queue_url)?;
        address.enter(cx, "sqs:PurgeQueue", Strangers::IfAdmitted)?;
        let now = cx.now;
        let queue = address.queue_mut(cx.state)?;
        if queue.purged_at.is_some_and(|at| now < at + PURGE_TAKES) {
            let message = format!(
                "Only one PurgeQueue operation on {} is allowed every 60 seconds.",
                address.name
            );
            return Err(Refusal::new("PurgeQueueInProgress", message).status(403));
        }
        queue.purge(now);
        Ok(())
    }
}
