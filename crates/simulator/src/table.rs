//! The operations that are here, and nothing else is.

use serde::de::DeserializeOwned;

use crate::{
    ec2, kms,
    operation::{Operation, Spec},
    sts,
};

/// An operation of the table.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    /// What is known of it.
    pub(crate) spec: Spec,
}

impl Entry {
    /// An operation of EC2's protocol.
    pub(crate) const fn ec2<O: Operation + DeserializeOwned>() -> Entry {
        Entry { spec: O::SPEC }
    }

    /// An operation of the query protocol: RDS, STS.
    pub(crate) const fn query<O: Operation + DeserializeOwned>() -> Entry {
        Entry { spec: O::SPEC }
    }

    /// An operation of the JSON protocols: DynamoDB, KMS, SQS, EventBridge.
    pub(crate) const fn json<O: Operation + DeserializeOwned>() -> Entry {
        Entry { spec: O::SPEC }
    }
}

/// Every operation, service by service.
pub(crate) const TABLE: &[&[Entry]] = &[
    ec2::OPERATIONS,
    ec2::instances::OPERATIONS,
    ec2::images::OPERATIONS,
    kms::OPERATIONS,
    sts::OPERATIONS,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_operation_is_there_once() {
        let mut seen = BTreeSet::new();
        for it in TABLE.concat() {
            assert!(seen.insert((it.spec.service, it.spec.name)), "{:?}", it.spec);
        }
    }
}
