//! The organization's port: asked by the hub, in the one region where it answers.

use async_trait::async_trait;
use lamplighter_core::{
    Fault, Place, Region,
    cloud::{Organizations, Page, PageToken, organizations::Member},
};

use super::{Accounts, Call, DryRun};
use crate::{
    operation::Operation,
    organizations::{ListAccountsForParent, ListOrganizationalUnitsForParent, MOST},
};

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
    async fn ask<O: Operation + Send, R: Send>(
        &self,
        operation: O,
        use_answer: impl FnOnce(O::Answer<'_>) -> R + Send,
    ) -> Result<R, Fault> {
        let region: Region = "us-east-1".parse().expect("`us-east-1` is a region");
        let Some(account) = self.cloud.hub() else {
            return Err(Fault::config("there is no account that could be asked"));
        };
        let place = Place { account, region };
        let caller = self.hub(&place);
        let call =
            Call { cloud: &self.cloud, caller: &caller, place: &place, weather: &*self.weather };
        call.make(operation, DryRun::No, use_answer).await
    }
}
