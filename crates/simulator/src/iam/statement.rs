//! One statement of a policy, ready to be asked.

use super::condition::Condition;
use super::context::Context;
use super::decision::Need;
use super::document::{Effect, Entries, OneOrMany, StatementDocument};
use super::pattern::{Case, Pattern, Version, Wildcards};
use super::principal::Principals;
use super::truth::{self, Truth};

/// What a statement allows or denies, whom and when.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Statement {
    /// Its `Sid`, or its place: `statement 1`.
    pub(super) label: String,
    pub(super) effect: Effect,
    /// Of policies that name principals.
    pub(super) principals: Option<Principals>,
    actions: Listed,
    /// Of policies that name resources.
    resources: Option<Listed>,
    conditions: Vec<Condition>,
}

/// `Action` or `NotAction`, `Resource` or `NotResource`.
#[derive(Clone, Debug, PartialEq)]
enum Listed {
    These(Vec<Pattern>),
    AllBut(Vec<Pattern>),
}

impl Statement {
    /// Understands `document`. The error says what in it is wrong.
    pub(super) fn parse(
        document: &StatementDocument,
        label: String,
        version: Version,
    ) -> Result<Statement, String> {
        let principals = match (&document.principal, &document.not_principal) {
            (None, None) => None,
            (Some(these), None) => Some(Principals::parse(these, Principals::These)?),
            (None, Some(these)) => Some(Principals::parse(these, Principals::AllBut)?),
            (Some(_), Some(_)) => {
                return Err("`Principal` and `NotPrincipal` exclude each other".to_owned());
            }
        };
        let actions =
            listed(("Action", &document.action), ("NotAction", &document.not_action), &action)?
                .ok_or("it needs `Action` or `NotAction`")?;
        let resources = listed(
            ("Resource", &document.resource),
            ("NotResource", &document.not_resource),
            &|text| resource(text, version),
        )?;
        let mut conditions = Vec::new();
        for (operator, Entries(keys)) in document.condition.iter().flat_map(|it| &it.0) {
            for (key, values) in keys {
                let values = values.as_slice().iter().map(|value| value.0.as_str());
                conditions.push(
                    Condition::parse(operator, key, values, version)
                        .map_err(|error| format!("`{operator}` of `{key}`: {error}"))?,
                );
            }
        }
        Ok(Statement { label, effect: document.effect, principals, actions, resources, conditions })
    }

    pub(super) fn has_resources(&self) -> bool {
        self.resources.is_some()
    }

    /// Whether all of its actions are of the service with this prefix.
    pub(super) fn has_actions_of(&self, service: &str) -> bool {
        let (Listed::These(actions) | Listed::AllBut(actions)) = &self.actions;
        actions.iter().all(|action| action.starts_with(&format!("{service}:")))
    }

    /// Whether it is about what is needed. Who asks is another question. Where AWS does not say,
    /// the stricter side holds.
    pub(super) fn applies(&self, need: &Need) -> bool {
        let context = &need.context;
        let actions = std::iter::once_with(|| self.actions.cover(need.action, context));
        let resources = self.resources.iter().map(|it| it.cover(&need.resource, context));
        let conditions = self.conditions.iter().map(|it| it.holds(context));
        truth::all(actions.chain(resources).chain(conditions))
            .unwrap_or(self.effect == Effect::Deny)
    }
}

impl Listed {
    fn cover(&self, text: &str, context: &Context) -> Truth {
        let (Listed::These(patterns) | Listed::AllBut(patterns)) = self;
        let matched = truth::any(patterns.iter().map(|it| it.matches(text, context)));
        match self {
            // A pattern whose variable has no value matches nothing.
            Listed::These(_) => Some(matched == Some(true)),
            Listed::AllBut(_) => truth::not(matched),
        }
    }
}

/// An element that is there as itself, as its `Not…` form, or not at all.
fn listed(
    (name, these): (&str, &Option<OneOrMany<String>>),
    (not_name, all_but): (&str, &Option<OneOrMany<String>>),
    parse: &dyn Fn(&str) -> Result<Pattern, String>,
) -> Result<Option<Listed>, String> {
    let all = |texts: &OneOrMany<String>| {
        texts.as_slice().iter().map(|text| parse(text)).collect::<Result<Vec<_>, _>>()
    };
    match (these, all_but) {
        (None, None) => Ok(None),
        (Some(these), None) => Ok(Some(Listed::These(all(these)?))),
        (None, Some(all_but)) => Ok(Some(Listed::AllBut(all(all_but)?))),
        (Some(_), Some(_)) => Err(format!("`{name}` and `{not_name}` exclude each other")),
    }
}

/// An action: `*`, or a service's prefix without wildcards, a colon and a name that may have some.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html>
fn action(text: &str) -> Result<Pattern, String> {
    let ok = text == "*"
        || text
            .split_once(':')
            .is_some_and(|(service, name)| is_word(service, "-") && is_word(name, "*?"));
    if !ok {
        return Err(format!("`{text}` is not an action, such as `ec2:CreateSnapshot` or `ec2:*`"));
    }
    // The old version, as actions have no variables.
    Pattern::parse(text, Wildcards::Match, Version::V2008, Case::Ignored)
}

/// A resource: `*`, or an ARN. Its partition and service have no wildcards, and only its last part
/// has variables.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html>
fn resource(text: &str, version: Version) -> Result<Pattern, String> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match parts[..] {
        ["*"] => {}
        ["arn", partition, service, region, account, _] => {
            if !is_word(partition, "-") || !is_word(service, "-") {
                return Err(format!("`{text}`: partition and service of an ARN have no wildcards"));
            }
            if region.contains('$') || account.contains('$') {
                return Err(format!("`{text}`: only the last part of an ARN has variables"));
            }
        }
        _ => return Err(format!("`{text}` is not `*` and not an ARN of six parts between colons")),
    }
    Pattern::parse(text, Wildcards::Match, version, Case::Sensitive)
}

fn is_word(text: &str, also: &str) -> bool {
    !text.is_empty() && text.chars().all(|it| it.is_ascii_alphanumeric() || also.contains(it))
}
