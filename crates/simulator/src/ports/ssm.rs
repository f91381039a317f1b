//! The SSM port.

use async_trait::async_trait;
use lamplighter_core::{
    Fault,
    cloud::{
        Page, PageToken, Ssm,
        ssm::{Document, NewCommand, Outcome, SHORTEST_DELIVERY},
    },
};

use super::Inside;
use crate::ssm::{DescribeInstanceInformation, Filter, GetCommandInvocation, SendCommand};

/// Instances on one page: the most that there can be.
const PAGE: usize = 50;

#[async_trait]
impl Ssm for Inside {
    async fn online(&self, page: Option<PageToken>) -> Result<Page<String>, Fault> {
        let request = DescribeInstanceInformation {
            filters: vec![Filter {
                key: "PingStatus".to_owned(),
                values: vec!["Online".to_owned()],
            }],
            max_results: Some(PAGE),
            next_token: page.map(|it| it.0),
        };
        self.make(request, |it| Page {
            items: it.instance_information_list.into_iter().map(|it| it.instance_id).collect(),
            next: it.next_token.map(PageToken),
        })
        .await
    }

    async fn send(&self, new: &NewCommand) -> Result<String, Fault> {
        let parameters = new.parameters.iter();
        let request = SendCommand {
            document_name: new.document.name().to_owned(),
            instance_ids: vec![new.instance_id.clone()],
            parameters: parameters
                .map(|(name, value)| ((*name).to_owned(), vec![value.clone()]))
                .collect(),
            timeout_seconds: u32::try_from(SHORTEST_DELIVERY).ok(),
            comment: new.comment.clone(),
        };
        self.make(request, |it| it.command.command_id).await
    }

    async fn outcome(
        &self,
        document: Document,
        command: &str,
        instance: &str,
    ) -> Result<Option<Outcome>, Fault> {
        let request = GetCommandInvocation {
            command_id: command.to_owned(),
            instance_id: instance.to_owned(),
            plugin_name: document.step().map(str::to_owned),
        };
        let outcome = self.make(request, |it| {
            (!["Pending", "InProgress"].contains(&it.status)).then(|| Outcome {
                exit_code: Some(it.response_code).filter(|it| *it >= 0),
                details: it.status_details.to_owned(),
                errors: it.standard_error_content,
            })
        });
        match outcome.await {
            Err(fault) if fault.code.as_deref() == Some("InvocationDoesNotExist") => Ok(None),
            outcome => outcome,
        }
    }
}
