//! `kill -9` at random, again and again, on hosts with tasks that are due each minute: no target is
//! missed and none is done twice, as the emulator says.
//!
//! A few kills here; `LAMPLIGHTER_KILLS=200` is so many, as in `scripts/nightly`. When they fall is
//! drawn from a seed, and `LAMPLIGHTER_SEED` names another.

use std::{
    collections::BTreeMap,
    env,
    hash::{DefaultHasher, Hash, Hasher},
    thread,
    time::Duration,
};

use lamplighter_tests::Running;
use serde_json::{Value, json};

use crate::{
    bed::Bed,
    crash::{quietly, until},
    shared,
};

/// Kills in all tests here together.
const KILLS: u64 = 20;
/// Of a life, in milliseconds. The program reads its configuration in the first of them, and
/// makes all snapshots that are due in a place in some hundreds more.
const LIFE: std::ops::Range<u64> = 50..2_500;

/// In each place the work begins at another moment: something is always going on.
const TASKS: &str = "tasks:
  nightly-backup:
    action: ebs.snapshot.create
    schedule: { every: 1m, spread: 50s }
    accounts: [{ labels: { stage: prod } }]
    select:
      tags: { backup: daily, stage: [prod, preprod], ignore: null }
      expect: 1
";

/// What luck there is.
struct Luck {
    seed: u64,
    drawn: u64,
}

impl Luck {
    fn new() -> Luck {
        let seed = told("LAMPLIGHTER_SEED").unwrap_or(1);
        println!("LAMPLIGHTER_SEED={seed}");
        Luck { seed, drawn: 0 }
    }

    fn below(&mut self, end: u64) -> u64 {
        self.drawn += 1;
        let mut hasher = DefaultHasher::new();
        (self.seed, self.drawn).hash(&mut hasher);
        hasher.finish() % end
    }

    fn life(&mut self) -> Duration {
        Duration::from_millis(LIFE.start + self.below(LIFE.end - LIFE.start))
    }
}

fn told(name: &str) -> Option<u64> {
    env::var(name).ok().map(|it| it.parse().expect("a number"))
}

#[test]
fn serve_misses_and_doubles_nothing_however_often_it_is_killed() {
    under_fire(&due_each_minute(), &["serve"], 1);
}

#[test]
fn workers_miss_and_double_nothing_however_often_they_are_killed() {
    let mut bed = due_each_minute();
    let _ministack = shared::ministack(&mut bed.here);
    shared::deploy(&mut bed.here);
    under_fire(&bed, &["worker", "--tick"], 2);
}

/// An emulator, and a task that is due each minute.
fn due_each_minute() -> Bed {
    let bed = Bed::start();
    bed.here.write("config/tasks.yaml", TASKS);
    bed
}

/// Starts so many of a host, kills them at random, and looks at what they have done once the last
/// ones have finished it.
fn under_fire(bed: &Bed, host: &[&str], count: usize) {
    let begun = || Running(quietly(bed, host).spawn().unwrap());
    let mut luck = Luck::new();
    let mut alive: Vec<Running> = std::iter::repeat_with(begun).take(count).collect();
    until("something is due", || !runs(bed).is_empty());
    for _ in 0..told("LAMPLIGHTER_KILLS").unwrap_or(KILLS) / 2 {
        thread::sleep(luck.life());
        let victim = luck.below(count as u64) as usize;
        alive.swap_remove(victim).kill();
        alive.push(begun());
    }
    // What is due from now on is not looked at.
    let seen = runs(bed);
    assert!(!seen.is_empty());
    let is_done = |run: &Value| run["jobs"]["open"] == 0;
    until("all that was begun is done", || {
        let now = runs(bed);
        seen.keys().all(|occurrence| now.get(occurrence).is_some_and(is_done))
    });
    let missed = bed.here.json(&["missed"], 0);
    alive.into_iter().for_each(|host| assert_eq!(host.stop().code(), Some(0)));

    assert_eq!(missed, json!([]));
    let wanted = bed.backed_up();
    let ended = runs(bed);
    for occurrence in seen.keys() {
        let run = &ended[occurrence];
        assert_eq!((&run["state"], &run["targets"]), (&json!("succeeded"), &json!(wanted.len())));
        assert_eq!(bed.made(occurrence), wanted, "of {occurrence}");
    }
    println!("{} occurrences of {} targets", seen.len(), wanted.len());
}

/// All runs, by their occurrences.
fn runs(bed: &Bed) -> BTreeMap<String, Value> {
    let ended = bed.here.run(&["runs", "--limit", "1000", "--json"]);
    // No journal is there yet, or somebody holds it.
    let runs: Value = serde_json::from_str(&ended.stdout).unwrap_or_default();
    let runs = runs.as_array().cloned().unwrap_or_default();
    runs.into_iter().map(|it| (it["occurrence"].as_str().unwrap().to_owned(), it)).collect()
}
