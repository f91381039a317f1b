//! `ebs.snapshot.fast-restore`: switches fast restores of snapshots on, for a time or for good, and
//! off again.
//!
//! What was on before is never a job's to switch off: it remembers which zones are its own before
//! it switches anything on.
//!
//! Idempotency: *converging*. A step looks where they are on, and changes the others.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use lamplighter_core::{
    Action, Doing, Fault, Place, Progress, Spec, StepCx, Verdict,
    action::{BadParams, Effect, LookCx, Permissions, PlanCx},
    cloud::{
        self, Ec2,
        ec2::{FastRestore, FastRestoreState, Snapshot},
    },
    length::Length,
    select::ServerFilter,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{usable::why_unusable, watch::unless_done, zone::ZoneLetter};

/// How long it is until the next look: a TiB takes an hour.
const LOOK: Duration = Duration::from_secs(300);
/// How long it takes to begin or to end.
const MOMENT: Duration = Duration::from_secs(30);
/// The largest snapshot that can have it, in GiB.
/// Source: EBS User Guide, "Amazon EBS fast snapshot restore", considerations.
const LARGEST: u32 = 16 * 1024;
/// Snapshots of a region that can have it, unless AWS has raised that.
/// Source: EBS User Guide, "Quotas for Amazon EBS".
const QUOTA: usize = 5;
/// What `for` can be, in minutes. AWS bills an hour at least; what a job waits for ends before it.
const BOUNDS: std::ops::RangeInclusive<u32> = 60..=7 * 24 * 60;

/// Parameters of `ebs.snapshot.fast-restore`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// In which zones, by their letters: `a` is `eu-west-1a` in `eu-west-1`. AWS bills each hour of
    /// each snapshot in each zone.
    zones: BTreeSet<ZoneLetter>,
    /// Whether they are switched on or off.
    #[serde(default)]
    state: Switch,
    /// How long they are on, such as `8h`: an hour to seven days, from the moment that a run
    /// switches them on. Then the same job switches them off again. Without it, they are on until
    /// somebody ends it.
    #[serde(default, rename = "for")]
    lasting: Option<Length>,
}

/// Whether fast restores are to be on or off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Switch {
    /// They are on, and each job waits until volumes are fast.
    #[default]
    Enabled,
    /// They are off, whoever has switched them on.
    Disabled,
}

/// What a job remembers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct State {
    /// The zones where it changes something.
    zones: BTreeSet<String>,
    /// When it has begun or switched them on.
    since: Timestamp,
    /// When they are switched off again, once they are on.
    until: Option<Timestamp>,
    phase: Phase,
}

/// What a job does next.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Phase {
    /// It switches them on.
    Enable,
    /// It waits until volumes are fast, and then until the time is over.
    Wait,
    /// It switches them off.
    Disable,
}

/// `ebs.snapshot.fast-restore`: switches fast restores of each snapshot on or off.
pub struct FastRestoreSnapshot;

#[async_trait]
impl Action for FastRestoreSnapshot {
    type Params = Params;
    type Target = Snapshot;
    type State = State;
    type Known = Vec<FastRestore>;

    const SPEC: Spec = Spec {
        name: "ebs.snapshot.fast-restore",
        summary: "Switches fast restores of each selected snapshot on, also for a time, or off.",
        permissions: &[
            "ec2:DescribeFastSnapshotRestores",
            "ec2:DisableFastSnapshotRestores",
            "ec2:EnableFastSnapshotRestores",
        ],
        elsewhere: &[],
        effect: Effect::Changes,
        timeout: Duration::from_secs(9 * 24 * 3600),
        gate: None,
    };

