//! The rules that every action has to keep, checked without the author writing anything.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use lamplighter_core::{
    AccountId, AnyAction, FaultKind, Place,
    action::{JOB_TAG, Permissions, TAKEN_AT_TAG},
    cloud::ec2::{FastRestore, Image, Lock},
    job::{Job, State},
    task::Mode,
};
use serde_json::Value;

use crate::{
    Delivery, Mishap, Random, World,
    cloud::{Access, Bucket, ENGINE_PERMISSIONS, Lag},
    world::{self, state_name},
};

/// Seeds for each kind of bad luck.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=8;
/// A lag that AWS knows, just below the one that actions wait for.
const LAG: SignedDuration = SignedDuration::from_secs(59);
/// A lag that nobody waits for: what was made twice because of it has to be cleaned up later.
const LONG_LAG: SignedDuration = SignedDuration::from_mins(4);
/// Throttled answers in a row: more than there are attempts.
const THROTTLED: usize = 8;

const MISHAPS: [Mishap; 5] = [
    Mishap::Fails(FaultKind::Transient),
    Mishap::Fails(FaultKind::Throttled),
    Mishap::AnswerLost,
    Mishap::CrashBefore,
    Mishap::CrashAfter,
];

/// Checks the rules that every action has to keep. `world` must make a fresh, equal world on
/// each call, with at least one target that is acted on.
///
/// - The permissions that the action declares are enough, and none is left over.
/// - A plan, and a task that only observes, make no writing call.
/// - The cloud ends the same, and so does each job, whatever goes wrong: a fault before a call,
///   a lost answer and a crash at each call to AWS and at each write to the journal; every
///   message doubled, lost or astray; several workers at once; describes that lag; throttling.
/// - Nothing is made twice on the way, unless describes lag longer than AWS says: then it is
///   cleaned up.
/// - The laws of the engine hold all the time.
///
/// # Panics
///
/// When a rule is broken. The message says what had gone wrong and what was different.
#[track_caller]
pub fn conforms(action: &'static dyn AnyAction, params: Value, world: impl Fn() -> World) {
    conforms_in(action, params, &[&world]);
}

/// The same in several worlds, each with its own way through the action: together they need what
/// the action declares.
///
/// # Panics
///
/// As [`conforms`].
#[track_caller]
pub fn conforms_in(action: &'static dyn AnyAction, params: Value, worlds: &[&dyn Fn() -> World]) {
    let used = worlds.iter().flat_map(|world| holds(action, &params, world)).collect();
    permissions_are_used(action, &params, &used);
}

