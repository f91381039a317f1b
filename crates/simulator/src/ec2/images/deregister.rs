//! `DeregisterImage`. Source: EC2 API, the same; EC2 User Guide, "Deregister an Amazon EC2 AMI".

use serde::{Deserialize, Serialize};

use super::{Protection, backing, lifecycle, need, visible};
use crate::{
    access,
    ec2::bucket,
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// `DeregisterImage`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct DeregisterImage {
    pub(crate) image_id: String,
    /// Those that no other image uses.
    pub(crate) delete_associated_snapshots: bool,
}

/// What `DeregisterImage` answers: that a snapshot is still there does not fail the call.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Deregistered {
    #[serde(rename = "return")]
    done: bool,
    delete_snapshot_result_set: Option<Vec<Deleted>>,
}

/// What became of a snapshot.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Deleted {
    snapshot_id: Box<str>,
    return_code: &'static str,
}

impl Operation for DeregisterImage {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "DeregisterImage",
        access: Access::Writes,
        bucket: bucket::MAKES,
    };

    type Answer<'s> = Deregistered;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![need(cx, "ec2:DeregisterImage", &self.image_id)]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Deregistered, Refusal> {
        let image = visible::own(cx, &self.image_id)?;
        if image.protection.at(cx.now) != Protection::Off {
            let message =
                format!("Deregistration protection is enabled for the image '{}'.", self.image_id);
            return Err(Refusal::new("OperationNotPermitted", message));
        }
        let snapshots: Vec<Box<str>> = image.snapshots().map(Box::from).collect();
        let id = &self.image_id;
        for snapshot in &snapshots {
            backing::release(cx, snapshot, id);
        }
        lifecycle::end(cx.state, cx.place, id, cx.now);
        let deleted = self.delete_associated_snapshots.then(|| {
            let delete = |snapshot_id: Box<str>| {
                let return_code = delete(cx, &snapshot_id);
                Deleted { snapshot_id, return_code }
            };
            snapshots.into_iter().map(delete).collect()
        });
        Ok(Deregistered { done: true, delete_snapshot_result_set: deleted })
    }
}

/// Deletes a snapshot as the caller, and says what became of it.
fn delete(cx: &mut Cx<'_>, id: &str) -> &'static str {
    let need = backing::need(cx, "ec2:DeleteSnapshot", cx.place, id);
    if access::check(cx, "ec2", &[need]).is_err() {
        return "missing-permissions";
    }
    if backing::is_used(cx, id) {
        return "skipped";
    }
    match backing::delete(cx, id) {
        Ok(()) => "success",
        Err(_) => "client-error",
    }
}
