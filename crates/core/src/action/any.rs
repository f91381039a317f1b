//! Actions as the engine sees them: their types have become JSON. The bridge is the blanket
//! implementation for every [`Action`].

use std::collections::BTreeSet;

use async_trait::async_trait;
use schemars::{Schema, schema_for};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Action, BadParams, LookCx, Permissions, PlanCx, Progress, Spec, StepCx, Verdict};
use crate::{
    Facts, Fault, Place, Tags,
    cloud::{Page, PageToken, Resource, Scope},
    select::ServerFilter,
};

/// All actions this program knows.
pub type Catalog = &'static [&'static dyn AnyAction];

/// A listed resource, as the engine sees it.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The id that AWS knows it by.
    pub id: String,
    /// Its tags.
    pub tags: Tags,
    /// All that is known of it, as JSON.
    pub facts: Value,
}

/// A listed resource that there is something to do with, as it is kept until the whole place is
/// listed.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The id that AWS knows it by.
    pub id: String,
    /// All that is known of it.
    pub facts: Facts,
}

impl From<Candidate> for Kept {
    fn from(it: Candidate) -> Kept {
        Kept { id: it.id, facts: it.facts.into() }
    }
}

/// An [`Action`] whose types have become JSON. Implemented for every `Action`.
#[async_trait]
pub trait AnyAction: Send + Sync {
    /// The static facts.
    fn spec(&self) -> &'static Spec;
    /// What it works on, in the plural: `volumes`.
    fn target_kind(&self) -> &'static str;
    /// What the targets of a task with these parameters are called: of several kinds, all of them.
    fn kinds(&self, params: &Value) -> Result<Vec<&'static str>, Fault>;
    /// Whether planning compares the targets with each other.
    fn compares_targets(&self) -> bool;
    /// All IAM actions that it may need, in any account, sorted: for listing targets, for looking
    /// and for stepping.
    fn permissions(&self) -> Vec<&'static str>;
    /// Those of them that it may need in the accounts of its targets, sorted.
    fn permissions_here(&self) -> Vec<&'static str>;
    /// IAM actions that a task with these parameters needs, listing its targets included.
    fn needs(&self, params: &Value) -> Result<Permissions, Fault>;
    /// Those for listing the targets of a task with these parameters.
    fn listing(&self, params: &Value) -> Result<Vec<&'static str>, Fault>;
    /// Those for listing its kind of targets, of whatever task.
    fn listing_of_kind(&self) -> &'static [&'static str];
    /// Those that a plan has used, beside these, where something is selected, if the task needs them.
    fn looking(&self) -> &'static [&'static str];
    /// The schema of the `with:` block.
    fn params_schema(&self) -> Schema;
    /// The schema of a target: what `select.where` sees as `target`.
    fn target_schema(&self) -> Schema;
    /// Checks a `with:` block.
    fn check_params(&self, params: &Value) -> Result<(), BadParams>;
    /// One page of the resources in a place that `filter` admits, for a task with these
    /// parameters.
    async fn list(
        &self,
        params: &Value,
        scope: &dyn Scope,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Candidate>, Fault>;
    /// One page of its kind of targets that `filter` admits, of whatever task.
    async fn list_kind(
        &self,
        scope: &dyn Scope,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Candidate>, Fault>;
    /// Looks at what planning has to know, and judges resources, in the order given.
    async fn plan_json(
        &self,
        params: &Value,
        cx: &LookCx<'_>,
        found: &[Kept],
    ) -> Result<Vec<Verdict>, Fault>;
    /// The places whose gate a job has to be in for its next step.
    fn gated_at(
        &self,
        params: &Value,
        here: &Place,
        state: Option<&Value>,
    ) -> Result<BTreeSet<Place>, Fault>;
    /// Takes one step.
    async fn step_json(
        &self,
        cx: &StepCx<'_>,
        params: &Value,
        target: &Facts,
        state: Option<&Value>,
    ) -> Result<Progress<Value>, Fault>;
    /// Tries what steps on a target would need: see [`Action::rehearse`].
    async fn rehearse_json(
        &self,
        cx: &StepCx<'_>,
        params: &Value,
        target: &Facts,
    ) -> Result<Vec<&'static str>, Fault>;
}

#[async_trait]
impl<A: Action> AnyAction for A {
    fn spec(&self) -> &'static Spec {
        &A::SPEC
    }

    fn target_kind(&self) -> &'static str {
        A::Target::KIND
    }

    fn kinds(&self, params: &Value) -> Result<Vec<&'static str>, Fault> {
        Ok(A::kinds(&from_json(params, "parameters")?))
    }

    fn compares_targets(&self) -> bool {
        A::COMPARES_TARGETS
    }

    fn permissions(&self) -> Vec<&'static str> {
        sorted([A::SPEC.permissions, A::SPEC.elsewhere, A::Target::PERMISSIONS].concat())
    }

    fn permissions_here(&self) -> Vec<&'static str> {
        sorted([A::SPEC.permissions, A::Target::PERMISSIONS].concat())
    }

    fn needs(&self, params: &Value) -> Result<Permissions, Fault> {
        let params: A::Params = from_json(params, "parameters")?;
        let mut needs = A::permissions(&params);
        needs.here.extend(A::listing(&params));
        Ok(needs)
    }

    fn listing(&self, params: &Value) -> Result<Vec<&'static str>, Fault> {
        Ok(A::listing(&from_json(params, "parameters")?))
    }

    fn listing_of_kind(&self) -> &'static [&'static str] {
        A::Target::PERMISSIONS
    }

    fn looking(&self) -> &'static [&'static str] {
        A::LOOKS
    }

    fn params_schema(&self) -> Schema {
        schema_for!(A::Params)
    }

    fn target_schema(&self) -> Schema {
        schema_for!(A::Target)
    }

    fn check_params(&self, params: &Value) -> Result<(), BadParams> {
        let params: A::Params = serde_path_to_error::deserialize(params).map_err(|err| {
            let path = err.path().to_string();
            BadParams {
                path: if path == "." { String::new() } else { path },
                message: err.inner().to_string(),
            }
        })?;
        A::check(&params)
    }

    async fn list(
        &self,
        params: &Value,
        scope: &dyn Scope,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Candidate>, Fault> {
        let params: A::Params = from_json(params, "parameters")?;
        candidates(A::list(&params, scope, filter, page).await?)
    }

    async fn list_kind(
        &self,
        scope: &dyn Scope,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Candidate>, Fault> {
        candidates(A::Target::list(scope, filter, page).await?)
    }

    async fn plan_json(
        &self,
        params: &Value,
        cx: &LookCx<'_>,
        found: &[Kept],
    ) -> Result<Vec<Verdict>, Fault> {
        let params: A::Params = from_json(params, "parameters")?;
        let targets =
            found.iter().map(|it| read(&it.facts)).collect::<Result<Vec<A::Target>, Fault>>()?;
        let known = A::look(cx, &params, &targets).await?;
        let plan = PlanCx {
            task: &cx.session.task,
            place: cx.here.place(),
            occurrence: cx.session.occurrence,
            time_zone: cx.time_zone,
            now: cx.now,
            schedule: cx.schedule,
        };
        let verdicts = A::plan(&params, &plan, &targets, &known);
        if verdicts.len() == found.len() {
            Ok(verdicts)
        } else {
            let name = A::SPEC.name;
            let (given, judged) = (found.len(), verdicts.len());
            Err(Fault::permanent(format!(
                "action `{name}` judged {judged} of {given} targets: this is a bug"
            )))
        }
    }

    fn gated_at(
        &self,
        params: &Value,
        here: &Place,
        state: Option<&Value>,
    ) -> Result<BTreeSet<Place>, Fault> {
        let params: A::Params = from_json(params, "parameters")?;
        let state: Option<A::State> = state.map(|state| from_json(state, "state")).transpose()?;
        Ok(A::gated_at(&params, here, state.as_ref()))
    }

    async fn step_json(
        &self,
        cx: &StepCx<'_>,
        params: &Value,
        target: &Facts,
        state: Option<&Value>,
    ) -> Result<Progress<Value>, Fault> {
        let params: A::Params = from_json(params, "parameters")?;
        let target: A::Target = read(target)?;
        let state: Option<A::State> = state.map(|state| from_json(state, "state")).transpose()?;
        Ok(match self.step(cx, &params, &target, state).await? {
            Progress::Done(summary) => Progress::Done(summary),
            Progress::Skipped(reason) => Progress::Skipped(reason),
            Progress::Again { state, wait } => {
                Progress::Again { state: to_json(&state, "state")?, wait }
            }
            Progress::Later { wait } => Progress::Later { wait },
        })
    }

    async fn rehearse_json(
        &self,
        cx: &StepCx<'_>,
        params: &Value,
        target: &Facts,
    ) -> Result<Vec<&'static str>, Fault> {
        let params: A::Params = from_json(params, "parameters")?;
        A::rehearse(cx, &params, &read(target)?).await
    }
}

