//! `DescribeRule`, `ListRules`, `ListTargetsByRule`. Source: EventBridge API, each operation.

use serde::{Deserialize, Serialize};

use super::{
    BUCKET,
    bus::{Rule, RuleState, Target, check_bus, find, on_rule, rule_arn, validation},
};
use crate::{
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    pages,
    refusal::Refusal,
};

/// The longest page.
const LONGEST_PAGE: usize = 100;

/// `DescribeRule`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct DescribeRule {
    name: String,
    event_bus_name: Option<String>,
}

/// `ListRules`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct ListRules {
    name_prefix: Option<String>,
    event_bus_name: Option<String>,
    next_token: Option<String>,
    limit: Option<usize>,
}

/// `ListTargetsByRule`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct ListTargetsByRule {
    rule: String,
    event_bus_name: Option<String>,
    next_token: Option<String>,
    limit: Option<usize>,
}

/// A rule in an answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Shown<'s> {
    name: &'s str,
    arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_pattern: Option<&'s str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule_expression: Option<&'s str>,
    state: RuleState,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'s str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_arn: Option<&'s str>,
    event_bus_name: &'static str,
    /// The account that made it; only of one rule, not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by: Option<String>,
}

impl<'s> Shown<'s> {
    fn of(cx: &Cx<'_>, name: &'s str, it: &'s Rule) -> Shown<'s> {
        Shown {
            name,
            arn: rule_arn(cx.place, name),
            event_pattern: it.pattern.as_ref().map(|(text, _)| &**text),
            schedule_expression: it.schedule.as_ref().map(|(text, _)| &**text),
            state: it.state,
            description: it.description.as_deref(),
            role_arn: it.role_arn.as_deref(),
            event_bus_name: "default",
            created_by: None,
        }
    }
}

impl Operation for DescribeRule {
    const SPEC: Spec =
        Spec { service: "events", name: "DescribeRule", access: Access::Reads, bucket: BUCKET };

    type Answer<'s> = Shown<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![on_rule(cx, "events:DescribeRule", &self.name)]
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<Shown<'s>, Refusal> {
        check_bus(cx, self.event_bus_name.as_deref())?;
        let rule = find(cx, &self.name)?;
        let name = cx.here().bus.rules.get_key_value(&self.name).map_or("", |(name, _)| name);
        let created_by = Some(cx.place.account.to_string());
        Ok(Shown { created_by, ..Shown::of(cx, name, rule) })
    }
}

/// What `ListRules` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Rules<'s> {
    rules: Vec<Shown<'s>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl Operation for ListRules {
    const SPEC: Spec =
        Spec { service: "events", name: "ListRules", access: Access::Reads, bucket: BUCKET };

    type Answer<'s> = Rules<'s>;

    fn needs(&self, _: &Cx<'_>) -> Vec<Need> {
        vec![Need::anywhere("events:ListRules")]
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<Rules<'s>, Refusal> {
        check_bus(cx, self.event_bus_name.as_deref())?;
        let prefix = self.name_prefix.unwrap_or_default();
        let rules = cx.here().bus.rules.iter().map(|(name, it)| (name.as_str(), it));
        let rules = rules.filter(|(name, _)| name.starts_with(&prefix));
        let show = |name: &'s str, rule: &'s Rule| Some(Shown::of(cx, name, rule));
        let page = Page { token: self.next_token.as_deref(), limit: self.limit };
        let (rules, next_token) = page.of(cx, Self::SPEC.name, &prefix, rules, show)?;
        Ok(Rules { rules, next_token })
    }
}

/// What `ListTargetsByRule` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Targets<'s> {
    targets: Vec<&'s Target>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl Operation for ListTargetsByRule {
    const SPEC: Spec = Spec {
        service: "events",
        name: "ListTargetsByRule",
        access: Access::Reads,
        bucket: BUCKET,
    };

    type Answer<'s> = Targets<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![on_rule(cx, "events:ListTargetsByRule", &self.rule)]
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<Targets<'s>, Refusal> {
        check_bus(cx, self.event_bus_name.as_deref())?;
        let targets = find(cx, &self.rule)?.targets.iter().map(|(id, it)| (id.as_str(), it));
        let page = Page { token: self.next_token.as_deref(), limit: self.limit };
        let show = |_: &str, target: &'s Target| Some(target);
        let (targets, next_token) = page.of(cx, Self::SPEC.name, &self.rule, targets, show)?;
        Ok(Targets { targets, next_token })
    }
}

/// Which page was asked for.
struct Page<'p> {
    token: Option<&'p str>,
    limit: Option<usize>,
}

impl Page<'_> {
    fn of<'s, T: 's, U>(
        &self,
        cx: &Cx<'_>,
        operation: &str,
        question: &str,
        items: impl Iterator<Item = (&'s str, &'s T)>,
        show: impl FnMut(&'s str, &'s T) -> Option<U>,
    ) -> Result<pages::Paged<U>, Refusal> {
        let most = self.limit.unwrap_or(LONGEST_PAGE);
        if !(1..=LONGEST_PAGE).contains(&most) {
            return Err(validation(format!("limit must be between 1 and {LONGEST_PAGE}")));
        }
        let listing = pages::listing(cx.place, operation, &question);
        let after = pages::after(listing, self.token).map_err(|it| validation(it.message))?;
        let rest = items.filter(|(id, _)| after.as_deref().is_none_or(|after| *id > after));
        Ok(pages::page(listing, rest, most, usize::MAX, show))
    }
}
