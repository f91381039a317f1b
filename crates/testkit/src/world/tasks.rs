//! Tasks, catalogs and places for tests, in one line each.

use lamplighter_core::{
    AnyAction, Catalog, Place, Region,
    select::Selection,
    task::{Guards, Mode, Order, Reach, Regions, Task},
};
use serde_json::Value;

/// A task of this action on all resources in some places, without bounds and without a schedule.
pub fn task(name: &str, action: &str, params: Value, places: &[Place]) -> Task {
    let order = Order {
        task: name.parse().expect("the test gives the task a good name"),
        defined_at: "tasks.yaml:1".to_owned(),
        action: action.to_owned(),
        params,
        select: Selection::default(),
        adopt: None,
        mode: Mode::Act,
        guards: Guards::default(),
        max_concurrent: None,
        timeout: None,
        stop_after: None,
        time_zone: Default::default(),
    };
    let mut reach: Vec<Reach> = Vec::new();
    for place in places {
        let region = place.region.clone();
        match reach.iter_mut().find(|it| it.account == place.account) {
            Some(Reach { regions: Regions::Listed(regions), .. }) => regions.push(region),
            _ => reach.push(Reach {
                account: place.account.clone(),
                regions: Regions::Listed(vec![region]),
            }),
        }
    }
    let (description, on) = (String::new(), Vec::new());
    Task { order, description, enabled: true, schedule: None, on, reach, groups: Vec::new() }
}

/// A catalog that lives as long as the test program.
pub fn catalog(actions: &[&'static dyn AnyAction]) -> Catalog {
    Box::leak(actions.into())
}

/// A place by its names.
pub fn place(account: &str, region: &str) -> Place {
    let region: Region = region.parse().expect("the test names a region");
    Place { account: account.parse().expect("the test names an account"), region }
}
