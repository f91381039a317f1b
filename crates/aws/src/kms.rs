//! KMS in one place.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_kms::{Client, config::Builder, types::KeyManagerType};
use aws_smithy_runtime::client::retries::RetryPartition;
use lamplighter_core::{
    Fault, Place,
    cloud::{
        Kms,
        kms::{Key, Manager},
    },
};

use crate::fault::{Call, plain};

/// KMS, called with the credentials of one account in one region.
pub(crate) struct KmsClient {
    client: Client,
    whom: String,
}

impl KmsClient {
    /// A client for `place`. `whom` says whose credentials `config` has.
    pub(crate) fn new(config: &SdkConfig, place: &Place, whom: &str) -> KmsClient {
        let Place { account, region } = place;
        let config = Builder::from(config)
            .region(aws_types::region::Region::new(region.to_string()))
            .retry_partition(RetryPartition::new(format!("kms-{region}-{account}")));
        KmsClient { client: Client::from_conf(config.build()), whom: format!("{whom} in {place}") }
    }
}

#[async_trait]
impl Kms for KmsClient {
    async fn key(&self, id: &str) -> Result<Key, Fault> {
        let doing = format!("asking about the key `{}`", plain(id));
        let call = Call { doing: &doing, action: "kms:DescribeKey", whom: &self.whom, cure: None };
        let answer = call.answer(self.client.describe_key().key_id(id).send().await)?;
        let found = answer.key_metadata();
        let lacks = |what: &str| call.unreadable(&format!("the key without {what}"), &answer);
        let found = found.ok_or_else(|| lacks("anything of it"))?;
        Ok(Key {
            arn: found.arn().ok_or_else(|| lacks("its ARN"))?.to_owned(),
            // Of one whose manager is not known, nothing can be expected.
            manager: match found.key_manager() {
                Some(KeyManagerType::Customer) => Manager::Customer,
                _ => Manager::Aws,
            },
            state: found.key_state().ok_or_else(|| lacks("its state"))?.as_str().to_owned(),
        })
    }
}
