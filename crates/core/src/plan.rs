//! A saved plan: what would be done to which target and why, and what `apply` then does.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    AccountId, Facts, Fault, FaultKind, Place, Region, TaskName,
    action::Verdict,
    engine::Survey,
    fault::shortened,
    job::{PlannedPlace, PlannedTarget},
    task::{Order, hex},
};

/// The version of the file format.
pub const VERSION: u32 = 1;

/// What would be done to which target and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Plan {
    /// [`VERSION`] of the program that wrote it.
    pub version: u32,
    /// Over everything else, so that an edited or damaged file is not applied.
    pub hash: String,
    /// The instant that was decided for.
    pub planned_at: Timestamp,
    /// Task by task.
    pub tasks: Vec<TaskPlan>,
    /// Places that could not be planned for. Applying the plan does nothing there.
    pub problems: Vec<Problem>,
}

/// The plan of one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TaskPlan {
    /// The task.
    pub task: TaskName,
    /// The occurrence that applying the plan is.
    pub occurrence: Timestamp,
    /// What to do, as the task said when it was planned.
    pub order: Order,
    /// Each selected target.
    pub verdicts: Vec<TargetPlan>,
}

/// The verdict on one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TargetPlan {
    /// Its account.
    pub account: AccountId,
    /// Its region.
    pub region: Region,
    /// Its id.
    pub target: String,
    /// Act or leave.
    pub verdict: VerdictName,
    /// What would happen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was known of the target; `apply` refuses it when that has changed. Only of targets
    /// to act on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<Facts>,
}

/// The name of a [`Verdict`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictName {
    /// It is acted on.
    Act,
    /// It is left alone.
    Leave,
}

/// Something that could not be planned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Problem {
    /// The task.
    pub task: TaskName,
    /// The account, unless it is about a part of the organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// The region, unless it is about the whole account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// The target, when it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What kind of fault it is.
    pub kind: FaultKind,
    /// What went wrong.
    pub message: String,
}

/// What a task would do in one place.
#[derive(Debug)]
pub struct PlacePlan {
    /// The task.
    pub task: TaskName,
    /// The place.
    pub place: Place,
    /// The verdicts, or why there are none.
    pub result: Result<Survey, Fault>,
}

/// Why a text is not a plan that can be applied.
#[derive(Debug, thiserror::Error)]
pub enum BadPlan {
    /// It is not JSON, or not a plan.
    #[error("this is not a saved plan: {}", shortened(.0, 300))]
    Unreadable(serde_json::Error),
    /// It was written by another version.
    #[error(
        "the plan has version `{}`, and this program reads version `{VERSION}`: plan again",
        shortened(.found, 20)
    )]
    Version {
        /// The version in the file.
        found: Value,
    },
    /// It is not what was planned.
    #[error("the plan was edited or damaged after it was made: its hash does not fit; plan again")]
    Changed,
}

impl Plan {
    /// A plan of these parts.
    pub fn new(planned_at: Timestamp, tasks: Vec<TaskPlan>, problems: Vec<Problem>) -> Plan {
        let plan = Plan { version: VERSION, hash: String::new(), planned_at, tasks, problems };
        Plan { hash: plan.computed_hash(), ..plan }
    }

    /// Reads a saved plan. Whatever is not exactly what [`Plan::new`] made is refused.
    pub fn parse(text: &str) -> Result<Plan, BadPlan> {
        #[derive(Deserialize)]
        struct Head {
            version: Option<Value>,
        }
        // The version first: a plan of another version may well have other fields.
        let head: Head = serde_json::from_str(text).map_err(BadPlan::Unreadable)?;
        if let Some(found) = head.version.filter(|it| *it != VERSION) {
            return Err(BadPlan::Version { found });
        }
        let plan: Plan = serde_json::from_str(text).map_err(BadPlan::Unreadable)?;
        if plan.hash == plan.computed_hash() { Ok(plan) } else { Err(BadPlan::Changed) }
    }

    /// That of the list of everything else, as JSON.
    fn computed_hash(&self) -> String {
        let mut text = Sha256::new();
        text.update(format!("[{},{},", self.version, as_sorted_json(&self.planned_at)));
        // Target by target: as one text, a large plan would be here several times.
        update_with_list(&mut text, &self.tasks, |text, task| {
            let TaskPlan { task, occurrence, order, verdicts } = task;
            text.update(format!(
                "{{\"occurrence\":{},\"order\":{},\"task\":{},\"verdicts\":",
                as_sorted_json(occurrence),
                as_sorted_json(order),
                as_sorted_json(task),
            ));
            update_with_list(text, verdicts, |text, it| text.update(it.as_sorted_json()));
            text.update("}");
        });
        text.update(",");
        update_with_list(&mut text, &self.problems, |text, it| text.update(as_sorted_json(it)));
        text.update("]");
        hex(&text.finalize())
    }
}

fn update_with_list<T>(text: &mut Sha256, items: &[T], update: impl Fn(&mut Sha256, &T)) {
    text.update("[");
    for (index, item) in items.iter().enumerate() {
        text.update(if index > 0 { "," } else { "" });
        update(text, item);
    }
    text.update("]");
}

/// JSON that does not depend on the file's layout: `Value` sorts the keys of objects.
fn as_sorted_json(part: &impl Serialize) -> String {
    serde_json::to_value(part).map(|value| value.to_string()).unwrap_or_default()
}

