//! The default bus of a place: its rules, their targets, and who else may send to it.

use std::collections::BTreeMap;

use lamplighter_core::{AccountId, Place, Tags, events::Pattern};
use serde::{Deserialize, Serialize};

use super::schedule::Schedule;
use crate::{arn, cloud::State, iam::Need, operation::Cx, refusal::Refusal};

/// The bus of a place.
#[derive(Debug, Default)]
pub(crate) struct Bus {
    /// By name.
    pub(super) rules: BTreeMap<String, Rule>,
    /// By the id of the statement.
    pub(super) permissions: BTreeMap<String, Permission>,
}

/// A rule.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) pattern: Option<(String, Pattern)>,
    pub(super) schedule: Option<(String, Schedule)>,
    pub(super) state: RuleState,
    pub(super) description: Option<String>,
    pub(super) role_arn: Option<String>,
    pub(super) tags: Tags,
    /// By id.
    pub(super) targets: BTreeMap<String, Target>,
    /// Which of all schedules of all rules it has: what was planned for another is void.
    pub(super) planned: u64,
}

/// Whether a rule does anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum RuleState {
    #[default]
    Enabled,
    Disabled,
}

/// Where events go.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct Target {
    pub(super) id: String,
    pub(super) arn: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) role_arn: Option<String>,
    /// What is sent instead of the event, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) input: Option<String>,
    /// The part of the event that is sent, such as `$.detail`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) input_path: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sqs_parameters: Option<SqsParameters>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) dead_letter_config: Option<DeadLetterConfig>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) retry_policy: Option<RetryPolicy>,
}

/// What a message in a queue has.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct SqsParameters {
    pub(super) message_group_id: String,
}

/// Where events go that the target did not take.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct DeadLetterConfig {
    pub(super) arn: String,
}

/// How often it is tried. Here a target takes an event at once or never.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct RetryPolicy {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) maximum_retry_attempts: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) maximum_event_age_in_seconds: Option<u32>,
}

/// Who may send events to the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Permission {
    /// An account.
    Account(AccountId),
    /// Everybody.
    Everybody,
    /// The accounts of an organization.
    Organization(String),
}

impl Bus {
    /// Whether the owner of the bus lets another account send to it.
    pub(super) fn admits(&self, account: &AccountId, organization: Option<&str>) -> bool {
        self.permissions.values().any(|it| match it {
            Permission::Account(admitted) => admitted == account,
            Permission::Everybody => true,
            Permission::Organization(id) => organization == Some(id),
        })
    }
}

/// Whether an account may send events to the bus of a place.
pub(super) fn admits(state: &State, bus: &Place, account: &AccountId) -> bool {
    let organization = &state.organization;
    // The organization is that of all accounts that are here.
    let id = organization.id.as_deref().filter(|_| organization.accounts.contains_key(account));
    state.services_of(bus).is_some_and(|it| bus.account == *account || it.bus.admits(account, id))
}

/// The ARN of the default bus of a place.
pub(super) fn arn(place: &Place) -> String {
    arn::of("events", place, "event-bus/default")
}

/// The place whose default bus an ARN names.
pub(super) fn place_of(arn: &str) -> Option<Place> {
    let rest = arn.strip_prefix("arn:aws:events:")?.strip_suffix(":event-bus/default")?;
    let (region, account) = rest.split_once(':')?;
    Some(Place { account: account.parse().ok()?, region: region.parse().ok()? })
}

/// The ARN of a rule.
pub(super) fn rule_arn(place: &Place, name: &str) -> String {
    arn::of("events", place, format_args!("rule/{name}"))
}

/// What a call on a rule needs.
pub(super) fn on_rule(cx: &Cx<'_>, action: &'static str, name: &str) -> Need {
    let need = Need::on(action, rule_arn(cx.place, name));
    match cx.here().bus.rules.get(name) {
        Some(rule) => {
            let context = need.context.clone().with_tags("aws:ResourceTag", &rule.tags);
            need.with(context)
        }
        None => need,
    }
}

/// Refuses a bus that is not the default one of the place: no other is here.
pub(super) fn check_bus(cx: &Cx<'_>, name: Option<&str>) -> Result<(), Refusal> {
    match name {
        None | Some("default") => Ok(()),
        Some(name) if *name == arn(cx.place) => Ok(()),
        Some(name) => Err(not_found(format!("Event bus {name} does not exist."))),
    }
}

/// The rule of a name.
pub(super) fn find<'c>(cx: &'c Cx<'_>, name: &str) -> Result<&'c Rule, Refusal> {
    cx.here().bus.rules.get(name).ok_or_else(|| no_rule(name))
}

pub(super) fn no_rule(name: &str) -> Refusal {
    not_found(format!("Rule {name} does not exist on EventBus default."))
}

pub(super) fn not_found(message: String) -> Refusal {
    Refusal::new("ResourceNotFoundException", message)
}

pub(super) fn validation(message: impl Into<String>) -> Refusal {
    Refusal::new("ValidationException", message)
}

/// Refuses a name of a rule or a target that has other than 1 to 64 letters, digits, and `.-_`.
pub(super) fn check_name(member: &str, name: &str) -> Result<(), Refusal> {
    let allowed = |it: u8| it.is_ascii_alphanumeric() || b".-_".contains(&it);
    match (1..=64).contains(&name.len()) && name.bytes().all(allowed) {
        true => Ok(()),
        false => Err(validation(format!(
            "1 validation error detected: Value '{name}' at '{member}' failed to satisfy \
             constraint: Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+"
        ))),
    }
}
