//! Grants: somebody may use a key in some ways. Source: KMS Developer Guide, "Grants in AWS KMS".

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Grant, Key, KeyState, Kms, bucket, needed, not_found, usage::is_principal};
use crate::{
    iam::{Context, Need},
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// Grants on one page, when the request does not say.
const PAGE: usize = 50;
/// The most grants of one key. Source: KMS Developer Guide, "Resource quotas".
const MOST: usize = 50_000;
/// What a grant can allow for a symmetric key.
const OPERATIONS: [&str; 9] = [
    "CreateGrant",
    "Decrypt",
    "DescribeKey",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
    "RetireGrant",
];

/// `CreateGrant`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct CreateGrant {
    pub(crate) key_id: String,
    pub(crate) grantee_principal: String,
    pub(crate) retiring_principal: Option<String>,
    pub(crate) operations: Vec<String>,
    pub(crate) constraints: Option<Value>,
    pub(crate) grant_tokens: Vec<String>,
    pub(crate) name: Option<String>,
}

/// What `CreateGrant` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Created {
    grant_token: String,
    grant_id: String,
}

impl Operation for CreateGrant {
    const SPEC: Spec = Spec {
        service: "kms",
        name: "CreateGrant",
        access: Access::Writes,
        bucket: bucket::CREATE_GRANT,
    };

    type Answer<'s> = Created;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        // Whoever grants to a principal of its own is no AWS service.
        let context = Context::default()
            .with("kms:GrantIsForAWSResource", "false")
            .with("kms:GranteePrincipal", &*self.grantee_principal)
            .with_all("kms:GrantOperations", self.operations.iter().cloned());
        vec![Need::on("kms:CreateGrant", needed(cx, &self.key_id)).with(context)]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Created, Refusal> {
        let arn = Kms::resolve(cx.state, cx.place, &self.key_id);
        let here = arn.split(':').nth(3) == Some(cx.place.region.as_str());
        let key = Kms::find(cx.state, &arn).filter(|_| here).ok_or_else(|| not_found(&arn))?;
        check_state(key)?;
        if let Some(unknown) = self.operations.iter().find(|it| !OPERATIONS.contains(&&***it)) {
            let message = format!("'{unknown}' is no operation of a grant for a symmetric key");
            return Err(Refusal::new("ValidationException", message));
        }
        if self.operations.is_empty() || !self.grantee_principal.starts_with("arn:aws:") {
            let message = "a grant needs operations and the ARN of a grantee";
            return Err(Refusal::new("ValidationException", message));
        }
        let same = |it: &&Grant| {
            // With a name, the same grant made again is the same grant.
            self.name.is_some()
                && it.name.as_deref() == self.name.as_deref()
                && *it.grantee == *self.grantee_principal
                && it.retiring.as_deref() == self.retiring_principal.as_deref()
                && it.operations == self.operations
                && it.constraints == self.constraints
        };
        if let Some(it) = key.grants.iter().find(same) {
            return Ok(Created { grant_token: it.token.to_string(), grant_id: it.id.to_string() });
        }
        if key.grants.len() >= MOST {
            return Err(Refusal::new("LimitExceededException", "the key has too many grants"));
        }
        let (id, owner) =
            (key.id.clone(), super::keys::place_of(&arn).ok_or_else(|| not_found(&arn))?);
        let grant_id = cx.state.fresh_id("grant");
        let grant_token = format!("token-of-{grant_id}");
        let grant = Grant {
            id: grant_id.as_str().into(),
            token: grant_token.as_str().into(),
            name: self.name.map(Box::from),
            grantee: self.grantee_principal.into(),
            retiring: self.retiring_principal.map(Box::from),
            operations: self.operations,
            constraints: self.constraints,
            issuer: cx.caller.account.clone(),
            created_at: cx.now,
        };
        if let Some(key) = cx.state.services_mut(&owner).kms.get_mut(&id) {
            key.grants.push(grant);
        }
        Ok(Created { grant_token, grant_id })
    }
}

/// `ListGrants`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct ListGrants {
    pub(crate) key_id: String,
    pub(crate) grant_id: Option<String>,
    pub(crate) grantee_principal: Option<String>,
    pub(crate) limit: Option<usize>,
    pub(crate) marker: Option<String>,
}

