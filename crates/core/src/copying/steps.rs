//! The steps of a job that copies, one function for each phase.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Destination, Leg, Phase, Source, State, Way, Ways, entering, other_accounts, way::way,
};
use crate::{
    AccountId, Doing, Fault, FaultKind, Place, Progress, Scope, StepCx, gone::Deletion, keys,
    retry::MAX_ATTEMPTS,
};

/// A job that copies one backup, as its service does it.
#[async_trait]
pub trait Job: Sync {
    /// A place that gets a copy.
    type To: Destination;
    /// What is remembered of a copy that was started.
    type Started: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync;
    /// A copy that is completed.
    type Copy: Send + Sync;

    /// What the step may use.
    fn cx(&self) -> &StepCx<'_>;
    /// The destinations.
    fn to(&self) -> &[Self::To];
    /// The key of the copy on the way, as the parameters name it.
    fn hop_key(&self) -> Option<&str>;
    /// The backup.
    fn backup(&self) -> Facts<'_>;
    /// What decides on its ways.
    fn source(&self) -> Source<'_>;
    /// Whether it is in a destination itself.
    fn is_itself_in(&self, to: &Self::To, place: &Place) -> bool;

    /// A copy that another job has made there, or is making.
    async fn copied_before(&self, there: &dyn Scope) -> Result<Option<String>, Fault>;
    /// What an earlier try of the step has started. `None`: start one.
    async fn begun(
        &self,
        there: &dyn Scope,
        what: What<'_, Self::To>,
    ) -> Result<Option<Begun<Self::Started>>, Fault>;
    /// Starts a copy there.
    async fn begin(
        &self,
        there: &dyn Scope,
        what: What<'_, Self::To>,
    ) -> Result<Begun<Self::Started>, Fault>;
    /// How it stands with a copy that was started.
    async fn stands(
        &self,
        there: &dyn Scope,
        what: What<'_, Self::To>,
        started: Self::Started,
    ) -> Result<Stand<Self::Started, Self::Copy>, Fault>;

    /// The id of a copy that was started.
    fn id_of(started: &Self::Started) -> &str;
    /// A copy that is completed.
    fn facts(copy: &Self::Copy) -> Facts<'_>;
    /// What is wrong with a copy on the way.
    fn spoils_hop(&self, copy: &Self::Copy, hop_key: Option<&str>) -> Option<String>;
    /// Sets the tag of the source that names its copy, if the account may. A source that is gone
    /// needs none.
    async fn mark(&self, place: &Place, copy: &Self::Copy) -> Result<(), Fault>;

    /// The accounts that may use the source: each part of it that is shared by itself.
    async fn shares(&self) -> Result<BTreeMap<String, BTreeSet<AccountId>>, Fault>;
    /// Lets accounts use a backup in a place, with all its parts.
    async fn share(
        &self,
        place: &dyn Scope,
        id: &str,
        with: &BTreeSet<AccountId>,
    ) -> Result<(), Fault>;
    /// Lets accounts use a part of the source no longer. One that is gone is a success.
    async fn unshare(&self, part: &str, with: &BTreeSet<AccountId>) -> Result<(), Fault>;
    /// Deletes the copy on the way.
    async fn delete_hop(&self, hop: &str) -> Result<Deletion, Fault>;
    /// What remains to be done when all copies are there.
    async fn finish(&self) -> Result<End, Fault> {
        Ok(End::Done(None))
    }
}

/// What of a copy has to be as it is of its source.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'b> {
    /// Its id.
    pub id: &'b str,
    /// Its size in GiB, where AWS says it.
    pub size_gib: Option<u32>,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// The ARN of its key.
    pub key: Option<&'b str>,
}

impl Facts<'_> {
    /// What is wrong with a copy of this that was to have a key.
    fn spoils(&self, copy: &Facts<'_>, key: Option<&str>) -> Option<String> {
        if let (Some(has), Some(wants)) = (copy.size_gib, self.size_gib)
            && has != wants
        {
            return Some(format!("it has {has} GiB, and the source {wants}"));
        }
        if self.encrypted && !copy.encrypted {
            return Some("it is not encrypted, and the source is".to_owned());
        }
        (key.is_some() && copy.key != key)
            .then(|| format!("its key is `{}`", copy.key.unwrap_or("none")))
    }
}

