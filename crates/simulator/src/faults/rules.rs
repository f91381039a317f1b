//! A file of faults, as it is written.

use std::collections::BTreeSet;

use lamplighter_core::{AccountId, Region, action::BadParams};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    table::TABLE,
    wildcard,
    words::{Instant, OneOrMore, Range, Share, Time},
};

/// Most characters of an error code.
const CODE_MAX: usize = 128;

/// What shall go wrong in a simulated organization: rules, each about some calls. The same seed
/// draws the same luck.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Rules {
    /// What luck is drawn from. Each rule has luck of its own.
    pub seed: u64,
    /// The rules. Of several that strike one call the first one's effect is taken, and the
    /// latency of all.
    pub faults: Vec<Rule>,
}

/// One rule: which calls it strikes, and what becomes of them. It strikes a call when all that it
/// says of calls holds. It has one effect, with which `latency` may go.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Rule {
    /// The service, such as `ec2`, or several. `*` is any text, `?` any character.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<OneOrMore<String>>,
    /// The operation, such as `CreateSnapshot` or `Describe*`, or several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<OneOrMore<String>>,
    /// The account that is called, by its id, or several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<OneOrMore<AccountId>>,
    /// The region that is called, or several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<OneOrMore<Region>>,
    /// Calls not before this instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Instant>,
    /// Calls before this instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Instant>,
    /// Of the calls that match so far, the one with this number, or those with these; the first
    /// is 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<OneOrMore<std::num::NonZeroU64>>")]
    pub nth: Option<OneOrMore<u64>>,
    /// Of the calls that match so far, each one whose number is a multiple of this.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub every: Option<u64>,
    /// Of the calls that are left, such a share by luck.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<Share>,
    /// At most so many calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub times: Option<u64>,

    /// The call is refused with this code, without an effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The HTTP status of the refusal; by default the one that AWS gives with the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 400, max = 599))]
    pub status: Option<u16>,
    /// What is said with the refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The answer takes so long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<Range<Time>>,
    /// The connection is closed before anything happens.
    #[serde(skip_serializing_if = "is_false")]
    pub drop: bool,
    /// The call takes effect, and the connection is closed without an answer.
    #[serde(skip_serializing_if = "is_false")]
    pub lose_answer: bool,
    /// The calls of a place are paid from this bucket, and refused when it is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttle: Option<Throttle>,
}

/// A token bucket for each place. It starts full.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Throttle {
    /// The most calls that it holds: at least 1.
    pub capacity: f64,
    /// Calls that it gains in a second.
    pub per_second: f64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "Serde asks with a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Rules {
    /// What is wrong with them, by its path from the root of the file. Nothing when they can be
    /// used.
    pub fn check(&self) -> Vec<BadParams> {
        let mut bad = Vec::new();
        for (index, rule) in self.faults.iter().enumerate() {
            rule.check(&mut |key, message| {
                let dot = if key.is_empty() { "" } else { "." };
                bad.push(BadParams { path: format!("faults[{index}]{dot}{key}"), message });
            });
        }
        bad
    }
}

impl Rule {
    fn check(&self, bad: &mut impl FnMut(&str, String)) {
        let effects = [
            ("error", self.error.is_some()),
            ("drop", self.drop),
            ("lose-answer", self.lose_answer),
            ("throttle", self.throttle.is_some()),
        ];
        let mut effects = effects.iter().filter(|(_, is)| *is).map(|(name, _)| *name);
        match (effects.next(), effects.next()) {
            (None, _) if self.latency.is_none() => bad(
                "",
                "a rule has an effect: `error`, `drop`, `lose-answer`, `throttle` or `latency`"
                    .to_owned(),
            ),
            (Some(one), Some(other)) => bad(
                other,
                format!("a rule has one effect beside `latency`, and this one has `{one}` already"),
            ),
            _ => {}
        }
        for (key, is) in [("status", self.status.is_some()), ("message", self.message.is_some())] {
            if is && self.error.is_none() {
                bad(key, format!("`{key}` goes with an `error`"));
            }
        }
        if self.status.is_some_and(|it| !(400..=599).contains(&it)) {
            bad("status", "the status of an error is from 400 to 599".to_owned());
        }
        let is_code = |code: &String| {
            (1..=CODE_MAX).contains(&code.len())
                && code.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'.')
        };
        if let Some(code) = self.error.as_ref().filter(|it| !is_code(it)) {
            bad("error", format!("`{code}` is not an error code, such as `RequestLimitExceeded`"));
        }
        let numbers = [
            ("nth", self.nth.as_ref().is_some_and(|it| it.iter().any(|it| *it == 0))),
            ("every", self.every == Some(0)),
            ("times", self.times == Some(0)),
        ];
        for (key, _) in numbers.iter().filter(|(_, is_zero)| *is_zero) {
            bad(key, format!("`{key}` counts from 1"));
        }
        if let (Some(from), Some(until)) = (self.from, self.until)
            && until <= from
        {
            bad("until", "`until` is after `from`".to_owned());
        }
        if let Some(Throttle { capacity, per_second }) = self.throttle {
            if !(1.0..=1e9).contains(&capacity) {
                bad("throttle.capacity", "`capacity` is at least 1 call".to_owned());
            }
            if !(0.0..=1e9).contains(&per_second) {
                bad("throttle.per-second", "`per-second` is a number of calls".to_owned());
            }
        }
        self.check_operations(bad);
    }

    /// A rule that no operation can match would wait for ever.
    fn check_operations(&self, bad: &mut impl FnMut(&str, String)) {
        let all = || TABLE.iter().copied().flatten().map(|it| it.spec);
        let mut services: BTreeSet<&str> = all().map(|it| it.service).collect();
        if let Some(patterns) = &self.service {
            for pattern in patterns.iter() {
                if !services.iter().any(|it| wildcard::matches(pattern, it)) {
                    let message = format!("there is no service `{pattern}`");
                    return bad("service", known(&message, services));
                }
            }
            services.retain(|it| patterns.iter().any(|pattern| wildcard::matches(pattern, it)));
        }
        let named = all().filter(|it| services.contains(it.service)).map(|it| it.name);
        let operations: BTreeSet<&str> = named.collect();
        for pattern in self.action.iter().flat_map(OneOrMore::iter) {
            if !operations.iter().any(|it| wildcard::matches(pattern, it)) {
                let message = format!("there is no operation `{pattern}`");
                return bad("action", known(&message, operations));
            }
        }
    }
}

/// A message that says what there is instead.
fn known(message: &str, names: BTreeSet<&str>) -> String {
    let quoted: Vec<String> = names.iter().map(|it| format!("`{it}`")).collect();
    format!("{message}; known: {}", quoted.join(", "))
}
