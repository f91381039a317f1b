//! SSM Run Command: what actions may have an instance do.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use super::{Page, PageToken};
use crate::Fault;

/// SSM in one account and region.
#[async_trait]
pub trait Ssm: Send + Sync {
    /// One page of `ssm:DescribeInstanceInformation`: the instances that SSM manages and hears of
    /// now.
    async fn online(&self, page: Option<PageToken>) -> Result<Page<String>, Fault>;

    /// Has an instance run a document as root, and returns the id of the command. Needs
    /// `ssm:SendCommand` on the document and on the instance. AWS has no client token here, so
    /// two calls run it twice, and an implementation must not retry.
    async fn send(&self, new: &NewCommand) -> Result<String, Fault>;

    /// What has become of a command, by `ssm:GetCommandInvocation`. `None`: nothing yet, or AWS
    /// does not show it yet.
    async fn outcome(
        &self,
        document: Document,
        command: &str,
        instance: &str,
    ) -> Result<Option<Outcome>, Fault>;
}

/// A document of AWS: what instances are told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Document {
    /// Linux runs a shell script.
    Shell,
    /// Windows takes snapshots of its volumes while VSS holds its applications still.
    /// Source: EC2 User Guide, "Use Systems Manager command documents to create VSS based
    /// snapshots".
    Vss,
}

/// What `SendCommand` is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCommand {
    /// The instance.
    pub instance_id: String,
    /// What it runs.
    pub document: Document,
    /// The document's parameters.
    pub parameters: BTreeMap<&'static str, String>,
    /// At most 100 characters.
    pub comment: String,
}

impl Document {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Document::Shell => "AWS-RunShellScript",
            Document::Vss => "AWSEC2-VssInstallAndSnapshot",
        }
    }

    /// The step that tells how it ended, where a document has several.
    pub fn step(self) -> Option<&'static str> {
        match self {
            Document::Shell => None,
            Document::Vss => Some("CreateVssSnapshot"),
        }
    }
}

/// How a command has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The exit code of what it ran. `None`: it did not run to its end.
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
