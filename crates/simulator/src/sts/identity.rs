//! `GetCallerIdentity`.

use serde::{Deserialize, Serialize};

use crate::{
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// `GetCallerIdentity`. Nobody needs a permission for it, and no policy can deny it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GetCallerIdentity {}

/// Who calls.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Identity {
    arn: String,
    user_id: String,
    account: String,
}

impl Operation for GetCallerIdentity {
    const SPEC: Spec = Spec {
        service: "sts",
        name: "GetCallerIdentity",
        access: Access::Reads,
        bucket: super::BUCKET,
    };

    type Answer<'s> = Identity;

    fn needs(&self, _: &Cx<'_>) -> Vec<Need> {
        Vec::new()
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Identity, Refusal> {
        let (account, user_id) = (cx.caller.account.to_string(), cx.caller.user_id());
        Ok(Identity { arn: cx.caller.arn(), user_id, account })
    }
}
