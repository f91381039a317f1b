//! The two listings.

use serde::{Deserialize, Serialize};

use super::{BUCKET, MOST, arn, check_caller, check_parent, is_below, is_root};
use crate::{
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    pages,
    refusal::Refusal,
};

/// `ListAccountsForParent`: the accounts right below, whatever their state.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct ListAccountsForParent {
    pub(crate) parent_id: String,
    #[serde(default)]
    pub(crate) max_results: Option<u32>,
    #[serde(default)]
    pub(crate) next_token: Option<String>,
}

/// `ListOrganizationalUnitsForParent`: the units right below.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct ListOrganizationalUnitsForParent {
    pub(crate) parent_id: String,
    #[serde(default)]
    pub(crate) max_results: Option<u32>,
    #[serde(default)]
    pub(crate) next_token: Option<String>,
}

/// A page of accounts.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AccountsPage {
    pub(crate) accounts: Vec<ShownAccount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_token: Option<String>,
}

/// An account. The member `Status` is not there any more.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ShownAccount {
    pub(crate) id: String,
    arn: String,
    name: String,
    pub(crate) state: &'static str,
}

/// A page of units.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct UnitsPage {
    pub(crate) organizational_units: Vec<ShownUnit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_token: Option<String>,
}

/// A unit.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ShownUnit {
    pub(crate) id: String,
    arn: String,
    name: String,
}

impl Operation for ListAccountsForParent {
    const SPEC: Spec = Spec {
        service: "organizations",
        name: "ListAccountsForParent",
        access: Access::Reads,
        bucket: BUCKET,
    };

    type Answer<'s> = AccountsPage;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![Need::on("organizations:ListAccountsForParent", parent_arn(cx, &self.parent_id))]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<AccountsPage, Refusal> {
        let cx = &*cx;
        let asked = Asked::new(cx, Self::SPEC.name, &self.parent_id, self.max_results)?;
        let after = asked.after(self.next_token.as_deref())?;
        let all = cx.state.organization.accounts.iter();
        let all = all.map(|(id, it)| (id.as_str(), it)).filter(|(id, _)| follows(id, &after));
        // What is below others leaves its place empty: pages are short, or have nothing on them.
        let (accounts, next_token) = asked.page(all, |id, it| {
            is_below(it.unit.as_deref(), &self.parent_id).then(|| ShownAccount {
                id: id.to_owned(),
                arn: arn(cx, "account", id),
                name: id.to_owned(),
                state: if it.suspended { "SUSPENDED" } else { "ACTIVE" },
            })
        });
        Ok(AccountsPage { accounts, next_token })
    }
}

impl Operation for ListOrganizationalUnitsForParent {
    const SPEC: Spec = Spec {
        service: "organizations",
        name: "ListOrganizationalUnitsForParent",
        access: Access::Reads,
        bucket: BUCKET,
    };

    type Answer<'s> = UnitsPage;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let action = "organizations:ListOrganizationalUnitsForParent";
        vec![Need::on(action, parent_arn(cx, &self.parent_id))]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<UnitsPage, Refusal> {
        let cx = &*cx;
        let asked = Asked::new(cx, Self::SPEC.name, &self.parent_id, self.max_results)?;
        let after = asked.after(self.next_token.as_deref())?;
        let all = cx.state.organization.units.iter();
        let all = all.map(|(id, it)| (id.as_str(), it)).filter(|(id, _)| follows(id, &after));
        let (organizational_units, next_token) = asked.page(all, |id, parent| {
            is_below(Some(parent), &self.parent_id).then(|| ShownUnit {
                id: id.to_owned(),
                arn: arn(cx, "ou", id),
                name: id.to_owned(),
            })
        });
        Ok(UnitsPage { organizational_units, next_token })
    }
}

/// Source: Service Authorization Reference, "AWS Organizations": both listings are of a root or of
/// an organizational unit.
fn parent_arn(cx: &Cx<'_>, parent: &str) -> String {
    arn(cx, if is_root(parent) { "root" } else { "ou" }, parent)
}

/// A listing below a parent that there is, by a caller who may ask.
struct Asked {
    listing: u64,
    most: usize,
}

