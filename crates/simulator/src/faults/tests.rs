use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::{
    bed::{Bed, place},
    ec2::{regions::DescribeRegions, volumes::DescribeVolumes},
    operation::Access,
    organization::Caller,
    trail::Outcome,
};

fn rules(faults: Value) -> Rules {
    serde_json::from_value(json!({ "seed": 7, "faults": faults })).unwrap()
}

fn faults(faults: Value) -> Faults {
    let rules = rules(faults);
    assert_eq!(rules.check(), []);
    Faults::new(rules)
}

/// A call of an operation of EC2, or of `service:operation`, in eu-west-1, so many seconds after
/// 2026-03-02T02:00:00Z.
fn call(operation: &'static str, account: &str, second: i64) -> Call {
    let place = place(account, "eu-west-1");
    let (service, operation) = operation.split_once(':').unwrap_or(("ec2", operation));
    let begin: Timestamp = "2026-03-02T02:00:00Z".parse().unwrap();
    Call {
        at: begin + SignedDuration::from_secs(second),
        caller: Caller::administrator(place.account.clone()),
        place,
        service,
        operation,
        actions: Vec::new(),
        access: Access::Reads,
        about: Box::default(),
        outcome: Outcome::Done,
    }
}

const A: &str = "111122223333";
const B: &str = "222233334444";

/// What becomes of a call, in a few characters.
fn shown(mishap: &Mishap) -> String {
    let kind = match &mishap.kind {
        None => "-".to_owned(),
        Some(MishapKind::Refuse(it)) => format!("{} {}", it.status, it.code),
        Some(MishapKind::Drop) => "drop".to_owned(),
        Some(MishapKind::LoseAnswer) => "lost".to_owned(),
    };
    match mishap.delay.is_zero() {
        true => kind,
        false => format!("{kind} +{}s", mishap.delay.as_secs()),
    }
}

/// Which of twelve calls of `DescribeVolumes`, one each second, are dropped by a rule with these
/// conditions.
#[track_caller]
fn check(conditions: Value, wanted: &[usize]) {
    let mut rule = conditions;
    rule["drop"] = true.into();
    let mut faults = faults(json!([rule]));
    let struck = (1..=12).filter(|n| {
        let mishap = faults.strike(&call("DescribeVolumes", A, *n as i64));
        mishap.kind == Some(MishapKind::Drop)
    });
    assert_eq!(struck.collect::<Vec<_>>(), wanted, "{rule}");
    assert_eq!(faults.0[0].struck, wanted.len() as u64);
}

const ALL: &[usize] = &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

#[test]
fn a_rule_is_about_the_calls_it_names() {
    check(json!({}), ALL);
    check(json!({ "service": "ec2", "action": "DescribeVolumes" }), ALL);
    check(json!({ "service": ["sts", "e*"], "action": ["Assume*", "Describe*"] }), ALL);
    check(json!({ "service": "ec2", "action": "DescribeRegions" }), &[]);
    check(json!({ "service": "sts" }), &[]);
    check(json!({ "account": A, "region": ["us-east-1", "eu-west-1"] }), ALL);
    check(json!({ "account": B }), &[]);
    check(json!({ "region": "us-east-1" }), &[]);
}

#[test]
fn a_time_begins_with_from_and_ends_before_until() {
    check(json!({ "from": "2026-03-02T02:00:11Z" }), &[11, 12]);
    check(json!({ "until": "2026-03-02T02:00:03Z" }), &[1, 2]);
    check(json!({ "from": "2026-03-02T02:00:03Z", "until": "2026-03-02T02:00:05Z" }), &[3, 4]);
}

#[test]
fn nth_and_every_count_the_calls_that_match() {
    check(json!({ "nth": 4 }), &[4]);
    check(json!({ "nth": [3, 7] }), &[3, 7]);
    check(json!({ "every": 5 }), &[5, 10]);
    check(json!({ "every": 2, "nth": [3, 4] }), &[4]);
    check(json!({ "nth": 1, "from": "2026-03-02T02:00:11Z" }), &[11]);
    check(json!({ "times": 2 }), &[1, 2]);
    check(json!({ "every": 5, "times": 1 }), &[5]);
    check(json!({ "ratio": "0%" }), &[]);
    check(json!({ "ratio": "100%", "every": 6 }), &[6, 12]);
}

