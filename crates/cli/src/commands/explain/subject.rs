//! What somebody asks about: a resource, by its id or its ARN.

use std::str::FromStr;

use lamplighter_core::{
    AccountId, AnyAction, Catalog, Place, Region, Resource, cloud::tagged::Tagged,
};

/// How the ids of EC2 begin, and what they are the ids of.
const OF_EC2: [(&str, &str); 4] =
    [("snap-", "snapshots"), ("vol-", "volumes"), ("i-", "instances"), ("ami-", "images")];

/// A resource, and what its ARN says of where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subject {
    /// What AWS lists it as.
    pub(super) id: String,
    service: Option<String>,
    region: Option<Region>,
    account: Option<AccountId>,
}

impl Subject {
    /// Whether it may be in a place.
    pub(super) fn may_be_in(&self, place: &Place) -> bool {
        self.region.as_ref().is_none_or(|it| *it == place.region)
            && self.account.as_ref().is_none_or(|it| *it == place.account)
    }

    /// What may list it: one action for each kind of thing that it may be.
    pub(super) fn kinds(&self, catalog: Catalog) -> Vec<&'static dyn AnyAction> {
        let mut kinds: Vec<&'static dyn AnyAction> = Vec::new();
        // What is of several kinds is of one of them, too.
        let of_one = catalog.iter().copied().filter(|it| it.target_kind() != Tagged::KIND);
        for action in of_one.filter(|it| self.may_be(*it)) {
            if kinds.iter().all(|it| it.target_kind() != action.target_kind()) {
                kinds.push(action);
            }
        }
        kinds
    }

    fn may_be(&self, action: &dyn AnyAction) -> bool {
        let of_ec2 = OF_EC2.iter().find(|(prefix, _)| self.id.starts_with(prefix));
        let listed_by = |service: &str| {
            let permission = action.listing_of_kind().first();
            permission.is_some_and(|it| it.split(':').next() == Some(service))
        };
        match (of_ec2, &self.service) {
            (Some((_, kind)), None) => action.target_kind() == *kind,
            (Some((_, kind)), Some(service)) if service == "ec2" => action.target_kind() == *kind,
            (_, Some(service)) => listed_by(service),
            (None, None) => !listed_by("ec2"),
        }
    }
}

impl FromStr for Subject {
    type Err = String;

    fn from_str(text: &str) -> Result<Subject, String> {
        let Some(arn) = text.strip_prefix("arn:") else {
            let id = text.to_owned();
            return match text.is_empty() || text.contains(char::is_whitespace) {
                true => Err("expected the id of a resource, or its ARN".to_owned()),
                false => Ok(Subject { id, service: None, region: None, account: None }),
            };
        };
        let parts: Vec<&str> = arn.splitn(5, ':').collect();
        let &[_, service, region, account, resource] = parts.as_slice() else {
            return Err("expected an ARN such as `arn:aws:ec2:eu-west-1::snapshot/snap-1`".into());
        };
        let id = match service {
            "ec2" => resource.split_once('/').map(|(_, id)| id),
            "rds" => resource.split_once(':').map(|(_, id)| id),
            // A backup has no other id than its ARN.
            "dynamodb" if resource.contains("/backup/") => Some(text),
            "dynamodb" => resource.strip_prefix("table/"),
            _ => return Err(format!("`{service}`: expected an ARN of ec2, rds or dynamodb")),
        };
        let id = id.filter(|id| !id.is_empty()).ok_or("the ARN names no resource")?;
        let bad = |error: lamplighter_core::id::BadText| error.to_string();
        Ok(Subject {
            id: id.to_owned(),
            service: Some(service.to_owned()),
            region: (!region.is_empty()).then(|| region.parse()).transpose().map_err(bad)?,
            account: (!account.is_empty()).then(|| account.parse()).transpose().map_err(bad)?,
        })
    }
}
