//! Spreading a run: one job for each place, written before any work.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{BATCH, Engine, FIND_TIMEOUT};
use crate::{
    AccountId, AccountPool, Fault, JobId, Place, Region, RunId,
    cloud::Session,
    job::{Job, Outcome, PlannedPlace, Status, Work},
    schedule::spread_offset,
    task::{Group, Order, Reach, Regions},
};

/// The job that starts a run.
pub(super) fn job(
    order: &Order,
    (reach, groups): (&[Reach], &[Group]),
    occurrence: Timestamp,
    spread: Option<Duration>,
    plan: Option<Vec<PlannedPlace>>,
    now: Timestamp,
) -> Job {
    let run = RunId::new(&order.task, occurrence);
    let (order, reach, groups) = (Arc::new(order.clone()), reach.to_vec(), groups.to_vec());
    let work = Work::Spread { order, reach, groups, occurrence, spread, plan };
    Job::new(JobId::spread(&run), work, now, now, FIND_TIMEOUT)
}

impl Engine {
    /// Makes the children of a spread job: one per place, and one more spread for each account of
    /// several regions or whose regions must be asked for, so that an account that cannot be
    /// entered is one failure and holds up nobody else; and one for each part of an organization,
    /// whose accounts are those of now. An account that is not active there is a record of that.
    pub(super) async fn spread(&self, job: &Job, now: Timestamp) -> Result<Outcome, Fault> {
        let Work::Spread { order, reach: reach_of, groups, occurrence, spread, plan } = &job.work
        else {
            return Err(Fault::permanent("this job spreads nothing"));
        };
        let run = job.run();
        let find = |place: Place, plan: Option<PlannedPlace>| {
            let offset = spread.map(|window| spread_offset(&order.task, &place, window));
            let start = offset.map_or(now, |offset| now.max(*occurrence + offset));
            let id = JobId::find(&run, &place);
            let order = Arc::clone(order);
            let work = Work::Find { order, place, occurrence: *occurrence, plan, only: None };
            Job::new(id, work, now, start, FIND_TIMEOUT)
        };
        let mut children: Vec<Job> = Vec::new();
        for planned in plan.iter().flatten() {
            children.push(find(planned.place.clone(), Some(planned.clone())));
        }
        let part = |reach: Vec<Reach>, groups: Vec<Group>| {
            let (order, occurrence, spread) = (Arc::clone(order), *occurrence, *spread);
            Work::Spread { order, reach, groups, occurrence, spread, plan: None }
        };
        let top = job.id == JobId::spread(&run);
        let mut reach: Vec<(JobId, Reach)> = Vec::new();
        reach.extend(reach_of.iter().map(|it| (JobId::account(&run, &it.account), it.clone())));
        for group in groups {
            if top {
                let work = part(Vec::new(), vec![group.clone()]);
                let id = JobId::group(&run, &group.name);
                children.push(Job::new(id, work, now, now, FIND_TIMEOUT));
                continue;
            }
            let member = |account: &AccountId| JobId::member(&run, &group.name, account);
            let members = self.ports.accounts.members(group).await?;
            reach.extend(members.reach(group).map(|it| (member(&it.account), it)));
            for (account, state) in members.inactive {
                let (id, regions) = (member(&account), group.regions.clone());
                let reason = format!("the account is {state} in the organization");
                let work = part(vec![Reach { account, regions }], Vec::new());
                children.push(Job::record(id, work, Status::Skipped { reason }, now));
            }
        }
        let enters = !top && groups.is_empty();
        for (id, it) in reach {
            if !enters && it.is_entered_first() {
                children.push(Job::new(id, part(vec![it], Vec::new()), now, now, FIND_TIMEOUT));
                continue;
            }
            let session = Session { task: order.task.clone(), occurrence: *occurrence };
            let places = it.places(&*self.ports.accounts, &session).await?;
            children.extend(places.into_iter().map(|place| find(place, None)));
        }
        for batch in children.chunks(BATCH) {
            self.add(batch).await?;
        }
        let places = children.iter().filter(|child| child.work.place().is_some()).count();
        let parts = if top { groups.len() } else { 0 };
        let inactive = children.iter().filter(|child| child.status != Status::Open).count();
        let accounts = children.len() - places - parts - inactive;
        let mut text = format!("{places} places");
        for (count, what) in [
            (accounts, "accounts to enter first"),
            (parts, "parts of the organization"),
            (inactive, "accounts that are not active"),
        ] {
            if count > 0 {
                text.push_str(&format!(", and {count} {what}"));
            }
        }
        Ok(Outcome::Done(text))
    }
}

impl Reach {
    /// Whether the account is entered before there is a job for each place: it has several, and
    /// all would fail alike, or they must be asked for.
    fn is_entered_first(&self) -> bool {
        match &self.regions {
            Regions::Listed(regions) => regions.len() > 1,
            Regions::All => true,
        }
    }

    /// Its places. An account of several is entered, so that one that is closed is one fault.
    pub(super) async fn places(
        &self,
        accounts: &dyn AccountPool,
        session: &Session,
    ) -> Result<Vec<Place>, Fault> {
        let place =
            |region: &Region| Place { account: self.account.clone(), region: region.clone() };
        match &self.regions {
            Regions::All => {
                let regions = accounts.regions(&self.account, session).await?;
                Ok(regions.iter().map(place).collect())
            }
            Regions::Listed(regions) => {
                if let [first, _, ..] = regions.as_slice() {
                    accounts.can_enter(&place(first), session).await?;
                }
                Ok(regions.iter().map(place).collect())
            }
        }
    }
}
