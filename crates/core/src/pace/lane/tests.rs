use std::{cmp::Reverse, collections::BinaryHeap};

use proptest::prelude::*;

use super::*;

const PATIENCE: Duration = Duration::from_secs(5);

fn lane(capacity: f64, per_second: f64) -> Lane<usize> {
    Lane::new(Bucket::new(capacity, per_second), PATIENCE, Duration::ZERO)
}

/// A call that went out.
#[derive(Clone, Copy, Debug)]
struct Sent {
    at: Duration,
    party: usize,
    cost: f64,
    /// Since when its caller wanted to make it.
    since: Duration,
}

/// Those who call: each of a party, with so many calls to make one after the other, each of the
/// same cost.
#[derive(Clone, Copy, Debug)]
struct Caller {
    party: usize,
    calls: usize,
    cost: f64,
}

/// What happens until `end`.
struct Rush {
    sent: Vec<Sent>,
    turned_away: usize,
    throttled: usize,
}

/// Lets them call until `end`, as a host does: each waits as long as it is told. What goes out
/// beyond the bucket of `aws` is asked to slow down, and comes again.
fn rush(lane: &mut Lane<usize>, callers: &[Caller], aws: Bucket, end: Duration) -> Rush {
    let mut callers: Vec<_> = callers.iter().map(|it| (*it, Duration::ZERO, None)).collect();
    let mut agenda: BinaryHeap<_> =
        (0..callers.len()).map(|caller| Reverse((Duration::ZERO, caller))).collect();
    let mut rush = Rush { sent: Vec::new(), turned_away: 0, throttled: 0 };
    let (mut tokens, mut at) = (aws.capacity, Duration::ZERO);
    while let Some(Reverse((now, caller))) = agenda.pop() {
        if now > end {
            break;
        }
        let (Caller { party, calls, cost }, since, ticket) = &mut callers[caller];
        let turn = match ticket {
            Some(ticket) => lane.turn(*ticket, now),
            None => {
                let (given, turn) = lane.ask(*party, *cost, now);
                *ticket = Some(given);
                turn
            }
        };
        let wait = match turn {
            Turn::Wait(wait) => wait,
            Turn::Away(wait) => {
                *ticket = None;
                rush.turned_away += 1;
                wait
            }
            Turn::Go => {
                *ticket = None;
                tokens = (tokens + (now - at).as_secs_f64() * aws.per_second).min(aws.capacity);
                at = now;
                if tokens + 2.0 * ROUNDING < *cost {
                    rush.throttled += 1;
                    lane.slow_down(now, now);
                } else {
                    tokens -= *cost;
                    rush.sent.push(Sent { at: now, party: *party, cost: *cost, since: *since });
                    *calls -= 1;
                    *since = now;
                }
                if *calls == 0 {
                    continue;
                }
                Duration::ZERO
            }
        };
        assert!(turn == Turn::Go || wait > Duration::ZERO, "{turn:?}");
        agenda.push(Reverse((now + wait, caller)));
    }
    rush
}

fn many(parties: &[usize], calls: usize) -> Vec<Caller> {
    let each = parties.iter().enumerate();
    each.flat_map(|(party, callers)| {
        std::iter::repeat_n(Caller { party, calls, cost: 1.0 }, *callers)
    })
    .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn nobody_gets_more_than_the_bucket_gives(
        capacity in 1.0..60.0,
        per_second in 0.2..20.0,
        parties in prop::collection::vec(1_usize..12, 1..5),
        cost in 0.5_f64..8.0,
        seconds in 1_u64..200,
    ) {
        let ours = Bucket::new(capacity, per_second);
        let mut lane = lane(capacity, per_second);
        let cost = cost.min(capacity);
        let callers: Vec<_> =
            many(&parties, 1_000).into_iter().map(|it| Caller { cost, ..it }).collect();
        // A bucket just like ours is never empty when somebody calls.
        let rush = rush(&mut lane, &callers, ours, Duration::from_secs(seconds));
        prop_assert_eq!(rush.throttled, 0);
        prop_assert!(!rush.sent.is_empty());
    }

    #[test]
    fn under_load_hardly_any_token_is_lost(
        capacity in 5.0..60.0,
        per_second in 1.0..20.0,
        callers in 1_usize..40,
        parties in 1_usize..5,
    ) {
        let mut lane = lane(capacity, per_second);
        let ours = Bucket::new(capacity, per_second);
        let end = Duration::from_secs(600);
        let parties = vec![callers; parties];
        let rush = rush(&mut lane, &many(&parties, usize::MAX), ours, end);
        let used: f64 = rush.sent.iter().map(|it| it.cost).sum();
        let given = capacity + per_second * end.as_secs_f64();
        prop_assert!(used >= 0.95 * given, "{used} of {given}");
    }

    #[test]
    fn whoever_calls_seldom_does_not_wait_behind_those_who_call_a_lot(
        per_second in 1.0..20.0,
        crowd in 20_usize..60,
        seldom in 1_usize..4,
    ) {
        let mut lane = lane(5.0, per_second);
        let mut parties = vec![1; seldom];
        parties.push(crowd);
        let end = Duration::from_secs(300);
        let ours = Bucket::new(5.0, per_second);
        let rush = rush(&mut lane, &many(&parties, usize::MAX), ours, end);
        let bound = Duration::from_secs_f64((seldom + 1) as f64 / per_second) + PATIENCE / 1000;
        for it in rush.sent.iter().filter(|it| it.party < seldom) {
            prop_assert!(it.at - it.since <= bound, "{it:?} waited longer than {bound:?}");
        }
        // And what they leave is for the others.
        prop_assert!(rush.sent.iter().any(|it| it.party == seldom && it.at > end / 2));
    }
}

