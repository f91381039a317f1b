//! The buckets that AWS has published.

use crate::task::Percent;

/// A token bucket. It starts full.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// The most tokens it holds.
    pub capacity: f64,
    /// Tokens that it gains in a second.
    pub per_second: f64,
}

impl Bucket {
    /// A bucket of so many tokens, that gains so many a second.
    pub const fn new(capacity: f64, per_second: f64) -> Bucket {
        Bucket { capacity, per_second }
    }
}

/// How much of AWS's buckets is ours. The rest is for the account's other users.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share(f64);

impl Share {
    /// This percentage. `None` when it is none at all.
    pub fn new(percent: Percent) -> Option<Share> {
        let percent = u32::from(percent);
        (percent > 0).then(|| Share(f64::from(percent) / 100.0))
    }

    /// That much of a bucket, in which there is room for one call at least.
    pub(super) fn of(self, bucket: Bucket) -> Bucket {
        Bucket::new((bucket.capacity * self.0).max(1.0), bucket.per_second * self.0)
    }
}

impl Default for Share {
    fn default() -> Share {
        Share(0.7)
    }
}

/// What a call draws from.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The name of its bucket of requests: `ec2:DescribeVolumes`.
    pub request: String,
    /// The name of the bucket of what it touches, and how much that is.
    pub resources: Option<(String, u32)>,
}

impl Call {
    /// A call of an operation of a service, as its end point calls it, which touches so many
    /// instances.
    pub fn new(service: &str, operation: &str, instances: u32) -> Call {
        let request = format!("{service}:{operation}");
        let touched = format!("{request}:instances");
        let resources = ec2::INSTANCES.iter().any(|(name, _)| *name == touched);
        Call { request, resources: (resources && instances > 0).then_some((touched, instances)) }
    }
}

/// EC2's buckets.
/// Source: EC2 Developer Guide, "Request throttling for the Amazon EC2 API".
pub mod ec2 {
    use super::Bucket;

    /// `Describe*`, `Get*`, `List*` and `Search*`.
    pub const READS: Bucket = Bucket::new(100.0, 20.0);
    /// A few describes without a filter and without a page size.
    pub const READS_ALL: Bucket = Bucket::new(50.0, 10.0);
    /// What changes something, where AWS says nothing else.
    pub const WRITES: Bucket = Bucket::new(50.0, 5.0);
    /// Making and deleting snapshots and volumes, and what AWS lists beside these.
    pub const MAKES: Bucket = Bucket::new(100.0, 5.0);
    /// `CreateTags`, `DeleteTags`.
    pub const TAGS: Bucket = Bucket::new(100.0, 10.0);
    /// `CopyImage`.
    pub const COPIES_OF_IMAGES: Bucket = Bucket::new(100.0, 1.0);
    /// `StartInstances`, `RunInstances`.
    pub const STARTS: Bucket = Bucket::new(5.0, 2.0);
    /// Whether snapshots or images may be public.
    pub const PUBLIC_ACCESS: Bucket = Bucket::new(1.0, 0.1);

    /// Instances that are started or run. Source: the same, "Resource rate limiting".
    pub const STARTED: Bucket = Bucket::new(1000.0, 2.0);
    /// Instances that are stopped or terminated.
    pub const STOPPED: Bucket = Bucket::new(1000.0, 20.0);

    /// The buckets of the instances that calls touch.
    pub(super) const INSTANCES: [(&str, Bucket); 4] = [
        ("ec2:StartInstances:instances", STARTED),
        ("ec2:RunInstances:instances", STARTED),
        ("ec2:StopInstances:instances", STOPPED),
        ("ec2:TerminateInstances:instances", STOPPED),
    ];

    /// Operations with a bucket of their own.
    pub(super) const OWN: [(&[&str], Bucket); 5] = [
        (
            &[
                "CreateSnapshot",
                "CreateSnapshots",
                "CreateVolume",
                "DeleteSnapshot",
                "DeleteVolume",
                "DeregisterImage",
                "ModifyImageAttribute",
                "ModifySnapshotAttribute",
                "TerminateInstances",
            ],
            MAKES,
        ),
        (&["CreateTags", "DeleteTags"], TAGS),
        (&["CopyImage"], COPIES_OF_IMAGES),
        (&["StartInstances", "RunInstances"], STARTS),
        (&["EnableSnapshotBlockPublicAccess", "DisableSnapshotBlockPublicAccess"], PUBLIC_ACCESS),
    ];
}

