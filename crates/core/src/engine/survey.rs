//! What a task would do in one place: list, select, plan, and check the guards.
//!
//! Everything that decides is here or below, and nothing here writes to AWS: a dry run is a
//! survey and no more.

use std::{collections::BTreeSet, mem::replace};

use jiff::Timestamp;

use super::{
    guards::{self, Found},
    listing::Listing,
};
use crate::{
    Doing, Facts, Fault, Place, RunId,
    action::{AnyAction, Candidate, Effect, JOB_TAG, Kept, LookCx, TASK_TAG, Verdict},
    cloud::Session,
    select::{self, Fields, Selected, ServerFilter},
    task::Order,
};

/// More pages than this is a listing that does not end.
const MOST_PAGES: usize = 100_000;

/// What was found in a place, and the verdict on each selected resource.
#[derive(Debug)]
pub struct Survey {
    /// Selected resources with their verdicts, in the order listed.
    pub planned: Vec<Planned>,
    /// Resources of which it is not known whether they are selected, and why.
    pub unknown: Vec<(Kept, String)>,
    /// Selected resources of an event that the task itself has made: those are no targets of it.
    pub own: Vec<Kept>,
    /// The numbers that guards judge.
    pub found: Found,
}

/// A selected resource and its verdict.
#[derive(Clone, Debug)]
pub struct Planned {
    /// Its id.
    pub target: String,
    /// All that is known of it.
    pub facts: Facts,
    /// What should happen to it.
    pub verdict: Verdict,
}

/// Surveys one place, or only the resources of an event there. The guards are not applied: see
/// [`Survey::within_limit`]. After a fault the `listing` can go on.
pub(super) async fn survey(
    action: &dyn AnyAction,
    order: &Order,
    cx: LookCx<'_>,
    only: Option<&BTreeSet<String>>,
    listing: &mut Listing,
) -> Result<Survey, Fault> {
    let (scope, now) = (cx.here, cx.now);
    let place = scope.place();
    let filter = match only {
        Some(ids) => ServerFilter::of_ids(ids.iter().cloned()),
        None => server_filter(action, order),
    };
    let fields = Fields::from_schema(&action.target_schema());
    while !listing.has_ended() {
        if listing.pages == MOST_PAGES {
            let message = format!("listing in {place} did not end after {MOST_PAGES} pages");
            return Err(Fault::permanent(message));
        }
        let kind = action.target_kind();
        let answer = action
            .list(&order.params, scope, &filter, listing.next.clone())
            .await
            .doing(format!("listing {kind} in {place}"))?;
        for candidate in answer.items {
            if is_of_run(&candidate, cx.session)
                || only.is_some_and(|ids| !ids.contains(&candidate.id))
            {
                continue;
            }
            if action.spec().effect == Effect::Deletes
                && !may_delete(order, &candidate, &fields, place, now)
            {
                continue;
            }
            listing.listed += 1;
            match order.select.selects(&seen(&candidate, &fields, place), now) {
                Selected::Yes if only.is_some() && made_by(order, &candidate) => {
                    listing.own.push(candidate.into());
                }
                Selected::Yes => listing.selected.push(candidate.into()),
                Selected::No => {}
                Selected::Unknown(why) => {
                    let why = format!("cannot tell whether it is selected: {why}");
                    listing.unknown.push((candidate.into(), why));
                }
            }
        }
        listing.pages += 1;
        listing.next = answer.next;
        cx.pulse.beat().await?;
    }
    let planning = action.plan_json(&order.params, &cx, &listing.selected).await;
    let verdicts = planning.doing(format!("planning in {place}"))?;
    Ok(Survey::new(listing, verdicts))
}

impl Survey {
    fn new(listing: &mut Listing, verdicts: Vec<Verdict>) -> Survey {
        let Listing { selected, unknown, own, listed, .. } =
            replace(listing, Listing::new(listing.now));
        let planned: Vec<Planned> = selected
            .into_iter()
            .zip(verdicts)
            .map(|(it, verdict)| Planned { target: it.id, facts: it.facts, verdict })
            .collect();
        let acts = planned.iter().filter(|it| matches!(it.verdict, Verdict::Act { .. })).count();
        let found = Found { listed, selected: planned.len() as u64, to_act: acts as u64 };
        Survey { planned, unknown, own, found }
    }

    /// Whether it is decided for each resource of an event: it is acted on, or the task itself
    /// has made it. Any other may only look as it did before the event.
    pub(super) fn settles(&self, only: &BTreeSet<String>) -> bool {
        let acts = |it: &&Planned| matches!(it.verdict, Verdict::Act { .. });
        let mut settled: BTreeSet<&str> = self.own.iter().map(|it| it.id.as_str()).collect();
        settled.extend(self.planned.iter().filter(acts).map(|it| it.target.as_str()));
        only.iter().all(|id| settled.contains(id.as_str()))
    }

    /// How many resources fail before anything is done: it is not known whether they are
    /// selected, or they cannot be acted on.
    pub(super) fn failed(&self) -> usize {
        let fails = self.planned.iter().filter(|it| matches!(it.verdict, Verdict::Fail { .. }));
        self.unknown.len() + fails.count()
    }

    /// Whether more would be acted on than the task allows.
    pub fn within_limit(&self, order: &Order) -> Result<(), Fault> {
        guards::within_limit(&order.guards, self.found)
    }

    /// Whether as many were selected as the task expects.
    pub fn as_expected(&self, order: &Order) -> Result<(), Fault> {
        guards::as_expected(&order.guards, self.found)
    }
}

/// What the listing call is asked to leave out. Nothing, when a guard needs to know how many
/// there are in all, or when somebody else's resources may be adopted.
fn server_filter(action: &dyn AnyAction, order: &Order) -> ServerFilter {
    if order.guards.limit_percent.is_some() {
        return ServerFilter::default();
    }
    let filter = select::push_down(&order.select.tags);
    if action.spec().effect == Effect::Deletes && order.adopt.is_none() {
        filter.and_tag_key(TASK_TAG)
    } else {
        filter
    }
}

/// Whether this very run has made it: who looks again, after a crash, finds that too, and it is
/// no target.
fn is_of_run(candidate: &Candidate, session: &Session) -> bool {
    let run = RunId::new(&session.task, session.occurrence);
    let job = candidate.tags.get(JOB_TAG).and_then(|job| job.strip_prefix(run.as_str()));
    job.is_some_and(|rest| rest.starts_with('/'))
}

/// Law L6: only what carries our tags or was adopted. What cannot be known is not adopted.
fn may_delete(
    order: &Order,
    candidate: &Candidate,
    fields: &Fields,
    place: &Place,
    now: Timestamp,
) -> bool {
    candidate.tags.contains_key(TASK_TAG)
        || order.adopt.as_ref().is_some_and(|adopt| {
            adopt.selects(&seen(candidate, fields, place), now) == Selected::Yes
        })
}

/// Whether the task itself has made a resource.
fn made_by(order: &Order, candidate: &Candidate) -> bool {
    candidate.tags.get(TASK_TAG).is_some_and(|it| it == order.task.as_str())
}

/// A listed resource as a selection sees it.
fn seen<'a>(
    candidate: &'a Candidate,
    fields: &'a Fields,
    place: &'a Place,
) -> select::Candidate<'a> {
    select::Candidate {
        target: &candidate.facts,
        fields,
        tags: Some(&candidate.tags),
        account: &place.account,
        region: &place.region,
    }
}
