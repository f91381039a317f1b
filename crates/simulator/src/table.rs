//! The operations that are here, and nothing else is.

use serde::de::DeserializeOwned;

use crate::{
    dynamodb, ec2, events, kms,
    operation::{Operation, Spec},
    organizations, rds, scaling, sqs, ssm, sts,
    wire::dispatch::{self, Serve},
};

/// An operation of the table.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    /// What is known of it.
    pub(crate) spec: Spec,
    /// How it is called.
    pub(crate) serve: Serve,
}

impl Entry {
    /// An operation of EC2's protocol.
    pub(crate) const fn ec2<O: Operation + DeserializeOwned>() -> Entry {
        Entry { spec: O::SPEC, serve: Serve::Form(dispatch::form::<O>) }
    }

    /// An operation of the query protocol: RDS, STS.
    pub(crate) const fn query<O: Operation + DeserializeOwned>() -> Entry {
        Entry { spec: O::SPEC, serve: Serve::Form(dispatch::form::<O>) }
    }

    /// An operation of the JSON protocols: DynamoDB, KMS, SQS, SSM, EventBridge.
    pub(crate) const fn json<O: Operation + DeserializeOwned>() -> Entry {
        Entry { spec: O::SPEC, serve: Serve::Json(dispatch::json::<O>) }
    }
}

/// The operation of this service and name.
pub(crate) fn find(service: &str, name: &str) -> Option<&'static Entry> {
    let mut all = TABLE.iter().copied().flatten();
    all.find(|it| it.spec.service == service && it.spec.name == name)
}

/// The operations that are here, by service and name.
pub fn operations() -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLE.iter().copied().flatten().map(|it| (it.spec.service, it.spec.name))
}

/// Every operation, service by service.
pub(crate) const TABLE: &[&[Entry]] = &[
    dynamodb::OPERATIONS,
    ec2::OPERATIONS,
    ec2::images::OPERATIONS,
    ec2::instances::OPERATIONS,
    events::OPERATIONS,
    kms::OPERATIONS,
    organizations::OPERATIONS,
    rds::OPERATIONS,
    scaling::OPERATIONS,
    sqs::OPERATIONS,
    ssm::OPERATIONS,
    sts::OPERATIONS,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use lamplighter_core::pace::published;

    use super::*;

    #[test]
    fn each_operation_is_there_once() {
        let mut seen = BTreeSet::new();
        for it in TABLE.concat() {
            assert!(seen.insert((it.spec.service, it.spec.name)), "{:?}", it.spec);
        }
    }

    #[test]
    fn calls_are_paced_by_the_buckets_that_they_are_paid_from() {
        for it in TABLE.concat().iter().filter(|it| it.spec.service == "ec2") {
            let name = format!("ec2:{}", it.spec.name);
            assert_eq!(published(&name), it.spec.bucket, "{name}");
        }
    }
}
