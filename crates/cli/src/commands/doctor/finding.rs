//! What the doctor finds.

use lamplighter_core::{Region, TaskName};
use serde::Serialize;

/// One line of the examination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Finding {
    pub(crate) state: State,
    /// What was looked at: `account`, `targets` …
    pub(crate) check: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) task: Option<TaskName>,
    /// The account's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<Region>,
    pub(crate) says: String,
    /// What to do about it. Whatever is wrong has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cure: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    /// It is as it should be.
    Ok,
    /// A part of it cannot be tested without doing it.
    Untested,
    Wrong,
}

impl State {
    pub(crate) fn word(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Untested => "?",
            State::Wrong => "WRONG",
        }
    }
}

impl Finding {
    pub(crate) fn ok(check: &'static str, says: impl Into<String>) -> Finding {
        Finding {
            state: State::Ok,
            check,
            task: None,
            account: None,
            region: None,
            says: says.into(),
            cure: None,
        }
    }

    pub(crate) fn wrong(
        check: &'static str,
        says: impl Into<String>,
        cure: impl Into<String>,
    ) -> Finding {
        Finding { state: State::Wrong, cure: Some(cure.into()), ..Finding::ok(check, says) }
    }

    pub(crate) fn untested(check: &'static str, says: impl Into<String>) -> Finding {
        Finding { state: State::Untested, ..Finding::ok(check, says) }
    }

    pub(crate) fn of_task(self, task: &TaskName) -> Finding {
        Finding { task: Some(task.clone()), ..self }
    }

    pub(crate) fn in_account(self, name: &str) -> Finding {
        Finding { account: Some(name.to_owned()), ..self }
    }

    pub(crate) fn in_region(self, region: &Region) -> Finding {
        Finding { region: Some(region.clone()), ..self }
    }
}
