//! The KMS port.

use async_trait::async_trait;
use lamplighter_core::{
    Fault,
    cloud::{Kms, kms},
};

use super::Inside;
use crate::kms::{DescribeKey, Manager};

#[async_trait]
impl Kms for Inside {
    async fn key(&self, id: &str) -> Result<kms::Key, Fault> {
        let described = self.make(DescribeKey { key_id: id.to_owned() }, |it| kms::Key {
            arn: it.key.arn.to_string(),
            manager: match it.key.manager {
                Manager::Aws => kms::Manager::Aws,
                Manager::Customer => kms::Manager::Customer,
            },
            state: it.key.state.as_str().to_owned(),
        });
        described.await
    }
}
