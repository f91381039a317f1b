//! The steps of `ebs.snapshot.copy`, one function for each phase.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use lamplighter_core::{
    Doing, Fault, FaultKind, Place, Progress, Scope, StepCx, Tags,
    action::{COPIED_FROM_TAG, HOP_TAG, SOURCE_TAG, TAKEN_AT_TAG},
    cloud::ec2::{NewCopy, Snapshot},
    retry::MAX_ATTEMPTS,
    select::ServerFilter,
    template::Values,
};

use super::{
    judge::is_copy_of,
    known::{Way, Ways, entering, named_key, other_accounts, way},
    params::{Destination, Params},
    state::{Leg, Phase, State},
};
use crate::{
    DESCRIPTION_MAX,
    gone::{Deletion, delete},
    keys,
    lineage::{copied_to, source, taken_at, why_it_stays},
    watch::{self, Begin, Stand, Started, begin, is_of_job, not_started, told},
};

/// AWS's answer when a snapshot is not there.
const GONE: &str = "InvalidSnapshot.NotFound";
/// AWS's answer to the deletion of a snapshot that an image needs.
const IN_USE: &str = "InvalidSnapshot.InUse";

/// A job that copies one snapshot.
struct Copier<'a> {
    cx: &'a StepCx<'a>,
    params: &'a Params,
    snapshot: &'a Snapshot,
}

/// Takes one step. A fault that ends something ends that and no more: what is left is served,
/// and what is temporary is taken back.
pub(super) async fn step(
    cx: &StepCx<'_>,
    params: &Params,
    snapshot: &Snapshot,
    state: Option<State>,
) -> Result<Progress<State>, Fault> {
    let copier = Copier { cx, params, snapshot };
    let Some(state) = state else { return copier.set_out().await };
    let before = state.clone();
    match copier.go_on(state).await {
        Err(fault) if before.phase != Phase::Clean && is_final(&fault, cx) => {
            Ok(before.gave_up(fault.kind, fault.chain()).at_once())
        }
        result => result,
    }
}

/// Whether the engine would not try again.
fn is_final(fault: &Fault, cx: &StepCx<'_>) -> bool {
    match fault.kind {
        FaultKind::Throttled => false,
        FaultKind::Transient => cx.tried.times + 1 >= MAX_ATTEMPTS,
        FaultKind::Permission | FaultKind::Config | FaultKind::Refused | FaultKind::Permanent => {
            true
        }
    }
}