/// The buckets of DynamoDB's operations that have a published rate.
/// Source: DynamoDB API, each operation.
pub mod dynamodb {
    use super::Bucket;

    /// `CreateBackup`.
    pub const CREATE_BACKUP: Bucket = Bucket::new(50.0, 50.0);
    /// `DescribeBackup` and `DeleteBackup`.
    pub const BACKUP: Bucket = Bucket::new(10.0, 10.0);
    /// `ListBackups` and the tagging of tables.
    pub const FIVE: Bucket = Bucket::new(5.0, 5.0);
    /// `ListTagsOfResource`.
    pub const LIST_TAGS: Bucket = Bucket::new(10.0, 10.0);

    pub(super) const OWN: [(&[&str], Bucket); 4] = [
        (&["CreateBackup"], CREATE_BACKUP),
        (&["DeleteBackup", "DescribeBackup"], BACKUP),
        (&["ListBackups", "TagResource", "UntagResource"], FIVE),
        (&["ListTagsOfResource"], LIST_TAGS),
    ];
}

/// The bucket of this name. Where AWS has published nothing, it is that of EC2's reads or writes:
/// no job needs more, and what AWS answers brings it down.
pub fn published(name: &str) -> Bucket {
    let (service, operation) = name.split_once(':').unwrap_or(("", name));
    let own: &[(&[&str], Bucket)] = match service {
        "ec2" => &ec2::OWN,
        "dynamodb" => &dynamodb::OWN,
        _ => &[],
    };
    if let Some((_, bucket)) = own.iter().find(|(names, _)| names.contains(&operation)) {
        return *bucket;
    }
    if let Some((_, bucket)) = ec2::INSTANCES.iter().find(|(it, _)| *it == name) {
        return *bucket;
    }
    let reads = ["Describe", "Get", "List", "Search"].iter().any(|it| operation.starts_with(it));
    if reads { ec2::READS } else { ec2::WRITES }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, capacity: f64, per_second: f64) {
        assert_eq!(published(name), Bucket::new(capacity, per_second), "{name}");
    }

    #[test]
    fn buckets_are_those_of_the_documentation() {
        check("ec2:DescribeSnapshots", 100.0, 20.0);
        check("ec2:GetEbsEncryptionByDefault", 100.0, 20.0);
        check("ec2:CopySnapshot", 50.0, 5.0);
        check("ec2:StopInstances", 50.0, 5.0);
        check("ec2:StopInstances:instances", 1000.0, 20.0);
        check("ec2:CreateSnapshot", 100.0, 5.0);
        check("ec2:CreateTags", 100.0, 10.0);
        check("ec2:CopyImage", 100.0, 1.0);
        check("ec2:StartInstances", 5.0, 2.0);
        check("ec2:StartInstances:instances", 1000.0, 2.0);
        check("ec2:EnableSnapshotBlockPublicAccess", 1.0, 0.1);
        check("dynamodb:CreateBackup", 50.0, 50.0);
        check("rds:DescribeDBInstances", 100.0, 20.0);
        check("rds:CreateDBSnapshot", 50.0, 5.0);
    }

    #[test]
    fn a_share_has_room_for_a_call() {
        let share = |percent| Share::new(Percent::try_from(percent).unwrap());
        assert_eq!(share(70), Some(Share::default()));
        assert_eq!(share(0), None);
        assert_eq!(Share(0.7).of(ec2::STARTS), Bucket::new(3.5, 1.4));
        assert_eq!(Share(0.5).of(ec2::PUBLIC_ACCESS), Bucket::new(1.0, 0.05));
    }

    #[test]
    fn calls_that_touch_instances_draw_on_two_buckets() {
        let resources = |operation, instances| Call::new("ec2", operation, instances).resources;
        assert_eq!(
            resources("StartInstances", 3),
            Some(("ec2:StartInstances:instances".to_owned(), 3))
        );
        assert_eq!(resources("RebootInstances", 3), None);
        assert_eq!(resources("DescribeInstances", 0), None);
        assert_eq!(Call::new("rds", "StartDBInstance", 0).request, "rds:StartDBInstance");
    }
}
