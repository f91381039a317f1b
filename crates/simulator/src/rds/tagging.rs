//! `AddTagsToResource`, `RemoveTagsFromResource` and `ListTagsForResource`: by ARN only.
//!
//! Source: RDS API Reference of the three.

use jiff::Timestamp;
use lamplighter_core::Tags;
use serde::{Deserialize, Serialize};

use super::{
    Rds,
    kind::Kind,
    names::{self, bad_arn},
    tags::{self, Tag, TagList},
};
use crate::{
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// `AddTagsToResource`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct AddTagsToResource {
    pub(crate) resource_name: String,
    pub(crate) tags: Vec<Tag>,
}

/// `RemoveTagsFromResource`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct RemoveTagsFromResource {
    pub(crate) resource_name: String,
    pub(crate) tag_keys: Vec<String>,
}

/// `ListTagsForResource`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct ListTagsForResource {
    pub(crate) resource_name: String,
}

/// The answer is empty.
#[derive(Serialize)]
pub(crate) struct Done {}

/// What `ListTagsForResource` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Listed<'s> {
    tag_list: TagList<'s>,
}

impl Operation for AddTagsToResource {
    const SPEC: Spec = super::spec("AddTagsToResource", Access::Writes);

    type Answer<'s> = Done;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let mut need = need(cx, "rds:AddTagsToResource", &self.resource_name);
        need.context = tags::requested(need.context, &tags::sent(&self.tags));
        vec![need]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Done, Refusal> {
        let new = tags::checked(&self.tags)?;
        change(cx, &self.resource_name, |tags| tags::add(tags, new))?;
        Ok(Done {})
    }
}

impl Operation for RemoveTagsFromResource {
    const SPEC: Spec = super::spec("RemoveTagsFromResource", Access::Writes);

    type Answer<'s> = Done;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let mut need = need(cx, "rds:RemoveTagsFromResource", &self.resource_name);
        need.context = need.context.with_all("aws:TagKeys", self.tag_keys.iter().cloned());
        vec![need]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Done, Refusal> {
        change(cx, &self.resource_name, |tags| {
            self.tag_keys.iter().for_each(|key| drop(tags.remove(key)));
            Ok(())
        })?;
        Ok(Done {})
    }
}

impl Operation for ListTagsForResource {
    const SPEC: Spec = super::spec("ListTagsForResource", Access::Reads);

    type Answer<'s> = Listed<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![need(cx, "rds:ListTagsForResource", &self.resource_name)]
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<Listed<'s>, Refusal> {
        let cx = &*cx;
        let (what, name) = own(cx, &self.resource_name)?;
        let tags = what.tags(&cx.here().rds, &name, cx.seen).ok_or_else(|| what.missing(&name))?;
        Ok(Listed { tag_list: TagList(tags) })
    }
}

/// What has tags.
#[derive(Clone, Copy)]
enum What {
    Database(Kind),
    Snapshot(Kind),
}

impl What {
    /// What an ARN's resource type means.
    fn of(resource: &str) -> Option<What> {
        [Kind::Instance, Kind::Cluster].into_iter().find_map(|kind| match resource {
            it if it == kind.words().database => Some(What::Database(kind)),
            it if it == kind.words().snapshot => Some(What::Snapshot(kind)),
            _ => None,
        })
    }

    /// The tags of one that was there at an instant.
    fn tags<'s>(self, rds: &'s Rds, name: &str, at: Timestamp) -> Option<&'s Tags> {
        match self {
            What::Database(Kind::Instance) => rds.instances.get_at(name, at).map(|it| &it.tags),
            What::Database(Kind::Cluster) => rds.clusters.get_at(name, at).map(|it| &it.tags),
            What::Snapshot(kind) => rds.snapshots(kind).get_at(name, at).map(|it| &it.tags),
        }
    }

    /// Changes the tags of one that is there.
    fn change<R>(
        self,
        rds: &mut Rds,
        name: &str,
        now: Timestamp,
        change: impl FnOnce(&mut Tags) -> R,
    ) -> Option<R> {
        match self {
            What::Database(Kind::Instance) => {
                rds.instances.change(name, now, |it| change(&mut it.tags))
            }
            What::Database(Kind::Cluster) => {
                rds.clusters.change(name, now, |it| change(&mut it.tags))
            }
            What::Snapshot(kind) => {
                rds.snapshots_mut(kind).change(name, now, |it| change(&mut it.tags))
            }
        }
    }

    /// There is no such thing.
    fn missing(self, name: &str) -> Refusal {
        match self {
            What::Database(kind) => kind.no_database(name),
            What::Snapshot(kind) => kind.no_snapshot(name),
        }
    }
}

/// What an ARN names in this account and region: nobody tags anything elsewhere.
fn own(cx: &Cx<'_>, arn: &str) -> Result<(What, String), Refusal> {
    let (place, resource, name) = names::read_arn(arn).ok_or_else(|| bad_arn(arn))?;
    let what = What::of(resource).ok_or_else(|| bad_arn(arn))?;
    match place == *cx.place {
        true => Ok((what, name)),
        false => Err(bad_arn(arn)),
    }
}

/// What a call on the ARN needs.
fn need(cx: &Cx<'_>, action: &'static str, arn: &str) -> Need {
    let what = names::read_arn(arn).and_then(|(_, resource, _)| What::of(resource));
    match what {
        Some(What::Database(kind)) => kind.database_need(cx, action, arn),
        Some(What::Snapshot(kind)) => kind.snapshot_need(cx, action, arn),
        None => Need::on(action, arn),
    }
}

/// Changes the tags of what is there, and seen to be there.
fn change(
    cx: &mut Cx<'_>,
    arn: &str,
    change: impl FnOnce(&mut Tags) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let (what, name) = own(cx, arn)?;
    let (now, seen) = (cx.now, cx.seen);
    let rds = &mut cx.here_mut().rds;
    let there = what.tags(rds, &name, seen).is_some();
    let changed = if there { what.change(rds, &name, now, change) } else { None };
    changed.unwrap_or_else(|| Err(what.missing(&name)))
}

#[cfg(test)]
mod tests;
