//! Accounts and the roles in them.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use lamplighter_core::{AccountId, Region};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use super::entry::Bad;
use crate::{
    iam::{IdentityPolicy, TrustPolicy},
    organization,
    words::Time,
};

/// One account.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Account {
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The regions that are enabled.
    pub regions: BTreeSet<Region>,
    /// The organizational unit that it is in, by its id; by default it is right below the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Whether it was closed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspended: bool,
    /// A role in it that the hub may assume: its name, with its path if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The external id that the role asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Who may assume the role, as an IAM trust policy; by default the hub, with the external id
    /// if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust: Option<Document<TrustPolicy>>,
    /// What the role may do, as IAM policies; by default everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policies: Option<Vec<Document<IdentityPolicy>>>,
    /// The longest session of the role, from `1h`, the default, to `12h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_session: Option<Time>,
}

/// An organizational unit.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Unit {
    /// The unit that it is in; by default it is right below the root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
}

/// A policy, as it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Document<P> {
    json: Value,
    pub(super) policy: P,
}

impl Account {
    /// An account with these regions and no role.
    pub fn new(regions: impl IntoIterator<Item = Region>) -> Account {
        Account {
            name: None,
            regions: regions.into_iter().collect(),
            unit: None,
            suspended: false,
            role: None,
            external_id: None,
            trust: None,
            policies: None,
            longest_session: None,
        }
    }

    /// Says what is wrong with it.
    pub(super) fn check(&self, bad: &mut Bad<'_>) {
        if self.regions.is_empty() {
            bad.say("regions", "an account has at least one region");
        }
        if self.role.as_deref().is_some_and(|it| !is_role(it)) {
            let expected = "a name of at most 64 letters, digits and `_+=,.@-`, with its path if \
                            it has one";
            bad.say("role", format!("this is not a role: {expected}"));
        }
        let needs_role = [
            ("external-id", self.external_id.is_some()),
            ("trust", self.trust.is_some()),
            ("policies", self.policies.is_some()),
            ("longest-session", self.longest_session.is_some()),
        ];
        for (key, _) in needs_role.iter().filter(|(_, is)| *is && self.role.is_none()) {
            bad.say(key, format!("`{key}` goes with a `role`"));
        }
        if self.external_id.is_some() && self.trust.is_some() {
            bad.say("external-id", "the external id stands in `trust`, when there is one");
        }
        if self.external_id.as_deref().is_some_and(|it| !is_external_id(it)) {
            let message = "an external id has 2 to 1224 letters, digits and `_+=,.@:/-`";
            bad.say("external-id", message);
        }
        let hours = SignedDuration::from_hours(1)..=SignedDuration::from_hours(12);
        if self.longest_session.is_some_and(|it| !hours.contains(&it.0)) {
            bad.say("longest-session", "a session lasts from `1h` to `12h` at most");
        }
    }

    /// The account, for the organization.
    pub(super) fn build(&self, id: &AccountId, hub: Option<&AccountId>) -> organization::Account {
        let mut account = organization::Account {
            regions: self.regions.clone(),
            unit: self.unit.clone(),
            suspended: self.suspended,
            ..Default::default()
        };
        if let Some(role) = &self.role {
            let (path, name) = match role.rsplit_once('/') {
                Some((path, name)) => (format!("/{path}/"), name),
                None => ("/".to_owned(), role.as_str()),
            };
            let policies = |all: &Vec<Document<IdentityPolicy>>| {
                all.iter().map(|it| it.policy.clone()).collect()
            };
            let mut made =
                organization::Role::open_to(hub.unwrap_or(id), self.external_id.as_deref());
            made.path = path;
            made.policies = self.policies.as_ref().map(policies);
            if let Some(trust) = &self.trust {
                made.trust = trust.policy.clone();
            }
            if let Some(longest) = &self.longest_session {
                made.longest_session = longest.0;
            }
            account.roles.insert(name.to_owned(), made);
        }
        account
    }
}

/// A role's name after its path. Source: IAM API, `CreateRole`, `RoleName` and `Path`.
fn is_role(text: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty()
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
    };
    let name = text.rsplit('/').next().unwrap_or_default();
    text.len() <= 510 + name.len() && name.len() <= 64 && text.split('/').all(is_word)
}

/// Source: STS API, `AssumeRole`, `ExternalId`.
fn is_external_id(text: &str) -> bool {
    (2..=1224).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&byte))
}

impl<'de, P: de::DeserializeOwned> Deserialize<'de> for Document<P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Document<P>, D::Error> {
        let json = Value::deserialize(deserializer)?;
        let policy = P::deserialize(&json)
            .map_err(|error| de::Error::custom(format_args!("not an IAM policy: {error}")))?;
        Ok(Document { json, policy })
    }
}

impl<P> Serialize for Document<P> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}

impl<P> JsonSchema for Document<P> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "policy".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "required": ["Statement"] })
    }
}
