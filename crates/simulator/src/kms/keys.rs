//! The keys of a place.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use lamplighter_core::{AccountId, Place};
use serde_json::Value;

use super::policy;
use crate::{arn, cloud::State, iam::ResourcePolicy, random::Random};

/// Keys that AWS manages, and the services that use them; they are in each place by themselves.
const MANAGED: [(&str, &str); 2] = [("alias/aws/ebs", "ec2"), ("alias/aws/rds", "rds")];

/// The keys of one place, by their ids.
#[derive(Debug, Default)]
pub(crate) struct Kms {
    keys: BTreeMap<Box<str>, Key>,
}

/// A key.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    /// Such as `1234abcd-12ab-34cd-56ef-1234567890ab`.
    pub(crate) id: Box<str>,
    /// With account and region.
    pub(crate) arn: Arc<str>,
    /// Whose it is.
    pub(crate) account: AccountId,
    /// With `alias/` before it.
    pub(crate) alias: Option<Box<str>>,
    pub(crate) description: Box<str>,
    pub(crate) manager: Manager,
    pub(crate) state: KeyState,
    pub(crate) created_at: Timestamp,
    /// Who may use it. Without its yes, nobody else's counts.
    pub(crate) policy: ResourcePolicy,
    pub(crate) grants: Vec<Grant>,
}

/// Who manages a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manager {
    /// AWS: nobody can change its policy, so no other account can ever use it.
    Aws,
    /// The account.
    Customer,
}

/// Whether a key can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyState {
    Enabled,
    Disabled,
    /// It can be described and no more.
    PendingDeletion,
}

impl KeyState {
    /// As KMS calls it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            KeyState::Enabled => "Enabled",
            KeyState::Disabled => "Disabled",
            KeyState::PendingDeletion => "PendingDeletion",
        }
    }
}

/// A grant: somebody may use the key in some ways.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Grant {
    pub(crate) id: Box<str>,
    pub(crate) token: Box<str>,
    pub(crate) name: Option<Box<str>>,
    /// The ARN of who may use it.
    pub(crate) grantee: Box<str>,
    /// The ARN of who may end the grant.
    pub(crate) retiring: Option<Box<str>>,
    /// Such as `Decrypt`.
    pub(crate) operations: Vec<String>,
    pub(crate) constraints: Option<Value>,
    pub(crate) issuer: AccountId,
    pub(crate) created_at: Timestamp,
}

impl Kms {
    /// The keys of a new place: those that AWS manages.
    pub(crate) fn at(place: &Place) -> Kms {
        let mut kms = Kms::default();
        for (alias, service) in MANAGED {
            let id = managed_id(place, alias);
            let mut key = Key::customer(place, &id, Some(alias), Timestamp::UNIX_EPOCH);
            key.manager = Manager::Aws;
            key.policy = policy::managed(place, service);
            key.description = "Default key that protects what AWS stores for the account".into();
            kms.put(key);
        }
        kms
    }

    /// Puts a key there.
    pub(crate) fn put(&mut self, key: Key) {
        self.keys.insert(key.id.clone(), key);
    }

    /// A key by its id.
    pub(crate) fn get(&self, id: &str) -> Option<&Key> {
        self.keys.get(id)
    }

    /// A key by its id, to change it.
    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut Key> {
        self.keys.get_mut(id)
    }

    /// A key by its ARN.
    pub(crate) fn by_arn(&self, arn: &str) -> Option<&Key> {
        self.keys.get(arn.rsplit('/').next()?).filter(|it| *it.arn == *arn)
    }

