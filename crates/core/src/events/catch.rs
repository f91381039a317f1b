//! Whether an event triggers a task.

use std::collections::BTreeSet;

use super::CloudEvent;
use crate::{
    action::TASK_TAG,
    task::{Regions, Task},
};

/// What an event is to a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Catch {
    /// The task did not subscribe to it.
    Unrelated,
    /// The task subscribed to such events, and this one is not for it: why.
    Ignored(String),
    /// The task runs for these targets.
    Targets(BTreeSet<String>),
}

/// Says what an event is to a task whose action works on this kind of resources.
///
/// That a resource was made by the task itself is told by its tags: here by those that the event
/// brings along, and again by those that it has when it is listed.
pub fn catch(task: &Task, kind: &str, event: &CloudEvent) -> Catch {
    let triggers: Vec<_> = task.on.iter().filter(|it| it.takes(event)).collect();
    if triggers.is_empty() {
        return Catch::Unrelated;
    }
    if !task.enabled {
        return Catch::Ignored("the task is not enabled".to_owned());
    }
    if let Err(reason) = reaches(task, event) {
        return Catch::Ignored(reason);
    }
    if event.tags.as_ref().is_some_and(|it| made_by(task, it.tags.get(TASK_TAG))) {
        return Catch::Ignored("the task itself made what it is about".to_owned());
    }
    let mut targets = BTreeSet::new();
    let mut wrong = None;
    for trigger in triggers {
        match trigger.targets(event, kind) {
            Ok(found) => targets.extend(found),
            Err(reason) => wrong = Some(reason),
        }
    }
    match (targets.is_empty(), wrong) {
        (false, _) => Catch::Targets(targets),
        (true, Some(reason)) => Catch::Ignored(reason),
        (true, None) => Catch::Ignored(format!("it is about no {kind}")),
    }
}

fn reaches(task: &Task, event: &CloudEvent) -> Result<(), String> {
    let place = &event.place;
    let Some(reach) = task.reach.iter().find(|it| it.account == place.account) else {
        return Err(format!("the task does not name the account {}", place.account));
    };
    match &reach.regions {
        Regions::Listed(regions) if !regions.contains(&place.region) => {
            Err(format!("the task does not name {} in {}", place.region, place.account))
        }
        Regions::Listed(_) | Regions::All => Ok(()),
    }
}

fn made_by(task: &Task, tag: Option<&String>) -> bool {
    tag.is_some_and(|it| it == task.order.task.as_str())
}