/// Which copy a step is about.
#[derive(Debug)]
pub enum What<'a, D> {
    /// That on the way, with this key.
    Hop(Option<&'a str>),
    /// That in a destination, of this backup here.
    Copy(&'a D, &'a Leg, &'a str),
}

impl<D> Clone for What<'_, D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D> Copy for What<'_, D> {}

impl<'a, D> What<'a, D> {
    /// The key that it gets, if one was named.
    pub fn key(self) -> Option<&'a str> {
        match self {
            What::Hop(key) => key,
            What::Copy(_, leg, _) => leg.key.as_deref(),
        }
    }
}

/// What has come of starting a copy.
#[derive(Debug)]
pub enum Begun<S> {
    /// It is being made: look at it after this.
    Making(S, Duration),
    /// It cannot be started yet, or nobody knows whether it was: take the same step again.
    Wait(Duration),
}

/// How it stands with a copy that was started.
#[derive(Debug)]
pub enum Stand<S, C> {
    /// Look again after this.
    Pending(S, Duration),
    /// Take the same step again after this.
    Later(Duration),
    /// It is completed; and what else is to be said.
    Completed(C, String),
    /// It failed, or disappeared: why.
    Failed(String),
}

/// What has come of the end of a job.
#[derive(Debug)]
pub enum End {
    /// It is done; what there is to say of it.
    Done(Option<String>),
    /// Take the same step again after this.
    Later(Duration),
}

