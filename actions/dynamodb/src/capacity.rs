//! `dynamodb.capacity.set`: gives tables and their indexes another provisioned capacity.
//!
//! Idempotency: *converging*. What the plan has seen and what becomes of it is fixed when the job
//! begins. What rises goes first and in a call of its own, so that nothing that is short of
//! decreases can hold it up; what falls waits until AWS lets it, and is given up when somebody
//! else has changed it meanwhile.

mod moves;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use lamplighter_core::{
    Action, Doing, Fault, Progress, Spec, StepCx, Verdict,
    action::{BadParams, Effect, LookCx, PlanCx},
    cloud::tables::{Asked, Dimension, Table},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::moves::{Move, Moves, moves, request};
use crate::{
    amount::Wanted,
    asking::{Asking, LOOK},
    budget::{Budget, MOST, midnight},
};

/// Parameters of `dynamodb.capacity.set`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// What the table itself is to have.
    table: Option<Wanted>,
    /// What its global secondary indexes are to have, by their names. `"*"` is for every index
    /// that is not named.
    #[serde(default)]
    indexes: BTreeMap<String, Wanted>,
    /// How many decreases this task leaves to others: it lowers nothing when no more than these
    /// are left of those that AWS allows, four a day and one more in each hour, of each table and
    /// index. It waits until there are more.
    #[serde(default)]
    #[schemars(range(max = 3))]
    reserve: u32,
}

/// What the job remembers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Changing {
    moves: Vec<Move>,
    phase: Phase,
    /// What was asked for in this phase.
    asking: Asking,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Phase {
    Raising,
    Lowering,
}

/// `dynamodb.capacity.set`: gives each table another provisioned capacity.
pub struct SetCapacity;

#[async_trait]
impl Action for SetCapacity {
    type Params = Params;
    type Target = Table;
    type State = Changing;
    type Known = BTreeSet<Dimension>;

    const SPEC: Spec = Spec {
        name: "dynamodb.capacity.set",
        summary: "Sets the provisioned capacity of each selected table and its indexes.",
        permissions: &["application-autoscaling:DescribeScalableTargets", "dynamodb:UpdateTable"],
        elsewhere: &[],
        effect: Effect::Changes,
        timeout: Duration::from_secs(6 * 3600),
        gate: None,
    };

    fn check(params: &Params) -> Result<(), BadParams> {
        let bad = |path: &str, message: String| Err(BadParams { path: path.to_owned(), message });
        if params.table.is_none() && params.indexes.is_empty() {
            return bad("", "`table` or `indexes` must say what to set".to_owned());
        }
        if params.reserve >= MOST {
            let message =
                format!("at most {MOST} decreases are ever left: this would lower nothing");
            return bad("reserve", message);
        }
        params.table.iter().try_for_each(|it| it.check("table"))?;
        params.indexes.iter().try_for_each(|(name, it)| it.check(&format!("indexes.{name}")))
    }

    async fn look(
        cx: &LookCx<'_>,
        _: &Params,
        found: &[Table],
    ) -> Result<BTreeSet<Dimension>, Fault> {
        if found.is_empty() {
            return Ok(BTreeSet::new());
        }
        let scaled = cx.here.tables().scaled(None).await;
        scaled.doing("asking what Application Auto Scaling sets")
    }

    fn plan(
        params: &Params,
        cx: &PlanCx<'_>,
        found: &[Table],
        scaled: &BTreeSet<Dimension>,
    ) -> Vec<Verdict> {
        found.iter().map(|it| judge(params, it, scaled, cx)).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        params: &Params,
        target: &Table,
        state: Option<Changing>,
    ) -> Result<Progress<Changing>, Fault> {
        let Some(state) = state else { return begin(cx, params, target).await };
        let looked = cx.here.tables().table(&target.id).await;
        let Some(it) = looked.doing("looking at the table")? else {
            return Ok(Progress::Skipped("it is gone".to_owned()));
        };
        if it.billing != "provisioned" {
            return Ok(Progress::Skipped("it was put on demand meanwhile".to_owned()));
        }
        if it.unsettled().is_some() {
            return Ok(Progress::Again { state, wait: LOOK });
        }
        match state.phase {
            Phase::Raising => raise(cx, &it, state).await,
            Phase::Lowering => lower(cx, params, &it, state).await,
        }
    }
}

fn judge(params: &Params, table: &Table, scaled: &BTreeSet<Dimension>, cx: &PlanCx<'_>) -> Verdict {
    let leave = |reason: String| Verdict::Leave { reason };
    if table.billing != "provisioned" {
        return leave("it is on demand".to_owned());
    }
    if let Some(why) = table.unsettled() {
        return leave(why);
    }
    let Moves { moves, left } = moves(params, table, scaled);
    if moves.is_empty() {
        return leave(match left.is_empty() {
            true => "it has this capacity".to_owned(),
            false => left.join("; "),
        });
    }
    let effects: Vec<String> = moves.iter().map(Move::to_string).collect();
    let mut reasons = budgets(params, table, &moves, cx);
    reasons.extend(left);
    let reason = (!reasons.is_empty()).then(|| reasons.join("; "));
    Verdict::Act { effect: effects.join(", "), reason }
}

