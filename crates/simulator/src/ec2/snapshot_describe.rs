//! `DescribeSnapshots`.
//!
//! Source: EC2 API, `DescribeSnapshots`: without owners, it shows what the account may make
//! volumes of: its own snapshots, those shared with it, and public ones.

use serde::{Deserialize, Serialize};

use super::{
    bucket,
    filter::Filter,
    listing::{self, Question},
    snapshot_own::{check_id, not_found},
    snapshot_shown::Shown,
    snapshots::Snapshot,
};
use crate::{
    buckets::Bucket,
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// `DescribeSnapshots`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct DescribeSnapshots {
    pub(crate) filter: Vec<Filter>,
    pub(crate) snapshot_id: Vec<String>,
    /// Accounts, `self` or `amazon`.
    pub(crate) owner: Vec<String>,
    /// Accounts, `self` or `all`.
    pub(crate) restorable_by: Vec<String>,
    pub(crate) max_results: Option<u32>,
    pub(crate) next_token: Option<String>,
}

/// What `DescribeSnapshots` answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Described<'s> {
    pub(crate) snapshot_set: Vec<Shown<'s>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_token: Option<String>,
}

impl Operation for DescribeSnapshots {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "DescribeSnapshots",
        access: Access::Reads,
        bucket: bucket::READS,
    };

    type Answer<'s> = Described<'s>;

    fn needs(&self, _: &Cx<'_>) -> Vec<Need> {
        vec![Need::anywhere("ec2:DescribeSnapshots")]
    }

    fn bucket(&self) -> Bucket {
        let all =
            self.filter.is_empty() && self.snapshot_id.is_empty() && self.max_results.is_none();
        if all { bucket::READS_ALL } else { bucket::READS }
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<Described<'s>, Refusal> {
        let cx: &Cx<'_> = cx;
        self.snapshot_id.iter().try_for_each(|id| check_id(id))?;
        self.check_accounts()?;
        let question = Question {
            operation: Self::SPEC.name,
            filters: &self.filter,
            ids: &self.snapshot_id,
            not_found: "InvalidSnapshot.NotFound",
            max_results: self.max_results,
            next_token: self.next_token.as_deref(),
        };
        let me = &cx.place.account;
        let shows = |_: &str, it: &'s Snapshot| {
            self.asks_for(cx, it).then(|| match it.owner == *me {
                true => Shown::of(it, cx.seen),
                false => Shown::to_another(it, cx.seen),
            })
        };
        let own = &cx.here().ec2.snapshots;
        let only_own = self.owner.iter().any(|_| true)
            && self.owner.iter().all(|it| it == "self" || it == me.as_str());
        let (snapshot_set, next_token) = match self.snapshot_id.is_empty() {
            false => (listing::by_ids(&question, |id| find(cx, id), shows)?, None),
            true if only_own => {
                let also = (&self.owner, &self.restorable_by);
                listing::paged(cx, &question, &also, |after| own.after(after, cx.seen), shows)?
            }
            true => {
                let also = (&self.owner, &self.restorable_by);
                let open = |after: Option<&str>| open(cx, after).into_iter();
                listing::paged(cx, &question, &also, open, shows)?
            }
        };
        Ok(Described { snapshot_set, next_token })
    }
}

impl DescribeSnapshots {
    fn check_accounts(&self) -> Result<(), Refusal> {
        let is = |it: &String, words: &[&str]| {
            words.contains(&it.as_str())
                || it.len() == 12 && it.bytes().all(|byte| byte.is_ascii_digit())
        };
        let wrong = self.owner.iter().find(|it| !is(it, &["self", "amazon"]));
        let wrong =
            wrong.or_else(|| self.restorable_by.iter().find(|it| !is(it, &["self", "all"])));
        match wrong {
            None => Ok(()),
            Some(wrong) => {
                let message = format!("Invalid user id: \"{wrong}\"");
                Err(Refusal::new("InvalidUserID.Malformed", message))
            }
        }
    }

    /// Whether the caller asked for this one, and may see it.
    fn asks_for(&self, cx: &Cx<'_>, it: &Snapshot) -> bool {
        let me = cx.place.account.as_str();
        let of = |owner: &String| match owner.as_str() {
            "self" => it.owner.as_str() == me,
            owner => it.owner.as_str() == owner,
        };
        let explicit = |who: &str| it.owner.as_str() == who || it.share.accounts.contains(who);
        let by = |who: &String| match who.as_str() {
            "all" => it.share.public,
            "self" => explicit(me),
            who => explicit(who),
        };
        is_open(cx, it)
            && (self.owner.is_empty() || self.owner.iter().any(of))
            && (self.restorable_by.is_empty() || self.restorable_by.iter().any(by))
    }
}

fn is_open(cx: &Cx<'_>, it: &Snapshot) -> bool {
    let me = &cx.place.account;
    if it.owner == *me {
        return true;
    }
    let owner = cx.state.places_in(&cx.place.region).find(|place| place.account == it.owner);
    let settings = owner.map(|place| &cx.state.services(place).ec2.settings);
    it.is_open_to(me, settings.is_some_and(|it| it.public_access.blocks_all()))
}

/// A snapshot of anybody in this region, with its id as it is kept.
fn find<'s>(cx: &'s Cx<'_>, id: &str) -> Result<(&'s str, &'s Snapshot), Refusal> {
    let here = std::iter::once(cx.place);
    let everywhere = here.chain(cx.state.places_in(&cx.place.region));
    let mut found = everywhere.filter_map(|place| {
        let snapshots = &cx.state.services(place).ec2.snapshots;
        Some((snapshots.key(id)?, snapshots.get_at(id, cx.seen)?))
    });
    found.next().ok_or_else(|| not_found(id))
}

/// All that the account may see in this region, backwards from after an id on.
fn open<'s>(cx: &'s Cx<'_>, after: Option<&str>) -> Vec<(&'s str, &'s Snapshot)> {
    let mut open: Vec<_> = cx
        .state
        .places_in(&cx.place.region)
        .flat_map(|place| cx.state.services(place).ec2.snapshots.after(after, cx.seen))
        .filter(|(_, it)| is_open(cx, it))
        .collect();
    open.sort_unstable_by(|(a, _), (b, _)| b.cmp(a));
    open
}

#[cfg(test)]
mod tests;