    /// All keys.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Key> {
        self.keys.values()
    }

    /// The ARN of the key that a service uses when nobody names one, such as `alias/aws/ebs`.
    pub(crate) fn managed(place: &Place, alias: &str) -> Arc<str> {
        arn::of("kms", place, format_args!("key/{}", managed_id(place, alias))).into()
    }

    /// The key with an ARN, wherever it is.
    pub(crate) fn find<'s>(state: &'s State, arn: &str) -> Option<&'s Key> {
        let place = place_of(arn)?;
        state.services_of(&place)?.kms.by_arn(arn)
    }

    /// The ARN that a request in a place means by an id, an ARN, an alias or an alias's ARN.
    /// Aliases are those of that place. Nobody has checked that the key exists.
    /// Source: KMS Developer Guide, "Key identifiers".
    pub(crate) fn resolve(state: &State, place: &Place, named: &str) -> Arc<str> {
        let alias_of = |place: &Place, alias: &str| {
            let kms = &state.services_of(place)?.kms;
            let key = kms.iter().find(|it| it.alias.as_deref() == Some(alias))?;
            Some(key.arn.clone())
        };
        let alias = match named.strip_prefix("arn:") {
            None if !named.starts_with("alias/") => {
                return arn::of("kms", place, format_args!("key/{named}")).into();
            }
            None => alias_of(place, named),
            Some(_) => named
                .split_once(":alias/")
                .and_then(|(_, name)| alias_of(&place_of(named)?, &format!("alias/{name}"))),
        };
        alias.unwrap_or_else(|| named.into())
    }
}

impl Key {
    /// A key of the account, enabled, with the policy that AWS gives a new one.
    pub(crate) fn customer(place: &Place, id: &str, alias: Option<&str>, at: Timestamp) -> Key {
        Key {
            id: id.into(),
            arn: arn::of("kms", place, format_args!("key/{id}")).into(),
            account: place.account.clone(),
            alias: alias.map(Box::from),
            description: Box::default(),
            manager: Manager::Customer,
            state: KeyState::Enabled,
            created_at: at,
            policy: policy::shared_with(&place.account, []),
            grants: Vec::new(),
        }
    }
}

/// The account and region in a key's ARN.
pub(super) fn place_of(arn: &str) -> Option<Place> {
    let mut parts = arn.strip_prefix("arn:aws:kms:")?.splitn(3, ':');
    let (region, account) = (parts.next()?, parts.next()?);
    Some(Place { account: account.parse().ok()?, region: region.parse().ok()? })
}

/// Always the same in a place, and different in each.
fn managed_id(place: &Place, alias: &str) -> String {
    let text = format!("{place}/{alias}");
    let seed = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut random = Random::new(seed);
    let (high, low) = (random.next_number(), random.next_number());
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bed::{Bed, place};

    #[test]
    fn each_place_has_its_own_managed_key() {
        let [here, there] = ["eu-west-1", "eu-west-2"].map(|it| place("111122223333", it));
        let ebs = Kms::managed(&here, "alias/aws/ebs");
        assert_ne!(ebs, Kms::managed(&there, "alias/aws/ebs"));
        assert_ne!(ebs, Kms::managed(&here, "alias/aws/rds"));
        let kms = Kms::at(&here);
        assert_eq!(kms.by_arn(&ebs).map(|it| it.manager), Some(Manager::Aws));
    }

    #[test]
    fn a_key_is_named_in_four_ways() {
        let bed = Bed::new();
        bed.here(|it| {
            let place = place("111122223333", "eu-west-1");
            it.kms.put(Key::customer(&place, "k-1", Some("alias/mine"), Timestamp::UNIX_EPOCH));
        });
        let arn = "arn:aws:kms:eu-west-1:111122223333:key/k-1";
        let alias = "arn:aws:kms:eu-west-1:111122223333:alias/mine";
        for named in ["k-1", arn, "alias/mine", alias] {
            let found = bed.cloud.look(|state, _| Kms::resolve(state, &bed.place, named));
            assert_eq!(&*found, arn, "{named}");
        }
        let found = bed.cloud.look(|state, _| Kms::resolve(state, &bed.place, "alias/none"));
        assert_eq!(&*found, "alias/none");
        let other = bed.at("222233334444", "eu-west-1");
        let found = other.cloud.look(|state, _| Kms::resolve(state, &other.place, "alias/mine"));
        assert_eq!(&*found, "alias/mine", "an alias is one of the caller's account");
    }
}
