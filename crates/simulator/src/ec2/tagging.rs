//! `CreateTags`, `DeleteTags` and `DescribeTags`, over everything that can be tagged.
//!
//! Sources: EC2 API; EC2 User Guide, "Tag your Amazon EC2 resources"; Resource Groups User Guide,
//! "Monitor tag changes".

use jiff::Timestamp;
use lamplighter_core::{Place, Tags};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Ec2, bucket,
    filter::{Filter, Filtered},
    listing::{self, Question},
    snapshot_delete::Done,
    tags::{self, Tag},
};
use crate::{
    arn,
    cloud::State,
    iam::{Context, Need},
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// Resources of one call.
const MOST_RESOURCES: usize = 1000;

/// A kind of resources that have tags.
struct Kind {
    /// What their ids begin with.
    prefix: &'static str,
    /// As ARNs and tag specifications call it.
    name: &'static str,
    /// Whether its ARNs name no account.
    shared: bool,
    not_found: &'static str,
    tags: fn(&Ec2, &str, Timestamp) -> Option<Tags>,
    set: fn(&mut Ec2, &str, Timestamp, &Tags) -> Option<()>,
    ids: fn(&Ec2) -> Vec<Box<str>>,
}

/// A kind that is on this shelf of [`Ec2`] and has a field `tags`.
macro_rules! kind {
    ($prefix:literal, $name:literal, $shelf:ident, $not_found:literal, shared: $shared:literal) => {
        Kind {
            prefix: $prefix,
            name: $name,
            shared: $shared,
            not_found: $not_found,
            tags: |ec2, id, at| Some(Tags::clone(&ec2.$shelf.get_at(id, at)?.tags)),
            set: |ec2, id, now, tags| {
                ec2.$shelf.change(id, now, |it| it.tags = tags.clone().into())
            },
            ids: |ec2| ec2.$shelf.iter().map(|(id, _)| id.into()).collect(),
        }
    };
}

/// All that can be tagged here.
const KINDS: &[Kind] = &[
    kind!("snap-", "snapshot", snapshots, "InvalidSnapshot.NotFound", shared: true),
    kind!("vol-", "volume", volumes, "InvalidVolume.NotFound", shared: false),
    kind!("i-", "instance", instances, "InvalidInstanceID.NotFound", shared: false),
    kind!("ami-", "image", images, "InvalidAMIID.NotFound", shared: true),
];

impl Kind {
    fn of(id: &str) -> Result<&'static Kind, Refusal> {
        KINDS
            .iter()
            .find(|it| id.starts_with(it.prefix))
            .ok_or_else(|| Refusal::new("InvalidID", format!("The ID '{id}' is not valid")))
    }

    fn arn(&self, place: &Place, id: &str) -> String {
        let resource = format!("{}/{id}", self.name);
        match self.shared {
            true => arn::without_account(&place.region, resource),
            false => arn::of("ec2", place, resource),
        }
    }
}

/// `CreateTags`: adds tags, and changes those that are there.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct CreateTags {
    pub(crate) resource_id: Vec<String>,
    pub(crate) tag: Vec<Tag>,
}

/// `DeleteTags`: those with these keys and, where one is given, with this value. Without any,
/// all.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct DeleteTags {
    pub(crate) resource_id: Vec<String>,
    pub(crate) tag: Vec<Tag>,
}

impl Operation for CreateTags {
    const SPEC: Spec =
        Spec { service: "ec2", name: "CreateTags", access: Access::Writes, bucket: bucket::TAGS };

    type Answer<'s> = Done;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        needs(cx, "ec2:CreateTags", &self.resource_id, &self.tag)
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Done, Refusal> {
        if self.tag.is_empty() {
            return Err(Refusal::new("MissingParameter", "the request has no tags"));
        }
        let new: Tags = as_tags(&self.tag);
        if new.len() != self.tag.len() {
            let message = "Duplicate tag keys were specified";
            return Err(Refusal::new("InvalidParameterValue", message));
        }
        tags::check(&new)?;
        change(cx, &self.resource_id, |tags| {
            tags.extend(new.iter().map(|(key, value)| (key.clone(), value.clone())));
        })
    }
}

impl Operation for DeleteTags {
    const SPEC: Spec =
        Spec { service: "ec2", name: "DeleteTags", access: Access::Writes, bucket: bucket::TAGS };

    type Answer<'s> = Done;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        needs(cx, "ec2:DeleteTags", &self.resource_id, &self.tag)
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Done, Refusal> {
        if let Some(key) = self.tag.iter().map(|it| &it.key).find(|it| is_reserved(it)) {
            let message = format!("'{key}' is not a valid tag key");
            return Err(Refusal::new("InvalidTagKey.Malformed", message));
        }
        let named = |key: &str, value: &str| {
            self.tag.is_empty()
                || self.tag.iter().any(|it| {
                    it.key == *key && it.value.as_deref().is_none_or(|asked| asked == value)
                })
        };
        change(cx, &self.resource_id, |tags| {
            tags.retain(|key, value| is_reserved(key) || !named(key, value));
        })
    }
}

/// Whether only AWS makes such tags.
fn is_reserved(key: &str) -> bool {
    key.to_ascii_lowercase().starts_with("aws:")
}

fn as_tags(tags: &[Tag]) -> Tags {
    tags.iter().map(|it| (it.key.clone(), it.value.clone().unwrap_or_default())).collect()
}