    const LOOKS: &'static [&'static str] = &["ec2:DescribeFastSnapshotRestores"];

    fn check(params: &Params) -> Result<(), BadParams> {
        let bad = |path: &str, message: &str| {
            Err(BadParams { path: path.to_owned(), message: message.to_owned() })
        };
        if params.zones.is_empty() {
            return bad("zones", "`zones` names at least one");
        }
        match params.lasting {
            Some(_) if params.state == Switch::Disabled => {
                bad("for", "`for` is how long they are on, and `state` is `disabled`")
            }
            Some(it) if !BOUNDS.contains(&it.minutes()) => {
                bad("for", "`for` is `1h` to `7d`: AWS bills an hour at least")
            }
            _ => Ok(()),
        }
    }

    fn permissions(params: &Params) -> Permissions {
        let mut needs = Permissions::here(&["ec2:DescribeFastSnapshotRestores"]);
        if params.state == Switch::Enabled {
            needs.here.insert("ec2:EnableFastSnapshotRestores");
        }
        if params.state == Switch::Disabled || params.lasting.is_some() {
            needs.here.insert("ec2:DisableFastSnapshotRestores");
        }
        needs
    }

    async fn look(
        cx: &LookCx<'_>,
        _: &Params,
        found: &[Snapshot],
    ) -> Result<Vec<FastRestore>, Fault> {
        let mut all = Vec::new();
        if !found.is_empty() {
            let (ec2, filter) = (cx.here.ec2(), ServerFilter::default());
            let list = |page| ec2.fast_restores(&filter, page);
            cx.each("listing fast restores", list, |it| all.push(it)).await?;
        }
        all.retain(|it| it.state.is_on());
        Ok(all)
    }

    fn plan(
        params: &Params,
        cx: &PlanCx<'_>,
        found: &[Snapshot],
        known: &Vec<FastRestore>,
    ) -> Vec<Verdict> {
        let mut have: BTreeSet<&str> = known.iter().map(|it| it.snapshot.as_str()).collect();
        found.iter().map(|it| judge(params, cx.place, it, known, &mut have)).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        params: &Params,
        snapshot: &Snapshot,
        state: Option<State>,
    ) -> Result<Progress<State>, Fault> {
        let (ec2, id) = (cx.here.ec2(), &snapshot.id);
        let found = states(ec2, id).await?;
        let is_on = |zone: &String| found.get(zone).is_some_and(|it| it.is_on());
        let Some(state) = state else {
            let on = params.state == Switch::Enabled;
            let mut zones = params.zones(cx.here.place());
            zones.retain(|zone| is_on(zone) != on);
            if zones.is_empty() {
                return Ok(Progress::Skipped("it is so already".to_owned()));
            }
            let phase = if on { Phase::Enable } else { Phase::Disable };
            return Ok(State { zones, since: cx.now, until: None, phase }.after(Duration::ZERO));
        };
        let words = in_words(&state.zones);
        match state.phase {
            Phase::Wait if state.until.is_some_and(|until| until <= cx.now) => {
                Ok(State { phase: Phase::Disable, ..state }.after(Duration::ZERO))
            }
            Phase::Enable => {
                for zone in state.zones.iter().filter(|it| !is_on(it)) {
                    let enabling = ec2.enable_fast_restore(id, zone).await;
                    enabling.doing(format!("switching fast restores of `{id}` on in {zone}"))?;
                }
                let until = params.lasting.map(|it| it.after(cx.now));
                Ok(State { phase: Phase::Wait, since: cx.now, until, ..state }.after(MOMENT))
            }
            Phase::Wait => {
                let off = state.zones.iter().find(|it| !is_on(it));
                if let (Some(zone), None) = (off, cx.longest_lag_left(state.since)) {
                    let why =
                        format!("fast restores of `{id}` in {zone} were switched off by others");
                    return Err(Fault::permanent(why));
                }
                let is_ready = |it| found.get(it) == Some(&FastRestoreState::Enabled);
                match state.until {
                    _ if !state.zones.iter().all(is_ready) => Ok(state.after(LOOK)),
                    None => Ok(Progress::Done(format!("volumes are fast in {words}"))),
                    Some(until) => {
                        let left = Duration::try_from(until.duration_since(cx.now));
                        Ok(state.after(left.unwrap_or_default()))
                    }
                }
            }
            Phase::Disable => {
                for zone in state.zones.iter().filter(|it| is_on(it)) {
                    let disabling = ec2.disable_fast_restore(id, zone).await;
                    let doing = format!("switching fast restores of `{id}` off in {zone}");
                    if let Err(fault) = disabling.doing(doing) {
                        return unless_done(cx, fault);
                    }
                }
                Ok(Progress::Done(format!("fast restores are off in {words}")))
            }
        }
    }
}

impl State {
    /// It goes on after a while.
    fn after(self, wait: Duration) -> Progress<State> {
        Progress::Again { state: self, wait }
    }
}

impl Params {
    /// The zones in a place.
    fn zones(&self, here: &Place) -> BTreeSet<String> {
        self.zones.iter().map(|it| it.of(&here.region)).collect()
    }
}

fn in_words(zones: &BTreeSet<String>) -> String {
    zones.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// How far fast restores of a snapshot are, by zone.
async fn states(ec2: &dyn Ec2, id: &str) -> Result<BTreeMap<String, FastRestoreState>, Fault> {
    let filter = ServerFilter::of_ids([id.to_owned()]);
    let mut found = BTreeMap::new();
    let take = |it: FastRestore| _ = found.insert(it.zone, it.state);
    let looking = cloud::each(|page| ec2.fast_restores(&filter, page), take).await;
    looking.doing(format!("looking at fast restores of `{id}`"))?;
    Ok(found)
}

/// Why a snapshot cannot have it.
/// Source: EBS User Guide, "Amazon EBS fast snapshot restore", considerations.
fn cannot(snapshot: &Snapshot) -> Option<&'static str> {
    let too_large = || (snapshot.size_gib > LARGEST).then_some("it is larger than 16 TiB");
    why_unusable(snapshot).or_else(too_large)
}

/// Judges one; `have` are the snapshots of the place that have it somewhere, or will.
fn judge<'s>(
    params: &Params,
    here: &Place,
    snapshot: &'s Snapshot,
    known: &[FastRestore],
    have: &mut BTreeSet<&'s str>,
) -> Verdict {
    let leave = |reason: String| Verdict::Leave { reason };
    let mut zones = params.zones(here);
    let on: BTreeSet<&String> =
        known.iter().filter(|it| it.snapshot == snapshot.id).map(|it| &it.zone).collect();
    if params.state == Switch::Disabled {
        zones.retain(|zone| on.contains(zone));
        return match zones.is_empty() {
            true => leave("fast restores are off there".to_owned()),
            false => Verdict::Act {
                effect: format!("switch fast restores off in {}", in_words(&zones)),
                reason: None,
            },
        };
    }
    if let Some(reason) = cannot(snapshot) {
        return leave(reason.to_owned());
    }
    let all = in_words(&zones);
    zones.retain(|zone| !on.contains(zone));
    if zones.is_empty() {
        return leave(format!("volumes are fast in {all} already, or will be"));
    }
    have.insert(&snapshot.id);
    let length = match params.lasting.map(Length::minutes) {
        Some(minutes) if minutes % 60 == 0 => format!(" for {} h", minutes / 60),
        Some(minutes) => format!(" for {minutes} min"),
        None => String::new(),
    };
    let mut reason = format!("AWS bills each hour in each zone, {} of them", zones.len());
    if have.len() > QUOTA {
        reason.push_str(&format!(
            "; unless AWS has raised its quota of {QUOTA} snapshots in a region, it waits for others"
        ));
    }
    let effect = format!("switch fast restores on in {}{length}", in_words(&zones));
    Verdict::Act { effect, reason: Some(reason) }
}

#[cfg(test)]
mod tests;
