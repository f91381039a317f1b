//! `tags.remove`: takes tags off resources of several kinds.
//!
//! Idempotency: *converging*. A tag that is taken off twice is gone.

use std::time::Duration;

use async_trait::async_trait;
use lamplighter_core::{
    Action, Doing, Fault, Progress, Scope, Spec, StepCx, Verdict,
    action::{BadParams, Effect, Permissions, PlanCx},
    cloud::{
        Page, PageToken,
        tagged::{Kind, Tagged},
    },
    select::ServerFilter,
    tagging::TagNames,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::bounds::{check_kinds, each, out_of_bounds};

/// Parameters of `tags.remove`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// The kinds of resources: `cluster-snapshots`, `clusters`, `database-snapshots` and
    /// `databases` (of RDS), `images`, `instances`, `snapshots` (of EBS), `tables` (of DynamoDB)
    /// and `volumes`. Only these are listed.
    kinds: Vec<Kind>,
    /// The names of the tags. `*` stands for any text and `?` for one character. Tags of AWS
    /// (`aws:…`) and of Lamplighter are never taken off.
    names: TagNames,
}

/// `tags.remove`: takes tags off each resource.
pub struct RemoveTags;

#[async_trait]
impl Action for RemoveTags {
    type Params = Params;
    type Target = Tagged;
    type State = ();
    type Known = ();

    const SPEC: Spec = Spec {
        name: "tags.remove",
        summary: "Takes tags off each selected resource, of several kinds.",
        permissions: &Kind::UNTAGGING,
        elsewhere: &[],
        effect: Effect::Changes,
        timeout: Duration::from_secs(3600),
        gate: None,
    };

    fn check(params: &Params) -> Result<(), BadParams> {
        check_kinds(&params.kinds)?;
        match params.names == TagNames::NONE {
            true => Err(BadParams {
                path: "names".to_owned(),
                message: "name at least one tag".to_owned(),
            }),
            false => Ok(()),
        }
    }

    fn kinds(params: &Params) -> Vec<&'static str> {
        each(&params.kinds, |it| vec![it.name()])
    }

    fn listing(params: &Params) -> Vec<&'static str> {
        each(&params.kinds, |it| it.listing().to_vec())
    }

    fn permissions(params: &Params) -> Permissions {
        Permissions::here(&each(&params.kinds, |it| vec![it.untagging()]))
    }

    async fn list(
        params: &Params,
        scope: &dyn Scope,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Tagged>, Fault> {
        Tagged::list_of(&params.kinds, scope, filter, page).await
    }

    fn plan(params: &Params, _: &PlanCx<'_>, found: &[Tagged], _: &()) -> Vec<Verdict> {
        found.iter().map(|it| judge(params, it)).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        params: &Params,
        target: &Tagged,
        _: Option<()>,
    ) -> Result<Progress<()>, Fault> {
        let tags = params.names.of(&target.tags);
        let keys: Vec<&str> = tags.keys().map(String::as_str).collect();
        let untagging = target.untag(cx.here, &keys).await;
        untagging.doing(format!("untagging `{}`", target.id))?;
        Ok(Progress::Done(format!("took off {}", quoted(&keys))))
    }
}

fn judge(params: &Params, it: &Tagged) -> Verdict {
    let leave = |reason: String| Verdict::Leave { reason };
    if let Some(reason) = out_of_bounds(it) {
        return leave(reason);
    }
    let tags = params.names.of(&it.tags);
    match tags.is_empty() {
        true => leave("it has none of these tags".to_owned()),
        false => {
            let keys: Vec<&str> = tags.keys().map(String::as_str).collect();
            Verdict::Act { effect: format!("take off {}", quoted(&keys)), reason: None }
        }
    }
}

fn quoted(keys: &[&str]) -> String {
    keys.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
