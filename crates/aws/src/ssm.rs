//! SSM Run Command in one place.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_ssm::{
    Client,
    config::{Builder, Config},
    types::{CommandInvocationStatus, InstanceInformationStringFilter},
};
use aws_smithy_runtime::client::retries::RetryPartition;
use aws_smithy_types::retry::RetryConfig;
use lamplighter_core::{
    Fault, FaultKind, Place,
    cloud::{
        Page, PageToken, Ssm,
        ssm::{Document, NewCommand, Outcome, SHORTEST_DELIVERY},
    },
};

use crate::{ec2::next, fault::Call};

/// Instances on one page: the most that AWS gives.
const PAGE: i32 = 50;

/// SSM, called with the credentials of one account in one region.
pub(crate) struct SsmClient {
    client: Client,
    whom: String,
}

impl SsmClient {
    /// A client for `place`. `whom` says whose credentials `config` has.
    pub(crate) fn new(config: &SdkConfig, place: &Place, whom: &str) -> SsmClient {
        let Place { account, region } = place;
        let config = Builder::from(config)
            .region(aws_types::region::Region::new(region.to_string()))
            .retry_partition(RetryPartition::new(format!("ssm-{region}-{account}")));
        SsmClient { client: Client::from_conf(config.build()), whom: format!("{whom} in {place}") }
    }

    fn call<'a>(&'a self, doing: &'a str, action: &'static str) -> Call<'a> {
        Call { doing, action, whom: &self.whom, cure: None }
    }
}

#[async_trait]
impl Ssm for SsmClient {
    async fn online(&self, page: Option<PageToken>) -> Result<Page<String>, Fault> {
        let call = self.call("listing what SSM manages", "ssm:DescribeInstanceInformation");
        let online = InstanceInformationStringFilter::builder().key("PingStatus").values("Online");
        let online = online
            .build()
            .map_err(|error| Fault::permanent("listing what SSM manages").caused_by(error))?;
        let request = self
            .client
            .describe_instance_information()
            .filters(online)
            .max_results(PAGE)
            .set_next_token(page.map(|token| token.0));
        let answer = call.answer(request.send().await)?;
        let ids = answer.instance_information_list().iter().filter_map(|it| it.instance_id());
        Ok(Page { items: ids.map(str::to_owned).collect(), next: next(answer.next_token()) })
    }

    async fn send(&self, new: &NewCommand) -> Result<String, Fault> {
        let doing = format!("sending a command to `{}`", new.instance_id);
        let call = self.call(&doing, "ssm:SendCommand");
        let parameters = new.parameters.iter();
        let parameters =
            parameters.map(|(name, value)| ((*name).to_owned(), vec![value.clone()])).collect();
        let request = self
            .client
            .send_command()
            .document_name(new.document.name())
            .instance_ids(&new.instance_id)
            .set_parameters(Some(parameters))
            .timeout_seconds(SHORTEST_DELIVERY)
            .comment(&new.comment)
            .customize()
            // Without a client token a second try may run it twice.
            .config_override(Config::builder().retry_config(RetryConfig::disabled()));
        let answer = call.answer(request.send().await)?;
        let id = answer.command().and_then(|it| it.command_id()).map(str::to_owned);
        // It runs even if the answer cannot be read.
        id.ok_or_else(|| {
            let mut fault = call.unreadable("a command without an id", &answer);
            fault.kind = FaultKind::Transient;
            fault
        })
    }

    async fn outcome(
        &self,
        document: Document,
        command: &str,
        instance: &str,
    ) -> Result<Option<Outcome>, Fault> {
        let doing = format!("looking at the command `{command}`");
        let call = self.call(&doing, "ssm:GetCommandInvocation");
        let request = self
            .client
            .get_command_invocation()
            .command_id(command)
            .instance_id(instance)
            .set_plugin_name(document.step().map(str::to_owned));
        let answer = match call.answer(request.send().await) {
            Err(fault) if fault.code.as_deref() == Some("InvocationDoesNotExist") => {
                return Ok(None);
            }
            answer => answer?,
        };
        let status = answer.status().ok_or_else(|| call.unreadable("no status", &answer))?;
        let runs = matches!(
            status,
            CommandInvocationStatus::Pending
                | CommandInvocationStatus::InProgress
                | CommandInvocationStatus::Delayed
                | CommandInvocationStatus::Cancelling
        );
        Ok((!runs).then(|| Outcome {
            // -1: it has not begun.
            exit_code: Some(answer.response_code()).filter(|it| *it >= 0),
            details: answer.status_details().unwrap_or(status.as_str()).to_owned(),
            errors: answer.standard_error_content().unwrap_or_default().chars().take(300).collect(),
        }))
    }
}

#[cfg(test)]
mod tests;
