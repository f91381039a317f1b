//! `tags.check`: finds resources that do not have the tags that they must have, and reports them,
//! tags them or stops them.
//!
//! Idempotency: *converging*. Who is tagged or stopped already is left.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use lamplighter_core::{
    Action, Doing, Fault, Progress, Scope, Spec, StepCx, Verdict,
    action::{BadParams, DESCRIBE_LAG, Effect, Permissions, PlanCx},
    cloud::{
        Page, PageToken,
        instances::Stop,
        tagged::{Kind, Tagged},
    },
    select::{ServerFilter, TagPatterns},
    template::{Names, Template, Values},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounds::{Changes, check_keys, check_kinds, each, out_of_bounds};

/// Between two looks at an instance that is stopping.
const LOOK: Duration = Duration::from_secs(15);

/// Parameters of `tags.check`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// The kinds of resources: `cluster-snapshots`, `clusters`, `database-snapshots` and
    /// `databases` (of RDS), `images`, `instances`, `snapshots` (of EBS), `tables` (of DynamoDB)
    /// and `volumes`. Only these are listed.
    kinds: Vec<Kind>,
    /// The tags that each of them must have, as in `select.tags`: a value, a pattern, a list of
    /// which one is enough, or `null` for a tag that must not be there.
    require: TagPatterns,
    /// What becomes of one that does not comply: `report` fails its job, which says why; `tag`
    /// sets `tags`; `stop` stops an instance that runs, and sets `tags` before.
    #[serde(default)]
    then: Then,
    /// Tags of one that does not comply: names, and values with placeholders. `{violations}` says
    /// what is wrong.
    #[serde(default)]
    tags: BTreeMap<String, Template<Violations>>,
}

/// What becomes of a resource that does not comply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Then {
    /// Its job fails and says why.
    #[default]
    Report,
    /// It is tagged.
    Tag,
    /// It is stopped.
    Stop,
}

/// The placeholders of `tags`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Violations;

impl Names for Violations {
    const NAMES: &'static [&'static str] = &["violations"];
}

/// What the job remembers: when the instance was asked to stop.
#[derive(Debug, Serialize, Deserialize)]
pub struct Stopping(Timestamp);

/// `tags.check`: reports, tags or stops each resource without the tags that it must have.
pub struct CheckTags;

#[async_trait]
impl Action for CheckTags {
    type Params = Params;
    type Target = Tagged;
    type State = Stopping;
    type Known = ();

    const SPEC: Spec = Spec {
        name: "tags.check",
        summary: "Reports, tags or stops each selected resource without the tags that it must have.",
        permissions: &[
            "dynamodb:TagResource",
            "ec2:CreateTags",
            "ec2:StopInstances",
            "rds:AddTagsToResource",
        ],
        elsewhere: &[],
        effect: Effect::Changes,
        timeout: Duration::from_secs(3600),
        gate: None,
    };

    fn check(params: &Params) -> Result<(), BadParams> {
        let bad = |path: &str, message: &str| {
            Err(BadParams { path: path.to_owned(), message: message.to_owned() })
        };
        check_kinds(&params.kinds)?;
        if params.require.is_empty() {
            return bad("require", "name at least one tag");
        }
        check_keys("require", params.require.iter().map(|(key, _)| key), &params.kinds)?;
        check_keys("tags", params.tags.keys().map(String::as_str), &params.kinds)?;
        match params.then {
            Then::Report if !params.tags.is_empty() => {
                bad("tags", "with `then: report` nothing is tagged")
            }
            Then::Tag if params.tags.is_empty() => {
                bad("tags", "`then: tag` needs `tags`: what to set")
            }
            Then::Stop if params.kinds != [Kind::Instances] => {
                bad("then", "`stop` is for instances: `kinds: [instances]`")
            }
            _ => Ok(()),
        }
    }

