//! `ebs.snapshot.archive`: moves snapshots to the archive, where they are stored for less and have
//! to be restored before they can be used.
//!
//! Idempotency: *converging*. What is in the archive, or on its way, stays so; a repeated step
//! looks where it is before it says it again.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use lamplighter_core::{
    Action, Doing, Fault, Progress, Spec, StepCx, Verdict,
    action::{Effect, GateSpec, PlanCx},
    cloud::ec2::{Snapshot, SnapshotState, Tiering},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::lineage::{Manager, bases, is_hop, manager, source, taken_at};

/// How long it is until the next look: a move takes hours.
const WAIT: Duration = Duration::from_secs(900);
/// AWS's answer when an image needs a snapshot.
const IN_USE: &str = "InvalidSnapshot.InUse";

/// Parameters of `ebs.snapshot.archive`: there are none. Which snapshots are archived, `select`
/// says, such as `target.started_at < now - duration("720h")`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {}

/// That it is on its way.
#[derive(Debug, Serialize, Deserialize)]
pub struct Moving {}

/// `ebs.snapshot.archive`: moves each snapshot to the archive.
pub struct ArchiveSnapshot;

#[async_trait]
impl Action for ArchiveSnapshot {
    type Params = Params;
    type Target = Snapshot;
    type State = Moving;
    type Known = ();

    const COMPARES_TARGETS: bool = true;

    const SPEC: Spec = Spec {
        name: "ebs.snapshot.archive",
        summary: "Moves each selected snapshot to the archive.",
        permissions: &["ec2:DescribeSnapshotTierStatus", "ec2:ModifySnapshotTier"],
        elsewhere: &[],
        effect: Effect::Changes,
        timeout: Duration::from_secs(7 * 24 * 3600),
        // Source: EBS User Guide, "Quotas for Amazon EBS", in-progress snapshot archives.
        gate: Some(GateSpec { name: "snapshot-archivals", limit: 25 }),
    };

    fn plan(_: &Params, _: &PlanCx<'_>, found: &[Snapshot], _: &()) -> Vec<Verdict> {
        let bases = bases(found);
        let newest = newest(found);
        found.iter().map(|snapshot| judge(snapshot, &newest, &bases)).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        _: &Params,
        snapshot: &Snapshot,
        state: Option<Moving>,
    ) -> Result<Progress<Moving>, Fault> {
        let (ec2, id) = (cx.here.ec2(), &snapshot.id);
        let on_its_way = || Ok(Progress::Again { state: Moving {}, wait: WAIT });
        if state.is_some() || cx.tried.times > 0 {
            let asked = ec2.tiering(id).await.doing(format!("asking where `{id}` is stored"))?;
            match (asked.as_ref().map(stand), state) {
                (None, _) => return Err(Fault::permanent(format!("`{id}` is gone"))),
                (Some(Stand::Archived), _) => {
                    return Ok(Progress::Done(format!("archived `{id}`")));
                }
                (Some(Stand::Moving), _) => return on_its_way(),
                (Some(Stand::Failed(why)), Some(_)) => {
                    return Err(Fault::permanent(format!("`{id}` was not archived: {why}")));
                }
                // Describes lag behind the start of the move.
                (Some(Stand::Elsewhere), Some(_)) => return on_its_way(),
                (Some(Stand::Elsewhere | Stand::Failed(_)), None) => {
                    if let Some(wait) = cx.lag_left() {
                        return Ok(Progress::Later { wait });
                    }
                }
            }
        }
        match ec2.archive_snapshot(id).await {
            Err(fault) if fault.code.as_deref() == Some(IN_USE) => {
                let why = fault.chain();
                Ok(Progress::Skipped(format!(
                    "AWS archives it when its images are disabled: {why}"
                )))
            }
            begun => {
                begun.doing(format!("archiving `{id}`"))?;
                on_its_way()
            }
        }
    }
}

/// Where a snapshot is on its way to the archive.
enum Stand {
    Archived,
    Moving,
    Failed(String),
    /// Not on that way.
    Elsewhere,
}

fn stand(it: &Tiering) -> Stand {
    match it.operation.as_deref() {
        _ if it.tier == "archive" => Stand::Archived,
        Some("archival-in-progress") => Stand::Moving,
        Some("archival-failed") => {
            Stand::Failed(it.detail.clone().unwrap_or_else(|| "AWS does not say why".to_owned()))
        }
        _ => Stand::Elsewhere,
    }
}

/// The newest completed snapshot of each source.
fn newest(found: &[Snapshot]) -> BTreeMap<&str, &str> {
    let mut newest: BTreeMap<&str, &Snapshot> = BTreeMap::new();
    for it in found.iter().filter(|it| it.state == SnapshotState::Completed && !is_hop(it)) {
        let Some(of) = source(it) else { continue };
        let kept = newest.entry(of).or_insert(it);
        if (taken_at(it), &it.id) > (taken_at(kept), &kept.id) {
            *kept = it;
        }
    }
    newest.into_iter().map(|(of, it)| (of, it.id.as_str())).collect()
}

/// Source: EBS User Guide, "Archive Amazon EBS snapshots", considerations and guidelines.
fn judge(
    snapshot: &Snapshot,
    newest: &BTreeMap<&str, &str>,
    bases: &BTreeMap<&str, String>,
) -> Verdict {
    let leave = |reason: &str| Verdict::Leave { reason: reason.to_owned() };
    match snapshot.state {
        SnapshotState::Pending => return leave("pending: only completed snapshots are archived"),
        SnapshotState::Error => return leave("it failed"),
        SnapshotState::Recoverable | SnapshotState::Recovering => {
            return leave("it is in the recycle bin");
        }
        SnapshotState::Completed => {}
    }
    if snapshot.storage_tier != "standard" {
        return leave("it is in the archive");
    }
    if is_hop(snapshot) {
        return leave("it is on the way to another copy");
    }
    match manager(snapshot) {
        Some(Manager::Backup) => return leave("AWS Backup manages it"),
        Some(Manager::LifecycleManager) => return leave("Data Lifecycle Manager manages it"),
        None => {}
    }
    if source(snapshot).is_some_and(|of| newest.get(of) == Some(&snapshot.id.as_str())) {
        return leave("it is the newest of its volume here, which stays at hand");
    }
    if let Some(why) = bases.get(snapshot.id.as_str()) {
        return leave(why);
    }
    Verdict::Act {
        effect: format!("archive ({} GiB)", snapshot.size_gib),
        reason: Some(
            "in the archive it is stored whole, billed for 90 days at least, and restored within \
             72 hours"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests;
