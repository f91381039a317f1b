//! `dynamodb.backup.delete`: deletes the backups of tables that no rule keeps.
//!
//! Idempotency: *converging*. A backup that is gone stays gone, so a repeated step does no harm.

use std::time::Duration;

use async_trait::async_trait;
use lamplighter_core::{
    Action, Doing, Fault, Progress, Spec, StepCx, Verdict,
    action::{BadParams, Effect, PlanCx},
    cloud::table_backups::Backup,
    retention::{self, Decision, Keep, Policy},
};
use schemars::JsonSchema;
use serde::Deserialize;

/// Parameters of `dynamodb.backup.delete`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// Which backups of each table to keep. The others are deleted.
    keep: Keep,
    /// How many of the newest completed backups of each table are never deleted, whatever the
    /// rules say. At least 1.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    floor: u32,
}

fn one() -> u32 {
    1
}

/// `dynamodb.backup.delete`: deletes the backups of each table that no rule keeps.
pub struct DeleteBackup;

#[async_trait]
impl Action for DeleteBackup {
    type Params = Params;
    type Target = Backup;
    type State = ();
    type Known = ();

    const SPEC: Spec = Spec {
        name: "dynamodb.backup.delete",
        summary: "Deletes the backups of each table that no retention rule keeps.",
        permissions: &["dynamodb:DeleteBackup"],
        elsewhere: &[],
        effect: Effect::Deletes,
        timeout: Duration::from_secs(3600),
        gate: None,
    };

    const COMPARES_TARGETS: bool = true;

    fn check(params: &Params) -> Result<(), BadParams> {
        params.policy().check().map_err(|message| {
            let path = if params.keep.is_empty() { "keep" } else { "floor" };
            BadParams { path: path.to_owned(), message }
        })
    }

    fn plan(params: &Params, cx: &PlanCx<'_>, found: &[Backup], _: &()) -> Vec<Verdict> {
        let backups: Vec<retention::Backup> = found.iter().map(of_backup).collect();
        let decisions = retention::decide(&params.policy(), &backups, cx.now);
        found.iter().zip(decisions).map(|(it, decision)| verdict(it, &decision)).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        _: &Params,
        backup: &Backup,
        _: Option<()>,
    ) -> Result<Progress<()>, Fault> {
        let deleting = cx.here.tables().delete_backup(&backup.id).await;
        deleting.doing(format!("deleting `{}`", backup.id))?;
        Ok(Progress::Done(format!("deleted `{}`", backup.name)))
    }
}

impl Params {
    fn policy(&self) -> Policy {
        Policy { keep: self.keep.clone(), floor: self.floor }
    }
}

/// What retention looks at.
fn of_backup(it: &Backup) -> retention::Backup {
    retention::Backup {
        id: it.id.clone(),
        source: it.table.clone(),
        taken_at: it.created_at,
        state: match it.state.as_str() {
            "AVAILABLE" => retention::State::Completed,
            _ => retention::State::Pending,
        },
    }
}

fn verdict(it: &Backup, decision: &Decision) -> Verdict {
    let reason = decision.reasons.join("; ");
    match decision.verdict {
        retention::Verdict::Delete => {
            let effect = format!("delete (of `{}`, taken at {})", it.table, it.created_at);
            Verdict::Act { effect, reason: Some(reason) }
        }
        retention::Verdict::Keep | retention::Verdict::Leave => Verdict::Leave { reason },
    }
}

#[cfg(test)]
mod tests;
