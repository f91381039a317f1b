//! `DescribeKey` and `ListAliases`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Key, KeyState, Kms, Manager, bucket, needed, not_found};
use crate::{
    arn,
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
    wire::time::epoch,
};

/// Aliases on one page, when the request does not say.
const PAGE: usize = 50;

/// `DescribeKey`. Source: KMS API, `DescribeKey`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct DescribeKey {
    pub(crate) key_id: String,
}

/// What `DescribeKey` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Described<'s> {
    #[serde(skip)]
    pub(crate) key: &'s Key,
    key_metadata: KeyMetadata,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct KeyMetadata {
    #[serde(rename = "AWSAccountId")]
    account: String,
    key_id: String,
    arn: String,
    #[serde(serialize_with = "epoch")]
    creation_date: Timestamp,
    enabled: bool,
    description: String,
    key_usage: &'static str,
    key_state: &'static str,
    origin: &'static str,
    key_manager: &'static str,
    customer_master_key_spec: &'static str,
    key_spec: &'static str,
    encryption_algorithms: [&'static str; 1],
    multi_region: bool,
}

impl KeyMetadata {
    fn of(key: &Key) -> KeyMetadata {
        KeyMetadata {
            account: key.account.to_string(),
            key_id: key.id.to_string(),
            arn: key.arn.to_string(),
            creation_date: key.created_at,
            enabled: key.state == KeyState::Enabled,
            description: key.description.to_string(),
            key_usage: "ENCRYPT_DECRYPT",
            key_state: key.state.as_str(),
            origin: "AWS_KMS",
            key_manager: match key.manager {
                Manager::Aws => "AWS",
                Manager::Customer => "CUSTOMER",
            },
            customer_master_key_spec: "SYMMETRIC_DEFAULT",
            key_spec: "SYMMETRIC_DEFAULT",
            encryption_algorithms: ["SYMMETRIC_DEFAULT"],
            multi_region: false,
        }
    }
}

impl Operation for DescribeKey {
    const SPEC: Spec = Spec {
        service: "kms",
        name: "DescribeKey",
        access: Access::Reads,
        bucket: bucket::DESCRIBE,
    };

    type Answer<'s> = Described<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![Need::on("kms:DescribeKey", needed(cx, &self.key_id))]
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<Described<'s>, Refusal> {
        let arn = Kms::resolve(cx.state, cx.place, &self.key_id);
        let key = Kms::find(cx.state, &arn).ok_or_else(|| not_found(&arn))?;
        if arn.split(':').nth(3) != Some(cx.place.region.as_str()) {
            return Err(not_found(&arn));
        }
        Ok(Described { key, key_metadata: KeyMetadata::of(key) })
    }
}

/// `ListAliases`, of this place. Source: KMS API, `ListAliases`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct ListAliases {
    pub(crate) key_id: Option<String>,
    pub(crate) limit: Option<usize>,
    pub(crate) marker: Option<String>,
}

/// What `ListAliases` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Aliases {
    aliases: Vec<Alias>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    truncated: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Alias {
    alias_name: String,
    alias_arn: String,
    target_key_id: String,
    #[serde(serialize_with = "epoch")]
    creation_date: Timestamp,
    #[serde(serialize_with = "epoch")]
    last_updated_date: Timestamp,
}

impl Operation for ListAliases {
    const SPEC: Spec = Spec {
        service: "kms",
        name: "ListAliases",
        access: Access::Reads,
        bucket: bucket::ALIASES,
    };

    type Answer<'s> = Aliases;

    fn needs(&self, _: &Cx<'_>) -> Vec<Need> {
        vec![Need::anywhere("kms:ListAliases")]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Aliases, Refusal> {
        let limit = super::grants::page_length(self.limit, PAGE)?;
        let only = self.key_id.map(|it| Kms::resolve(cx.state, cx.place, &it));
        let alias = |key: &Key| {
            let name = key.alias.as_deref()?;
            Some(Alias {
                alias_name: name.to_owned(),
                alias_arn: arn::of("kms", cx.place, name),
                target_key_id: key.id.to_string(),
                creation_date: key.created_at,
                last_updated_date: key.created_at,
            })
        };
        let asked = |key: &&Key| only.as_ref().is_none_or(|it| *it == key.arn);
        let mut aliases: Vec<Alias> =
            cx.here().kms.iter().filter(asked).filter_map(alias).collect();
        aliases.sort_by(|a, b| a.alias_name.cmp(&b.alias_name));
        aliases.retain(|it| self.marker.as_ref().is_none_or(|marker| it.alias_name > *marker));
        let truncated = aliases.len() > limit;
        aliases.truncate(limit);
        let next_marker = aliases.last().filter(|_| truncated).map(|it| it.alias_name.clone());
        Ok(Aliases { aliases, next_marker, truncated })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bed::{Bed, place};

    fn describe(bed: &Bed, key: &str) -> Result<(String, String), &'static str> {
        let request = DescribeKey { key_id: key.to_owned() };
        let key = bed.ask(request)?["KeyMetadata"].clone();
        let text = |name: &str| key[name].as_str().unwrap().to_owned();
        Ok((text("KeyManager"), text("KeyState")))
    }

    fn expected(manager: &str, state: &str) -> Result<(String, String), &'static str> {
        Ok((manager.to_owned(), state.to_owned()))
    }

    #[test]
    fn a_key_is_described_to_its_account_and_to_those_it_lets_in() {
        let bed = Bed::new();
        bed.here(|it| {
            let place = place("111122223333", "eu-west-1");
            let mut key = Key::customer(&place, "k-1", None, Timestamp::UNIX_EPOCH);
            let friend = "222233334444".parse().unwrap();
            key.policy = crate::kms::shared_with(&place.account, [&friend]);
            it.kms.put(key);
        });
        let arn = "arn:aws:kms:eu-west-1:111122223333:key/k-1";
        assert_eq!(describe(&bed, "k-1"), expected("CUSTOMER", "Enabled"));
        assert_eq!(describe(&bed, "alias/aws/ebs"), expected("AWS", "Enabled"));
        assert_eq!(describe(&bed, "k-2"), Err("NotFoundException"));
        let friend = bed.at("222233334444", "eu-west-1");
        assert_eq!(describe(&friend, arn), expected("CUSTOMER", "Enabled"));
        let managed = Kms::managed(&bed.place, "alias/aws/ebs");
        assert_eq!(describe(&friend, &managed), Err("AccessDeniedException"));
        let stranger = bed.at("333344445555", "eu-west-1");
        assert_eq!(describe(&stranger, arn), Err("AccessDeniedException"));
        let elsewhere = bed.at("111122223333", "eu-west-2");
        assert_eq!(describe(&elsewhere, arn), Err("NotFoundException"), "keys are regional");
    }

    #[test]
    fn aliases_are_listed_in_pages() {
        let bed = Bed::new();
        let first = bed.ask(ListAliases { limit: Some(1), ..ListAliases::default() }).unwrap();
        assert_eq!(first["Aliases"][0]["AliasName"], "alias/aws/ebs");
        assert_eq!(first["Truncated"], true);
        let marker = first["NextMarker"].as_str().map(str::to_owned);
        let last = bed.ask(ListAliases { marker, ..ListAliases::default() }).unwrap();
        assert_eq!(last["Aliases"][0]["AliasName"], "alias/aws/rds");
        assert_eq!(last["Truncated"], false);
    }
}
