//! The seam to AWS.

use std::sync::Arc;

use async_trait::async_trait;
use lamplighter_config::Account;
use lamplighter_core::{AccountPool, Fault, Journal, Queue, engine::Inbox};

/// The way into the AWS accounts that a configuration names.
#[async_trait]
pub trait Aws: Send + Sync {
    /// These accounts, to be entered with what the process has for AWS. Called once by a command;
    /// what cannot be reached with its settings is a config fault.
    async fn accounts(&self, accounts: &[Account]) -> Result<Arc<dyn AccountPool>, Fault>;

    /// The journal in this DynamoDB table.
    async fn journal(&self, table: &str) -> Result<Arc<dyn Journal>, Fault>;

    /// Both ends of the SQS queue at this URL.
    async fn queue(&self, url: &str) -> Result<(Arc<dyn Queue>, Arc<dyn Inbox>), Fault>;
}