    fn kinds(params: &Params) -> Vec<&'static str> {
        each(&params.kinds, |it| vec![it.name()])
    }

    fn listing(params: &Params) -> Vec<&'static str> {
        each(&params.kinds, |it| it.listing().to_vec())
    }

    fn permissions(params: &Params) -> Permissions {
        let mut actions = Vec::new();
        if !params.tags.is_empty() {
            actions = each(&params.kinds, |it| vec![it.tagging()]);
        }
        if params.then == Then::Stop {
            actions.push("ec2:StopInstances");
        }
        Permissions::here(&actions)
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
        let each = found.iter().map(|it| {
            let extra = &params.extra(it);
            judge(params, it, &Values { extra, ..cx.values(&it.id, &it.tags) })
        });
        each.collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        params: &Params,
        target: &Tagged,
        state: Option<Stopping>,
    ) -> Result<Progress<Stopping>, Fault> {
        let extra = &params.extra(target);
        let values = Values { extra, ..cx.values(&target.id, &target.tags) };
        let changes = Changes::of(&params.tags, target, &values);
        let why = params.why(target);
        if state.is_none() && !changes.is_empty() {
            changes.make(cx, target).await.doing(format!("tagging `{}`", target.id))?;
        }
        match params.then {
            Then::Stop => stop(cx, target, state, why).await,
            Then::Report => Err(Fault::permanent(why)),
            Then::Tag => Ok(Progress::Done(format!("set {changes}; {why}"))),
        }
    }
}

fn judge(params: &Params, it: &Tagged, values: &Values<'_>) -> Verdict {
    let leave = |reason: String| Verdict::Leave { reason };
    if let Some(reason) = out_of_bounds(it) {
        return leave(reason);
    }
    if params.require.selects(&it.tags) {
        return leave("it complies".to_owned());
    }
    let why = params.why(it);
    let changes = Changes::of(&params.tags, it, values);
    if let Some(no_room) = changes.no_room(it) {
        return no_room;
    }
    let effect = match params.then {
        Then::Report => return Verdict::Fail { reason: why },
        Then::Tag if changes.is_empty() => return leave(format!("{why}; it is tagged so")),
        Then::Tag => format!("set {changes}"),
        Then::Stop => {
            if let Some(manager) = &it.managed_by {
                return leave(format!("{why}; `{manager}` decides over it"));
            }
            match (it.state.as_str(), changes.is_empty()) {
                ("running", true) => "stop it".to_owned(),
                ("running", false) => format!("set {changes}, and stop it"),
                (state, _) => return leave(format!("{why}; it is `{state}`")),
            }
        }
    };
    Verdict::Act { effect, reason: Some(why) }
}

/// Asks an instance to stop, and looks until it has.
async fn stop(
    cx: &StepCx<'_>,
    target: &Tagged,
    state: Option<Stopping>,
    why: String,
) -> Result<Progress<Stopping>, Fault> {
    let id = &target.id;
    let looked = cx.here.instances().instance(id).await.doing(format!("looking at `{id}`"))?;
    let found = looked.map_or_else(|| "terminated".to_owned(), |it| it.state);
    match (found.as_str(), state) {
        ("stopped", _) => Ok(Progress::Done(format!("stopped; {why}"))),
        ("shutting-down" | "terminated", _) => Ok(Progress::Skipped(format!("it is `{found}`"))),
        // It may look as it did before it was asked.
        ("running", Some(Stopping(at))) if cx.now < at + DESCRIBE_LAG => {
            Ok(Progress::Again { state: Stopping(at), wait: LOOK })
        }
        ("running", _) => {
            let stopping = cx.here.instances().stop(id, Stop::ShutDown).await;
            stopping.doing(format!("stopping `{id}`"))?;
            Ok(Progress::Again { state: Stopping(cx.now), wait: LOOK })
        }
        (_, state) => {
            let state = state.unwrap_or(Stopping(cx.now));
            Ok(Progress::Again { state, wait: LOOK })
        }
    }
}

impl Params {
    /// What is wrong with the tags of a resource.
    fn violations(&self, it: &Tagged) -> String {
        let wrong = self.require.iter().filter_map(|(key, pattern)| {
            let value = it.tags.get(key).map(String::as_str);
            match value {
                value if pattern.matches(value) => None,
                Some(value) => Some(format!("`{key}` is `{value}`")),
                None => Some(format!("`{key}` is missing")),
            }
        });
        wrong.collect::<Vec<_>>().join(", ")
    }

    fn why(&self, it: &Tagged) -> String {
        format!("it does not comply: {}", self.violations(it))
    }

    /// As the value of a tag, in which services take few characters.
    fn extra(&self, it: &Tagged) -> BTreeMap<&'static str, String> {
        let violations = self.violations(it).replace('`', "").replace(", ", " / ");
        BTreeMap::from([("violations", violations)])
    }
}

#[cfg(test)]
mod tests;