fn needs(cx: &Cx<'_>, action: &'static str, ids: &[String], tags: &[Tag]) -> Vec<Need> {
    let request = as_tags(tags);
    let need = |id: &String| {
        let kind = Kind::of(id).ok()?;
        let there = (kind.tags)(&cx.here().ec2, id, cx.now).unwrap_or_default();
        let context =
            Context::default().with_tags("aws:ResourceTag", &there).with_request_tags(&request);
        Some(Need::on(action, kind.arn(cx.place, id)).with(context))
    };
    let needs: Vec<Need> = ids.iter().filter_map(need).collect();
    // An id that means nothing still needs a permission.
    if needs.is_empty() { vec![Need::anywhere(action)] } else { needs }
}

/// Changes the tags of all resources, or of none.
fn change(cx: &mut Cx<'_>, ids: &[String], change: impl Fn(&mut Tags)) -> Result<Done, Refusal> {
    if ids.is_empty() || ids.len() > MOST_RESOURCES {
        let message = format!("a call has 1 to {MOST_RESOURCES} resources");
        return Err(Refusal::new("InvalidParameterValue", message));
    }
    let ec2 = &cx.here().ec2;
    let mut changed = Vec::new();
    for id in ids {
        let kind = Kind::of(id)?;
        let seen = (kind.tags)(ec2, id, cx.seen);
        let Some(before) = seen.and_then(|_| (kind.tags)(ec2, id, cx.now)) else {
            let message = format!("The {} ID '{id}' does not exist", kind.name);
            return Err(Refusal::new(kind.not_found, message));
        };
        let mut after = before.clone();
        change(&mut after);
        let own: Tags = after.clone().into_iter().filter(|(key, _)| !is_reserved(key)).collect();
        tags::check(&own)?;
        changed.push((kind, id, before, after));
    }
    let now = cx.now;
    for (kind, id, before, after) in changed {
        (kind.set)(&mut cx.here_mut().ec2, id, now, &after);
        tell(cx.state, cx.place, (kind, id), &before, &after, now);
    }
    Ok(Done::DONE)
}

/// Tells EventBridge which tags of a resource have changed.
fn tell(
    state: &mut State,
    place: &Place,
    (kind, id): (&Kind, &str),
    before: &Tags,
    after: &Tags,
    at: Timestamp,
) {
    let mut keys: Vec<&String> = before.keys().chain(after.keys()).collect();
    keys.sort();
    keys.dedup();
    keys.retain(|key| before.get(*key) != after.get(*key));
    if keys.is_empty() {
        return;
    }
    let versions = &mut state.services_mut(place).ec2.tag_versions;
    let version = versions.entry(id.into()).or_default();
    *version += 1;
    let detail = json!({
        "changed-tag-keys": keys,
        "service": "ec2",
        "resource-type": kind.name,
        "version": *version,
        "tags": after,
    });
    let arn = arn::of("ec2", place, format_args!("{}/{id}", kind.name));
    state.events.emit(place, at, "aws.tag", "Tag Change on Resource", vec![arn], detail);
}

/// `DescribeTags`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct DescribeTags {
    pub(crate) filter: Vec<Filter>,
    pub(crate) max_results: Option<u32>,
    pub(crate) next_token: Option<String>,
}

/// What `DescribeTags` answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Described {
    tag_set: Vec<Shown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    key: String,
    resource_id: String,
    resource_type: &'static str,
    value: String,
}

static NO_TAGS: Tags = Tags::new();

impl Filtered for Shown {
    const FILTERS: &'static [&'static str] = &["key", "resource-id", "resource-type", "value"];

    fn any(&self, name: &str, test: &dyn Fn(&str) -> bool) -> bool {
        match name {
            "key" => test(&self.key),
            "resource-id" => test(&self.resource_id),
            "resource-type" => test(self.resource_type),
            "value" => test(&self.value),
            _ => false,
        }
    }

    fn tags(&self) -> &Tags {
        &NO_TAGS
    }
}

impl Operation for DescribeTags {
    const SPEC: Spec =
        Spec { service: "ec2", name: "DescribeTags", access: Access::Reads, bucket: bucket::READS };

    type Answer<'s> = Described;

    fn needs(&self, _: &Cx<'_>) -> Vec<Need> {
        vec![Need::anywhere("ec2:DescribeTags")]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Described, Refusal> {
        let question = Question {
            operation: Self::SPEC.name,
            filters: &self.filter,
            ids: &[],
            not_found: "InvalidID",
            max_results: self.max_results,
            next_token: self.next_token.as_deref(),
        };
        let all = all(cx);
        let items = |after: Option<&str>| {
            let after = after.map(str::to_owned);
            let rest = all.iter().rev().map(|(id, it)| (id.as_str(), it));
            rest.skip_while(move |(id, _)| after.as_deref().is_some_and(|after| *id >= after))
        };
        let shows = |_: &str, it: &Shown| Some(it.clone());
        let (tag_set, next_token) = listing::paged(cx, &question, &(), items, shows)?;
        Ok(Described { tag_set, next_token })
    }
}

/// Every tag, in the order of resource and key.
fn all(cx: &Cx<'_>) -> Vec<(String, Shown)> {
    let ec2 = &cx.here().ec2;
    let mut all = Vec::new();
    for kind in KINDS {
        for id in (kind.ids)(ec2) {
            for (key, value) in (kind.tags)(ec2, &id, cx.seen).unwrap_or_default() {
                let (resource_id, resource_type) = (id.to_string(), kind.name);
                all.push((format!("{id}/{key}"), Shown { key, resource_id, resource_type, value }));
            }
        }
    }
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    all
}

#[cfg(test)]
mod tests;