#[test]
fn what_others_do_does_not_change_the_luck_of_a_rule() {
    let half = |others: Value| {
        let mut rules = vec![json!({ "account": A, "ratio": "50%", "drop": true })];
        rules.extend(others.as_array().unwrap().clone());
        faults(Value::Array(rules))
    };
    let alone = |faults: &mut Faults, n| {
        faults.strike(&call("DescribeVolumes", A, n)).kind == Some(MishapKind::Drop)
    };
    let (mut one, mut other) =
        (half(json!([])), half(json!([{ "ratio": "50%", "latency": "1s" }])));
    let mut seen = Vec::new();
    for n in 0..200 {
        for _ in 0..n % 3 {
            other.strike(&call("DescribeVolumes", B, n));
        }
        let struck = alone(&mut one, n);
        assert_eq!(alone(&mut other, n), struck, "call {n}");
        seen.push(struck);
    }
    let struck = seen.iter().filter(|it| **it).count();
    assert!((70..130).contains(&struck), "{struck} of 200 is not about a half");
    assert!(other.0[1].struck > 100, "the other rule has luck of its own");
    let both: Vec<bool> = (0..200).map(|n| alone(&mut other, n)).collect();
    assert_ne!(both, seen);
}

#[test]
fn of_several_rules_the_first_effect_and_all_latencies_are_taken() {
    let mut faults = faults(json!([
        { "every": 2, "error": "InternalError", "latency": "1s" },
        { "latency": "2s" },
        { "drop": true, "times": 2 },
        { "lose-answer": true, "latency": "4s" },
    ]));
    let seen: Vec<_> =
        (0..5).map(|n| shown(&faults.strike(&call("DescribeVolumes", A, n)))).collect();
    let wanted =
        ["drop +2s", "500 InternalError +3s", "drop +2s", "500 InternalError +3s", "lost +6s"];
    assert_eq!(seen, wanted);
    let struck: Vec<u64> = faults.0.iter().map(|it| it.struck).collect();
    assert_eq!(struck, [2, 5, 2, 1]);
}

#[test]
fn a_bucket_is_for_each_place_and_says_what_the_service_says() {
    let mut faults =
        faults(json!([{ "throttle": { "capacity": 2, "per-second": 0.5 }, "latency": "1s" }]));
    let mut strike =
        |operation, account, second| shown(&faults.strike(&call(operation, account, second)));
    assert_eq!(strike("DescribeVolumes", A, 0), "-");
    assert_eq!(strike("DescribeRegions", A, 0), "-");
    assert_eq!(strike("DescribeVolumes", A, 1), "503 RequestLimitExceeded +1s");
    assert_eq!(strike("DescribeVolumes", B, 1), "-");
    assert_eq!(strike("DescribeVolumes", A, 2), "-");
    assert_eq!(strike("sts:AssumeRole", A, 2), "400 Throttling +1s");
    assert_eq!(faults.0[0].struck, 2);
}

#[test]
fn an_error_has_the_status_of_its_code_unless_it_says_another() {
    let refused = |rule: Value| {
        let mishap = faults(json!([rule])).strike(&call("DescribeVolumes", A, 0));
        match mishap.kind {
            Some(MishapKind::Refuse(it)) => format!("{} {it}", it.status),
            other => panic!("{other:?}"),
        }
    };
    let limit = "503 RequestLimitExceeded: Request limit exceeded.";
    assert_eq!(refused(json!({ "error": "RequestLimitExceeded" })), limit);
    assert_eq!(
        refused(json!({ "error": "Odd.Code" })),
        "400 Odd.Code: The simulation was asked to refuse this call."
    );
    let own = json!({ "error": "RequestLimitExceeded", "status": 429, "message": "slow down" });
    assert_eq!(refused(own), "429 RequestLimitExceeded: slow down");
}