/// Checks all rules in one world, and returns which permissions were used in which account.
#[track_caller]
fn holds(
    action: &'static dyn AnyAction,
    params: &Value,
    world: &dyn Fn() -> World,
) -> BTreeSet<(AccountId, &'static str)> {
    let mut calm = Trial::new(action, params, world);
    calm.run();
    let used = calm.used.clone();
    let wanted = End::of(&calm.world);
    assert!(wanted.is_calm(), "nothing went wrong, and jobs failed:\n{}", calm.world.records());
    assert!(wanted.has_acted(), "no target was acted on: give the world one");
    let calls = calm.world.faults().calls();
    let writes = calm.world.faults().writes();
    let made = calm.world.cloud().made();
    let changing: Vec<usize> = calm.numbers_of_writing_calls();

    reads_only(action, params, world);

    let mut rules = Rules { action, params, world, wanted, made, used };
    let zero = SignedDuration::ZERO;
    for lag in [Lag::Always(zero), Lag::Always(LAG), Lag::UpTo(LAG)] {
        rules.hold("describes that lag", |it| dial_lag(it, lag));
        for call in 1..=calls {
            for mishap in MISHAPS {
                rules.hold(&format!("{mishap:?} at call {call}, {lag:?}"), |it| {
                    dial_lag(it, lag);
                    it.faults().at_calls(call..=call, mishap);
                });
            }
        }
    }
    for call in changing {
        for mishap in [Mishap::AnswerLost, Mishap::CrashAfter] {
            let mishap_text = format!("{mishap:?} at call {call}, describes lag for long");
            rules.hold_in_the_end(&mishap_text, |it| {
                dial_lag(it, Lag::Always(LONG_LAG));
                it.faults().at_calls(call..=call, mishap);
            });
        }
    }
    for call in 1..=calls {
        rules.hold(&format!("throttling from call {call} on"), |it| {
            let mishap = Mishap::Fails(FaultKind::Throttled);
            it.faults().at_calls(call..=call + THROTTLED, mishap);
        });
    }
    for write in 1..=writes {
        for mishap in MISHAPS.into_iter().filter(|it| *it != Mishap::Fails(FaultKind::Throttled)) {
            rules.hold(&format!("{mishap:?} at journal write {write}"), |it| {
                it.faults().at_write(write, mishap);
            });
        }
    }
    // A look that is throttled begins again, so it must fit into the bucket.
    let capacity = calls_of_a_look(action, params, world) as f64;
    rules.hold("a small bucket of requests", |it| {
        it.cloud().dial(|it| {
            it.bucket = Some(Bucket { capacity, per_second: 0.1 });
            it.page_size = 1000;
        });
    });
    rules.hold("no message arrives", |it| it.queue().deliver(Delivery::Lost));
    for seed in SEEDS {
        rules.hold(&format!("every message doubled, two workers, seed {seed}"), |it| {
            it.queue().deliver(Delivery::Doubled);
            luck(it, seed, 2);
        });
        rules.hold(&format!("messages astray, three workers, seed {seed}"), |it| {
            it.queue().deliver(Delivery::Random(Random::new(seed)));
            dial_lag(it, Lag::UpTo(LAG));
            luck(it, seed, 3);
        });
    }
    rules.used
}

/// The most calls to one API in one place that finding and planning makes, with long pages.
fn calls_of_a_look(
    action: &'static dyn AnyAction,
    params: &Value,
    world: &dyn Fn() -> World,
) -> usize {
    let trial = Trial::new(action, params, world);
    trial.world.cloud().dial(|it| it.page_size = 1000);
    trial.world.plan(action, params.clone());
    let mut calls: BTreeMap<(Place, &str), usize> = BTreeMap::new();
    for call in trial.world.cloud().calls() {
        *calls.entry((call.place, call.operation)).or_default() += 1;
    }
    calls.into_values().max().unwrap_or(1)
}

fn needs(action: &dyn AnyAction, params: &Value) -> Permissions {
    action.needs(params).expect("the parameters of a conforming action can be read")
}

fn dial_lag(world: &mut World, lag: Lag) {
    world.cloud().dial(|it| it.lag = lag);
}

fn luck(world: &mut World, seed: u64, workers: usize) {
    let fresh = std::mem::take(world);
    *world = fresh.seed(seed).workers(workers);
}

/// A plan and a task that only observes write nothing, and leave the cloud as it was.
fn reads_only(action: &'static dyn AnyAction, params: &Value, world: &dyn Fn() -> World) {
    let planned = Trial::new(action, params, world);
    let before = effects(&planned.world);
    let plan = planned.world.plan(action, params.clone());
    assert_eq!(effects(&planned.world), before, "a plan changed the cloud:\n{plan}");
    let calls = planned.world.cloud().calls();
    let used: BTreeSet<&str> = calls.iter().flat_map(|it| it.actions.iter().copied()).collect();
    let needs = needs(action, params).here;
    let unused = action.looking().iter().find(|it| needs.contains(*it) && !used.contains(*it));
    assert_eq!(unused, None, "a plan uses what it says that it looks with");

    let world = || world().task(|task| task.order.mode = Mode::Observe);
    let mut observed = Trial::new(action, params, &world);
    observed.run();
    observed.world.assert_nothing_written();
    assert_eq!(effects(&observed.world), before, "a task that observes changed the cloud");
}

