//! `PutTargets`, `RemoveTargets`. Source: EventBridge API, each operation.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    BUCKET,
    bus::{Target, check_bus, check_name, find, no_rule, on_rule, place_of, validation},
    deliver,
};
use crate::{
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
    sqs::url::Address,
};

/// Targets of a rule.
const MOST_TARGETS: usize = 5;
/// Characters of an input.
const LONGEST_INPUT: usize = 8192;
/// Targets in a call.
const MOST_IN_CALL: usize = 100;

/// `PutTargets`: those of the same id are replaced.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct PutTargets {
    rule: String,
    event_bus_name: Option<String>,
    targets: Vec<Target>,
}

/// `RemoveTargets`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct RemoveTargets {
    rule: String,
    event_bus_name: Option<String>,
    ids: Vec<String>,
    /// Only matters for rules that an AWS service made, which are not here.
    #[serde(rename = "Force")]
    _force: bool,
}

/// What both answer. Here a call is done as a whole or refused.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Failures {
    failed_entry_count: usize,
    failed_entries: [(); 0],
}

const NONE_FAILED: Failures = Failures { failed_entry_count: 0, failed_entries: [] };

impl Operation for PutTargets {
    const SPEC: Spec =
        Spec { service: "events", name: "PutTargets", access: Access::Writes, bucket: BUCKET };

    type Answer<'s> = Failures;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let need = on_rule(cx, "events:PutTargets", &self.rule);
        let arns = self.targets.iter().map(|it| it.arn.clone());
        let context = need.context.clone().with_all("events:TargetArn", arns);
        let roles = self.targets.iter().filter_map(|it| it.role_arn.clone());
        let pass = roles.map(|role| Need::on("iam:PassRole", role));
        [need.with(context)].into_iter().chain(pass).collect()
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Failures, Refusal> {
        check_bus(cx, self.event_bus_name.as_deref())?;
        let mut targets = find(cx, &self.rule)?.targets.clone();
        if !(1..=MOST_IN_CALL).contains(&self.targets.len()) {
            return Err(validation("targets must have length between 1 and 100"));
        }
        for (at, target) in self.targets.iter().enumerate() {
            check(cx, target)?;
            if self.targets[..at].iter().any(|it| it.id == target.id) {
                let message = format!("Duplicate target id: {}", target.id);
                return Err(validation(message));
            }
        }
        targets.extend(self.targets.into_iter().map(|it| (it.id.clone(), it)));
        if targets.len() > MOST_TARGETS {
            let message = "The requested resource exceeds the maximum number allowed.";
            return Err(Refusal::new("LimitExceededException", message));
        }
        let rule = cx.here_mut().bus.rules.get_mut(&self.rule);
        rule.ok_or_else(|| no_rule(&self.rule))?.targets = targets;
        Ok(NONE_FAILED)
    }
}

/// Refuses a target that events cannot be brought to.
fn check(cx: &Cx<'_>, target: &Target) -> Result<(), Refusal> {
    check_name("targets.member.id", &target.id)?;
    let wrong = |reason: &str| {
        let message = format!("Parameter {} is not valid. Reason: {reason}", target.arn);
        Err(validation(message))
    };
    if target.input.is_some() && target.input_path.is_some() {
        let message = format!(
            "Only one of Input, InputPath, or InputTransformer must be \
             provided for target {}.",
            target.id
        );
        return Err(validation(message));
    }
    if let Some(input) = &target.input
        && (input.len() > LONGEST_INPUT || serde_json::from_str::<Value>(input).is_err())
    {
        return Err(validation(format!("JSON syntax error in input for target {}", target.id)));
    }
    if let Some(path) = &target.input_path
        && !deliver::is_path(path)
    {
        return Err(validation(format!("Invalid InputPath for target {}.", target.id)));
    }
    if let Some(policy) = &target.retry_policy
        && (policy.maximum_retry_attempts.is_some_and(|it| it > 185)
            || policy.maximum_event_age_in_seconds.is_some_and(|it| !(60..=86_400).contains(&it)))
    {
        return Err(validation("RetryPolicy allows 0 to 185 attempts and 60 to 86400 seconds"));
    }
    if let Some(dead) = &target.dead_letter_config {
        match Address::of_arn(&dead.arn) {
            Some(address) if address.place == *cx.place && !dead.arn.ends_with(".fifo") => {}
            _ => return wrong("DeadLetterConfig must be a standard queue of the same place"),
        }
    }
    if let Some(bus) = place_of(&target.arn) {
        return match (target.role_arn.is_none(), bus == *cx.place) {
            (_, true) => wrong("A bus cannot be a target of its own rule."),
            // An account that is admitted by itself needs no role, but a region does.
            (true, _) if bus.region != cx.place.region => {
                wrong("RoleArn is required for target: cross-Region event bus")
            }
            _ => Ok(()),
        };
    }
    let Some(queue) = Address::of_arn(&target.arn) else {
        return wrong(
            "Provided Arn is not in correct format. This simulated cloud delivers to SQS queues \
             and default event buses only.",
        );
    };
    if queue.place != *cx.place {
        return wrong("The queue must be in the account and the region of the rule.");
    }
    match &target.sqs_parameters {
        None if queue.name.ends_with(".fifo") => {
            let message =
                format!("Parameter(s) SqsParameters must be specified for target: {}.", target.id);
            Err(validation(message))
        }
        Some(it) if !(1..=100).contains(&it.message_group_id.len()) => {
            Err(validation("MessageGroupId must have 1 to 100 characters"))
        }
        _ => Ok(()),
    }
}

impl Operation for RemoveTargets {
    const SPEC: Spec =
        Spec { service: "events", name: "RemoveTargets", access: Access::Writes, bucket: BUCKET };

    type Answer<'s> = Failures;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![on_rule(cx, "events:RemoveTargets", &self.rule)]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Failures, Refusal> {
        check_bus(cx, self.event_bus_name.as_deref())?;
        if !(1..=MOST_IN_CALL).contains(&self.ids.len()) {
            return Err(validation("ids must have length between 1 and 100"));
        }
        let rule = cx.here_mut().bus.rules.get_mut(&self.rule);
        let rule = rule.ok_or_else(|| no_rule(&self.rule))?;
        rule.targets.retain(|id, _| !self.ids.contains(id));
        Ok(NONE_FAILED)
    }
}
