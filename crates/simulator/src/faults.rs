//! What goes wrong, by rule and by luck from a seed.

mod codes;
mod rules;

use jiff::SignedDuration;
use lamplighter_core::action::BadParams;

pub use self::rules::{Rule, Rules, Throttle};
use crate::{
    buckets::{Bucket, Buckets},
    cloud::Cloud,
    random::Random,
    refusal::Refusal,
    trail::Call,
    wildcard,
    words::OneOrMore,
};

/// What goes wrong with one call.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Mishap {
    /// How long the answer takes.
    pub(crate) delay: SignedDuration,
    /// What else.
    pub(crate) kind: Option<MishapKind>,
}

/// What goes wrong with one call, beside its delay.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum MishapKind {
    /// It is refused, without an effect.
    Refuse(Refusal),
    /// The connection is closed before it takes effect.
    Drop,
    /// It takes effect, and the connection is closed without an answer.
    LoseAnswer,
}

/// The rules that decide it.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Armed>);

/// A rule and what it has seen. Whether it strikes a call depends on the calls before it that
/// match the rule, and on nothing else: not on other calls, nor on other rules that draw luck.
#[derive(Debug)]
struct Armed {
    rule: Rule,
    effect: Option<Effect>,
    random: Random,
    /// Calls that matched.
    seen: u64,
    /// Those that it struck.
    struck: u64,
}

/// What a rule does, beside latency.
#[derive(Debug)]
enum Effect {
    Mishap(MishapKind),
    Throttle(Bucket, Buckets),
}

impl Cloud {
    /// Lets go wrong what these rules say, in place of what earlier rules said. All of them
    /// count from now on.
    ///
    /// # Errors
    ///
    /// What is wrong with the rules, as [`Rules::check`] says it; the earlier ones stay.
    pub fn set_faults(&self, rules: Rules) -> Result<(), Vec<BadParams>> {
        let bad = rules.check();
        if !bad.is_empty() {
            return Err(bad);
        }
        self.look(|state, _| state.faults = Faults::new(rules));
        Ok(())
    }

    /// How many calls each rule has struck, in the order of the rules. A rule that struck none
    /// is likely not what its author meant.
    pub fn struck(&self) -> Vec<u64> {
        self.look(|state, _| state.faults.0.iter().map(|it| it.struck).collect())
    }
}

impl Faults {
    fn new(rules: Rules) -> Faults {
        let mut seeds = Random::new(rules.seed);
        let armed = |rule: Rule| Armed {
            effect: Effect::of(&rule),
            rule,
            random: Random::new(seeds.next_number()),
            seen: 0,
            struck: 0,
        };
        Faults(rules.faults.into_iter().map(armed).collect())
    }

    /// What goes wrong with this call: of several rules that strike it the first one's effect,
    /// and the latency of all.
    pub(crate) fn strike(&mut self, call: &Call) -> Mishap {
        let mut mishap = Mishap::default();
        for armed in self.0.iter_mut().filter(|it| it.rule.matches(call)) {
            let is_due = armed.is_due();
            let is_taken = mishap.kind.is_some() && armed.effect.is_some();
            if !is_due || is_taken {
                continue;
            }
            match &mut armed.effect {
                None => {}
                Some(Effect::Mishap(kind)) => mishap.kind = Some(kind.clone()),
                Some(Effect::Throttle(bucket, buckets)) => {
                    if buckets.take(&call.place, "rule", *bucket, 1.0, call.at) {
                        continue;
                    }
                    let refusal = Refusal::throttled(call.service, call.operation);
                    mishap.kind = Some(MishapKind::Refuse(refusal));
                }
            }
            if let Some(latency) = &armed.rule.latency {
                mishap.delay += latency.draw(&mut armed.random).0;
            }
            armed.struck += 1;
        }
        mishap
    }
}

impl Armed {
    /// Counts a call that matches, and decides whether the rule is for it.
    fn is_due(&mut self) -> bool {
        self.seen += 1;
        let rule = &self.rule;
        let is_nth = |nth: &OneOrMore<_>| nth.iter().any(|it: &u64| *it == self.seen);
        let of_every = |every: u64| self.seen.is_multiple_of(every);
        rule.nth.as_ref().is_none_or(is_nth)
            && rule.every.is_none_or(of_every)
            && rule.ratio.is_none_or(|it| it.draw(&mut self.random))
            && rule.times.is_none_or(|times| self.struck < times)
    }
}

impl Rule {
    /// Whether the rule is about a call.
    fn matches(&self, call: &Call) -> bool {
        fn any<T>(these: &Option<OneOrMore<T>>, is: impl Fn(&T) -> bool) -> bool {
            these.as_ref().is_none_or(|these| these.iter().any(is))
        }
        any(&self.service, |it| wildcard::matches(it, call.service))
            && any(&self.action, |it| wildcard::matches(it, call.operation))
            && any(&self.account, |it| *it == call.place.account)
            && any(&self.region, |it| *it == call.place.region)
            && self.from.is_none_or(|from| from.0 <= call.at)
            && self.until.is_none_or(|until| call.at < until.0)
    }
}

impl Effect {
    /// What a sound rule does.
    fn of(rule: &Rule) -> Option<Effect> {
        if let Some(code) = &rule.error {
            let (status, message) = codes::known(code);
            return Some(Effect::Mishap(MishapKind::Refuse(Refusal {
                // Lives as long as the program, like all codes: files have few of them.
                code: Box::leak(code.clone().into_boxed_str()),
                message: rule.message.clone().unwrap_or_else(|| message.to_owned()),
                status: rule.status.unwrap_or(status),
                members: Vec::new(),
            })));
        }
        if let Some(throttle) = &rule.throttle {
            let bucket = Bucket::new(throttle.capacity, throttle.per_second);
            return Some(Effect::Throttle(bucket, Buckets::default()));
        }
        match (rule.drop, rule.lose_answer) {
            (true, _) => Some(Effect::Mishap(MishapKind::Drop)),
            (_, true) => Some(Effect::Mishap(MishapKind::LoseAnswer)),
            (false, false) => None,
        }
    }
}

#[cfg(test)]
mod tests;
