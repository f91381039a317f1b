//! What events are about.

use super::{BadEvent, shortened};

/// What kinds of resources are called that events are about, in the plural: what
/// [`Resource::KIND`](crate::Resource::KIND) is for their types.
pub mod kind {
    /// EC2 instances.
    pub const INSTANCES: &str = "instances";
    /// EBS volumes.
    pub const VOLUMES: &str = "volumes";
    /// EBS snapshots.
    pub const SNAPSHOTS: &str = "snapshots";
    /// AMIs.
    pub const IMAGES: &str = "images";
    /// DB instances.
    pub const DATABASES: &str = "databases";
    /// Aurora and Multi-AZ DB clusters.
    pub const CLUSTERS: &str = "clusters";
    /// Snapshots of DB instances.
    pub const DATABASE_SNAPSHOTS: &str = "database snapshots";
    /// Snapshots of DB clusters.
    pub const CLUSTER_SNAPSHOTS: &str = "cluster snapshots";
    /// DynamoDB tables.
    pub const TABLES: &str = "tables";
}

/// The longest id. RDS has the longest: names of snapshots.
const LONGEST_ID: usize = 255;

/// Service and type of a resource in an ARN, what follows the type, and the kind.
/// Source: Service Authorization Reference, "Resource types" of each service.
const TYPES: [(&str, &str, char, &str); 9] = [
    ("ec2", "instance", '/', kind::INSTANCES),
    ("ec2", "volume", '/', kind::VOLUMES),
    ("ec2", "snapshot", '/', kind::SNAPSHOTS),
    ("ec2", "image", '/', kind::IMAGES),
    ("rds", "db", ':', kind::DATABASES),
    ("rds", "cluster", ':', kind::CLUSTERS),
    ("rds", "snapshot", ':', kind::DATABASE_SNAPSHOTS),
    ("rds", "cluster-snapshot", ':', kind::CLUSTER_SNAPSHOTS),
    ("dynamodb", "table", '/', kind::TABLES),
];

/// Something that an event is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resource {
    /// One of [`kind`].
    pub kind: &'static str,
    /// The id that AWS knows it by.
    pub id: String,
}

impl Resource {
    /// A resource of a kind by its id.
    pub(super) fn new(kind: &'static str, id: &str) -> Result<Resource, BadEvent> {
        Ok(Resource { kind, id: checked_id(id)?.to_owned() })
    }

    /// The resource that an ARN names; `None` when it is of a kind that no task works on.
    ///
    /// EBS writes ARNs of snapshots without a region, and with the region where the account
    /// should be, so neither is read: whose event it is says the event itself.
    pub(super) fn of_arn(arn: &str) -> Result<Option<Resource>, BadEvent> {
        let mut parts = arn.splitn(6, ':');
        let (head, service) = (parts.next(), parts.nth(1));
        let (Some("arn"), Some(service), Some(name)) = (head, service, parts.nth(2)) else {
            return Err(BadEvent(shortened(format!(
                "`{arn}` is not an ARN, such as `arn:aws:ec2:eu-west-1:111122223333:volume/vol-1`"
            ))));
        };
        let found = TYPES.iter().find_map(|(of, kind_name, before_id, kind)| {
            let id = name.strip_prefix(kind_name)?.strip_prefix(*before_id)?;
            // An index or a backup of a table is no table.
            let is_part = *kind == kind::TABLES && id.contains('/');
            (*of == service && !is_part).then_some((*kind, id))
        });
        found.map(|(kind, id)| Resource::new(kind, id)).transpose()
    }
}

/// An id as AWS gives them. Events come from other accounts: what is longer, or a wildcard to
/// one of AWS's filters, is none.
pub(super) fn checked_id(id: &str) -> Result<&str, BadEvent> {
    let good = (1..=LONGEST_ID).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte));
    if good {
        Ok(id)
    } else {
        Err(BadEvent(shortened(format!("`{id}` is not the id of a resource"))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(arn: &str, expected: Option<(&'static str, &str)>) {
        let expected = expected.map(|(kind, id)| Resource { kind, id: id.to_owned() });
        assert_eq!(Resource::of_arn(arn), Ok(expected), "{arn}");
    }

    #[test]
    fn arns_are_understood_wherever_the_region_stands() {
        for arn in [
            "arn:aws:ec2::us-west-2:snapshot/snap-0123456789abcdef0",
            "arn:aws:ec2:us-west-2::snapshot/snap-0123456789abcdef0",
            "arn:aws-cn:ec2:cn-north-1:111122223333:snapshot/snap-0123456789abcdef0",
        ] {
            check(arn, Some((kind::SNAPSHOTS, "snap-0123456789abcdef0")));
        }
        check("arn:aws:ec2:a:b:volume/vol-1", Some((kind::VOLUMES, "vol-1")));
        check("arn:aws:ec2:a:b:instance/i-1", Some((kind::INSTANCES, "i-1")));
        check("arn:aws:ec2:a::image/ami-1", Some((kind::IMAGES, "ami-1")));
        check("arn:aws:rds:a:b:db:one", Some((kind::DATABASES, "one")));
        check("arn:aws:rds:a:b:cluster:one", Some((kind::CLUSTERS, "one")));
        check("arn:aws:rds:a:b:snapshot:rds:one-1", Some((kind::DATABASE_SNAPSHOTS, "rds:one-1")));
        check("arn:aws:rds:a:b:cluster-snapshot:one", Some((kind::CLUSTER_SNAPSHOTS, "one")));
        check("arn:aws:dynamodb:a:b:table/One_1.x", Some((kind::TABLES, "One_1.x")));
    }

    #[test]
    fn other_resources_are_none_of_ours() {
        for arn in [
            "arn:aws:s3:::bucket",
            "arn:aws:ec2:a:b:subnet/subnet-1",
            "arn:aws:redshift:a:b:snapshot:one/two",
            "arn:aws:dynamodb:a:b:table/T/backup/1",
            "arn:aws:rds:a:b:snapshot/one",
        ] {
            check(arn, None);
        }
    }

    #[test]
    fn what_is_no_arn_or_no_id_is_refused() {
        for wrong in ["", "vol-1", "arn:aws:ec2:a:b", "aws:arn:ec2:a:b:volume/vol-1"] {
            assert!(Resource::of_arn(wrong).is_err(), "{wrong}");
        }
        for id in ["", "*", "a b", "vol-?", "é", &"a".repeat(256)] {
            assert!(checked_id(id).is_err(), "{id}");
        }
    }
}
