//! The plan of a copy: where each snapshot goes, on which way, and what is missing.

use jiff::Timestamp;
use lamplighter_core::{
    Place, Verdict,
    action::{COPIED_FROM_TAG, PlanCx, TAKEN_AT_TAG},
    cloud::rds::{Kind, Quota, Snapshot},
    copying::{Draft, TargetKey, Way, cannot_share, no_room, way},
};

use super::{
    known::{Known, There, source_of},
    params::{Destination, Params},
};
use crate::{
    bounds::not_rds,
    groups::{self, own},
    lineage::{is_hop, taken_at},
};

/// Judges every snapshot.
pub(super) fn plan(
    kind: Kind,
    params: &Params,
    cx: &PlanCx<'_>,
    found: &[&Snapshot],
    known: &Known,
) -> Vec<Verdict> {
    let free = |it: &There| it.quota.map(|it| it.most.saturating_sub(it.used));
    let room = known.there.iter().map(free).collect();
    let mut planner = Planner { kind, params, cx, known, room };
    found.iter().map(|snapshot| planner.judge(snapshot)).collect()
}

struct Planner<'a> {
    kind: Kind,
    params: &'a Params,
    cx: &'a PlanCx<'a>,
    known: &'a Known,
    /// How many more snapshots each destination has room for.
    room: Vec<Option<u64>>,
}

impl Planner<'_> {
    fn judge(&mut self, snapshot: &Snapshot) -> Verdict {
        let Planner { params, cx, known, .. } = *self;
        if let Some(reason) = cannot(self.kind, params, snapshot) {
            return Verdict::Leave { reason };
        }
        let mut draft = Draft::default();
        let mut full = Vec::new();
        let mut goes = Vec::new();
        for (index, (to, there)) in params.to.iter().zip(&known.there).enumerate() {
            match self.arrived(to, snapshot, there) {
                Some(done) => draft.arrived(done),
                None => match self.one(snapshot, to, there) {
                    Ok((effect, way)) => {
                        let hop_key = params.hop_key.as_deref();
                        draft.goes(effect, way, hop_key.filter(|_| snapshot.encrypted));
                        full.extend(self.is_full(index));
                        goes.push(index);
                    }
                    Err(reason) => return Verdict::Fail { reason },
                },
            }
        }
        if !draft.is_nothing()
            && let Some(reason) = no_room(&snapshot.tags, &params.to, cx.place)
        {
            return Verdict::Fail { reason };
        }
        for index in goes {
            self.room[index] = self.room[index].map(|it| it.saturating_sub(1));
        }
        if !draft.is_nothing() {
            draft.note(full);
            draft.note(params.wanted_tags().left_out(&snapshot.tags));
        }
        draft.verdict(&match self.kind {
            Kind::Instance => format!("{} GiB", snapshot.size_gib),
            // Aurora says nothing of the size.
            Kind::Cluster => "it".to_owned(),
        })
    }

    /// What is said of a destination that has no room left.
    fn is_full(&self, index: usize) -> Option<String> {
        let There { place, quota, .. } = &self.known.there[index];
        let Quota { used, most } = (*quota).filter(|_| self.room[index] == Some(0))?;
        Some(format!("when there is room: {place} has {used} manual snapshots of at most {most}"))
    }

    /// Why nothing is to be done for a destination.
    fn arrived(&self, to: &Destination, snapshot: &Snapshot, there: &There) -> Option<String> {
        let (here, place) = (self.cx.place, &there.place);
        if is_itself_in(to, place, here, snapshot) {
            return Some(format!("it is in {place} itself"));
        }
        let arn = self.kind.snapshot_arn(here, &snapshot.id);
        let copy = there.copies.iter().find(|it| is_copy_of(it, &arn, snapshot))?;
        Some(match copy.state.as_str() {
            "available" => format!("copied to {place} as `{}`", copy.id),
            _ => format!("`{}` in {place} is being made of it", copy.id),
        })
    }

    /// What is done for one destination, in words, and on which way; or why it cannot be.
    fn one(
        &self,
        snapshot: &Snapshot,
        to: &Destination,
        there: &There,
    ) -> Result<(String, Way), String> {
        let (here, place) = (self.cx.place, &there.place);
        let (from, onto) = (here.region.partition(), place.region.partition());
        if from != onto {
            return Err(format!("AWS copies nothing from the partition `{from}` to `{onto}`"));
        }
        let facts = snapshot.kms_key_id.as_ref().and_then(|key| self.known.keys.get(key));
        let source = source_of(snapshot);
        let hop_key = self.params.hop_key.as_deref();
        let way = way(&source, hop_key, here, &self.known.keys, &place.account)?;
        self.check_group(snapshot, to, there)?;
        let key = match (source.keys.first(), &there.key) {
            (None, Some(key)) if self.kind == Kind::Cluster => {
                return Err(format!(
                    "it is not encrypted, and AWS encrypts no copies of such snapshots of \
                     clusters: leave out the key `{}` of {place}",
                    key.name
                ));
            }
            (Some(_), None) if place != here => {
                return Err(format!(
                    "it is encrypted, and a copy in {place} needs a key there: set the \
                     destination's `key`"
                ));
            }
            (Some(key), None) => facts.map(|it| it.as_target(*key)),
            (_, key) => key.clone(),
        };
        match cannot_share(to, place, key.as_ref()) {
            Some(reason) => Err(reason),
            None => Ok((effect(place, key.as_ref()), way)),
        }
    }

    /// Refuses what the option group of a snapshot does not allow.
    /// Source: RDS User Guide, "Copying a DB snapshot", considerations for option groups.
    fn check_group(
        &self,
        snapshot: &Snapshot,
        to: &Destination,
        there: &There,
    ) -> Result<(), String> {
        let (here, place) = (self.cx.place, &there.place);
        let Some(name) = own(snapshot) else { return Ok(()) };
        let leaves = place.account != here.account;
        if (leaves || !to.share.is_empty())
            && let Some(why) = self.known.groups.keeps(snapshot)
        {
            return Err(why);
        }
        let engine = &snapshot.engine;
        match (&to.option_group, &there.group) {
            _ if place == here => Ok(()),
            (Some(named), Some(group)) if group.engine != *engine => Err(format!(
                "the option group `{named}` in {place} is for `{}`, and it is of `{engine}`",
                group.engine
            )),
            (Some(named), Some(group)) if !to.share.is_empty() => {
                groups::keeps(named, group).map_or(Ok(()), Err)
            }
            (Some(_), _) => Ok(()),
            (None, _) => Err(format!(
                "its option group `{name}` does not go to {place}: create one there for \
                 `{engine}` with the same options, and set the destination's `option-group` to it, \
                 or to a default one such as `default:{engine}-…`"
            )),
        }
    }
}