/// One run in one fresh world, in which the roles may do what the action declares.
struct Trial {
    world: World,
    action: &'static dyn AnyAction,
    params: Value,
    used: BTreeSet<(AccountId, &'static str)>,
}

impl Trial {
    /// Accounts that the parameters name have no targets here.
    fn new(action: &'static dyn AnyAction, params: &Value, world: &dyn Fn() -> World) -> Trial {
        let needs = needs(action, params);
        let elsewhere = needs.elsewhere.clone();
        let world =
            world().task(move |task| task.reach.retain(|it| !elsewhere.contains_key(&it.account)));
        for Place { account, .. } in world.cloud().places() {
            let has_targets = !needs.elsewhere.contains_key(&account);
            let actions: Vec<&str> = needs.of(&account, has_targets).into_iter().collect();
            world.cloud().allow_only_in(&account, &actions);
        }
        Trial { world, action, params: params.clone(), used: BTreeSet::new() }
    }

    #[track_caller]
    fn run(&mut self) {
        self.world.run(self.action, self.params.clone());
        let calls = self.world.cloud().calls();
        for call in calls {
            let used = call.actions.iter().filter(|it| !ENGINE_PERMISSIONS.contains(it));
            self.used.extend(used.map(|it| (call.place.account.clone(), *it)));
        }
        self.used.extend(self.world.cloud().on_behalf());
    }

    fn numbers_of_writing_calls(&self) -> Vec<usize> {
        let calls = self.world.cloud().calls().into_iter().enumerate();
        calls.filter(|(_, it)| it.access == Access::Writes).map(|(index, _)| index + 1).collect()
    }
}

/// What must be the same whatever went wrong.
struct Rules<'a> {
    action: &'static dyn AnyAction,
    params: &'a Value,
    world: &'a dyn Fn() -> World,
    wanted: End,
    /// How many things are made when nothing goes wrong.
    made: usize,
    /// IAM actions that some run has used, and in which account.
    used: BTreeSet<(AccountId, &'static str)>,
}

impl Rules<'_> {
    /// The end is the same, and nothing was made that is not in it.
    #[track_caller]
    fn hold(&mut self, mishap: &str, happens: impl FnOnce(&mut World)) {
        let made = self.hold_in_the_end(mishap, happens);
        let wanted = self.made;
        assert!(
            made == wanted,
            "after this went wrong: {mishap}\n{made} things were made instead of {wanted}"
        );
    }

    /// The end is the same. Returns how many things were made on the way.
    #[track_caller]
    fn hold_in_the_end(&mut self, mishap: &str, happens: impl FnOnce(&mut World)) -> usize {
        let mut trial = Trial::new(self.action, self.params, self.world);
        happens(&mut trial.world);
        trial.run();
        self.used.append(&mut trial.used);
        let found = End::of(&trial.world);
        let End { cloud, jobs } = &self.wanted;
        assert!(
            found == self.wanted,
            "after this went wrong: {mishap}\n\
             the end should have been\n{cloud}\n{jobs:#?}\nand was\n{}\n{:#?}\n{}",
            found.cloud,
            found.jobs,
            trial.world.records()
        );
        trial.world.cloud().made()
    }
}

