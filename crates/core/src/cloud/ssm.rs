//! SSM Run Command: what actions may have an instance do.

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::{Page, PageToken};
use crate::Fault;

/// SSM in one account and region.
#[async_trait]
pub trait Ssm: Send + Sync {
    /// One page of `ssm:DescribeInstanceInformation`: the instances that SSM manages and hears of
    /// now.
    async fn online(&self, page: Option<PageToken>) -> Result<Page<String>, Fault>;

    /// Has an instance run a shell script as root, and returns the id of the command. Needs
    /// `ssm:SendCommand` on the document `AWS-RunShellScript` and on the instance. AWS has no
    /// client token here, so two calls run it twice, and an implementation must not retry.
    async fn run_shell(&self, new: &NewShell) -> Result<String, Fault>;

    /// What has become of a command, by `ssm:GetCommandInvocation`. `None`: nothing yet, or AWS
    /// does not show it yet.
    async fn outcome(&self, command: &str, instance: &str) -> Result<Option<Outcome>, Fault>;
}

/// What `SendCommand` is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewShell {
    /// The instance.
    pub instance_id: String,
    /// The script.
    pub script: String,
    /// At most 100 characters.
    pub comment: String,
}

/// How a command has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The exit code of its script. `None`: it did not run to its end.
    pub exit_code: Option<i32>,
    /// In AWS's words: `Success`, `Failed`, `ExecutionTimedOut`, `Undeliverable` …
    pub details: String,
    /// The beginning of what it wrote as errors.
    pub errors: String,
}

/// How long a command may wait until its instance takes it, in seconds: the shortest that AWS
/// knows. Source: SSM API, `SendCommand`, `TimeoutSeconds`.
pub const SHORTEST_DELIVERY: i32 = 30;

/// The instances that are online, page by page.
pub async fn all_online(ssm: &dyn Ssm) -> Result<BTreeSet<String>, Fault> {
    let (mut all, mut page) = (BTreeSet::new(), None);
    loop {
        let listed = ssm.online(page).await?;
        all.extend(listed.items);
        page = listed.next;
        if page.is_none() {
            return Ok(all);
        }
    }
}