#[test]
fn a_latency_is_drawn_from_its_range() {
    let mut faults = faults(json!([{ "latency": "1s..3s" }]));
    let mut seen: Vec<_> =
        (0..50).map(|n| shown(&faults.strike(&call("DescribeVolumes", A, n)))).collect();
    seen.sort();
    seen.dedup();
    assert_eq!(seen, ["- +1s", "- +2s", "- +3s"]);
}

#[test]
fn a_cloud_does_what_its_rules_say_and_counts_it() {
    let bed = Bed::new();
    let two = json!([{ "action": "DescribeRegions", "nth": 2, "error": "InternalError" },
                     { "action": "DescribeVolumes", "drop": true }]);
    bed.cloud.set_faults(rules(two)).unwrap();
    assert!(bed.ask(DescribeRegions::default()).is_ok());
    assert_eq!(bed.ask(DescribeRegions::default()), Err("InternalError"));
    assert_eq!(bed.cloud.struck(), [1, 0]);
    let bad = bed.cloud.set_faults(rules(json!([{ "drop": true, "nth": 0 }])));
    assert!(bad.is_err());
    assert_eq!(bed.cloud.struck(), [1, 0], "bad rules leave the others in place");
    let dropped =
        bed.cloud.perform(&bed.caller, &bed.place, DescribeVolumes::default(), false, |_| ());
    assert!(dropped.answer.is_none());
    assert_eq!(bed.cloud.calls().last().unwrap().outcome, Outcome::Dropped);
}

/// What is wrong with a rule: paths below it, and the beginnings of what is said.
#[track_caller]
fn check_bad(rule: Value, wanted: &[(&str, &str)]) {
    let bad = rules(json!([rule])).check();
    let paths: Vec<_> = bad.iter().map(|it| it.path.replace("faults[0]", "")).collect();
    assert_eq!(paths, wanted.iter().map(|(path, _)| *path).collect::<Vec<_>>(), "{bad:?}");
    for (bad, (_, message)) in bad.iter().zip(wanted) {
        assert!(bad.message.starts_with(message), "{bad:?}");
    }
}

#[test]
fn a_rule_that_cannot_be_is_refused() {
    check_bad(json!({}), &[("", "a rule has an effect")]);
    check_bad(json!({ "latency": "1s" }), &[]);
    check_bad(json!({ "drop": false }), &[("", "a rule has an effect")]);
    check_bad(json!({ "drop": true, "error": "X" }), &[(".drop", "a rule has one effect beside")]);
    check_bad(
        json!({ "drop": true, "status": 500, "message": "x" }),
        &[(".status", "`status` goes with"), (".message", "`message` goes with")],
    );
    check_bad(json!({ "error": "X", "status": 200 }), &[(".status", "the status of an error")]);
    check_bad(json!({ "error": "<X>" }), &[(".error", "`<X>` is not an error code")]);
    check_bad(
        json!({ "drop": true, "nth": [1, 0], "every": 0, "times": 0 }),
        &[(".nth", "`nth` counts"), (".every", "`every` counts"), (".times", "`times` counts")],
    );
    let at = "2026-03-02T02:00:00Z";
    check_bad(json!({ "drop": true, "from": at, "until": at }), &[(".until", "`until` is after")]);
    check_bad(
        json!({ "throttle": { "capacity": 0.5, "per-second": -1 } }),
        &[(".throttle.capacity", "`capacity` is"), (".throttle.per-second", "`per-second` is")],
    );
    check_bad(
        json!({ "drop": true, "service": "ec3" }),
        &[(".service", "there is no service `ec3`; known: `")],
    );
    check_bad(
        json!({ "drop": true, "service": "sts", "action": "DescribeVolumes" }),
        &[(".action", "there is no operation `DescribeVolumes`; known: `AssumeRole`, ")],
    );
}
