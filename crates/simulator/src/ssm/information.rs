//! `DescribeInstanceInformation`. Source: SSM API, `DescribeInstanceInformation`.

use serde::{Deserialize, Serialize};

use super::{BUCKET, Ping, validation};
use crate::{
    ec2::instances::Platform,
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// Instances on one page, when the request does not say.
const PAGE: usize = 10;

/// `DescribeInstanceInformation`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct DescribeInstanceInformation {
    pub(crate) filters: Vec<Filter>,
    pub(crate) max_results: Option<usize>,
    pub(crate) next_token: Option<String>,
}

/// Only instances of which something is one of these.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct Filter {
    /// `InstanceIds` or `PingStatus`.
    pub(crate) key: String,
    pub(crate) values: Vec<String>,
}

/// What `DescribeInstanceInformation` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Listed {
    pub(crate) instance_information_list: Vec<Information>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Information {
    pub(crate) instance_id: String,
    ping_status: &'static str,
    platform_type: &'static str,
    resource_type: &'static str,
    is_latest_version: bool,
}

impl Operation for DescribeInstanceInformation {
    const SPEC: Spec = Spec {
        service: "ssm",
        name: "DescribeInstanceInformation",
        access: Access::Reads,
        bucket: BUCKET,
    };

    type Answer<'s> = Listed;

    fn needs(&self, _: &Cx<'_>) -> Vec<Need> {
        vec![Need::anywhere("ssm:DescribeInstanceInformation")]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Listed, Refusal> {
        let most = self.max_results.unwrap_or(PAGE);
        if !(5..=50).contains(&most) {
            return Err(validation("MaxResults must be between 5 and 50"));
        }
        for filter in &self.filters {
            if !["InstanceIds", "PingStatus"].contains(&&*filter.key) {
                let message = format!("The filter key {} is not valid.", filter.key);
                return Err(Refusal::new("InvalidInstanceInformationFilterValue", message));
            }
        }
        let after = self.next_token.as_deref().unwrap_or_default();
        let admits = |key: &str, value: &str| {
            let mut of_key = self.filters.iter().filter(|it| it.key == key);
            of_key.all(|it| it.values.iter().any(|it| it == value))
        };
        let mut found: Vec<Information> = Vec::new();
        for (id, instance) in cx.here().ec2.instances.iter() {
            let Some(ping) = Ping::of(instance) else { continue };
            let ping_status = ping.as_str();
            if id > after && admits("InstanceIds", id) && admits("PingStatus", ping_status) {
                found.push(Information {
                    instance_id: id.to_string(),
                    ping_status,
                    platform_type: match instance.platform {
                        Platform::Linux => "Linux",
                        Platform::Windows => "Windows",
                    },
                    resource_type: "EC2Instance",
                    is_latest_version: true,
                });
            }
        }
        found.sort_by(|a, b| a.instance_id.cmp(&b.instance_id));
        let is_more = found.len() > most;
        found.truncate(most);
        let next_token = found.last().filter(|_| is_more).map(|it| it.instance_id.clone());
        Ok(Listed { instance_information_list: found, next_token })
    }
}