/// What `ListGrants` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Grants<'s> {
    grants: Vec<Shown<'s>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    truncated: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shown<'s> {
    key_id: &'s str,
    grant_id: &'s str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'s str>,
    #[serde(serialize_with = "crate::wire::time::epoch")]
    creation_date: Timestamp,
    grantee_principal: &'s str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retiring_principal: Option<&'s str>,
    issuing_account: String,
    operations: &'s [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    constraints: Option<&'s Value>,
}

impl Operation for ListGrants {
    const SPEC: Spec =
        Spec { service: "kms", name: "ListGrants", access: Access::Reads, bucket: bucket::LIST };

    type Answer<'s> = Grants<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![Need::on("kms:ListGrants", needed(cx, &self.key_id))]
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<Grants<'s>, Refusal> {
        let limit = page_length(self.limit, PAGE)?;
        let id = super::own(cx, &self.key_id)?;
        let key = cx.here().kms.get(&id).ok_or_else(|| not_found(&self.key_id))?;
        let asked = |it: &&Grant| {
            self.grant_id.as_deref().is_none_or(|id| *it.id == *id)
                && self.grantee_principal.as_deref().is_none_or(|who| *it.grantee == *who)
        };
        let after = |it: &&Grant| self.marker.as_deref().is_some_and(|marker| *it.id != *marker);
        let rest = key.grants.iter().skip_while(after);
        let skip = usize::from(self.marker.is_some());
        let mut found = rest.skip(skip).filter(asked);
        let shown: Vec<Shown<'_>> = found
            .by_ref()
            .take(limit)
            .map(|it| Shown {
                key_id: &key.arn,
                grant_id: &it.id,
                name: it.name.as_deref(),
                creation_date: it.created_at,
                grantee_principal: &it.grantee,
                retiring_principal: it.retiring.as_deref(),
                issuing_account: format!("arn:aws:iam::{}:root", it.issuer),
                operations: &it.operations,
                constraints: it.constraints.as_ref(),
            })
            .collect();
        let truncated = found.next().is_some();
        let next_marker = shown.last().filter(|_| truncated).map(|it| it.grant_id.to_owned());
        Ok(Grants { grants: shown, next_marker, truncated })
    }
}

/// `RetireGrant`, by the grant's token or by its id and key.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct RetireGrant {
    pub(crate) grant_token: Option<String>,
    /// The key's ARN.
    pub(crate) key_id: Option<String>,
    pub(crate) grant_id: Option<String>,
}

impl Operation for RetireGrant {
    const SPEC: Spec = Spec {
        service: "kms",
        name: "RetireGrant",
        access: Access::Writes,
        bucket: bucket::RETIRE_GRANT,
    };

    type Answer<'s> = super::state::Done;

