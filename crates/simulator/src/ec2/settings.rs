//! What an account has set for EBS in a region: encryption by default, and whether snapshots may
//! be public.
//!
//! Sources: EBS User Guide, "Enable encryption by default" and "Block public access for EBS
//! snapshots".

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::bucket;
use crate::{
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// The settings of a place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    pub(crate) encryption_by_default: bool,
    /// The key that is used when nobody names one. `None`: the one that AWS manages.
    pub(crate) default_key: Option<Arc<str>>,
    pub(crate) public_access: PublicAccess,
}

/// Whether snapshots may be public.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PublicAccess {
    /// Those that are public already are treated as private.
    BlockAllSharing,
    /// No others can be made public.
    BlockNewSharing,
    #[default]
    Unblocked,
}

impl PublicAccess {
    pub(super) fn blocks_all(self) -> bool {
        self == PublicAccess::BlockAllSharing
    }
}

/// An operation on the settings that has no parameters but its own.
macro_rules! setting {
    ($(#[$doc:meta])* $name:ident $fields:tt, $access:ident, $bucket:expr, $answer:ty, $run:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "PascalCase")]
        pub(crate) struct $name $fields

        impl Operation for $name {
            const SPEC: Spec = Spec {
                service: "ec2",
                name: stringify!($name),
                access: Access::$access,
                bucket: $bucket,
            };

            type Answer<'s> = $answer;

            fn needs(&self, _: &Cx<'_>) -> Vec<Need> {
                vec![Need::anywhere(concat!("ec2:", stringify!($name)))]
            }

            fn run(self, cx: &mut Cx<'_>) -> Result<$answer, Refusal> {
                let run: fn($name, &mut Settings) -> Result<$answer, Refusal> = $run;
                run(self, &mut cx.here_mut().ec2.settings)
            }
        }
    };
}

/// Whether encryption by default is on.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EncryptionByDefault {
    pub(crate) ebs_encryption_by_default: bool,
}

/// The default key.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DefaultKey {
    pub(crate) kms_key_id: String,
}

/// The state of public access.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PublicAccessState {
    state: PublicAccess,
    #[serde(skip_serializing_if = "Option::is_none")]
    managed_by: Option<&'static str>,
}

setting!(
    /// `GetEbsEncryptionByDefault`.
    GetEbsEncryptionByDefault {}, Reads, bucket::READS, EncryptionByDefault,
    |_, settings| Ok(EncryptionByDefault { ebs_encryption_by_default: settings.encryption_by_default })
);
setting!(
    /// `EnableEbsEncryptionByDefault`.
    EnableEbsEncryptionByDefault {}, Writes, bucket::WRITES, EncryptionByDefault,
    |_, settings| {
        settings.encryption_by_default = true;
        Ok(EncryptionByDefault { ebs_encryption_by_default: true })
    }
);
setting!(
    /// `DisableEbsEncryptionByDefault`.
    DisableEbsEncryptionByDefault {}, Writes, bucket::WRITES, EncryptionByDefault,
    |_, settings| {
        settings.encryption_by_default = false;
        Ok(EncryptionByDefault { ebs_encryption_by_default: false })
    }
);
setting!(
    /// `GetEbsDefaultKmsKeyId`: the alias of the key that AWS manages, until another one is set.
    GetEbsDefaultKmsKeyId {}, Reads, bucket::READS, DefaultKey,
    |_, settings| {
        let key = settings.default_key.as_deref().unwrap_or("alias/aws/ebs");
        Ok(DefaultKey { kms_key_id: key.to_owned() })
    }
);
setting!(
    /// `GetSnapshotBlockPublicAccessState`.
    GetSnapshotBlockPublicAccessState {}, Reads, bucket::READS, PublicAccessState,
    |_, settings| {
        Ok(PublicAccessState { state: settings.public_access, managed_by: Some("account") })
    }
);
setting!(
    /// `EnableSnapshotBlockPublicAccess`.
    EnableSnapshotBlockPublicAccess {
        /// Not `unblocked`.
        pub(crate) state: PublicAccess,
    }, Writes, bucket::PUBLIC_ACCESS, PublicAccessState,
    |request, settings| {
        if request.state == PublicAccess::Unblocked {
            let message = "State is block-all-sharing or block-new-sharing";
            return Err(Refusal::new("InvalidParameterValue", message));
        }
        settings.public_access = request.state;
        Ok(PublicAccessState { state: request.state, managed_by: None })
    }
);
setting!(
    /// `DisableSnapshotBlockPublicAccess`.
    DisableSnapshotBlockPublicAccess {}, Writes, bucket::PUBLIC_ACCESS, PublicAccessState,
    |_, settings| {
        settings.public_access = PublicAccess::Unblocked;
        Ok(PublicAccessState { state: PublicAccess::Unblocked, managed_by: None })
    }
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bed::Bed;

    #[test]
    fn encryption_by_default_is_off_until_it_is_enabled() {
        let bed = Bed::new();
        let on =
            || bed.ask(GetEbsEncryptionByDefault {}).unwrap()["ebsEncryptionByDefault"].clone();
        assert_eq!(on(), false);
        bed.ask(EnableEbsEncryptionByDefault {}).unwrap();
        assert_eq!(on(), true);
        let elsewhere = bed.at("111122223333", "eu-west-2").ask(GetEbsEncryptionByDefault {});
        assert_eq!(elsewhere.unwrap()["ebsEncryptionByDefault"], false, "it is set in a region");
        bed.ask(DisableEbsEncryptionByDefault {}).unwrap();
        assert_eq!(on(), false);
    }

    #[test]
    fn the_default_key_is_the_one_of_aws_until_another_is_set() {
        let bed = Bed::new();
        let key = || bed.ask(GetEbsDefaultKmsKeyId {}).unwrap()["kmsKeyId"].clone();
        assert_eq!(key(), "alias/aws/ebs");
        bed.here(|it| it.ec2.settings.default_key = Some("arn:aws:kms:x".into()));
        assert_eq!(key(), "arn:aws:kms:x");
    }

    #[test]
    fn public_access_is_blocked_and_unblocked() {
        let bed = Bed::new();
        let state = || bed.ask(GetSnapshotBlockPublicAccessState {}).unwrap()["state"].clone();
        assert_eq!(state(), "unblocked");
        let block = |state| bed.ask(EnableSnapshotBlockPublicAccess { state }).map(|_| ());
        assert_eq!(block(PublicAccess::Unblocked), Err("InvalidParameterValue"));
        assert_eq!(block(PublicAccess::BlockNewSharing), Ok(()));
        assert_eq!(state(), "block-new-sharing");
        bed.ask(DisableSnapshotBlockPublicAccess {}).unwrap();
        assert_eq!(state(), "unblocked");
    }
}