#[test]
fn parties_take_turns() {
    let mut lane = lane(1.0, 1.0);
    let mut tickets: Vec<(usize, Ticket)> = Vec::new();
    assert_eq!(lane.ask(0, 1.0, Duration::ZERO).1, Turn::Go);
    for (party, calls) in [(0, 3), (1, 1), (2, 2)] {
        tickets.extend((0..calls).map(|_| (party, lane.ask(party, 1.0, Duration::ZERO).0)));
    }
    let mut order = Vec::new();
    for second in 1..=6 {
        tickets.retain(|(party, ticket)| {
            let goes = lane.turn(*ticket, Duration::from_secs(second)) == Turn::Go;
            order.extend(goes.then_some(*party));
            !goes
        });
    }
    assert_eq!(order, [0, 1, 2, 0, 2, 0]);
}

#[test]
fn everybody_is_told_how_long_to_wait() {
    let mut lane = lane(2.0, 0.5);
    let mut ask = |party, cost| lane.ask(party, cost, Duration::ZERO).1;
    assert_eq!(ask(0, 1.0), Turn::Go);
    assert_eq!(ask(0, 2.0), Turn::Wait(Duration::from_secs(2)));
    assert_eq!(ask(1, 1.0), Turn::Wait(Duration::from_secs(4)));
    // Six seconds are too long. Two parties wait, so every second call is not this one's: after
    // those that are in line, 2 tokens more.
    assert_eq!(ask(0, 1.0), Turn::Away(PATIENCE + Duration::from_secs(4)));
    assert_eq!(ask(0, 1.0), Turn::Away(PATIENCE + Duration::from_secs(8)));
    assert_eq!(ask(1, 1.0), Turn::Away(PATIENCE + Duration::from_secs(4)));
}

#[test]
fn whoever_leaves_makes_room() {
    let mut lane = lane(1.0, 1.0);
    let now = Duration::ZERO;
    let [_, second, third] = [0, 0, 1].map(|party| lane.ask(party, 1.0, now).0);
    assert_eq!(lane.turn(third, now), Turn::Wait(Duration::from_secs(2)));
    lane.leave(second);
    assert_eq!(lane.turn(third, now), Turn::Wait(Duration::from_secs(1)));
    assert_eq!(lane.turn(third, Duration::from_secs(1)), Turn::Go);
}

#[test]
fn a_call_that_costs_more_than_there_ever_is_takes_all() {
    let mut lane = lane(4.0, 2.0);
    assert_eq!(lane.ask(0, 50.0, Duration::ZERO).1, Turn::Go);
    assert_eq!(lane.ask(0, 1.0, Duration::ZERO).1, Turn::Wait(Duration::from_millis(500)));
}

#[test]
fn thousands_of_jobs_take_as_long_as_the_bucket_says_and_seldom_ask_in_vain() {
    let mut lane = lane(70.0, 3.5);
    let ours = Bucket::new(70.0, 3.5);
    let bound = Duration::from_secs_f64((5_000.0 - 70.0) / 3.5);
    let rush = rush(&mut lane, &many(&[5_000], 1), ours, bound * 2);
    assert_eq!((rush.sent.len(), rush.throttled), (5_000, 0));
    let end = rush.sent.last().unwrap().at;
    assert!(end <= bound.mul_f64(1.05), "{end:?} instead of {bound:?}");
    assert!(rush.turned_away <= 2 * 5_000, "{}", rush.turned_away);
}

#[test]
fn asking_to_slow_down_cuts_the_rate_once_and_for_a_minute_at_most() {
    let mut lane = lane(10.0, 10.0);
    let at = Duration::from_secs;
    lane.slow_down(at(1), at(2));
    assert_eq!((lane.rate, lane.tokens), (7.0, 0.0));
    lane.slow_down(at(1), at(2));
    assert_eq!(lane.rate, 7.0, "it was under way already");
    lane.slow_down(at(2), at(2));
    assert!((lane.rate - 4.9).abs() < 1e-9);
    for _ in 0..100 {
        lane.slow_down(at(2), at(2));
    }
    assert_eq!(lane.rate, 0.5, "it never stops");
    lane.gain(at(2 + 30));
    assert!((lane.rate - 5.5).abs() < 1e-9);
    assert!(!lane.is_idle(at(2 + 50)));
    assert!(lane.is_idle(at(2 + 60)));
}

#[test]
fn what_others_take_of_the_bucket_is_left_to_them() {
    let mut lane = lane(70.0, 14.0);
    // Somebody else uses three quarters of it.
    let rest = Bucket::new(25.0, 5.0);
    let end = Duration::from_secs(1_200);
    let rush = rush(&mut lane, &many(&[40], usize::MAX), rest, end);
    let given = rest.capacity + rest.per_second * end.as_secs_f64();
    let used = rush.sent.len() as f64;
    assert!(used >= 0.8 * given, "{used} of {given}");
    let throttled = rush.throttled as f64 / (used + rush.throttled as f64);
    assert!(throttled < 0.05, "{throttled}");
}
