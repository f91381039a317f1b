//! What Lamplighter's own state in the cloud takes: the journal's table, the queue, the logs.

use lamplighter_core::AccountId;

use crate::{
    grant::{Conditions, Grant},
    resource::{Owner, Resource},
};

/// What the journal does with its table and the table's indexes.
const JOURNAL: [&str; 8] = [
    "dynamodb:BatchGetItem",
    "dynamodb:DeleteItem",
    "dynamodb:DescribeTable",
    "dynamodb:DescribeTimeToLive",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
];
/// What an index of a table can be asked for.
const INDEX: [&str; 1] = ["dynamodb:Query"];
/// Source: SQS Developer Guide, "Amazon SQS API permissions": calls for batches take the permission
/// of the single call.
const QUEUE: [&str; 5] = [
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
    "sqs:SendMessage",
];
/// Source: Lambda Developer Guide, "Sending Lambda function logs to CloudWatch Logs".
const LOGS: [&str; 2] = ["logs:CreateLogStream", "logs:PutLogEvents"];

/// What Lamplighter runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// A Lambda function.
    Lambda,
    /// Tasks of ECS.
    Ecs,
    /// A machine of EC2.
    Ec2,
}

/// Where its state is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backends {
    table: Option<String>,
    queue: Option<Queue>,
    log_group: Option<String>,
    region: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Queue {
    region: String,
    account: AccountId,
    name: String,
}

/// A journal or queue that cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadBackend(String);

impl Host {
    /// The service that assumes the role.
    pub fn service(self) -> &'static str {
        match self {
            Host::Lambda => "lambda.amazonaws.com",
            Host::Ecs => "ecs-tasks.amazonaws.com",
            Host::Ec2 => "ec2.amazonaws.com",
        }
    }
}

impl Backends {
    /// Nothing in the cloud.
    pub fn none() -> Backends {
        Backends::default()
    }

    /// In this region, where something else does not say it.
    #[must_use]
    pub fn in_region(mut self, region: Option<&str>) -> Backends {
        self.region = region.map(str::to_owned);
        self
    }

    /// The journal: `dynamodb:TABLE` is in the cloud, all others need nothing there.
    pub fn journal(mut self, url: &str) -> Result<Backends, BadBackend> {
        if let Some(table) = url.strip_prefix("dynamodb:") {
            let good = (3..=255).contains(&table.len())
                && table.bytes().all(|it| it.is_ascii_alphanumeric() || b"_.-".contains(&it));
            if !good {
                return Err(BadBackend(format!(
                    "`{url}`: the name of a table has 3 to 255 letters, digits and `_.-`"
                )));
            }
            self.table = Some(table.to_owned());
        }
        Ok(self)
    }

    /// The queue: `sqs:URL` is in the cloud, `local` is not.
    pub fn queue(mut self, url: &str) -> Result<Backends, BadBackend> {
        let Some(address) = url.strip_prefix("sqs:") else { return Ok(self) };
        let host_and_path = address.split_once("://").map(|(_, it)| it);
        let parts: Vec<&str> = host_and_path.unwrap_or_default().split('/').collect();
        let read = match parts.as_slice() {
            [host, account, name] if !name.is_empty() => account.parse().ok().map(|account| {
                let region = host.strip_prefix("sqs.").and_then(|it| it.split('.').next());
                let region = region.unwrap_or("*").to_owned();
                Queue { region, account, name: (*name).to_owned() }
            }),
            _ => None,
        };
        self.queue = Some(read.ok_or_else(|| {
            let example = "sqs:https://sqs.eu-west-1.amazonaws.com/111122223333/lamplighter";
            BadBackend(format!("`{url}` is not a queue, such as `{example}`"))
        })?);
        Ok(self)
    }

    /// The log group of a Lambda function.
    #[must_use]
    pub fn logs(mut self, group: &str) -> Backends {
        self.log_group = Some(group.to_owned());
        self
    }

    pub(crate) fn grants(&self) -> Vec<Grant> {
        let region = self.region.as_deref().or(self.queue.as_ref().map(|it| it.region.as_str()));
        let region = region.unwrap_or("*");
        let own = |service, rest: String| Resource::Arn {
            service,
            region: region.to_owned(),
            owner: Owner::Own,
            rest,
        };
        let mut all = Vec::new();
        if let Some(table) = &self.table {
            all.extend(on(&JOURNAL, &own("dynamodb", format!("table/{table}")), "Journal"));
            all.extend(on(&INDEX, &own("dynamodb", format!("table/{table}/index/*")), "Journal"));
        }
        if let Some(Queue { region, account, name }) = &self.queue {
            let resource = Resource::Arn {
                service: "sqs",
                region: region.clone(),
                owner: Owner::Account(account.clone()),
                rest: name.clone(),
            };
            all.extend(on(&QUEUE, &resource, "Queue"));
        }
        if let Some(group) = &self.log_group {
            all.extend(on(&LOGS, &own("logs", format!("log-group:{group}:*")), "Logs"));
        }
        all
    }
}

fn on(actions: &[&'static str], resource: &Resource, name: &str) -> Vec<Grant> {
    let grant = |action: &&'static str| Grant {
        action,
        resource: resource.clone(),
        conditions: Conditions::new(),
        name: name.to_owned(),
    };
    actions.iter().map(grant).collect()
}

impl std::fmt::Display for BadBackend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadBackend {}
