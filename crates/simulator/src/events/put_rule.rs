//! `PutRule`, `DeleteRule`. Source: EventBridge API, each operation.

use lamplighter_core::events::Pattern;
use serde::{Deserialize, Serialize};

use super::{
    BUCKET,
    bus::{Rule, RuleState, check_bus, check_name, on_rule, rule_arn, validation},
    deliver,
    schedule::Schedule,
};
use crate::{
    dynamodb::tags::{Tag, read_any},
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// Rules of a bus. Source: EventBridge User Guide, "Amazon EventBridge quotas".
const MOST_RULES: usize = 300;

/// `PutRule`: makes a rule, or changes everything of it but its targets.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct PutRule {
    name: String,
    schedule_expression: Option<String>,
    event_pattern: Option<String>,
    state: RuleState,
    description: Option<String>,
    role_arn: Option<String>,
    tags: Vec<Tag>,
    event_bus_name: Option<String>,
}

/// What `PutRule` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Put {
    rule_arn: String,
}

impl Operation for PutRule {
    const SPEC: Spec =
        Spec { service: "events", name: "PutRule", access: Access::Writes, bucket: BUCKET };

    type Answer<'s> = Put;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let sent = |need: Need| {
            let context = need.context.clone().with_request_tags(&read_any(&self.tags));
            need.with(context)
        };
        let mut needs = vec![sent(on_rule(cx, "events:PutRule", &self.name))];
        if !self.tags.is_empty() {
            needs.push(sent(on_rule(cx, "events:TagResource", &self.name)));
        }
        needs
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Put, Refusal> {
        check_bus(cx, self.event_bus_name.as_deref())?;
        check_name("name", &self.name)?;
        let pattern = self.event_pattern.map(read_pattern).transpose()?;
        let parse = |text: String| match Schedule::parse(&text) {
            Some(schedule) => Ok((text, schedule)),
            None => Err(validation("Parameter ScheduleExpression is not valid.")),
        };
        let schedule = self.schedule_expression.map(parse).transpose()?;
        if pattern.is_none() && schedule.is_none() {
            return Err(validation(
                "Parameter(s) EventPattern or ScheduleExpression must be specified.",
            ));
        }
        if self.description.as_ref().is_some_and(|it| it.chars().count() > 512) {
            return Err(validation("Description must have at most 512 characters"));
        }
        let rules = &cx.here().bus.rules;
        let old = rules.get(&self.name);
        if old.is_none() && rules.len() >= MOST_RULES {
            let message = "The requested resource exceeds the maximum number allowed.";
            return Err(Refusal::new("LimitExceededException", message));
        }
        let (targets, tags) = match old {
            // Tags of a rule that is there are changed with `TagResource` only.
            Some(old) => (old.targets.clone(), old.tags.clone()),
            None => (Default::default(), read_any(&self.tags)),
        };
        let rule = Rule {
            pattern,
            schedule,
            state: self.state,
            description: self.description,
            role_arn: self.role_arn,
            tags,
            targets,
            planned: 0,
        };
        cx.here_mut().bus.rules.insert(self.name.clone(), rule);
        let (place, now) = (cx.place, cx.now);
        deliver::plan(cx.state, place, &self.name, now);
        Ok(Put { rule_arn: rule_arn(place, &self.name) })
    }
}

fn read_pattern(text: String) -> Result<(String, Pattern), Refusal> {
    let pattern = Pattern::parse(&text).map_err(|wrong| {
        let message = format!("Event pattern is not valid. Reason: {wrong}");
        Refusal::new("InvalidEventPatternException", message)
    })?;
    Ok((text, pattern))
}

/// `DeleteRule`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct DeleteRule {
    name: String,
    event_bus_name: Option<String>,
    /// Only matters for rules that an AWS service made, which are not here.
    #[serde(rename = "Force")]
    _force: bool,
}

impl Operation for DeleteRule {
    const SPEC: Spec =
        Spec { service: "events", name: "DeleteRule", access: Access::Writes, bucket: BUCKET };

    type Answer<'s> = ();

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![on_rule(cx, "events:DeleteRule", &self.name)]
    }

    /// A rule that is not there is gone already.
    fn run(self, cx: &mut Cx<'_>) -> Result<(), Refusal> {
        check_bus(cx, self.event_bus_name.as_deref())?;
        check_name("name", &self.name)?;
        let rules = &mut cx.here_mut().bus.rules;
        if rules.get(&self.name).is_some_and(|it| !it.targets.is_empty()) {
            return Err(validation("Rule can't be deleted since it has targets."));
        }
        rules.remove(&self.name);
        Ok(())
    }
}
