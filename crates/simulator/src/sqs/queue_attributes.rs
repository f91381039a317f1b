//! `GetQueueAttributes`, `SetQueueAttributes`. Source: SQS API, each operation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    BUCKET,
    attributes::{Attributes, COUNTED, When, invalid_policy, is_known, unknown},
    url::{Address, Strangers, need_on},
};
use crate::{
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// `GetQueueAttributes`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct GetQueueAttributes {
    pub(crate) queue_url: String,
    #[serde(default)]
    pub(crate) attribute_names: Vec<String>,
}

/// What `GetQueueAttributes` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Shown {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<&'static str, String>,
}

impl Operation for GetQueueAttributes {
    const SPEC: Spec =
        Spec { service: "sqs", name: "GetQueueAttributes", access: Access::Reads, bucket: BUCKET };

    type Answer<'s> = Shown;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        need_on(cx, &self.queue_url, "sqs:GetQueueAttributes")
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Shown, Refusal> {
        let address = Address::of_url(cx, &self.queue_url)?;
        address.enter(cx, "sqs:GetQueueAttributes", Strangers::IfAdmitted)?;
        if let Some(name) = self.attribute_names.iter().find(|name| !is_known(name)) {
            return Err(unknown(name));
        }
        let now = cx.now;
        let queue = address.queue_mut(cx.state)?;
        queue.expire(now);
        let counts = queue.counts(now);
        let counted = COUNTED.map(|name| {
            let value = match name {
                "ApproximateNumberOfMessages" => counts.visible.to_string(),
                "ApproximateNumberOfMessagesDelayed" => counts.delayed.to_string(),
                "ApproximateNumberOfMessagesNotVisible" => counts.in_flight.to_string(),
                "CreatedTimestamp" => queue.created_at.as_second().to_string(),
                "LastModifiedTimestamp" => queue.modified_at.as_second().to_string(),
                _ => queue.arn.clone(),
            };
            (name, value)
        });
        let set = queue.attributes.iter().map(|(name, value)| (name, value.to_owned()));
        let wanted = |name: &str| self.attribute_names.iter().any(|it| it == name || it == "All");
        let attributes = counted.into_iter().chain(set).filter(|(name, _)| wanted(name)).collect();
        Ok(Shown { attributes })
    }
}

/// `SetQueueAttributes`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct SetQueueAttributes {
    pub(crate) queue_url: String,
    pub(crate) attributes: BTreeMap<String, String>,
}

impl Operation for SetQueueAttributes {
    const SPEC: Spec =
        Spec { service: "sqs", name: "SetQueueAttributes", access: Access::Writes, bucket: BUCKET };

    type Answer<'s> = ();

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        need_on(cx, &self.queue_url, "sqs:SetQueueAttributes")
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<(), Refusal> {
        let address = Address::of_url(cx, &self.queue_url)?;
        address.enter(cx, "sqs:SetQueueAttributes", Strangers::Never)?;
        let now = cx.now;
        let old = address.queue_mut(cx.state)?.attributes.clone();
        let new = old.with(&self.attributes, When::Later)?;
        check_redrive(cx, &address, &new)?;
        let queue = address.queue_mut(cx.state)?;
        queue.attributes = new;
        queue.modified_at = now;
        Ok(())
    }
}

/// Refuses a queue for dead letters that is not there, is of the other type, elsewhere, or does
/// not want them.
pub(super) fn check_redrive(
    cx: &Cx<'_>,
    from: &Address,
    attributes: &Attributes,
) -> Result<(), Refusal> {
    let Some(redrive) = attributes.redrive()? else { return Ok(()) };
    let text = attributes.text("RedrivePolicy").unwrap_or_default();
    let wrong = |reason: &str| Err(invalid_policy("RedrivePolicy", text, reason));
    let Some(to) = Address::of_arn(&redrive.to) else {
        return wrong("Invalid value for deadLetterTargetArn.");
    };
    if to.place != from.place {
        return wrong("Dead-letter target must be in the same account and region as the source.");
    }
    if to == *from {
        return wrong("A queue cannot be its own dead-letter target.");
    }
    match to.queue(cx.state) {
        None => wrong("Dead letter target does not exist."),
        Some(queue) if queue.attributes.is_fifo() != attributes.is_fifo() => {
            wrong("Dead-letter target owner and type must match those of the source.")
        }
        Some(queue) if !queue.attributes.allows_dead_letters_of(&from.arn()) => {
            wrong("The dead-letter target does not allow this source.")
        }
        Some(_) => Ok(()),
    }
}