impl Asked {
    fn new(
        cx: &Cx<'_>,
        name: &str,
        parent: &str,
        max_results: Option<u32>,
    ) -> Result<Asked, Refusal> {
        check_caller(cx)?;
        let most = max_results.unwrap_or(MOST);
        if !(1..=MOST).contains(&most) {
            let message = format!("MaxResults is from 1 to {MOST}");
            return Err(Refusal::new("InvalidInputException", message));
        }
        check_parent(cx, parent)?;
        let most = cx.state.dials.page_size.map_or(most as usize, |it| it.min(most as usize));
        Ok(Asked { listing: pages::listing(cx.place, name, &parent), most })
    }

    fn after(&self, token: Option<&str>) -> Result<Option<String>, Refusal> {
        pages::after(self.listing, token)
            .map_err(|_| Refusal::new("InvalidInputException", "The token is invalid."))
    }

    fn page<'a, T: 'a, U>(
        &self,
        items: impl Iterator<Item = (&'a str, &'a T)>,
        shows: impl FnMut(&'a str, &'a T) -> Option<U>,
    ) -> pages::Paged<U> {
        pages::page(self.listing, items, self.most, self.most, shows)
    }
}

fn follows(id: &str, after: &Option<String>) -> bool {
    after.as_deref().is_none_or(|after| id > after)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{bed::Bed, organizations::ROOT};

    fn ask(
        bed: &Bed,
        parent: &str,
        next: Option<&str>,
    ) -> Result<(String, Option<String>), String> {
        let request = ListAccountsForParent {
            parent_id: parent.to_owned(),
            max_results: None,
            next_token: next.map(str::to_owned),
        };
        let answer = bed.ask(request).map_err(|code| code.to_owned())?;
        let accounts = answer["Accounts"].as_array().unwrap().iter();
        let shown: Vec<String> =
            accounts.map(|it| format!("{} {}", it["Id"], it["State"])).collect();
        Ok((shown.join(", ").replace('"', ""), answer["NextToken"].as_str().map(str::to_owned)))
    }

    fn organized() -> Bed {
        let bed = Bed::new();
        bed.cloud.look(|state, _| {
            let organization = &mut state.organization;
            organization.units.insert("ou-sim1-11111111".to_owned(), ROOT.to_owned());
            for number in 0..45 {
                let id = format!("{:012}", 222_200_000_000_u64 + number);
                let account = organization.accounts.entry(id.parse().unwrap()).or_default();
                account.unit = (number >= 43).then(|| "ou-sim1-11111111".to_owned());
                account.suspended = number == 44;
            }
        });
        bed
    }

    #[test]
    fn accounts_come_in_pages_of_which_some_are_empty() {
        let bed = organized();
        let (mut pages, mut next) = (Vec::new(), None);
        loop {
            let (shown, token) = ask(&bed, "ou-sim1-11111111", next.as_deref()).unwrap();
            pages.push(shown);
            next = token;
            if next.is_none() {
                break;
            }
        }
        assert_eq!(pages, ["", "", "222200000043 ACTIVE, 222200000044 SUSPENDED"]);
        // A token belongs to its parent.
        let (_, token) = ask(&bed, "ou-sim1-11111111", None).unwrap();
        let wrong = ask(&bed, ROOT, token.as_deref());
        assert_eq!(wrong, Err("InvalidInputException".to_owned()));
    }

    #[test]
    fn units_are_those_right_below() {
        let bed = organized();
        let request = ListOrganizationalUnitsForParent {
            parent_id: ROOT.to_owned(),
            max_results: Some(20),
            next_token: None,
        };
        let answer = bed.ask(request.clone()).unwrap();
        assert_eq!(answer["OrganizationalUnits"][0]["Id"], json!("ou-sim1-11111111"));
        let too_many = ListOrganizationalUnitsForParent { max_results: Some(21), ..request };
        assert_eq!(bed.ask(too_many).unwrap_err(), "InvalidInputException");
    }

    #[test]
    fn a_parent_that_is_not_there_is_not_found_and_members_may_not_ask() {
        let bed = organized();
        assert_eq!(ask(&bed, "ou-sim1-22222222", None), Err("ParentNotFoundException".to_owned()));
        bed.cloud.look(|state, _| state.organization.hub = "222200000000".parse().ok());
        assert_eq!(ask(&bed, ROOT, None), Err("AccessDeniedException".to_owned()));
    }
}