impl TargetPlan {
    /// The same for a target, without a tree of values: there may be very many.
    fn as_sorted_json(&self) -> String {
        #[derive(Serialize)]
        struct Sorted<'a> {
            account: &'a AccountId,
            #[serde(skip_serializing_if = "Option::is_none")]
            effect: &'a Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            facts: &'a Option<Facts>,
            #[serde(skip_serializing_if = "Option::is_none")]
            reason: &'a Option<String>,
            region: &'a Region,
            target: &'a str,
            verdict: VerdictName,
        }
        let TargetPlan { account, region, target, verdict, effect, reason, facts } = self;
        let verdict = *verdict;
        let sorted = Sorted { account, effect, facts, reason, region, target, verdict };
        serde_json::to_string(&sorted).unwrap_or_default()
    }
}

impl TaskPlan {
    /// Puts the places of one task together. What could not be planned is added to `problems`.
    pub fn new(
        order: &Order,
        occurrence: Timestamp,
        places: Vec<PlacePlan>,
        problems: &mut Vec<Problem>,
    ) -> TaskPlan {
        let mut verdicts = Vec::new();
        for PlacePlan { task, place, result } in places {
            let problem = |target, kind, message| Problem {
                task: task.clone(),
                account: Some(place.account.clone()),
                region: Some(place.region.clone()),
                target,
                kind,
                message,
            };
            match result {
                Err(fault) => problems.push(problem(None, fault.kind, fault.chain())),
                Ok(survey) => {
                    if let Err(fault) = survey.as_expected(order) {
                        problems.push(problem(None, fault.kind, fault.chain()));
                    }
                    let unknown = survey.unknown.into_iter();
                    problems.extend(
                        unknown.map(|(it, why)| problem(Some(it.id), FaultKind::Config, why)),
                    );
                    for it in survey.planned {
                        let (verdict, effect, reason) = match it.verdict {
                            Verdict::Act { effect, reason } => {
                                (VerdictName::Act, Some(effect), reason)
                            }
                            Verdict::Leave { reason } => (VerdictName::Leave, None, Some(reason)),
                            Verdict::Fail { reason } => {
                                problems.push(problem(Some(it.target), FaultKind::Config, reason));
                                continue;
                            }
                        };
                        verdicts.push(TargetPlan {
                            account: place.account.clone(),
                            region: place.region.clone(),
                            target: it.target,
                            facts: (verdict == VerdictName::Act).then_some(it.facts),
                            verdict,
                            effect,
                            reason,
                        });
                    }
                }
            }
        }
        TaskPlan { task: order.task.clone(), occurrence, order: order.clone(), verdicts }
    }

    /// The targets to act on, by place.
    pub(crate) fn places(&self, planned_at: Timestamp) -> Vec<PlannedPlace> {
        let mut places: Vec<PlannedPlace> = Vec::new();
        for it in &self.verdicts {
            let Some(facts) = &it.facts else { continue };
            let target = PlannedTarget { target: it.target.clone(), facts: facts.clone() };
            let place = Place { account: it.account.clone(), region: it.region.clone() };
            match places.iter_mut().find(|known| known.place == place) {
                Some(known) => known.targets.push(target),
                None => places.push(PlannedPlace { place, now: planned_at, targets: vec![target] }),
            }
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plan() -> Plan {
        Plan::new("2026-03-29T02:00:00Z".parse().unwrap(), Vec::new(), Vec::new())
    }

    #[test]
    fn a_saved_plan_is_read_back_whatever_its_layout() {
        let pretty = serde_json::to_string_pretty(&plan()).unwrap();
        assert_eq!(Plan::parse(&pretty).unwrap(), plan());
    }

    #[test]
    fn the_hash_is_that_of_all_the_rest_as_one_text() {
        let order = json!({
            "task": "nightly", "defined-at": "tasks.yaml:1", "action": "a.b.c", "params": {},
            "select": {"where": "true"}, "adopt": null, "mode": "act", "guards": {},
            "max-concurrent": null, "timeout": null, "stop-after": null, "time-zone": "UTC",
        });
        let target = |id| {
            json!({
                "account": "111122223333", "region": "eu-west-1", "target": id, "verdict": "act",
                "effect": "create \"it\"", "facts": {"size_gib": 8, "id": id},
            })
        };
        let task = |verdicts: &[Value]| {
            json!({
                "task": "nightly", "occurrence": "2026-03-29T02:00:00Z", "order": order,
                "verdicts": verdicts,
            })
        };
        let mut left = target("vol-3");
        left["reason"] = json!("it is too young");
        let tasks = json!([task(&[]), task(&[target("vol-1"), target("vol-2"), left])]);
        let problem = json!({"task": "nightly", "kind": "config", "message": "no"});
        let plan = Plan::new(
            "2026-03-29T02:00:00Z".parse().unwrap(),
            serde_json::from_value(tasks).unwrap(),
            serde_json::from_value(json!([problem, problem])).unwrap(),
        );
        let rest = (plan.version, plan.planned_at, &plan.tasks, &plan.problems);
        let text = serde_json::to_value(rest).unwrap().to_string();
        assert_eq!(plan.hash, hex(&Sha256::digest(text)));
    }

    #[track_caller]
    fn check_refused(change: impl Fn(String) -> String, expected: &str) {
        let text = change(serde_json::to_string(&plan()).unwrap());
        let error = Plan::parse(&text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn another_version_damage_and_edits_are_refused_by_name() {
        check_refused(|text| text.replace("\"version\":1", "\"version\":2"), "version `2`");
        check_refused(|text| text.replace("02:00:00", "03:00:00"), "edited or damaged");
        check_refused(|text| text[..text.len() / 2].to_owned(), "not a saved plan");
        check_refused(|_| "[]".to_owned(), "not a saved plan");
        check_refused(|text| text.replace("\"tasks\"", "\"tusks\""), "not a saved plan");
    }
}
