//! Which calls were made, and what came of them.

use std::collections::BTreeMap;

use lamplighter_core::{FaultKind, classify::classify};
use lamplighter_simulator::{Access, Call, Outcome};
use serde::Serialize;
use serde_json::{Value, json};

/// Counts calls.
#[derive(Debug, Default)]
pub(crate) struct Calls(BTreeMap<(&'static str, &'static str), Tried>);

/// The calls of one operation.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Tried {
    pub(crate) service: &'static str,
    pub(crate) operation: &'static str,
    /// Whether it may change something.
    pub(crate) writes: bool,
    /// All calls.
    pub(crate) calls: u64,
    /// Those that were done, and answered.
    pub(crate) done: u64,
    /// Those that were refused because they came too fast.
    pub(crate) throttled: u64,
    /// Those that were refused otherwise, by code.
    pub(crate) refused: BTreeMap<&'static str, u64>,
    /// Those whose answer never came.
    pub(crate) unanswered: u64,
}

impl Calls {
    /// Counts these.
    pub(crate) fn count<'c>(&mut self, calls: impl IntoIterator<Item = &'c Call>) {
        for call in calls {
            let tried = self.0.entry((call.service, call.operation)).or_insert_with(|| Tried {
                service: call.service,
                operation: call.operation,
                writes: call.access == Access::Writes,
                calls: 0,
                done: 0,
                throttled: 0,
                refused: BTreeMap::new(),
                unanswered: 0,
            });
            tried.calls += 1;
            match call.outcome {
                Outcome::Done => tried.done += 1,
                Outcome::Refused(code) if is_throttling(code) => tried.throttled += 1,
                Outcome::Refused(code) => *tried.refused.entry(code).or_default() += 1,
                Outcome::Dropped | Outcome::AnswerLost => tried.unanswered += 1,
            }
        }
    }

    /// By service and operation.
    pub(super) fn into_list(self) -> Vec<Tried> {
        self.0.into_values().collect()
    }
}

/// Whether a code says that calls come too fast.
fn is_throttling(code: &str) -> bool {
    classify(Some(code), None) == FaultKind::Throttled
}

/// A call as a line of the audit trail.
pub(crate) fn trail_line(call: &Call) -> Value {
    let (outcome, code) = match call.outcome {
        Outcome::Done => ("done", None),
        Outcome::Refused(code) => ("refused", Some(code)),
        Outcome::Dropped => ("dropped", None),
        Outcome::AnswerLost => ("answer-lost", None),
    };
    let mut line = json!({
        "at": call.at,
        "caller": call.caller.arn(),
        "account": call.place.account,
        "region": call.place.region,
        "service": call.service,
        "operation": call.operation,
        "writes": call.access == Access::Writes,
        "outcome": outcome,
    });
    if let Some(code) = code {
        line["code"] = code.into();
    }
    line
}

#[cfg(test)]
mod tests {
    use lamplighter_core::{AccountId, Place};
    use lamplighter_simulator::Caller;

    use super::*;

    fn call(operation: &'static str, outcome: Outcome) -> Call {
        let account: AccountId = "111122223333".parse().unwrap();
        Call {
            at: jiff::Timestamp::UNIX_EPOCH,
            caller: Caller::administrator(account.clone()),
            place: Place { account, region: "eu-west-1".parse().unwrap() },
            service: "ec2",
            operation,
            actions: Vec::new(),
            access: Access::Writes,
            about: Box::default(),
            outcome,
        }
    }

    #[test]
    fn throttling_is_counted_apart_from_refusals() {
        let mut calls = Calls::default();
        calls.count(&[
            call("CreateSnapshot", Outcome::Done),
            call("CreateSnapshot", Outcome::Refused("RequestLimitExceeded")),
            call("CreateSnapshot", Outcome::Refused("InvalidVolume.NotFound")),
            call("CreateSnapshot", Outcome::AnswerLost),
        ]);
        let [tried] = calls.into_list().try_into().unwrap();
        assert_eq!((tried.calls, tried.done, tried.throttled, tried.unanswered), (4, 1, 1, 1));
        assert_eq!(tried.refused, [("InvalidVolume.NotFound", 1)].into());
    }

    #[test]
    fn a_line_of_the_trail_says_who_what_where_and_how_it_ended() {
        let line = trail_line(&call("CreateSnapshot", Outcome::Refused("UnauthorizedOperation")));
        assert_eq!(
            line.to_string(),
            r#"{"account":"111122223333","at":"1970-01-01T00:00:00Z","caller":"arn:aws:iam::111122223333:root","code":"UnauthorizedOperation","operation":"CreateSnapshot","outcome":"refused","region":"eu-west-1","service":"ec2","writes":true}"#
        );
    }
}
