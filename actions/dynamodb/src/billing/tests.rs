use lamplighter_core::AnyAction;
use lamplighter_testkit::{World, capacity, conforms, index};
use serde_json::{Value, json};

use super::*;

fn on_demand() -> Value {
    json!({ "mode": "on-demand" })
}

fn provisioned() -> Value {
    let units = |reads: u64, writes: u64| json!({ "reads": reads, "writes": writes });
    json!({ "mode": "provisioned", "table": units(20, 5), "indexes": { "*": units(2, 1) } })
}

/// On demand since a day before the world began, with an index.
fn dear(it: &mut Table) {
    it.billing = "on-demand".to_owned();
    it.on_demand_since = "2026-03-01T02:00:00Z".parse().ok();
    it.capacity = capacity(0, 0);
    it.indexes = vec![index("by-date", 0, 0)];
}

#[test]
fn keeps_the_rules_of_an_action() {
    conforms(&SetBilling, on_demand(), || World::new().table("orders", []));
    conforms(&SetBilling, provisioned(), || World::new().table_with("orders", [], dear));
}

#[track_caller]
fn check_params(params: Value, expected: Result<(), (&str, &str)>) {
    let found = SetBilling.check_params(&params).map_err(|bad| (bad.path, bad.message));
    let expected = expected.map_err(|(path, message)| (path.to_owned(), message.to_owned()));
    assert_eq!(found, expected, "{params}");
}

#[test]
fn only_what_is_provisioned_has_a_capacity() {
    check_params(on_demand(), Ok(()));
    check_params(provisioned(), Ok(()));
    let mut none = provisioned();
    none.as_object_mut().unwrap().remove("table");
    check_params(none, Err(("table", "`mode: provisioned` needs `table`: how much it has")));
    let mut both = provisioned();
    both["mode"] = json!("on-demand");
    check_params(both, Err(("mode", "with `mode: on-demand` nothing is provisioned")));
    let mut zero = provisioned();
    zero["indexes"]["*"]["writes"] = json!(0);
    check_params(zero, Err(("indexes.*.writes", "DynamoDB has at least 1")));
}

#[track_caller]
fn check(change: impl Fn(&mut Table), params: Value, expected: &str) {
    let world = World::new().table_with("orders", [], change);
    assert_eq!(world.plan(&SetBilling, params), format!("orders: {expected}"));
}

#[test]
fn a_plan_says_what_it_becomes_and_why_not() {
    check(|_| {}, on_demand(), "put on demand, instead of 10 reads and 10 writes");
    check(|_| {}, provisioned(), "leave because it is provisioned");
    check(dear, on_demand(), "leave because it is on-demand");
    check(
        dear,
        provisioned(),
        "provision 20 reads and 5 writes, 2 reads and 1 writes of `by-date`",
    );
    let mut named = provisioned();
    named["indexes"] = json!({ "by-name": { "reads": 1, "writes": 1 } });
    let expected = "leave because `indexes` does not say what its index `by-date` has";
    check(dear, named, expected);
    let busy = |it: &mut Table| it.state = "UPDATING".to_owned();
    check(busy, on_demand(), "leave because it is `UPDATING`");
}

#[test]
fn a_table_is_put_on_demand_four_times_a_day_at_the_most() {
    let since = |at: &'static str| move |it: &mut Table| it.on_demand_since = at.parse().ok();
    check(
        since("2026-03-01T20:00:01Z"),
        on_demand(),
        "leave because it was put on demand at 2026-03-01T20:00:01Z, and AWS allows that four \
         times in 24 hours: again from 2026-03-02T02:00:01Z",
    );
    let effect = "put on demand, instead of 10 reads and 10 writes";
    check(since("2026-03-01T20:00:00Z"), on_demand(), effect);
}

#[test]
fn it_waits_until_it_is_so_and_a_second_run_changes_nothing() {
    let mut world = World::new().table_with("orders", [], dear);
    let engines = world.begin(&SetBilling, provisioned());
    assert_eq!(world.tables(), "orders UPDATING 0/0 by-date=0/0");
    world.run_to_the_end(&engines);
    assert_eq!(world.tables(), "orders ACTIVE 20/5 by-date=2/1");
    assert_eq!(world.targets(), "orders succeeded: it is provisioned");
    world.run(&SetBilling, provisioned());
    let targets = world.targets();
    assert_eq!(targets.lines().next(), Some("orders skipped: it is provisioned"));
}

#[test]
fn a_table_that_goes_meanwhile_is_skipped() {
    let mut world = World::new().table("orders", []);
    let engines = world.begin(&SetBilling, on_demand());
    world.cloud().cloud().remove_table(world.here(), "orders");
    world.run_to_the_end(&engines);
    assert_eq!(world.targets(), "orders skipped: it is gone");
}