/// A page as the engine sees it.
fn candidates<T: Resource>(page: Page<T>) -> Result<Page<Candidate>, Fault> {
    let candidate = |target: &T| {
        Ok(Candidate {
            id: target.id().to_owned(),
            tags: target.tags().clone(),
            facts: to_json(target, "target")?,
        })
    };
    let items = page.items.iter().map(candidate).collect::<Result<_, Fault>>()?;
    Ok(Page { items, next: page.next })
}

fn sorted(mut all: Vec<&'static str>) -> Vec<&'static str> {
    all.sort_unstable();
    all.dedup();
    all
}

/// The action of this name.
pub fn find(catalog: Catalog, name: &str) -> Option<&'static dyn AnyAction> {
    catalog.iter().copied().find(|action| action.spec().name == name)
}

/// The action that an order names.
pub fn ordered(catalog: Catalog, name: &str) -> Result<&'static dyn AnyAction, Fault> {
    find(catalog, name).ok_or_else(|| Fault::config(format!("no action `{name}` in this version")))
}

fn from_json<T: DeserializeOwned>(value: &Value, what: &str) -> Result<T, Fault> {
    T::deserialize(value)
        .map_err(|err| Fault::permanent(format!("reading the job's {what}")).caused_by(err))
}

fn read<T: DeserializeOwned>(facts: &Facts) -> Result<T, Fault> {
    facts.read().map_err(|err| Fault::permanent("reading the job's target").caused_by(err))
}

fn to_json<T: Serialize>(value: &T, what: &str) -> Result<Value, Fault> {
    serde_json::to_value(value)
        .map_err(|err| Fault::permanent(format!("writing the job's {what}")).caused_by(err))
}