#[track_caller]
fn permissions_are_used(
    action: &dyn AnyAction,
    params: &Value,
    all_used: &BTreeSet<(AccountId, &'static str)>,
) {
    let needs = needs(action, params);
    // What else they say is proved where policies are made of it.
    let mut used =
        Permissions { here: BTreeSet::new(), elsewhere: BTreeMap::new(), ..needs.clone() };
    for (account, action) in all_used {
        match needs.elsewhere.contains_key(account) {
            true => used = used.and_in(account, &[action]),
            false => drop(used.here.insert(action)),
        }
    }
    assert_eq!(
        used, needs,
        "the permissions that were used differ from those declared (left: used)"
    );
    let all = needs.elsewhere.values().fold(needs.here.clone(), |all, it| &all | it);
    let declared = action.permissions();
    assert!(
        all.iter().all(|it| declared.contains(it)),
        "{all:?} are needed, and the action's facts say only {declared:?}"
    );
}

/// How a run ended: what is in the cloud, and each job's state.
#[derive(PartialEq)]
struct End {
    cloud: String,
    jobs: Vec<(String, &'static str)>,
}

impl End {
    fn of(world: &World) -> End {
        let state = |job: &Job| (job.id.to_string(), job.status.state().as_str());
        End { cloud: effects(world), jobs: world.jobs().iter().map(state).collect() }
    }

    fn is_calm(&self) -> bool {
        let fine = [State::Succeeded.as_str(), State::Skipped.as_str()];
        self.jobs.iter().all(|(_, state)| fine.contains(state))
    }

    fn has_acted(&self) -> bool {
        let target = |id: &str| id.split('/').count() > 3;
        self.jobs.iter().any(|(id, state)| target(id) && *state == State::Succeeded.as_str())
    }
}

/// All that is in the cloud, without what two equal runs need not share: the ids of what the
/// run made, and when it did.
fn effects(world: &World) -> String {
    let mut lines = Vec::new();
    for place in world.cloud().places() {
        for mut it in world.cloud().volumes_in(&place) {
            if it.tags.contains_key(JOB_TAG) {
                it.id = "a new volume".to_owned();
                it.created_at = None;
            }
            lines.push(format!("{place} {it:?}"));
        }
        for mut it in world.cloud().instances_in(&place) {
            it.launched_at = jiff::Timestamp::UNIX_EPOCH;
            it.stopped_at = None;
            lines.push(format!("{place} {it:?}"));
        }
        let gone = |it: &Image| it.state == "deregistered";
        for mut it in world.cloud().images_in(&place).into_iter().filter(|it| !gone(it)) {
            it.id = "a new image".to_owned();
            it.created_at = None;
            it.snapshots = vec![format!("{} snapshots", it.snapshots.len())];
            it.tags.entry(TAKEN_AT_TAG.to_owned()).and_modify(|at| at.clear());
            lines.push(format!("{place} {it:?}"));
        }
        for FastRestore { snapshot, zone, state, .. } in world.cloud().fast_restores_in(&place) {
            let state = if state.is_on() { "on" } else { "off" };
            lines.push(format!("{place} fast restores of {snapshot} in {zone} are {state}"));
        }
        for Lock { snapshot, state, expires_at, .. } in world.cloud().locks_in(&place) {
            lines.push(format!("{place} {snapshot} is locked {state:?} until {expires_at:?}"));
        }
        for mut it in world.cloud().cloud().tables_in(&place) {
            let capacities = it.indexes.iter_mut().map(|it| &mut it.capacity);
            capacities.chain([&mut it.capacity]).for_each(|it| it.decreased_at = None);
            it.on_demand_since = None;
            lines.push(format!("{place} {it:?}"));
        }
        for mut it in world.cloud().cloud().table_backups_in(&place) {
            if it.created_at >= world::BEGIN {
                it.id = "a new backup".to_owned();
                it.created_at = jiff::Timestamp::UNIX_EPOCH;
                it.tags.entry(TAKEN_AT_TAG.to_owned()).and_modify(|at| at.clear());
            }
            lines.push(format!("{place} {it:?}"));
        }
        for mut it in world.cloud().snapshots_in(&place) {
            let shares = world.cloud().shares_of(&place, &it.id);
            if world.cloud().has_made(&place, &it.id) {
                it.id = "a new snapshot".to_owned();
                it.started_at = jiff::Timestamp::UNIX_EPOCH;
                it.tags.entry(TAKEN_AT_TAG.to_owned()).and_modify(|at| at.clear());
                // AWS names the image that it belongs to.
                if let Some(end) = it.description.find(" for ami-") {
                    it.description.truncate(end);
                }
            }
            // Tags tell of what was made by its id.
            for value in it.tags.values_mut() {
                if value.starts_with("snap-") && !world.cloud().has_put(value) {
                    *value = "a new snapshot".to_owned();
                }
            }
            let state = state_name(it.state);
            lines.push(format!("{place} {} {state} {it:?} shared with {shares:?}", it.id));
        }
    }
    lines.extend(world.effects_on_databases());
    lines.sort();
    lines.join("\n")
}
