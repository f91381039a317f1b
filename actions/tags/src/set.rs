//! `tags.set`: sets tags of resources of several kinds.
//!
//! Idempotency: *converging*. A tag that is set twice is there once.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use lamplighter_core::{
    Action, Doing, Fault, Progress, Scope, Spec, StepCx, Verdict,
    action::{BadParams, Effect, Permissions, PlanCx},
    cloud::{
        Page, PageToken,
        tagged::{Kind, Tagged},
    },
    select::ServerFilter,
    tagging::TAGS_MAX,
    template::{Template, Values},
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::bounds::{Changes, check_keys, check_kinds, each, out_of_bounds};

/// Parameters of `tags.set`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// The kinds of resources: `cluster-snapshots`, `clusters`, `database-snapshots` and
    /// `databases` (of RDS), `images`, `instances`, `snapshots` (of EBS), `tables` (of DynamoDB)
    /// and `volumes`. Only these are listed.
    kinds: Vec<Kind>,
    /// The tags: names, and values with placeholders. A value that turns out longer than AWS's
    /// 256 characters is cut and ends in `…`.
    tags: BTreeMap<String, Template>,
    /// What becomes of a tag that is there with another value: `overwrite` changes it, `keep`
    /// leaves it.
    #[serde(default)]
    existing: Existing,
}

/// What becomes of a tag that is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Existing {
    /// It gets the new value.
    #[default]
    Overwrite,
    /// It keeps its value.
    Keep,
}

/// `tags.set`: sets tags of each resource.
pub struct SetTags;

#[async_trait]
impl Action for SetTags {
    type Params = Params;
    type Target = Tagged;
    type State = ();
    type Known = ();

    const SPEC: Spec = Spec {
        name: "tags.set",
        summary: "Sets tags of each selected resource, of several kinds.",
        permissions: &Kind::TAGGING,
        elsewhere: &[],
        effect: Effect::Changes,
        timeout: Duration::from_secs(3600),
        gate: None,
    };

    fn check(params: &Params) -> Result<(), BadParams> {
        let bad = |message: String| Err(BadParams { path: "tags".to_owned(), message });
        check_kinds(&params.kinds)?;
        match params.tags.len() {
            0 => return bad("name at least one tag".to_owned()),
            1..=TAGS_MAX => {}
            count => return bad(format!("a resource has at most {TAGS_MAX} tags, not {count}")),
        }
        check_keys("tags", params.tags.keys().map(String::as_str), &params.kinds)
    }

    fn kinds(params: &Params) -> Vec<&'static str> {
        each(&params.kinds, |it| vec![it.name()])
    }

    fn listing(params: &Params) -> Vec<&'static str> {
        each(&params.kinds, |it| it.listing().to_vec())
    }

    fn permissions(params: &Params) -> Permissions {
        Permissions::here(&each(&params.kinds, |it| vec![it.tagging()]))
    }

    async fn list(
        params: &Params,
        scope: &dyn Scope,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Tagged>, Fault> {
        Tagged::list_of(&params.kinds, scope, filter, page).await
    }

    fn plan(params: &Params, cx: &PlanCx<'_>, found: &[Tagged], _: &()) -> Vec<Verdict> {
        found.iter().map(|it| judge(params, it, &cx.values(&it.id, &it.tags))).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        params: &Params,
        target: &Tagged,
        _: Option<()>,
    ) -> Result<Progress<()>, Fault> {
        let changes = params.changes(target, &cx.values(&target.id, &target.tags));
        changes.make(cx, target).await.doing(format!("tagging `{}`", target.id))?;
        Ok(Progress::Done(format!("set {changes}")))
    }
}

fn judge(params: &Params, it: &Tagged, values: &Values<'_>) -> Verdict {
    let leave = |reason: String| Verdict::Leave { reason };
    if let Some(reason) = out_of_bounds(it) {
        return leave(reason);
    }
    let changes = params.changes(it, values);
    if changes.is_empty() {
        return leave("it has these tags".to_owned());
    }
    changes
        .no_room(it)
        .unwrap_or_else(|| Verdict::Act { effect: format!("set {changes}"), reason: None })
}

impl Params {
    fn changes(&self, it: &Tagged, values: &Values<'_>) -> Changes {
        let changes = Changes::of(&self.tags, it, values);
        match self.existing {
            Existing::Overwrite => changes,
            Existing::Keep => changes.missing(),
        }
    }
}

#[cfg(test)]
mod tests;