/// Takes one step. A fault that ends something ends that and no more: what is left is served,
/// and what is temporary is taken back.
pub async fn step<J: Job>(
    job: &J,
    state: Option<State<J::Started>>,
) -> Result<Progress<State<J::Started>>, Fault> {
    let Some(state) = state else { return set_out(job).await };
    let before = state.clone();
    let went = match state.phase.clone() {
        Phase::Hop => hop(job, state).await,
        Phase::Hopping(started) => hopping(job, state, started).await,
        Phase::Copy => copy(job, state).await,
        Phase::Copying(started) => copying(job, state, started).await,
        Phase::Clean => return clean(job, state).await,
    };
    match went {
        Err(fault) if is_final(&fault, job.cx()) => {
            let hop = match &before.phase {
                Phase::Hopping(started) => Some(J::id_of(started).to_owned()),
                _ => before.hop.clone(),
            };
            let before = State { hop, ..before };
            Ok(before.gave_up(fault.kind, fault.chain()).at_once())
        }
        went => went,
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

/// Finds the way to each destination that has no copy yet. Changes nothing.
async fn set_out<J: Job>(job: &J) -> Result<Progress<State<J::Started>>, Fault> {
    let (cx, source) = (job.cx(), job.source());
    let here = cx.here.place();
    let others = other_accounts(job.to(), here);
    let ways = Ways {
        here: cx.here,
        accounts: cx.accounts,
        session: cx.session,
        others: &others,
        reads: source.reads,
    };
    let mut known = BTreeMap::new();
    for arn in source.keys.iter().filter_map(|it| it.arn) {
        known.insert(arn.to_owned(), ways.key(arn).await?);
    }
    let (mut left, mut done, mut shared) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (index, to) in job.to().iter().enumerate() {
        let place = to.place(here);
        let there = enter(job, &place).await?;
        if job.is_itself_in(to, &place) {
            continue;
        }
        if let Some(copy) = job.copied_before(&*there).await? {
            done.push(before(&place, &copy));
            continue;
        }
        let way = way(&source, job.hop_key(), here, &known, &place.account);
        let way = way.map_err(Fault::config)?;
        let key = match to.key() {
            Some(name) => Some(keys::named(&*there, name).await?.arn),
            None => None,
        };
        if matches!(way, Way::Shared(_)) {
            shared.insert(place.account.clone());
        }
        left.push(Leg { to: index, key, by_hop: matches!(way, Way::Hop(_)) });
    }
    let hop_key = match left.iter().any(|leg| leg.by_hop) {
        true => ways.hop_key(job.hop_key()).await?,
        false => None,
    };
    let mut lent = BTreeMap::new();
    if !shared.is_empty() {
        let id = job.backup().id;
        let shares = job.shares().await.doing(format!("sharing `{id}`"))?;
        let lacks = shares.into_iter().map(|(part, open_to)| (part, &shared - &open_to));
        lent.extend(lacks.filter(|(_, to)| !to.is_empty()));
    }
    let state = State {
        phase: Phase::Clean,
        left,
        hop_key,
        hop: None,
        lent,
        done,
        failed: Vec::new(),
        fault: None,
    };
    Ok(state.next().at_once())
}

/// Starts the copy on the way.
async fn hop<J: Job>(
    job: &J,
    state: State<J::Started>,
) -> Result<Progress<State<J::Started>>, Fault> {
    let (here, what) = (job.cx().here, What::Hop(state.hop_key.as_deref()));
    let begun = match job.begun(here, what).await? {
        Some(begun) => begun,
        None => {
            let begun = job.begin(here, what).await;
            begun.doing(format!("copying `{}` on its way", job.backup().id))?
        }
    };
    Ok(match begun {
        Begun::Making(started, wait) => state.hopping((started, wait)),
        Begun::Wait(wait) => Progress::Later { wait },
    })
}

/// Waits for the copy on the way.
async fn hopping<J: Job>(
    job: &J,
    state: State<J::Started>,
    started: J::Started,
) -> Result<Progress<State<J::Started>>, Fault> {
    let id = J::id_of(&started).to_owned();
    let what = What::Hop(state.hop_key.as_deref());
    match job.stands(job.cx().here, what, started).await? {
        Stand::Pending(started, wait) => Ok(state.hopping((started, wait))),
        Stand::Later(wait) => Ok(Progress::Later { wait }),
        Stand::Failed(why) => {
            // It is deleted in the end, as any other.
            let state = State { hop: Some(id), ..state };
            Ok(state.gave_up(FaultKind::Permanent, why).at_once())
        }
        Stand::Completed(hop, _) => {
            let spoilt = job.spoils_hop(&hop, state.hop_key.as_deref());
            let state = State { hop: Some(J::facts(&hop).id.to_owned()), ..state };
            Ok(match spoilt {
                Some(why) => state.gave_up(FaultKind::Config, why).at_once(),
                None => state.next().at_once(),
            })
        }
    }
}

/// Shares the source with the first destination that is left, and starts the copy there.
async fn copy<J: Job>(
    job: &J,
    state: State<J::Started>,
) -> Result<Progress<State<J::Started>>, Fault> {
    let (leg, to, place) = current(job, &state)?;
    let there = enter(job, &place).await?;
    let id = state.hop.as_deref().filter(|_| leg.by_hop).unwrap_or(job.backup().id);
    let what = What::Copy(to, &leg, id);
    if let Some(copy) = job.copied_before(&*there).await? {
        // Somebody else was faster.
        return Ok(state.arrived(before(&place, &copy)).at_once());
    }
    let begun = match job.begun(&*there, what).await? {
        Some(begun) => begun,
        None => {
            if leg.by_hop || state.lent.values().any(|to| to.contains(&place.account)) {
                let with = BTreeSet::from([place.account.clone()]);
                let sharing = job.share(job.cx().here, id, &with).await;
                sharing.doing(format!("sharing `{id}` with {}", place.account))?;
            }
            job.begin(&*there, what).await.doing(format!("copying `{id}` to {place}"))?
        }
    };
    Ok(match begun {
        Begun::Making(started, wait) => state.copying((started, wait)),
        Begun::Wait(wait) => Progress::Later { wait },
    })
}

/// Waits for the copy; then verifies it, tags the source, and shares the copy.
async fn copying<J: Job>(
    job: &J,
    state: State<J::Started>,
    started: J::Started,
) -> Result<Progress<State<J::Started>>, Fault> {
    let (leg, to, place) = current(job, &state)?;
    let there = enter(job, &place).await?;
    let of = state.hop.as_deref().filter(|_| leg.by_hop).unwrap_or(job.backup().id);
    let (copy, also) = match job.stands(&*there, What::Copy(to, &leg, of), started).await? {
        Stand::Pending(started, wait) => return Ok(state.copying((started, wait))),
        Stand::Later(wait) => return Ok(Progress::Later { wait }),
        Stand::Failed(why) => return Ok(state.gave_up(FaultKind::Permanent, why).at_once()),
        Stand::Completed(copy, also) => (copy, also),
    };
    let facts = J::facts(&copy);
    let id = facts.id;
    if let Some(wrong) = job.backup().spoils(&facts, leg.key.as_deref()) {
        return Err(Fault::permanent(format!(
            "`{id}` in {place} is not as it should be: {wrong}; delete it to have it made again"
        )));
    }
    if !to.share().is_empty() {
        let sharing = job.share(&*there, id, to.share()).await;
        sharing.doing(format!("sharing the copy `{id}` in {place}"))?;
    }
    job.mark(&place, &copy).await.doing(format!("tagging `{}` with its copy", job.backup().id))?;
    Ok(state.arrived(format!("copied to {place} as `{id}`{also}")).at_once())
}

/// Takes back what is temporary, and ends.
async fn clean<J: Job>(
    job: &J,
    mut state: State<J::Started>,
) -> Result<Progress<State<J::Started>>, Fault> {
    for (part, to) in &state.lent {
        job.unshare(part, to).await.doing(format!("ending the sharing of `{part}`"))?;
    }
    if let Some(hop) = &state.hop {
        let deleting = job.delete_hop(hop).await;
        match deleting.doing(format!("deleting `{hop}`, the copy on the way"))? {
            Deletion::Done => {}
            Deletion::Later(wait) => return Ok(Progress::Later { wait }),
        }
    }
    if state.failed.is_empty() {
        match job.finish().await? {
            End::Done(done) => state.done.extend(done),
            End::Later(wait) => return Ok(Progress::Later { wait }),
        }
    }
    state.end()
}

fn before(place: &Place, copy: &str) -> String {
    format!("copied to {place} as `{copy}` before")
}

/// The destination that it is at.
fn current<'j, J: Job>(
    job: &'j J,
    state: &State<J::Started>,
) -> Result<(Leg, &'j J::To, Place), Fault> {
    let leg = state.left.first().cloned();
    let current = leg.and_then(|leg| Some((job.to().get(leg.to)?, leg)));
    let (to, leg) =
        current.ok_or_else(|| Fault::permanent("the job is at none of its destinations"))?;
    let place = to.place(job.cx().here.place());
    Ok((leg, to, place))
}

async fn enter<J: Job>(job: &J, place: &Place) -> Result<Arc<dyn Scope>, Fault> {
    let cx = job.cx();
    cx.accounts.scope(place, cx.session).await.doing(entering(place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_as_large_as_its_source_and_encrypted_with_the_key_that_was_named() {
        let facts = |size_gib, encrypted, key| Facts { id: "b", size_gib, encrypted, key };
        let source = facts(Some(8), true, Some("k"));
        let check = |copy: Facts<'_>, key, expected: Option<&str>| {
            assert_eq!(source.spoils(&copy, key).as_deref(), expected, "{copy:?}");
        };
        check(facts(Some(8), true, Some("k")), None, None);
        check(facts(None, true, Some("new")), Some("new"), None);
        check(facts(Some(9), true, None), None, Some("it has 9 GiB, and the source 8"));
        check(facts(Some(8), false, None), None, Some("it is not encrypted, and the source is"));
        check(facts(Some(8), true, Some("k")), Some("new"), Some("its key is `k`"));
    }
}
