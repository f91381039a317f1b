//! What tasks call events.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::kind;
use crate::{AnyAction, Resource, cloud::tagged::Tagged};

/// Declares the names: what each means, how it is written, and the kind of resources that it is
/// about, unless it may be any.
macro_rules! names {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal, $kind:expr;)+) => {
        /// What tasks call an event: `event` in an entry of `on`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub enum Name {
            $($(#[doc = $doc])+ $name),+
        }

        impl Name {
            /// All names, in alphabetical order.
            pub const ALL: &'static [Name] = &[$(Name::$name),+];

            /// As it is written.
            pub fn as_str(self) -> &'static str {
                match self { $(Name::$name => $text),+ }
            }

            /// What it means, in a sentence or two.
            pub fn meaning(self) -> &'static str {
                match self { $(Name::$name => concat!($($doc),+).trim_ascii()),+ }
            }

            fn kind(self) -> Option<&'static str> {
                match self { $(Name::$name => $kind),+ }
            }
        }
    };
}

names! {
    /// Any event that the `pattern` takes. `target` is the JSON pointer to the id or ARN of the
    /// resource in it, or to a list of them.
    Custom = "custom", None;
    /// A snapshot was created or copied: `ebs.snapshot.created` or `ebs.snapshot.copied`.
    SnapshotCompleted = "ebs.snapshot.completed", Some(kind::SNAPSHOTS);
    /// A copy of a snapshot is completed, in the region and account of the copy.
    SnapshotCopied = "ebs.snapshot.copied", Some(kind::SNAPSHOTS);
    /// A snapshot of a volume is completed, or all those of an instance.
    SnapshotCreated = "ebs.snapshot.created", Some(kind::SNAPSHOTS);
    /// A snapshot or a copy has failed, or those of an instance.
    SnapshotFailed = "ebs.snapshot.failed", Some(kind::SNAPSHOTS);
    /// Another account has shared a snapshot with this one.
    SnapshotShared = "ebs.snapshot.shared", Some(kind::SNAPSHOTS);
    /// A volume was created and is available.
    VolumeCreated = "ebs.volume.created", Some(kind::VOLUMES);
    /// A volume has its new size or type, and is being optimized.
    VolumeModified = "ebs.volume.modified", Some(kind::VOLUMES);
    /// An image was created or copied, and is available.
    ImageAvailable = "ec2.image.available", Some(kind::IMAGES);
    /// An instance has entered one of the `states`.
    InstanceState = "ec2.instance.state", Some(kind::INSTANCES);
    /// A snapshot of a DB cluster is available, manual or automated.
    ClusterSnapshotCreated = "rds.cluster-snapshot.created", Some(kind::CLUSTER_SNAPSHOTS);
    /// A DB cluster was created.
    ClusterCreated = "rds.cluster.created", Some(kind::CLUSTERS);
    /// A DB cluster was started, be it by AWS after seven days.
    ClusterStarted = "rds.cluster.started", Some(kind::CLUSTERS);
    /// A DB cluster was stopped for seven days, and AWS starts it.
    ClusterStopExpired = "rds.cluster.stop-expired", Some(kind::CLUSTERS);
    /// A DB cluster was stopped.
    ClusterStopped = "rds.cluster.stopped", Some(kind::CLUSTERS);
    /// A DB instance was created.
    DatabaseCreated = "rds.instance.created", Some(kind::DATABASES);
    /// A DB instance was started, be it by AWS after seven days.
    DatabaseStarted = "rds.instance.started", Some(kind::DATABASES);
    /// A DB instance was stopped for seven days, and AWS starts it.
    DatabaseStopExpired = "rds.instance.stop-expired", Some(kind::DATABASES);
    /// A DB instance was stopped.
    DatabaseStopped = "rds.instance.stopped", Some(kind::DATABASES);
    /// A copy of a DB instance's snapshot is available, in the region and account of the copy.
    DatabaseSnapshotCopied = "rds.snapshot.copied", Some(kind::DATABASE_SNAPSHOTS);
    /// A snapshot of a DB instance is available, manual or automated.
    DatabaseSnapshotCreated = "rds.snapshot.created", Some(kind::DATABASE_SNAPSHOTS);
    /// One of the tags in `keys` was set, changed or removed.
    TagsChanged = "tags.changed", None;
}

impl Name {
    /// Those that may trigger an action: what they are about is what it works on. None for one
    /// that compares its targets with each other.
    pub fn of(action: &dyn AnyAction) -> Vec<Name> {
        let fits = |name: &Name| name.fits(action.target_kind()) && !action.compares_targets();
        Name::ALL.iter().copied().filter(fits).collect()
    }

    /// Whether it may be about resources of a kind. What works on resources of several kinds has
    /// no triggers: an event does not say of which kind the id is that it brings.
    pub fn fits(self, kind: &str) -> bool {
        self.kind().map_or(kind != Tagged::KIND, |it| it == kind)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Name, String> {
        let found = Name::ALL.iter().find(|it| it.as_str() == text);
        found.copied().ok_or_else(|| format!("there is no event `{text}`"))
    }
}

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> Result<Name, String> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> String {
        name.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_found_again() {
        assert!(Name::ALL.is_sorted_by_key(|it| it.as_str()));
        for name in Name::ALL {
            assert_eq!(name.as_str().parse(), Ok(*name));
            let meaning = name.meaning();
            assert!(meaning.ends_with('.') && !meaning.contains("  "), "{meaning}");
        }
    }
}
