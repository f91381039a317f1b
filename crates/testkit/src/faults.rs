//! What goes wrong, and when: at the n-th call to AWS, at the n-th write to the journal, or by
//! luck from a seed.

use std::{
    collections::BTreeMap,
    future::pending,
    ops::RangeInclusive,
    sync::{Arc, Mutex},
};

use jiff::Timestamp;
use lamplighter_core::{Clock, Fault, FaultKind};
use lamplighter_rehearsal::{VirtualClock, yield_now};
use lamplighter_simulator::After;

use crate::{Random, lock};

/// Something that goes wrong around a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// It has no effect and answers with a fault of this kind.
    Fails(FaultKind),
    /// It takes effect, and its answer never arrives: a transient fault.
    AnswerLost,
    /// The worker dies before it calls.
    CrashBefore,
    /// It takes effect, and the worker dies before it hears so.
    CrashAfter,
}

/// What a call goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    /// AWS.
    Cloud,
    /// The journal, to write.
    Journal,
}

/// The mishaps of one world. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    calls: usize,
    writes: usize,
    at_call: BTreeMap<usize, Mishap>,
    at_write: BTreeMap<usize, Mishap>,
    /// A stream of luck, and how many percent of all calls go wrong.
    random: Option<(Random, u32)>,
    /// What went wrong, if somebody wants to know.
    history: Option<History>,
}

#[derive(Debug)]
struct History {
    clock: Arc<VirtualClock>,
    mishaps: Vec<(Timestamp, String)>,
}

impl Faults {
    /// These calls to AWS go wrong. Calls are counted from 1, over all places.
    pub fn at_calls(&self, calls: RangeInclusive<usize>, mishap: Mishap) {
        lock(&self.0).at_call.extend(calls.map(|call| (call, mishap)));
    }

    /// This write to the journal goes wrong. Writes are counted from 1.
    pub fn at_write(&self, write: usize, mishap: Mishap) {
        lock(&self.0).at_write.insert(write, mishap);
    }

    /// So many percent of all calls and writes go wrong, each in its own way.
    pub fn at_random(&self, random: Random, percent: u32) {
        lock(&self.0).random = Some((random, percent));
    }

    /// Nothing goes wrong any more.
    pub fn end(&self) {
        let mut state = lock(&self.0);
        state.random = None;
        state.at_call.clear();
        state.at_write.clear();
    }

    /// From now on what goes wrong is remembered, with the time of this clock.
    pub(crate) fn remember(&self, clock: &Arc<VirtualClock>) {
        lock(&self.0).history = Some(History { clock: clock.clone(), mishaps: Vec::new() });
    }

    /// What went wrong and when, as far as it was to be remembered.
    pub(crate) fn remembered(&self) -> Vec<(Timestamp, String)> {
        lock(&self.0).history.as_ref().map(|it| it.mishaps.clone()).unwrap_or_default()
    }

    /// Calls to AWS so far.
    pub fn calls(&self) -> usize {
        lock(&self.0).calls
    }

    /// Writes to the journal so far.
    pub fn writes(&self) -> usize {
        lock(&self.0).writes
    }

    /// What goes wrong with the next call, before it is made. Others may run before it. An error
    /// is the call's answer, without an effect.
    pub(crate) async fn before(&self, to: To) -> Result<After, Fault> {
        yield_now().await;
        let mishap = lock(&self.0).next(to);
        if let Some(mishap) = mishap {
            lock(&self.0).note(to, mishap);
        }
        match mishap {
            None => Ok(After::Answers),
            Some(Mishap::Fails(FaultKind::Throttled)) => {
                Err(Fault::new(FaultKind::Throttled, "injected: too many requests")
                    .with_code("RequestLimitExceeded"))
            }
            Some(Mishap::Fails(kind)) => Err(Fault::new(kind, "injected: the call failed")),
            Some(Mishap::AnswerLost) => Ok(After::AnswerLost),
            // A worker that waits for ever is dead: whoever polls it drops it.
            Some(Mishap::CrashBefore) => pending().await,
            Some(Mishap::CrashAfter) => Ok(After::Dies),
        }
    }

    /// Makes a call, with what goes wrong at its number.
    pub(crate) async fn around<T>(
        &self,
        to: To,
        call: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let after = self.before(to).await?;
        let answer = call.await;
        match after {
            After::Answers => answer,
            // Whatever the answer was, nobody hears it.
            After::AnswerLost => Err(Fault::transient("injected: the answer was lost")),
            After::Dies => pending().await,
        }
    }
}

impl State {
    fn note(&mut self, to: To, mishap: Mishap) {
        let number = match to {
            To::Cloud => self.calls,
            To::Journal => self.writes,
        };
        if let Some(History { clock, mishaps }) = &mut self.history {
            mishaps.push((clock.now(), format!("{mishap:?} at number {number} to the {to:?}")));
        }
    }

    fn next(&mut self, to: To) -> Option<Mishap> {
        let set = match to {
            To::Cloud => {
                self.calls += 1;
                self.at_call.get(&self.calls)
            }
            To::Journal => {
                self.writes += 1;
                self.at_write.get(&self.writes)
            }
        };
        if let Some(mishap) = set {
            return Some(*mishap);
        }
        let (random, percent) = self.random.as_mut()?;
        random.percent(*percent).then(|| match random.below(8) {
            0 | 1 => Mishap::Fails(FaultKind::Transient),
            2 | 3 if to == To::Cloud => Mishap::Fails(FaultKind::Throttled),
            2..5 => Mishap::AnswerLost,
            5 => Mishap::CrashBefore,
            _ => Mishap::CrashAfter,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::finish;

    /// Makes a first call that goes wrong and a second that does not; says what the first one
    /// answered (`None`: the worker died), and how many took effect.
    #[track_caller]
    fn check(mishap: Mishap, answer: Option<Result<(), FaultKind>>, effects: u32) {
        let faults = Faults::default();
        faults.at_calls(1..=1, mishap);
        let effect = Cell::new(0);
        let call = || {
            let called = faults.around(To::Cloud, async {
                effect.set(effect.get() + 1);
                Ok(())
            });
            finish(called).map(|it| it.map_err(|fault| fault.kind))
        };
        assert_eq!(call(), answer);
        assert_eq!(call(), Some(Ok(())));
        assert_eq!((effect.get(), faults.calls()), (effects + 1, 2));
    }

    #[test]
    fn a_mishap_happens_at_its_call_and_at_no_other() {
        check(Mishap::Fails(FaultKind::Throttled), Some(Err(FaultKind::Throttled)), 0);
        check(Mishap::AnswerLost, Some(Err(FaultKind::Transient)), 1);
        check(Mishap::CrashBefore, None, 0);
        check(Mishap::CrashAfter, None, 1);
    }

    #[test]
    fn luck_is_the_same_for_the_same_seed() {
        let mishaps = |seed| {
            let mut state = State { random: Some((Random::new(seed), 50)), ..State::default() };
            (0..50).map(|_| state.next(To::Cloud)).collect::<Vec<_>>()
        };
        assert_eq!(mishaps(1), mishaps(1));
        assert_ne!(mishaps(1), mishaps(2));
    }
}
