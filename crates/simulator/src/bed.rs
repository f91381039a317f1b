//! A small cloud for the tests of operations.

use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{Clock, Place};
use serde_json::Value;

use crate::{
    cloud::{Cloud, Services},
    events::Event,
    operation::Operation,
    organization::Caller,
};

/// A cloud, its clock, and who calls where: the administrator of `111122223333` in `eu-west-1`,
/// until [`at`](Bed::at) says otherwise. It begins on 2026-03-02T02:00:00Z.
pub(crate) struct Bed {
    pub(crate) cloud: Cloud,
    clock: Arc<HandClock>,
    pub(crate) caller: Caller,
    pub(crate) place: Place,
}

struct HandClock(Mutex<Timestamp>);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    fn jitter(&self) -> f64 {
        0.0
    }
}

impl Bed {
    /// Ids count from one.
    pub(crate) fn new() -> Bed {
        let clock = Arc::new(HandClock(Mutex::new("2026-03-02T02:00:00Z".parse().unwrap())));
        let cloud = Cloud::new(clock.clone());
        cloud.dial(|it| it.short_ids = true);
        let place = place("111122223333", "eu-west-1");
        cloud.open(&place);
        Bed { cloud, clock, caller: Caller::administrator(place.account.clone()), place }
    }

    /// The same cloud, called by the administrator of an account in a region, which is opened.
    pub(crate) fn at(&self, account: &str, region: &str) -> Bed {
        let place = place(account, region);
        self.cloud.open(&place);
        let caller = Caller::administrator(place.account.clone());
        Bed { cloud: self.cloud.clone(), clock: self.clock.clone(), caller, place }
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, seconds: i64) {
        *self.clock.0.lock().unwrap() += SignedDuration::from_secs(seconds);
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Changes what is there past all rules.
    pub(crate) fn here<R>(&self, change: impl FnOnce(&mut Services) -> R) -> R {
        self.cloud.look(|state, _| change(state.services_mut(&self.place)))
    }

    /// The events so far.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.cloud.events()
    }

    /// Makes a call. The answer as JSON, or the code of the refusal.
    pub(crate) fn ask<O: Operation>(&self, operation: O) -> Result<Value, &'static str> {
        self.try_(operation, false)
    }

    /// Makes a call of which only the permission is tried.
    pub(crate) fn dry_run<O: Operation>(&self, operation: O) -> Result<Value, &'static str> {
        self.try_(operation, true)
    }

    fn try_<O: Operation>(&self, operation: O, dry: bool) -> Result<Value, &'static str> {
        let as_json = |it: O::Answer<'_>| serde_json::to_value(it).unwrap();
        let performed = self.cloud.perform(&self.caller, &self.place, operation, dry, as_json);
        performed.answer.expect("no mishap was asked for").map_err(|it| it.code)
    }

    /// Makes a call that is refused, and says how.
    pub(crate) fn refused<O: Operation>(&self, operation: O) -> String {
        let performed = self.cloud.perform(&self.caller, &self.place, operation, false, |_| ());
        performed.answer.expect("no mishap was asked for").unwrap_err().to_string()
    }
}

/// A place by its names.
pub(crate) fn place(account: &str, region: &str) -> Place {
    Place { account: account.parse().unwrap(), region: region.parse().unwrap() }
}
