//! The organization's port: asked by the hub, in the one region where it answers.

use std::sync::{MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{
    Fault, FaultKind, Place, Region,
    cloud::{
        Members, Organizations, Page, PageToken,
        organizations::{Member, members},
    },
    task::Group,
};

use super::{Accounts, Call, DryRun};
use crate::{
    operation::Operation,
    organizations::{ListAccountsForParent, ListOrganizationalUnitsForParent, MOST},
};

/// How long a listing is good.
const KEPT: SignedDuration = SignedDuration::from_mins(5);
/// How often a call is made that is too fast, and how long after the one before.
const ATTEMPTS: u32 = 10;
const WAIT: SignedDuration = SignedDuration::from_secs(1);

/// The accounts of a part of the organization.
pub(super) struct Learned {
    group: Group,
    members: Members,
    until: Timestamp,
}

#[async_trait]
impl Organizations for Accounts {
    async fn accounts_of(
        &self,
        parent: &str,
        page: Option<PageToken>,
    ) -> Result<Page<Member>, Fault> {
        let request = ListAccountsForParent {
            parent_id: parent.to_owned(),
            max_results: Some(MOST),
            next_token: page.map(|it| it.0),
        };
        let answer = self.ask(request, |it| (it.accounts, it.next_token)).await?;
        let (accounts, next) = answer;
        let member = |id: &str, state: &str| match id.parse() {
            Ok(id) => Ok(Member { id, state: state.to_owned() }),
            Err(error) => Err(Fault::permanent("reading an account's id").caused_by(error)),
        };
        let items = accounts.iter().map(|it| member(&it.id, it.state)).collect::<Result<_, _>>()?;
        Ok(Page { items, next: next.map(PageToken) })
    }

    async fn units_of(&self, parent: &str, page: Option<PageToken>) -> Result<Page<String>, Fault> {
        let request = ListOrganizationalUnitsForParent {
            parent_id: parent.to_owned(),
            max_results: Some(MOST),
            next_token: page.map(|it| it.0),
        };
        let answer = self.ask(request, |it| (it.organizational_units, it.next_token)).await?;
        let (units, next) = answer;
        Ok(Page { items: units.into_iter().map(|it| it.id).collect(), next: next.map(PageToken) })
    }
}

impl Accounts {
    /// The accounts of a part of it, as they are or were some minutes ago: as an adapter does it.
    pub(super) async fn members_of(&self, group: &Group) -> Result<Members, Fault> {
        let now = self.cloud.now();
        let is_it = |it: &&Learned| it.group == *group && now < it.until;
        let known = self.learned().iter().find(is_it).map(|it| it.members.clone());
        if let Some(members) = known {
            return Ok(members);
        }
        let members = members(self, group).await?;
        let (group, until) = (group.clone(), now + KEPT);
        let mut learned = self.learned();
        learned.retain(|it| it.group != group);
        learned.push(Learned { group, until, members: members.clone() });
        Ok(members)
    }

    fn learned(&self) -> MutexGuard<'_, Vec<Learned>> {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls, and calls again when it was too fast, as an SDK does for a call that only reads.
    async fn ask<O: Operation + Clone + Send, R: Send>(
        &self,
        operation: O,
        use_answer: impl Fn(O::Answer<'_>) -> R + Copy + Send,
    ) -> Result<R, Fault> {
        let region: Region = "us-east-1".parse().expect("`us-east-1` is a region");
        let Some(account) = self.cloud.hub() else {
            return Err(Fault::config("there is no account that could be asked"));
        };
        let place = Place { account, region };
        let caller = self.hub(&place);
        let weather = &*self.weather;
        for _ in 1..ATTEMPTS {
            let call = Call { cloud: &self.cloud, caller: &caller, place: &place, weather };
            match call.make(operation.clone(), DryRun::No, use_answer).await {
                Err(fault) if fault.kind == FaultKind::Throttled => weather.pass(WAIT).await,
                answer => return answer,
            }
        }
        let call = Call { cloud: &self.cloud, caller: &caller, place: &place, weather };
        call.make(operation, DryRun::No, use_answer).await
    }
}