/// What lowering a table and its indexes takes of the decreases that AWS allows, and what comes
/// of it today.
fn budgets(params: &Params, table: &Table, moves: &[Move], cx: &PlanCx<'_>) -> Vec<String> {
    let end = midnight(cx.now);
    let (mut said, mut least) = (Vec::new(), u32::MAX);
    for holder in holders(moves) {
        let Some(capacity) = table.capacity_of(holder) else { continue };
        let budget = Budget::of(capacity);
        let (made, left) = (budget.made(cx.now), budget.left(cx.now));
        let of = holder.map_or("the table".to_owned(), |index| format!("`{index}`"));
        let made = match made {
            0 => "not lowered".to_owned(),
            made => format!("lowered {}", times(made)),
        };
        let mut text = format!("{of} was {made} today");
        let then = budget.beyond(params.reserve, cx.now);
        text.push_str(&match left {
            left if left > params.reserve => format!(", and can be {} more now", times(left)),
            0 => format!(", and can be again at {then}"),
            left => format!(", and can be {} more now: for others, until {then}", times(left)),
        });
        let rest = budget.rest_of_day(params.reserve, cx.now);
        text.push_str(&format!(", {} until {end}", times(rest)));
        least = least.min(rest);
        said.push(text);
    }
    if let Some(schedule) = cx.schedule
        && !said.is_empty()
    {
        let runs = schedule.occurrences(cx.now, end).filter(|at| *at < end).count();
        let is_short = runs > usize::try_from(least).unwrap_or(usize::MAX);
        let short = if is_short { ", more often than it can be lowered" } else { "" };
        said.push(format!("the task runs {runs} more times until then{short}"));
    }
    said
}

fn times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

/// The table and the indexes of which something is lowered, each once.
fn holders(moves: &[Move]) -> BTreeSet<Option<&str>> {
    moves.iter().filter(|it| !it.raises()).map(|it| it.index.as_deref()).collect()
}

/// Fixes what becomes of what the plan has seen. Nothing has happened yet.
async fn begin(
    cx: &StepCx<'_>,
    params: &Params,
    target: &Table,
) -> Result<Progress<Changing>, Fault> {
    let scaled = cx.here.tables().scaled(Some(target)).await;
    let scaled = scaled.doing("asking what Application Auto Scaling sets")?;
    let Moves { moves, left } = moves(params, target, &scaled);
    if moves.is_empty() {
        return Ok(Progress::Skipped(left.join("; ")));
    }
    let state = Changing { moves, phase: Phase::Raising, asking: Asking::default() };
    Ok(Progress::Again { state, wait: Duration::ZERO })
}

/// Raises all that is to rise, in one call.
async fn raise(cx: &StepCx<'_>, it: &Table, state: Changing) -> Result<Progress<Changing>, Fault> {
    let rising: Vec<&Move> = state.moves.iter().filter(|it| it.raises()).collect();
    let missing: Vec<&Move> =
        rising.into_iter().filter(|step| step.now(it) != Some(step.to)).collect();
    if missing.is_empty() {
        let state = Changing { phase: Phase::Lowering, asking: Asking::default(), ..state };
        return Ok(Progress::Again { state, wait: Duration::ZERO });
    }
    if state.asking.may_lag(cx.now) {
        return Ok(Progress::Again { state, wait: LOOK });
    }
    if let Some(why) = changed(&missing, it) {
        return Ok(Progress::Skipped(why));
    }
    let new = request(&missing, &state.moves, it);
    let asked = cx.here.tables().set_capacity(&it.id, &new).await;
    state.heard(asked.doing("raising its capacity")?, cx.now)
}

/// Lowers what is to fall, as AWS lets it.
async fn lower(
    cx: &StepCx<'_>,
    params: &Params,
    it: &Table,
    state: Changing,
) -> Result<Progress<Changing>, Fault> {
    let falling: Vec<&Move> = state.moves.iter().filter(|it| !it.raises()).collect();
    let missing: Vec<&Move> =
        falling.into_iter().filter(|step| step.now(it) != Some(step.to)).collect();
    if missing.is_empty() {
        return Ok(Progress::Done(state.summary()));
    }
    if state.asking.may_lag(cx.now) {
        return Ok(Progress::Again { state, wait: LOOK });
    }
    if let Some(why) = changed(&missing, it) {
        return Ok(match state.moves.iter().any(Move::raises) {
            true => Progress::Done(format!("raised its capacity, and lowered nothing: {why}")),
            false => Progress::Skipped(why),
        });
    }
    let opens = |step: &Move| {
        let capacity = it.capacity_of(step.index.as_deref()).cloned().unwrap_or_default();
        Budget::of(&capacity).beyond(params.reserve, cx.now)
    };
    let ready: Vec<&Move> = missing.iter().copied().filter(|step| opens(step) <= cx.now).collect();
    if ready.is_empty() {
        let first = missing.iter().map(|step| opens(step)).min().unwrap_or(cx.now);
        let wait = Duration::try_from(first.duration_since(cx.now)).unwrap_or(LOOK);
        return Ok(Progress::Again { state, wait });
    }
    let new = request(&ready, &state.moves, it);
    let asked = cx.here.tables().set_capacity(&it.id, &new).await;
    // It may have been lowered more often than the table shows: that is waited out as throttling.
    state.heard(asked.doing("lowering its capacity")?, cx.now)
}

/// Says which number is neither what the plan has seen nor what it is to be.
fn changed(missing: &[&Move], it: &Table) -> Option<String> {
    let other = missing.iter().find(|step| step.now(it) != Some(step.from))?;
    Some(match other.now(it) {
        Some(now) => format!(
            "somebody has changed the {} meanwhile, from {} to {now}",
            other.name(),
            other.from
        ),
        None => format!("the {} are gone with the index", other.name()),
    })
}

impl Changing {
    fn heard(self, asked: Asked, now: Timestamp) -> Result<Progress<Changing>, Fault> {
        let (asking, wait) = self.asking.heard(asked, now)?;
        Ok(Progress::Again { state: Changing { asking, ..self }, wait })
    }

    fn summary(&self) -> String {
        let each = self.moves.iter().map(|it| format!("{} {} → {}", it.name(), it.from, it.to));
        each.collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests;