    fn needs(&self, _: &Cx<'_>) -> Vec<Need> {
        // Who may retire a grant is said by the grant.
        Vec::new()
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<super::state::Done, Refusal> {
        let is = |it: &Grant| match (&self.grant_token, &self.grant_id) {
            (Some(token), None) => *it.token == **token,
            (None, Some(id)) => *it.id == **id,
            _ => false,
        };
        let places: Vec<_> = cx.state.places_in(&cx.place.region).cloned().collect();
        let found = places.iter().find_map(|place| {
            let kms = &cx.state.services(place).kms;
            let on = |key: &&Key| self.key_id.as_deref().is_none_or(|arn| *key.arn == *arn);
            kms.iter().filter(on).find_map(|key| {
                let grant = key.grants.iter().find(|it| is(it))?;
                Some((place, key.id.clone(), grant.clone()))
            })
        });
        let Some((place, key, grant)) = found else {
            return Err(Refusal::new("NotFoundException", "there is no such grant"));
        };
        let may = |arn: &str| is_principal(cx.state, cx.caller, arn);
        let retires = grant.retiring.as_deref().is_some_and(may)
            || may(&grant.grantee) && grant.operations.iter().any(|it| it == "RetireGrant")
            || cx.caller.account == grant.issuer;
        if !retires {
            let message = format!("{} may not retire the grant", cx.caller.arn());
            return Err(Refusal::new("AccessDeniedException", message));
        }
        let place = place.clone();
        if let Some(key) = cx.state.services_mut(&place).kms.get_mut(&key) {
            key.grants.retain(|it| it.id != grant.id);
        }
        Ok(super::state::Done {})
    }
}

fn check_state(key: &Key) -> Result<(), Refusal> {
    match key.state {
        KeyState::Enabled => Ok(()),
        KeyState::Disabled => {
            Err(Refusal::new("DisabledException", format!("{} is disabled.", key.arn)))
        }
        KeyState::PendingDeletion => {
            let message = format!("{} is pending deletion.", key.arn);
            Err(Refusal::new("KMSInvalidStateException", message))
        }
    }
}

/// The length of a page of a list. Source: KMS API, `Limit`.
pub(super) fn page_length(asked: Option<usize>, default: usize) -> Result<usize, Refusal> {
    match asked {
        None => Ok(default),
        Some(many @ 1..=100) => Ok(many),
        Some(_) => Err(Refusal::new("ValidationException", "Limit is from 1 to 100")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        bed::{Bed, place},
        kms::{Unusable, Use, usable},
    };

    const ARN: &str = "arn:aws:kms:eu-west-1:111122223333:key/k-1";

    fn bed() -> Bed {
        let bed = Bed::new();
        let place = place("111122223333", "eu-west-1");
        bed.here(|it| it.kms.put(Key::customer(&place, "k-1", None, Timestamp::UNIX_EPOCH)));
        bed
    }

    fn grant(operations: &[&str]) -> CreateGrant {
        CreateGrant {
            key_id: ARN.into(),
            grantee_principal: "arn:aws:iam::222233334444:root".into(),
            operations: operations.iter().map(|it| (*it).to_owned()).collect(),
            ..CreateGrant::default()
        }
    }

    fn may(bed: &Bed, action: &'static [&'static str; 1]) -> Result<(), Unusable> {
        let what = Use::by("ec2", action);
        bed.cloud.look(|state, _| usable(state, &bed.caller, &bed.place.region, ARN, what))
    }

    #[test]
    fn a_grant_lets_somebody_in_until_it_is_retired() {
        let bed = bed();
        let other = bed.at("222233334444", "eu-west-1");
        assert_eq!(may(&other, &["kms:Decrypt"]), Err(Unusable::Denied));
        let made = bed.ask(grant(&["Decrypt"])).unwrap();
        assert_eq!(may(&other, &["kms:Decrypt"]), Ok(()));
        assert_eq!(may(&other, &["kms:Encrypt"]), Err(Unusable::Denied));
        let token = made["GrantToken"].as_str().map(str::to_owned);
        let retire = || RetireGrant { grant_token: token.clone(), ..RetireGrant::default() };
        assert_eq!(other.ask(retire()), Err("AccessDeniedException"));
        bed.ask(retire()).unwrap();
        assert_eq!(may(&other, &["kms:Decrypt"]), Err(Unusable::Denied));
        assert_eq!(bed.ask(retire()), Err("NotFoundException"));
    }

    #[test]
    fn a_named_grant_made_twice_is_one() {
        let bed = bed();
        let named = || CreateGrant { name: Some("copy".into()), ..grant(&["Decrypt"]) };
        assert_eq!(bed.ask(named()), bed.ask(named()));
        bed.ask(grant(&["Decrypt"])).unwrap();
        bed.ask(grant(&["Decrypt"])).unwrap();
        let list = |limit, marker| {
            let key_id = ARN.to_owned();
            bed.ask(ListGrants { key_id, limit, marker, ..ListGrants::default() }).unwrap()
        };
        let first = list(Some(2), None);
        assert_eq!(first["Grants"].as_array().unwrap().len(), 2);
        let marker = first["NextMarker"].as_str().map(str::to_owned);
        let last = list(Some(2), marker);
        assert_eq!(last["Grants"].as_array().unwrap().len(), 1);
        assert_eq!(last["Truncated"], false);
    }

    #[test]
    fn a_grant_needs_a_key_that_is_enabled_and_a_caller_whom_it_lets() {
        let bed = bed();
        assert_eq!(bed.ask(grant(&["Sign"])), Err("ValidationException"));
        assert_eq!(bed.ask(grant(&[])), Err("ValidationException"));
        let other = bed.at("222233334444", "eu-west-1");
        assert_eq!(other.ask(grant(&["Decrypt"])), Err("AccessDeniedException"));
        bed.here(|it| it.kms.get_mut("k-1").unwrap().state = KeyState::Disabled);
        assert_eq!(bed.ask(grant(&["Decrypt"])), Err("DisabledException"));
        assert_eq!(may(&bed, &["kms:Decrypt"]), Err(Unusable::Disabled));
    }
}
