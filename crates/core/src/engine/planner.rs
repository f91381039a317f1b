//! What tasks would do, without one writing call and without a journal.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Survey, find::NoPulse, survey::survey};
use crate::{
    AccountId, AccountPool, Catalog, Fault, Place,
    action::{self, LookCx},
    cloud::Session,
    plan::PlacePlan,
    task::{Order, Regions, Task},
};

/// Looks at AWS and decides as the engine would.
#[derive(Clone)]
pub struct Planner {
    catalog: Catalog,
    accounts: Arc<dyn AccountPool>,
}

impl Planner {
    /// A planner for these actions and accounts.
    pub fn new(catalog: Catalog, accounts: Arc<dyn AccountPool>) -> Planner {
        Planner { catalog, accounts }
    }

    /// The places of a task. An account whose regions cannot be learned is a fault of its own.
    pub async fn places(
        &self,
        task: &Task,
        at: Timestamp,
    ) -> Vec<Result<Place, (AccountId, Fault)>> {
        let session = Session { task: task.order.task.clone(), occurrence: at };
        let mut places = Vec::new();
        for reach in &task.reach {
            let account = &reach.account;
            let regions = match &reach.regions {
                Regions::Listed(regions) => Ok(regions.clone()),
                Regions::All => self.accounts.regions(account, &session).await,
            };
            let place = |region| Place { account: account.clone(), region };
            match regions {
                Ok(regions) => places.extend(regions.into_iter().map(|region| Ok(place(region)))),
                Err(fault) => places.push(Err((account.clone(), fault))),
            }
        }
        places
    }

    /// What a task would do in one place at `at`. More than the task's limit is a fault.
    pub async fn place(&self, order: &Order, place: &Place, at: Timestamp) -> PlacePlan {
        let result = self.survey(order, place, at).await;
        PlacePlan { task: order.task.clone(), place: place.clone(), result }
    }

    async fn survey(&self, order: &Order, place: &Place, at: Timestamp) -> Result<Survey, Fault> {
        let action = action::ordered(self.catalog, &order.action)?;
        let session = Session { task: order.task.clone(), occurrence: at };
        let scope = self.accounts.scope(place, &session).await?;
        let cx = LookCx {
            session: &session,
            now: at,
            here: &*scope,
            accounts: &*self.accounts,
            pulse: &NoPulse,
        };
        let survey = survey(action, order, cx, None).await?;
        survey.within_limit(order)?;
        Ok(survey)
    }
}
