//! An action to test with, and its evil twins.

use std::time::Duration;

use async_trait::async_trait;
use lamplighter_core::{
    Action, Fault, Progress, Spec, StepCx, Verdict,
    action::{Effect, JOB_TAG, PlanCx},
    cloud::ec2::{NewSnapshot, Snapshot, SnapshotState, Volume},
    select::ServerFilter,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// No flaw.
pub(crate) const NONE: u8 = 0;
/// It never looks for what an earlier try has made.
pub(crate) const BLIND: u8 = 1;
/// It looks, and trusts an empty answer at once.
pub(crate) const HASTY: u8 = 2;
/// It leaves what was made twice.
pub(crate) const UNTIDY: u8 = 3;
/// It gives up when what it made is not visible yet.
pub(crate) const IMPATIENT: u8 = 4;
/// It fails for good when it is throttled.
pub(crate) const PROUD: u8 = 5;
/// It declares less than it uses.
pub(crate) const MODEST: u8 = 6;
/// It declares more than it uses.
pub(crate) const GREEDY: u8 = 7;
/// It acts on nothing.
pub(crate) const LAZY: u8 = 8;

/// Snapshots each volume, in the shortest way that is right when `FLAW` is [`NONE`].
pub(crate) struct Snap<const FLAW: u8>;

/// Nothing to set.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {}

const fn permissions(flaw: u8) -> &'static [&'static str] {
    match flaw {
        MODEST => &["ec2:CreateSnapshot", "ec2:DeleteSnapshot", "ec2:DescribeSnapshots"],
        GREEDY => &[
            "ec2:CreateSnapshot",
            "ec2:CreateTags",
            "ec2:DeleteSnapshot",
            "ec2:DeleteVolume",
            "ec2:DescribeSnapshots",
        ],
        _ => {
            &["ec2:CreateSnapshot", "ec2:CreateTags", "ec2:DeleteSnapshot", "ec2:DescribeSnapshots"]
        }
    }
}

#[async_trait]
impl<const FLAW: u8> Action for Snap<FLAW> {
    type Params = Params;
    type Target = Volume;
    type State = String;
    type Known = ();

    const SPEC: Spec = Spec {
        name: "test.snap",
        summary: "Creates a snapshot of each volume.",
        permissions: permissions(FLAW),
        elsewhere: &[],
        effect: Effect::Creates,
        timeout: Duration::from_secs(24 * 3600),
        gate: None,
    };

    fn plan(_: &Params, _: &PlanCx<'_>, found: &[Volume], _: &()) -> Vec<Verdict> {
        let verdict = |_: &Volume| match FLAW {
            LAZY => Verdict::Leave { reason: "not today".to_owned() },
            _ => Verdict::Act { effect: "create a snapshot".to_owned(), reason: None },
        };
        found.iter().map(verdict).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        _: &Params,
        volume: &Volume,
        state: Option<String>,
    ) -> Result<Progress<String>, Fault> {
        let again =
            |id: &str| Ok(Progress::Again { state: id.to_owned(), wait: Duration::from_secs(45) });
        if state.is_none() && (cx.tried.times == 0 || FLAW == BLIND) {
            return again(&create(cx, volume).await.map_err(proud::<FLAW>)?.id);
        }
        let made = made_by(cx).await.map_err(proud::<FLAW>)?;
        let Some(first) = made.first() else {
            return match (&state, cx.lag_left()) {
                (Some(_), _) if FLAW == IMPATIENT => Err(Fault::permanent("it disappeared")),
                (Some(id), _) => again(id),
                (None, Some(wait)) if FLAW != HASTY => Ok(Progress::Later { wait }),
                (None, _) => again(&create(cx, volume).await.map_err(proud::<FLAW>)?.id),
            };
        };
        if first.state != SnapshotState::Completed {
            return again(&first.id);
        }
        for twin in made.iter().skip(1).filter(|_| FLAW != UNTIDY) {
            cx.here.ec2().delete_snapshot(&twin.id).await.map_err(proud::<FLAW>)?;
        }
        Ok(Progress::Done(format!("created {}", first.id)))
    }
}

fn proud<const FLAW: u8>(fault: Fault) -> Fault {
    if FLAW == PROUD { Fault::permanent("would not wait").caused_by(fault) } else { fault }
}

async fn create(cx: &StepCx<'_>, volume: &Volume) -> Result<Snapshot, Fault> {
    let new = NewSnapshot {
        volume_id: volume.id.clone(),
        description: String::new(),
        tags: cx.ownership_tags(),
    };
    cx.here.ec2().create_snapshot(&new).await
}

async fn made_by(cx: &StepCx<'_>) -> Result<Vec<Snapshot>, Fault> {
    let filter = ServerFilter::tag(JOB_TAG, cx.job.as_str());
    let (mut made, mut page) = (Vec::new(), None);
    loop {
        let listed = cx.here.ec2().snapshots(&filter, page).await?;
        made.extend(listed.items);
        page = listed.next;
        if page.is_none() {
            made.sort_by_key(|it| it.started_at);
            return Ok(made);
        }
    }
}