/// Why a snapshot is not to be copied anywhere.
/// Source: RDS User Guide, "Copying a DB snapshot for Amazon RDS", limitations.
fn cannot(kind: Kind, params: &Params, snapshot: &Snapshot) -> Option<String> {
    let (engine, snapshot_type) = (&snapshot.engine, &snapshot.snapshot_type);
    if let Some(reason) = not_rds(engine) {
        return Some(reason);
    }
    if is_hop(snapshot) {
        return Some("it is on the way to another copy".to_owned());
    }
    if snapshot_type == "awsbackup" {
        return Some("AWS Backup manages it: copy it there".to_owned());
    }
    if !params.sources.include(snapshot_type) {
        return Some(format!("it is `{snapshot_type}`, which `sources` does not include"));
    }
    if kind == Kind::Cluster && !engine.starts_with("aurora") {
        return Some("AWS copies no snapshots of Multi-AZ DB clusters".to_owned());
    }
    if engine.starts_with("custom-") {
        return Some("AWS copies no snapshots of RDS Custom".to_owned());
    }
    let state = &snapshot.state;
    (state != "available").then(|| format!("it is `{state}`: only what is available is copied"))
}

fn effect(place: &Place, key: Option<&TargetKey>) -> String {
    match key {
        Some(key) => format!("{place} with key `{}`", key.name),
        None => format!("{place} not encrypted"),
    }
}

/// Whether a destination is where a snapshot is, and what it is. What RDS has made by itself
/// becomes a manual one there.
pub(super) fn is_itself_in(
    to: &Destination,
    place: &Place,
    here: &Place,
    snapshot: &Snapshot,
) -> bool {
    place == here
        && snapshot.snapshot_type == "manual"
        && (to.key.is_none() || snapshot.tags.contains_key(COPIED_FROM_TAG))
}

/// Whether a copy of a snapshot, which has this ARN, has not failed. Names come again: what was
/// taken at another time is of another snapshot.
pub(super) fn is_copy_of(copy: &Snapshot, arn: &str, snapshot: &Snapshot) -> bool {
    let said = copy.tags.get(TAKEN_AT_TAG).and_then(|it| it.parse::<Timestamp>().ok());
    let taken = snapshot.created_at.map(|at| taken_at(snapshot, at));
    copy.tags.get(COPIED_FROM_TAG).map(String::as_str) == Some(arn)
        && said.map(Timestamp::as_second) == taken.map(Timestamp::as_second)
        && ["available", "copying", "creating"].contains(&copy.state.as_str())
}
