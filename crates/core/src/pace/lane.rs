//! Those that wait for one token bucket.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use super::Bucket;

/// What is left of the rate after AWS has asked to slow down, as in the SDKs' adaptive mode.
/// Source: AWS SDKs and Tools Reference Guide, "Retry behavior".
const CUT: f64 = 0.7;
/// The rate never falls below this part of what we may take: who does not ask learns nothing.
const FLOOR: f64 = 0.05;
/// How long it takes to come back to the full rate from nothing. Slower than in the SDKs, whose
/// rates are hundreds a second: at five a second their curve would run into AWS's bound each
/// second or two.
const RECOVERY: f64 = 60.0;
/// Nobody is sent away for longer: what was reckoned with may have changed.
const LONGEST_AWAY: Duration = Duration::from_secs(900);
/// Tokens are sums of fractions: so much less is enough.
const ROUNDING: f64 = 1e-6;

/// Those that wait for one bucket. Parties take turns: each time one of those that wait for the
/// party is served, and within a party whoever came first.
///
/// Times are counted from any fixed instant, and never go back.
#[derive(Debug)]
pub struct Lane<P> {
    ours: Bucket,
    patience: Duration,
    /// What the bucket gains in a second at present.
    rate: f64,
    tokens: f64,
    /// When that was so.
    at: Duration,
    slowed_at: Option<Duration>,
    /// The party whose turn is next in front.
    line: VecDeque<(P, VecDeque<Waiting>)>,
    /// Served, and not yet told.
    served: BTreeSet<Ticket>,
    /// Until when those take that were turned away, party by party.
    booked: BTreeMap<P, Duration>,
    last: Ticket,
}

/// A place in the line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

#[derive(Debug)]
struct Waiting {
    ticket: Ticket,
    cost: f64,
}

/// What somebody who waits is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Call now. The tokens are taken.
    Go,
    /// Ask again after so long; not zero.
    Wait(Duration),
    /// The line is too long: leave it, and come back after so long.
    Away(Duration),
}

impl<P: Clone + Ord> Lane<P> {
    /// A lane to a bucket that is full. Whoever would have to wait longer than `patience` is
    /// turned away.
    pub(super) fn new(ours: Bucket, patience: Duration, now: Duration) -> Lane<P> {
        Lane {
            ours,
            patience,
            rate: ours.per_second,
            tokens: ours.capacity,
            at: now,
            slowed_at: None,
            line: VecDeque::new(),
            served: BTreeSet::new(),
            booked: BTreeMap::new(),
            last: Ticket::default(),
        }
    }

    /// Gets in line for a call that takes so many tokens, or as many as there ever are.
    pub fn ask(&mut self, party: P, cost: f64, now: Duration) -> (Ticket, Turn) {
        self.last = Ticket(self.last.0 + 1);
        let ticket = self.last;
        let waiting = Waiting { ticket, cost: cost.min(self.ours.capacity) };
        match self.line.iter_mut().find(|(it, _)| *it == party) {
            Some((_, queue)) => queue.push_back(waiting),
            None => self.line.push_back((party, [waiting].into())),
        }
        (ticket, self.turn(ticket, now))
    }

    /// What whoever has this ticket is to do now. One that is not in line has to come back.
    pub fn turn(&mut self, ticket: Ticket, now: Duration) -> Turn {
        self.gain(now);
        self.serve();
        if self.served.remove(&ticket) {
            return Turn::Go;
        }
        let Some((party, cost, ahead)) = self.position(ticket) else {
            return Turn::Away(seconds(self.patience.as_secs_f64()));
        };
        let wait = seconds((ahead + cost - self.tokens) / self.rate);
        if wait <= self.patience {
            return Turn::Wait(wait);
        }
        self.leave(ticket);
        Turn::Away(self.book(party, cost, now))
    }

    /// Leaves the line. Tokens that were taken are gone.
    pub fn leave(&mut self, ticket: Ticket) {
        self.served.remove(&ticket);
        for (_, queue) in &mut self.line {
            queue.retain(|it| it.ticket != ticket);
        }
        self.line.retain(|(_, queue)| !queue.is_empty());
    }

    /// AWS has asked a call to slow down that went out at `sent`. Calls that were under way
    /// together are slowed down once.
    pub fn slow_down(&mut self, sent: Duration, now: Duration) {
        self.gain(now);
        if self.slowed_at.is_some_and(|at| sent < at) {
            return;
        }
        self.slowed_at = Some(now);
        self.rate = (self.rate * CUT).max(self.ours.per_second * FLOOR);
        // AWS's bucket is empty, so there is nothing to save up for a burst.
        self.tokens = 0.0;
    }

    /// Whether it is as if it were new.
    pub(super) fn is_idle(&mut self, now: Duration) -> bool {
        self.gain(now);
        self.line.is_empty()
            && self.served.is_empty()
            && self.booked.is_empty()
            && self.rate >= self.ours.per_second
            && self.tokens >= self.ours.capacity
    }

    /// Lets time pass.
    fn gain(&mut self, now: Duration) {
        let gone = now.saturating_sub(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.tokens = (self.tokens + gone * self.rate).min(self.ours.capacity);
        let full = self.ours.per_second;
        self.rate = (self.rate + gone * full / RECOVERY).min(full);
        self.booked.retain(|_, until| *until > now);
    }

    /// Serves whom there are tokens for, in turns.
    fn serve(&mut self) {
        while let Some((party, mut queue)) = self.line.pop_front() {
            let Some(next) = queue.pop_front_if(|it| it.cost <= self.tokens + ROUNDING) else {
                self.line.push_front((party, queue));
                return;
            };
            // Below nothing by a rounding, so that roundings do not add up.
            self.tokens -= next.cost;
            self.served.insert(next.ticket);
            if !queue.is_empty() {
                self.line.push_back((party, queue));
            }
        }
    }

    /// Whose ticket it is, what it costs, and the tokens that those get who come before it.
    fn position(&self, ticket: Ticket) -> Option<(P, f64, f64)> {
        let of = |queue: &VecDeque<Waiting>| queue.iter().position(|it| it.ticket == ticket);
        let (turn, (party, queue)) =
            self.line.iter().enumerate().find(|(_, (_, queue))| of(queue).is_some())?;
        let round = of(queue)?;
        let before =
            self.line.iter().enumerate().flat_map(|(index, (_, queue))| {
                queue.iter().take(round + usize::from(index < turn))
            });
        let ahead = before.map(|it| it.cost).sum();
        Some((party.clone(), queue[round].cost, ahead))
    }

    /// When somebody of a party should come back: after those of the party that were turned away
    /// before, each party at its part of the rate.
    fn book(&mut self, party: P, cost: f64, now: Duration) -> Duration {
        let waiting = self.line.iter().map(|(it, _)| it).chain([&party]);
        let parties: BTreeSet<&P> = waiting.chain(self.booked.keys()).collect();
        let takes = seconds(cost * parties.len() as f64 / self.rate);
        let first = now + self.patience;
        let at = self.booked.get(&party).map_or(first, |booked| (*booked).max(first)) + takes;
        let at = at.min(now + LONGEST_AWAY);
        self.booked.insert(party, at);
        at - now
    }
}

/// A duration of at least a millisecond, within reason.
fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.clamp(1e-3, 1e9))
}

#[cfg(test)]
mod tests;
