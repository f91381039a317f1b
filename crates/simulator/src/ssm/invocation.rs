//! `GetCommandInvocation`. Source: SSM API, `GetCommandInvocation`.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::{BUCKET, validation};
use crate::{
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// How long after it was sent nobody knows of a command yet.
const HIDDEN: SignedDuration = SignedDuration::from_secs(1);

/// `GetCommandInvocation`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct GetCommandInvocation {
    pub(crate) command_id: String,
    pub(crate) instance_id: String,
    pub(crate) plugin_name: Option<String>,
}

/// What `GetCommandInvocation` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Invocation {
    command_id: String,
    instance_id: String,
    comment: String,
    document_name: &'static str,
    plugin_name: &'static str,
    /// -1 as long as it runs.
    pub(crate) response_code: i32,
    pub(crate) status: &'static str,
    pub(crate) status_details: &'static str,
    standard_output_content: &'static str,
    pub(crate) standard_error_content: String,
}

impl Operation for GetCommandInvocation {
    const SPEC: Spec = Spec {
        service: "ssm",
        name: "GetCommandInvocation",
        access: Access::Reads,
        bucket: BUCKET,
    };

    type Answer<'s> = Invocation;

    fn needs(&self, _: &Cx<'_>) -> Vec<Need> {
        vec![Need::anywhere("ssm:GetCommandInvocation")]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Invocation, Refusal> {
        let GetCommandInvocation { command_id, instance_id, plugin_name } = self;
        if command_id.chars().count() != 36 {
            return Err(validation("CommandId must have 36 characters"));
        }
        let key = format!("{command_id}/{instance_id}");
        let shown = cx.here().ssm.commands.get(&*key).filter(|it| it.sent_at + HIDDEN <= cx.now);
        let Some(command) = shown else {
            return Err(Refusal::new("InvocationDoesNotExist", ""));
        };
        let steps = command.document.steps;
        let step = match plugin_name.as_deref() {
            None if steps.len() == 1 => steps.last(),
            None => None,
            Some(name) => steps.iter().find(|it| **it == name),
        };
        let Some(plugin_name) = step else { return Err(Refusal::new("InvalidPluginName", "")) };
        let (status, response_code) = match command.exit_code {
            _ if cx.now < command.ends_at => ("InProgress", -1),
            0 => ("Success", 0),
            code => ("Failed", code),
        };
        Ok(Invocation {
            command_id,
            instance_id: command.instance.to_string(),
            comment: command.comment.to_string(),
            document_name: command.document.name,
            plugin_name,
            response_code,
            status,
            status_details: status,
            standard_output_content: "",
            standard_error_content: match status {
                "Failed" => command.errors.to_string(),
                _ => String::new(),
            },
        })
    }
}
