//! `dynamodb.backup.create`: starts a backup of a table, then looks until it can be used.
//!
//! Idempotency: *named*. `CreateBackup` takes no client token, and a name any number of times. A
//! repeated step therefore looks for a backup that has the name of its job, and makes one only
//! when listings can no longer lag. If there are two all the same, the older one is kept and the
//! other deleted.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use lamplighter_core::{
    Action, Doing, Fault, FaultKind, Progress, Spec, StepCx, Verdict,
    action::{Effect, PlanCx},
    cloud::{self, table_backups::Backup, tables::Table},
    template::Template,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::asking::LOOK;

/// Parameters of `dynamodb.backup.create`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// What the backup is called, with placeholders. Other characters than letters, digits, `_`,
    /// `.` and `-` become `-`. The task and the job follow: backups of tables have no tags, so
    /// only their names say whose they are.
    #[serde(default = "default_name")]
    name: Template,
}

fn default_name() -> Template {
    "{target}".parse().expect("it is a standard placeholder")
}

/// What the job remembers of the backup that it has started.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Started {
    backup: String,
    at: Timestamp,
    /// Whether this job may have made more than one.
    twins: bool,
}

/// `dynamodb.backup.create`: starts a backup of each table and waits until it can be used.
pub struct CreateBackup;

#[async_trait]
impl Action for CreateBackup {
    type Params = Params;
    type Target = Table;
    type State = Started;
    type Known = ();

    const SPEC: Spec = Spec {
        name: "dynamodb.backup.create",
        summary: "Creates an on-demand backup of each selected table.",
        permissions: &["dynamodb:CreateBackup", "dynamodb:DeleteBackup", "dynamodb:ListBackups"],
        elsewhere: &[],
        effect: Effect::Creates,
        timeout: Duration::from_secs(6 * 3600),
        gate: None,
    };

    fn plan(_: &Params, _: &PlanCx<'_>, found: &[Table], _: &()) -> Vec<Verdict> {
        let judge = |it: &Table| match it.state.as_str() {
            "ACTIVE" | "UPDATING" => {
                Verdict::Act { effect: "create a backup".to_owned(), reason: None }
            }
            state => Verdict::Leave { reason: format!("it is `{state}`") },
        };
        found.iter().map(judge).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        params: &Params,
        table: &Table,
        state: Option<Started>,
    ) -> Result<Progress<Started>, Fault> {
        let name = name(cx, params, table);
        if let Some(started) = state {
            let made = made_by(cx, table, &name).await?;
            return follow(cx, started, made).await;
        }
        if cx.tried.times > 0 {
            let made = made_by(cx, table, &name).await?;
            if let Some(first) = made.first() {
                // The first try makes one without a look. Only a try after that can have made a
                // second one, because it did not see the first.
                return follow(cx, Started::new(first, cx.tried.times > 1), made).await;
            }
            if let Some(wait) = cx.lag_left() {
                return Ok(Progress::Later { wait });
            }
        }
        let made = cx.here.tables().create_backup(&table.id, &name).await;
        let made = made.map_err(|fault| match fault.kind {
            FaultKind::Throttled => fault.nothing_tried(),
            _ => fault,
        })?;
        let state = Started::new(&made, cx.tried.times > 0);
        Ok(Progress::Again { state, wait: LOOK })
    }
}

fn name(cx: &StepCx<'_>, params: &Params, table: &Table) -> String {
    let values = cx.values(&table.id, &table.tags);
    Backup::name_of(&params.name.render(&values), cx.session, cx.job)
}

/// The backups of the table that have the job's name, the oldest first.
async fn made_by(cx: &StepCx<'_>, table: &Table, name: &str) -> Result<Vec<Backup>, Fault> {
    let mut made = Vec::new();
    let take = |it: Backup| {
        if it.name == name && it.state != "DELETED" {
            made.push(it);
        }
    };
    let looking = cloud::each(|page| cx.here.tables().backups(Some(&table.id), page), take).await;
    looking.doing("looking for what this job has made")?;
    made.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    Ok(made)
}

/// Says how the job goes on with what it has made: waits for the oldest, and in the end deletes
/// all others.
async fn follow(
    cx: &StepCx<'_>,
    started: Started,
    made: Vec<Backup>,
) -> Result<Progress<Started>, Fault> {
    let may_be_hidden = cx.longest_lag_left(started.at).is_some();
    let Some(kept) = made.first() else {
        return match may_be_hidden {
            true => Ok(Progress::Again { state: started, wait: LOOK }),
            false => {
                let message = format!("`{}` disappeared before it was there", started.backup);
                Err(Fault::permanent(message))
            }
        };
    };
    if kept.state != "AVAILABLE" || (started.twins && may_be_hidden) {
        return Ok(Progress::Again { state: started, wait: LOOK });
    }
    let mut summary = format!("created `{}`", kept.id);
    for twin in &made[1..] {
        let deleting = cx.here.tables().delete_backup(&twin.id).await;
        deleting.doing(format!("deleting the duplicate `{}`", twin.id))?;
        summary.push_str(&format!("; deleted the duplicate `{}`", twin.id));
    }
    Ok(Progress::Done(summary))
}

impl Started {
    fn new(made: &Backup, twins: bool) -> Started {
        Started { backup: made.id.clone(), at: made.created_at, twins }
    }
}

#[cfg(test)]
mod tests;
