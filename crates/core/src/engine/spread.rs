//! Spreading a run: one job for each place, written before any work.

use std::time::Duration;

use jiff::Timestamp;

use super::{BATCH, Engine, FIND_TIMEOUT};
use crate::{
    AccountPool, Fault, JobId, Place, Region, RunId,
    cloud::Session,
    job::{Job, Outcome, PlannedPlace, Work},
    schedule::spread_offset,
    task::{Order, Reach, Regions},
};

/// The job that starts a run.
pub(super) fn job(
    order: &Order,
    reach: &[Reach],
    occurrence: Timestamp,
    spread: Option<Duration>,
    plan: Option<Vec<PlannedPlace>>,
    now: Timestamp,
) -> Job {
    let run = RunId::new(&order.task, occurrence);
    let work =
        Work::Spread { order: order.clone(), reach: reach.to_vec(), occurrence, spread, plan };
    Job::new(JobId::spread(&run), work, now, now, FIND_TIMEOUT)
}

impl Engine {
    /// Makes the children of a spread job: one per place, and one more spread for each account of
    /// several regions or whose regions must be asked for, so that an account that cannot be
    /// entered is one failure and holds up nobody else.
    pub(super) async fn spread(&self, job: &Job, now: Timestamp) -> Result<Outcome, Fault> {
        let Work::Spread { order, reach, occurrence, spread, plan } = &job.work else {
            return Err(Fault::permanent("this job spreads nothing"));
        };
        let run = job.run();
        let find = |place: Place, plan: Option<PlannedPlace>| {
            let offset = spread.map(|window| spread_offset(&order.task, &place, window));
            let start = offset.map_or(now, |offset| now.max(*occurrence + offset));
            let id = JobId::find(&run, &place);
            let order = order.clone();
            let work = Work::Find { order, place, occurrence: *occurrence, plan, only: None };
            Job::new(id, work, now, start, FIND_TIMEOUT)
        };
        let mut children: Vec<Job> = Vec::new();
        for planned in plan.iter().flatten() {
            children.push(find(planned.place.clone(), Some(planned.clone())));
        }
        let top = job.id == JobId::spread(&run);
        for it in reach {
            if top && it.is_entered_first() {
                let work = Work::Spread {
                    order: order.clone(),
                    reach: vec![it.clone()],
                    occurrence: *occurrence,
                    spread: *spread,
                    plan: None,
                };
                let id = JobId::account(&run, &it.account);
                children.push(Job::new(id, work, now, now, FIND_TIMEOUT));
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
        let accounts = children.len() - places;
        Ok(Outcome::Done(match accounts {
            0 => format!("{places} places"),
            _ => format!("{places} places, and {accounts} accounts to enter first"),
        }))
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
