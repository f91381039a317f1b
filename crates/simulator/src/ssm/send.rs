//! `SendCommand`. Source: SSM API, `SendCommand`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{BUCKET, Command, Ping, Shadows, documents, validation};
use crate::{
    cloud::Happening,
    ec2::instances,
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// Instances of one call.
const MOST_INSTANCES: usize = 50;
/// Seconds that a command waits for an instance.
const DELIVERY: std::ops::RangeInclusive<u32> = 30..=2_592_000;
/// Characters of a comment.
const LONGEST_COMMENT: usize = 100;

/// `SendCommand`. There is no client token: two calls are two commands.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct SendCommand {
    pub(crate) document_name: String,
    pub(crate) instance_ids: Vec<String>,
    pub(crate) parameters: BTreeMap<String, Vec<String>>,
    pub(crate) timeout_seconds: Option<u32>,
    pub(crate) comment: String,
}

/// What `SendCommand` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Sent {
    pub(crate) command: Shown,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Shown {
    pub(crate) command_id: String,
    document_name: String,
    comment: String,
    instance_ids: Vec<String>,
    status: &'static str,
    status_details: &'static str,
}

impl Operation for SendCommand {
    const SPEC: Spec =
        Spec { service: "ssm", name: "SendCommand", access: Access::Writes, bucket: BUCKET };

    type Answer<'s> = Sent;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let action = "ssm:SendCommand";
        // Documents of AWS belong to no account.
        let region = &cx.place.region;
        let document = format!("arn:aws:ssm:{region}::document/{}", self.document_name);
        let mut needs = vec![Need::on(action, document)];
        needs.extend(instances::needs(cx, action, &self.instance_ids));
        needs
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Sent, Refusal> {
        let SendCommand { document_name, instance_ids, parameters, timeout_seconds, comment } =
            self;
        if instance_ids.is_empty() || instance_ids.len() > MOST_INSTANCES {
            let message = format!("InstanceIds must name 1 to {MOST_INSTANCES} instances");
            return Err(validation(message));
        }
        if timeout_seconds.is_some_and(|it| !DELIVERY.contains(&it)) {
            return Err(validation("TimeoutSeconds must be between 30 and 2592000"));
        }
        if comment.chars().count() > LONGEST_COMMENT {
            let message = format!("Comment must have at most {LONGEST_COMMENT} characters");
            return Err(validation(message));
        }
        let document = documents::find(&document_name)?;
        document.check(&parameters)?;
        for id in &instance_ids {
            let instance = cx.here().ec2.instances.get(id);
            let Some(instance) = instance.filter(|it| Ping::of(it) == Some(Ping::Online)) else {
                let account = &cx.place.account;
                let message =
                    format!("Instances [[{id}]] not in a valid state for account {account}");
                return Err(Refusal::new("InvalidInstanceId", message));
            };
            if instance.platform != document.platform {
                let message = format!("{document_name} does not run on the platform of {id}");
                return Err(Refusal::new("UnsupportedPlatformType", message));
            }
        }
        let command_id = cx.state.uuid("command");
        let (sent_at, takes) = (cx.now, cx.state.dials.times.command);
        let text = parameters.values().flatten().cloned().collect::<Vec<_>>().join("\n");
        let mut shadows = Vec::new();
        let caller = cx.caller;
        let ssm = &mut cx.here_mut().ssm;
        for instance in &instance_ids {
            let fails = ssm
                .failing
                .iter()
                .find(|(id, part, _)| **id == **instance && text.contains(&**part));
            let exit_code = fails.map_or(0, |(_, _, code)| *code);
            let command = Command {
                instance: instance.as_str().into(),
                document,
                comment: comment.as_str().into(),
                sent_at,
                ends_at: sent_at + takes,
                exit_code,
                errors: format!("failed to run commands: exit status {exit_code}").into(),
            };
            let key: Box<str> = format!("{command_id}/{instance}").into();
            ssm.commands.insert(key.clone(), command);
            if document.name == documents::VSS && exit_code == 0 {
                shadows.push(Shadows::new(key, instance, &parameters, caller));
            }
        }
        for it in shadows {
            cx.state.agenda.plan(sent_at + takes, Happening::Shadows(cx.place.clone(), it));
        }
        Ok(Sent {
            command: Shown {
                command_id,
                document_name,
                comment,
                instance_ids,
                status: "Pending",
                status_details: "Pending",
            },
        })
    }
}