impl Copier<'_> {
    /// Finds the way to each destination that has no copy yet. Changes nothing.
    async fn set_out(&self) -> Result<Progress<State>, Fault> {
        let Copier { cx, params, snapshot } = *self;
        let here = cx.here.place();
        let others = other_accounts(params, here);
        let ways =
            Ways { here: cx.here, accounts: cx.accounts, session: cx.session, others: &others };
        let facts = match &snapshot.kms_key_id {
            Some(key) => Some(ways.key(key).await?),
            None => None,
        };
        let (mut left, mut done, mut shared) = (Vec::new(), Vec::new(), BTreeSet::new());
        for (index, to) in params.to.iter().enumerate() {
            let place = to.place(here);
            let scope = self.enter(&place).await?;
            if place == *here && (to.key.is_none() || snapshot.tags.contains_key(COPIED_FROM_TAG)) {
                continue;
            }
            if let Some(copy) = self.copies(&*scope).await?.first() {
                done.push(format!("copied to {place} as `{}` before", copy.id));
                continue;
            }
            let way = way(params, here, snapshot, facts.as_ref(), &place.account);
            let way = way.map_err(Fault::config)?;
            let key = match &to.key {
                Some(name) => Some(named_key(&*scope, name).await?.arn),
                None => None,
            };
            if matches!(way, Way::Shared(_)) {
                shared.insert(place.account.clone());
            }
            left.push(Leg { to: index, key, by_hop: matches!(way, Way::Hop(_)) });
        }
        let hop_key = match left.iter().any(|leg| leg.by_hop) {
            true => ways.hop_key(params).await?,
            false => None,
        };
        if !shared.is_empty() {
            let id = &snapshot.id;
            let shares = cx.here.ec2().snapshot_shares(id).await;
            let shares = shares.doing(format!("asking who may use `{id}`"))?;
            shared.retain(|it| !shares.accounts.contains(it));
        }
        let state = State {
            phase: Phase::Clean,
            left,
            hop_key,
            hop: None,
            lent: shared,
            done,
            failed: Vec::new(),
            fault: None,
        };
        Ok(state.next().at_once())
    }

    async fn go_on(&self, state: State) -> Result<Progress<State>, Fault> {
        match &state.phase {
            Phase::Hop => self.hop(state).await,
            Phase::Hopping(started) => {
                let started = started.clone();
                self.hopping(state, started).await
            }
            Phase::Copy => self.copy(state).await,
            Phase::Copying(started) => {
                let started = started.clone();
                self.copying(state, started).await
            }
            Phase::Clean => self.clean(state).await,
        }
    }

    /// Starts the copy on the way.
    async fn hop(&self, state: State) -> Result<Progress<State>, Fault> {
        let Copier { cx, snapshot, .. } = *self;
        match begin(cx, &self.hops().await?) {
            Begin::Follow(started) => return Ok(hopping_on(state, started.first_look())),
            Begin::Wait(wait) => return Ok(Progress::Later { wait }),
            Begin::Make => {}
        }
        let mut tags = self.ours();
        tags.insert(HOP_TAG.to_owned(), snapshot.id.clone());
        let new = NewCopy {
            source_region: cx.here.place().region.clone(),
            source: snapshot.id.clone(),
            key: state.hop_key.clone(),
            description: format!("{} on its way to other accounts", snapshot.id),
            tags,
            within_minutes: None,
        };
        let made = cx.here.ec2().copy_snapshot(&new).await.map_err(not_started);
        let made = made.doing(format!("copying `{}` on its way", snapshot.id))?;
        Ok(hopping_on(state, Started::now(cx, &made, cx.now).first_look()))
    }

    /// Waits for the copy on the way.
    async fn hopping(&self, state: State, started: Started) -> Result<Progress<State>, Fault> {
        let id = started.snapshot().to_owned();
        let hops = self.hops().await?;
        match started.stands(self.cx, self.cx.here.ec2(), hops).await? {
            Stand::Pending(started, wait) => Ok(hopping_on(state, (started, wait))),
            Stand::Later(wait) => Ok(Progress::Later { wait }),
            Stand::Failed(why) => {
                // It is deleted in the end, as any other.
                let why = self.with_keys(why, state.hop_key.as_deref(), self.cx.here.place());
                let state = State { hop: Some(id), ..state };
                Ok(state.gave_up(FaultKind::Permanent, why).at_once())
            }
            Stand::Completed(hop, _) if hop.encrypted && state.hop_key.is_none() => {
                let why = format!(
                    "`{}`, the copy on the way, is encrypted by default here with a key that \
                     nobody else can use: set `hop-key`",
                    hop.id
                );
                let state = State { hop: Some(hop.id), ..state };
                Ok(state.gave_up(FaultKind::Config, why).at_once())
            }
            Stand::Completed(hop, _) => Ok(State { hop: Some(hop.id), ..state }.next().at_once()),
        }
    }

    /// Shares the source with the first destination that is left, and starts the copy there.
    async fn copy(&self, state: State) -> Result<Progress<State>, Fault> {
        let Copier { cx, params, snapshot } = *self;
        let (leg, to, place) = self.current(&state)?;
        let scope = self.enter(&place).await?;
        let (ours, others): (Vec<Snapshot>, Vec<Snapshot>) =
            self.copies(&*scope).await?.into_iter().partition(|it| is_of_job(cx, it));
        if let Some(copy) = others.first() {
            // Somebody else was faster.
            let done = format!("copied to {place} as `{}` before", copy.id);
            return Ok(state.arrived(done).at_once());
        }
        match begin(cx, &ours) {
            Begin::Follow(started) => return Ok(copying_on(state, started.first_look())),
            Begin::Wait(wait) => return Ok(Progress::Later { wait }),
            Begin::Make => {}
        }
        let id = state.hop.as_ref().filter(|_| leg.by_hop).unwrap_or(&snapshot.id);
        if leg.by_hop || state.lent.contains(&place.account) {
            let with = BTreeSet::from([place.account.clone()]);
            let sharing = cx.here.ec2().share_snapshot(id, &with).await;
            sharing.doing(format!("sharing `{id}` with {}", place.account))?;
        }
        let values = Values {
            extra: &BTreeMap::from([("source", source(snapshot).unwrap_or_default().to_owned())]),
            ..cx.values(&snapshot.id, &snapshot.tags)
        };
        let mut tags = params.wanted_tags().of(&snapshot.tags, &values);
        tags.extend(self.ours());
        tags.insert(COPIED_FROM_TAG.to_owned(), snapshot.id.clone());
        let new = NewCopy {
            source_region: cx.here.place().region.clone(),
            source: id.clone(),
            key: leg.key.clone(),
            description: params.description.render_within(DESCRIPTION_MAX, &values),
            tags,
            within_minutes: to.completion_duration.map(|it| it.minutes()),
        };
        let made = scope.ec2().copy_snapshot(&new).await.map_err(not_started);
        let made = made.doing(format!("copying `{id}` to {place}"))?;
        Ok(copying_on(state, Started::now(cx, &made, cx.now).first_look()))
    }

    /// Waits for the copy; then verifies it, tags the source, and shares the copy.
    async fn copying(&self, state: State, started: Started) -> Result<Progress<State>, Fault> {
        let Copier { cx, snapshot, .. } = *self;
        let (leg, to, place) = self.current(&state)?;
        let scope = self.enter(&place).await?;
        let filter = self.of_this();
        let found = watch::find(scope.ec2(), &filter, |it| is_of_job(cx, it)).await;
        let found = found.doing(format!("looking for the copy in {place}"))?;
        let (copy, deleted) = match started.stands(cx, scope.ec2(), found).await? {
            Stand::Pending(started, wait) => return Ok(copying_on(state, (started, wait))),
            Stand::Later(wait) => return Ok(Progress::Later { wait }),
            Stand::Failed(why) => {
                let why = self.with_keys(why, leg.key.as_deref(), &place);
                return Ok(state.gave_up(FaultKind::Permanent, why).at_once());
            }
            Stand::Completed(copy, deleted) => (copy, deleted),
        };
        if let Err(wrong) = self.verify(&copy, &leg) {
            return Err(Fault::permanent(format!(
                "`{}` in {place} is not as it should be: {wrong}; delete it to have it made again",
                copy.id
            )));
        }
        if !to.share.is_empty() {
            let sharing = scope.ec2().share_snapshot(&copy.id, &to.share).await;
            sharing.doing(format!("sharing the copy `{}` in {place}", copy.id))?;
        }
        if snapshot.owner.as_ref() == Some(&cx.here.place().account) {
            let tags = Tags::from([(copied_to(&place), copy.id.clone())]);
            match cx.here.ec2().set_tags(&snapshot.id, &tags).await {
                // Somebody has deleted it while it was copied.
                Err(fault) if fault.code.as_deref() == Some(GONE) => {}
                tagged => tagged.doing(format!("tagging `{}` with its copy", snapshot.id))?,
            }
        }
        let done = format!("copied to {place} as `{}`{}", copy.id, told(&deleted));
        Ok(state.arrived(done).at_once())
    }

    /// Takes back what is temporary, and deletes the source if that is asked for.
    async fn clean(&self, mut state: State) -> Result<Progress<State>, Fault> {
        let Copier { cx, params, snapshot } = *self;
        let (ec2, id) = (cx.here.ec2(), &snapshot.id);
        if !state.lent.is_empty() {
            match ec2.unshare_snapshot(id, &state.lent).await {
                Err(fault) if fault.code.as_deref() == Some(GONE) => {}
                withdrawn => withdrawn.doing(format!("ending the sharing of `{id}`"))?,
            }
        }
        if let Some(hop) = &state.hop {
            let deleting = delete(cx, ec2, hop).await;
            match deleting.doing(format!("deleting `{hop}`, the copy on the way"))? {
                Deletion::Done => {}
                Deletion::Later(wait) => return Ok(Progress::Later { wait }),
            }
        }
        if params.delete_source && state.failed.is_empty() {
            match self.delete_source().await? {
                Ok(done) => state.done.push(done),
                Err(wait) => return Ok(Progress::Later { wait }),
            }
        }
        state.end()
    }

    /// Deletes the source if it may go. Returns what came of it, or how long that cannot be told.
    async fn delete_source(&self) -> Result<Result<String, Duration>, Fault> {
        let Copier { cx, snapshot, .. } = *self;
        let (ec2, id) = (cx.here.ec2(), &snapshot.id);
        let of = source(snapshot).unwrap_or_default();
        let others = watch::find(ec2, &ServerFilter::tag(SOURCE_TAG, of), |_| true).await;
        let others = others.doing(format!("looking for other backups of `{of}`"))?;
        if let Some(why) = why_it_stays(snapshot, cx.here.place(), &others) {
            return Ok(Ok(format!("`{id}` stays: {why}")));
        }
        Ok(match delete(cx, ec2, id).await {
            Err(fault) if fault.code.as_deref() == Some(IN_USE) => {
                Ok(format!("`{id}` stays: AWS does not let it go: {}", fault.chain()))
            }
            deleted => match deleted.doing(format!("deleting `{id}`, which is copied"))? {
                Deletion::Done => Ok(format!("deleted `{id}`")),
                Deletion::Later(wait) => Err(wait),
            },
        })
    }

    /// The destination that it is at.
    fn current(&self, state: &State) -> Result<(Leg, &Destination, Place), Fault> {
        let leg = state.left.first().cloned();
        let current = leg.and_then(|leg| Some((self.params.to.get(leg.to)?, leg)));
        let (to, leg) =
            current.ok_or_else(|| Fault::permanent("the job is at none of its destinations"))?;
        Ok((leg, to, to.place(self.cx.here.place())))
    }

    async fn enter(&self, place: &Place) -> Result<Arc<dyn Scope>, Fault> {
        self.cx.accounts.scope(place, self.cx.session).await.doing(entering(place))
    }

    /// The snapshots that say that they are copied from this one.
    fn of_this(&self) -> ServerFilter {
        ServerFilter::tag(COPIED_FROM_TAG, &self.snapshot.id)
    }

    /// The copies of this snapshot in a place that have not failed, or are this job's own.
    async fn copies(&self, scope: &dyn Scope) -> Result<Vec<Snapshot>, Fault> {
        let id = &self.snapshot.id;
        let counts = |it: &Snapshot| is_copy_of(it, id) || is_of_job(self.cx, it);
        let found = watch::find(scope.ec2(), &self.of_this(), counts).await;
        found.doing(format!("looking for copies of `{id}` in {}", scope.place()))
    }

    /// The copies on the way that this job has made.
    async fn hops(&self) -> Result<Vec<Snapshot>, Fault> {
        let filter = ServerFilter::tag(HOP_TAG, &self.snapshot.id);
        let found = watch::find(self.cx.here.ec2(), &filter, |it| is_of_job(self.cx, it)).await;
        found.doing("looking for the copy on the way")
    }

    /// The tags of every copy: whose it is, and of what, from when.
    fn ours(&self) -> Tags {
        let mut tags = self.cx.ownership_tags();
        if let Some(source) = source(self.snapshot) {
            tags.insert(SOURCE_TAG.to_owned(), source.to_owned());
        }
        tags.insert(TAKEN_AT_TAG.to_owned(), taken_at(self.snapshot).to_string());
        tags
    }

    /// Whether a completed copy is what was asked for.
    fn verify(&self, copy: &Snapshot, leg: &Leg) -> Result<(), String> {
        let (has, wants) = (copy.size_gib, self.snapshot.size_gib);
        if has != wants {
            return Err(format!("it has {has} GiB, and the source {wants}"));
        }
        if self.snapshot.encrypted && !copy.encrypted {
            return Err("it is not encrypted, and the source is".to_owned());
        }
        if leg.key.is_some() && copy.kms_key_id != leg.key {
            let key = copy.kms_key_id.as_deref().unwrap_or("none");
            return Err(format!("its key is `{key}`"));
        }
        Ok(())
    }

    /// What is said of a copy that failed, when keys are in it: EBS checks them only while it
    /// copies, and does not say which one it could not use.
    /// Source: EBS User Guide, "Share the KMS key used to encrypt a shared Amazon EBS snapshot".
    fn with_keys(&self, why: String, target: Option<&str>, place: &Place) -> String {
        if !why.to_ascii_lowercase().contains("key") {
            return why;
        }
        let list = |actions: &[&str]| {
            actions.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ")
        };
        let mut cures = Vec::new();
        if let Some(key) = keys::name(self.snapshot) {
            cures.push(format!("{} on the source's key (`{key}`)", list(keys::READS)));
        }
        let target = target.map(|key| format!(" (`{key}`)")).unwrap_or_default();
        cures.push(format!("{} on the copy's key{target}", list(keys::WRITES)));
        format!(
            "{why}: the role in {} needs {}, and the keys' policies must allow it",
            place.account,
            cures.join(" and ")
        )
    }
}

fn hopping_on(state: State, (started, wait): (Started, Duration)) -> Progress<State> {
    Progress::Again { state: State { phase: Phase::Hopping(started), ..state }, wait }
}

fn copying_on(state: State, (started, wait): (Started, Duration)) -> Progress<State> {
    Progress::Again { state: State { phase: Phase::Copying(started), ..state }, wait }
}
