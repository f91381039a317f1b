//! `dynamodb.billing.set`: puts tables on demand, or provisions them.
//!
//! Idempotency: *converging*. A table that is so already is left, and what was asked for twice is
//! done once.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{
    Action, Doing, Fault, Progress, Spec, StepCx, Verdict,
    action::{BadParams, Effect, PlanCx},
    cloud::tables::{Billing, NewCapacity, Table, Units},
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{asking::Asking, indexes::said_of};

/// Between two switches of a table to on demand: AWS allows four in any 24 hours, and tells the
/// time of the last one only.
/// Source: DynamoDB Developer Guide, "Considerations when switching capacity modes".
const PAUSE: SignedDuration = SignedDuration::from_hours(6);
/// Between two looks: a switch takes minutes.
const LOOK: Duration = Duration::from_secs(60);

/// Parameters of `dynamodb.billing.set`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// `on-demand`: what is used is paid. `provisioned`: what is provisioned is paid. AWS lets a
    /// table be put on demand four times in 24 hours; a task does so six hours after the last
    /// time at the earliest.
    mode: Mode,
    /// What a table has when it is `provisioned`.
    table: Option<Provisioned>,
    /// What its global secondary indexes have then, by their names. `"*"` is for every index that
    /// is not named.
    #[serde(default)]
    indexes: BTreeMap<String, Provisioned>,
}

/// How a table is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    /// By what is used of it.
    OnDemand,
    /// By what is provisioned.
    Provisioned,
}

/// What is provisioned.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Provisioned {
    /// Reads per second.
    #[schemars(range(min = 1))]
    reads: u64,
    /// Writes per second.
    #[schemars(range(min = 1))]
    writes: u64,
}

/// `dynamodb.billing.set`: puts each table on demand, or provisions it.
pub struct SetBilling;

#[async_trait]
impl Action for SetBilling {
    type Params = Params;
    type Target = Table;
    type State = Switching;
    type Known = ();

    const SPEC: Spec = Spec {
        name: "dynamodb.billing.set",
        summary: "Puts each selected table on demand, or provisions it.",
        permissions: &["dynamodb:UpdateTable"],
        elsewhere: &[],
        effect: Effect::Changes,
        timeout: Duration::from_secs(2 * 3600),
        gate: None,
    };

    fn check(params: &Params) -> Result<(), BadParams> {
        let bad = |path: &str, message: &str| {
            Err(BadParams { path: path.to_owned(), message: message.to_owned() })
        };
        match params.mode {
            Mode::Provisioned if params.table.is_none() => {
                return bad("table", "`mode: provisioned` needs `table`: how much it has");
            }
            Mode::OnDemand if params.table.is_some() || !params.indexes.is_empty() => {
                return bad("mode", "with `mode: on-demand` nothing is provisioned");
            }
            _ => {}
        }
        let indexes = params.indexes.iter().map(|(name, it)| (format!("indexes.{name}"), it));
        let table = params.table.iter().map(|it| ("table".to_owned(), it));
        for (path, it) in table.chain(indexes) {
            for (key, units) in [("reads", it.reads), ("writes", it.writes)] {
                if units == 0 {
                    return bad(&format!("{path}.{key}"), "DynamoDB has at least 1");
                }
            }
        }
        Ok(())
    }

    fn plan(params: &Params, cx: &PlanCx<'_>, found: &[Table], _: &()) -> Vec<Verdict> {
        found.iter().map(|it| judge(params, it, cx.now)).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        params: &Params,
        target: &Table,
        state: Option<Switching>,
    ) -> Result<Progress<Switching>, Fault> {
        let looked = cx.here.tables().table(&target.id).await;
        let Some(it) = looked.doing("looking at the table")? else {
            return Ok(Progress::Skipped("it is gone".to_owned()));
        };
        let asking = state.unwrap_or_default().0;
        if it.unsettled().is_some() {
            return Ok(Progress::Again { state: Switching(asking), wait: LOOK });
        }
        if params.is_so(&it) {
            return Ok(Progress::Done(format!("it is {}", it.billing)));
        }
        if asking.may_lag(cx.now) {
            return Ok(Progress::Again { state: Switching(asking), wait: LOOK });
        }
        let new = match params.billing(&it) {
            Ok(new) => new,
            Err(why) => return Ok(Progress::Skipped(why)),
        };
        let asked = cx.here.tables().set_billing(&it.id, &new).await;
        let (asking, _) = asking.heard(asked.doing("switching its billing mode")?, cx.now)?;
        Ok(Progress::Again { state: Switching(asking), wait: LOOK })
    }
}

/// What the job remembers.
#[derive(Debug, Default, serde::Serialize, Deserialize)]
pub struct Switching(Asking);

fn judge(params: &Params, it: &Table, now: Timestamp) -> Verdict {
    let leave = |reason: String| Verdict::Leave { reason };
    if let Some(why) = it.unsettled() {
        return leave(why);
    }
    if params.is_so(it) {
        return leave(format!("it is {}", it.billing));
    }
    let new = match params.billing(it) {
        Ok(new) => new,
        Err(why) => return leave(why),
    };
    let effect = match new {
        Billing::OnDemand => {
            let since = it.on_demand_since.filter(|since| now < *since + PAUSE);
            if let Some(since) = since {
                return leave(format!(
                    "it was put on demand at {since}, and AWS allows that four times in 24 \
                     hours: again from {}",
                    since + PAUSE
                ));
            }
            let Units { reads, writes } = it.capacity.units();
            format!("put on demand, instead of {reads} reads and {writes} writes")
        }
        Billing::Provisioned(new) => {
            let text =
                |Units { reads, writes }: Units| format!("{reads} reads and {writes} writes");
            let table = new.table.map(text).unwrap_or_default();
            let indexes =
                new.indexes.iter().map(|(name, it)| format!(", {} of `{name}`", text(*it)));
            format!("provision {table}{}", indexes.collect::<String>())
        }
    };
    Verdict::Act { effect, reason: None }
}

impl Params {
    fn is_so(&self, it: &Table) -> bool {
        match self.mode {
            Mode::OnDemand => it.billing == "on-demand",
            Mode::Provisioned => it.billing == "provisioned",
        }
    }

    /// What a table becomes, or why it cannot.
    fn billing(&self, it: &Table) -> Result<Billing, String> {
        let (Mode::Provisioned, Some(table)) = (self.mode, self.table) else {
            return Ok(Billing::OnDemand);
        };
        let index = |it: &lamplighter_core::cloud::tables::Index| {
            let units = said_of(&self.indexes, &it.name).ok_or_else(|| {
                format!("`indexes` does not say what its index `{}` has", it.name)
            })?;
            Ok((it.name.clone(), units.units()))
        };
        let indexes = it.indexes.iter().map(index).collect::<Result<_, String>>()?;
        Ok(Billing::Provisioned(NewCapacity { table: Some(table.units()), indexes }))
    }
}

impl Provisioned {
    fn units(self) -> Units {
        Units { reads: self.reads, writes: self.writes }
    }
}

#[cfg(test)]
mod tests;
