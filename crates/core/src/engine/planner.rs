//! What tasks would do, without one writing call and without a journal.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;

use super::{Survey, find::NoPulse, listing::Listing, survey::survey};
use crate::{
    AccountId, AccountPool, Catalog, Facts, Fault, JobId, Place, RunId, TaskName,
    action::{self, LookCx, StepCx},
    cloud::Session,
    job::Tried,
    plan::PlacePlan,
    schedule::Schedule,
    task::{Order, Task},
};

/// Looks at AWS and decides as the engine would.
#[derive(Clone)]
pub struct Planner {
    catalog: Catalog,
    accounts: Arc<dyn AccountPool>,
    schedules: Arc<BTreeMap<TaskName, Schedule>>,
}

impl Planner {
    /// A planner for these actions and accounts, which knows of no schedule.
    pub fn new(catalog: Catalog, accounts: Arc<dyn AccountPool>) -> Planner {
        Planner { catalog, accounts, schedules: Arc::default() }
    }

    /// The same planner, which knows when these tasks run: some plans say what comes later.
    #[must_use]
    pub fn knowing(self, tasks: &[Task]) -> Planner {
        let scheduled = tasks.iter().filter(|it| it.enabled);
        let schedules = scheduled
            .filter_map(|it| Some((it.order.task.clone(), it.schedule.clone()?)))
            .collect();
        Planner { schedules: Arc::new(schedules), ..self }
    }

    /// The places of a task. An account that cannot be entered is one fault, and so is a part of
    /// the organization that cannot be listed, which has no account.
    pub async fn places(
        &self,
        task: &Task,
        at: Timestamp,
    ) -> Vec<Result<Place, (Option<AccountId>, Fault)>> {
        let session = Session { task: task.order.task.clone(), occurrence: at };
        let mut places = Vec::new();
        let mut reach = task.reach.clone();
        for group in &task.groups {
            match self.accounts.members(group).await {
                Ok(members) => reach.extend(members.reach(group)),
                Err(fault) => places.push(Err((None, fault))),
            }
        }
        for reach in reach {
            match reach.places(&*self.accounts, &session).await {
                Ok(found) => places.extend(found.into_iter().map(Ok)),
                Err(fault) => places.push(Err((Some(reach.account), fault))),
            }
        }
        places
    }

    /// What a task would do in one place at `at`. More than the task's limit is a fault.
    pub async fn place(&self, order: &Order, place: &Place, at: Timestamp) -> PlacePlan {
        let result = self.survey(order, place, at).await;
        PlacePlan { task: order.task.clone(), place: place.clone(), result }
    }

    /// Tries what acting on a target would need, without an effect: see
    /// [`Action::rehearse`](crate::Action::rehearse).
    pub async fn rehearse(
        &self,
        order: &Order,
        place: &Place,
        (target, facts): (&str, &Facts),
        at: Timestamp,
    ) -> Result<Vec<&'static str>, Fault> {
        let action = action::ordered(self.catalog, &order.action)?;
        let session = Session { task: order.task.clone(), occurrence: at };
        let scope = self.accounts.scope(place, &session).await?;
        let job = JobId::act(&RunId::new(&order.task, at), place, target);
        let cx = StepCx {
            session: &session,
            job: &job,
            time_zone: order.time_zone.rules(),
            now: at,
            tried: Tried::default(),
            here: &*scope,
            accounts: &*self.accounts,
        };
        action.rehearse_json(&cx, &order.params, facts).await
    }

    async fn survey(&self, order: &Order, place: &Place, at: Timestamp) -> Result<Survey, Fault> {
        let action = action::ordered(self.catalog, &order.action)?;
        let session = Session { task: order.task.clone(), occurrence: at };
        let scope = self.accounts.scope(place, &session).await?;
        let cx = LookCx {
            session: &session,
            time_zone: order.time_zone.rules(),
            now: at,
            schedule: self.schedules.get(&order.task),
            here: &*scope,
            accounts: &*self.accounts,
            pulse: &NoPulse,
        };
        let survey = survey(action, order, cx, None, &mut Listing::new(at)).await?;
        survey.within_limit(order)?;
        Ok(survey)
    }
}
