//! `dynamodb.backup.delete`: deletes the backups of tables that no rule keeps.
//!
//! Idempotency: *converging*. A backup that is gone stays gone, so a repeated step does no harm.

use std::time::Duration;

use async_trait::async_trait;
use lamplighter_core::{
    Action, Doing, Fault, Progress, Spec, StepCx, Verdict,
    action::{BadParams, Effect, PlanCx},
    cloud::table_backups::Backup,
    retention::{self, Decision, Policy},
};

/// `dynamodb.backup.delete`: deletes the backups of each table that no rule keeps.
pub struct DeleteBackup;

#[async_trait]
impl Action for DeleteBackup {
    type Params = Policy;
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

    fn check(params: &Policy) -> Result<(), BadParams> {
        params.check()
    }

    fn plan(params: &Policy, cx: &PlanCx<'_>, found: &[Backup], _: &()) -> Vec<Verdict> {
        let backups: Vec<retention::Backup> = found.iter().map(of_backup).collect();
        let decisions = retention::decide(params, &backups, cx.now);
        found.iter().zip(decisions).map(|(it, decision)| verdict(it, &decision)).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        _: &Policy,
        backup: &Backup,
        _: Option<()>,
    ) -> Result<Progress<()>, Fault> {
        let deleting = cx.here.tables().delete_backup(&backup.id).await;
        deleting.doing(format!("deleting `{}`", backup.id))?;
        Ok(Progress::Done(format!("deleted `{}`", backup.name)))
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
