//! Runs one test: a simulated organization of its own, and the engine in it, in virtual time.

use std::{collections::VecDeque, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use lamplighter_catalog::ACTIONS;
use lamplighter_config::Config;
use lamplighter_core::{
    AccountId, Clock, Engine, Fault, Ports, RunId, TaskName,
    cloud::{
        rds::{ClusterSnapshot, DatabaseSnapshot, Kind},
        tagged::Tagged,
    },
    engine::{Event, Planner},
    plan::{Problem, TaskPlan},
    task::Task,
};
use lamplighter_rehearsal::{LawfulJournal, Stuck, finish};
use lamplighter_simulator::{Access, Call, Cloud, Rules};

use super::{
    found::{Backup, Called, Found, Subject},
    read::Case,
    words::Crash,
};
use crate::{
    exit::Failure,
    stage::{Scene, Stage},
};

/// A run that has not ended after this long is stuck: no job lives longer.
const GIVE_UP: SignedDuration = SignedDuration::from_hours(9 * 24);
/// More steps than this before a call that a crash waits for are work that does not end.
const STEPS_MAX: usize = 10_000_000;

/// Runs a test.
pub(crate) fn perform(case: &Case, config: &Config) -> Result<Found, Failure> {
    let faults = Rules { seed: case.fleet.seed, faults: case.test.faults.clone() };
    let scene = Scene { config: config.clone(), fleet: case.fleet.clone(), faults };
    let stage = Stage::set(&scene, case.begin, case.fleet.seed)?;
    let mut found = Found { before: snapshots(&stage.cloud), ..Found::default() };
    know(&stage.cloud, &mut found);
    let cloud = stage.cloud.clone();
    let mut calls = Vec::new();
    match &case.test.plan {
        Some(task) => {
            if let Some(task) = config.tasks.iter().find(|it| it.order.task == *task) {
                plan(&stage, task, case.begin, &mut found);
            }
            calls = cloud.take_calls();
            let is_writing = |it: &&Call| it.access == Access::Writes;
            found.broken.extend(calls.iter().filter(is_writing).map(|it| {
                format!("L8: the plan called `{}:{}`, which writes", it.service, it.operation)
            }));
        }
        None => {
            let mut work = Work::begin(stage, case, &config.tasks);
            let done = match (&case.test.run, case.test.until) {
                (Some(tasks), _) => tasks.iter().try_for_each(|task| work.run(task)),
                (None, Some(until)) => work.go_on(&Goal::Until(until.0)),
                (None, None) => Ok(()),
            };
            work.end(done, &mut found, &mut calls);
        }
    }
    let adopts = config.tasks.iter().any(|task| task.order.adopt.is_some());
    // The cloud does not know what a task may adopt; the engine does.
    let broken = cloud.broken_laws().into_iter().filter(|it| !(adopts && it.starts_with("L6")));
    found.broken.extend(broken);
    found.after = snapshots(&cloud);
    know(&cloud, &mut found);
    let struck = cloud.struck().into_iter().enumerate();
    found.idle_faults = struck.filter(|(_, count)| *count == 0).map(|(index, _)| index).collect();
    found.calls = calls.into_iter().map(Called::from).collect();
    Ok(found)
}

/// Every snapshot there is.
fn snapshots(cloud: &Cloud) -> Vec<Backup> {
    let mut all = Vec::new();
    for place in cloud.places() {
        all.extend(cloud.snapshots_in(&place).into_iter().map(|it| Backup::of(&place, it)));
        for kind in [Kind::Instance, Kind::Cluster] {
            let found = cloud.database_snapshots_in(&place, kind).into_iter();
            all.extend(found.map(|it| Backup::of_database(&place, it)));
        }
    }
    all
}

/// Notes everything there is that a test may name, and its tags.
fn know(cloud: &Cloud, found: &mut Found) {
    for place in cloud.places() {
        let mut all: Vec<Tagged> = Vec::new();
        all.extend(cloud.volumes_in(&place).into_iter().map(Tagged::from));
        all.extend(cloud.snapshots_in(&place).into_iter().map(Tagged::from));
        all.extend(cloud.images_in(&place).into_iter().map(Tagged::from));
        all.extend(cloud.instances_in(&place).into_iter().map(Tagged::from));
        all.extend(cloud.tables_in(&place).into_iter().map(Tagged::from));
        all.extend(cloud.databases_in(&place).into_iter().map(Tagged::from));
        all.extend(cloud.clusters_in(&place).into_iter().map(Tagged::from));
        let of_databases = cloud.database_snapshots_in(&place, Kind::Instance).into_iter();
        all.extend(of_databases.map(|it| DatabaseSnapshot(it).into()));
        let of_clusters = cloud.database_snapshots_in(&place, Kind::Cluster).into_iter();
        all.extend(of_clusters.map(|it| ClusterSnapshot(it).into()));
        for it in all {
            let tags: Vec<String> =
                it.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let facts = match tags.is_empty() {
                true => "it has no tags".to_owned(),
                false => format!("its tags are {}", tags.join(", ")),
            };
            // Tasks on tags have another name for some.
            for name in [it.id.as_str(), it.own_id()] {
                found.known.insert(format!("{place}/{name}"), facts.clone());
                found.known.insert(name.to_owned(), facts.clone());
            }
        }
        found.known.insert(place.to_string(), String::new());
        found.known.insert(place.account.to_string(), String::new());
    }
}

/// Plans a task in all its places.
fn plan(stage: &Stage, task: &Task, at: Timestamp, found: &mut Found) {
    let planner = Planner::new(ACTIONS, stage.accounts.clone());
    let planner = planner.knowing(std::slice::from_ref(task));
    let mut problems = Vec::new();
    let mut unseen = Vec::new();
    let planned = finish(async {
        let mut places = Vec::new();
        for place in planner.places(task, at).await {
            match place {
                Ok(place) => {
                    let planned = planner.place(&task.order, &place, at).await;
                    if let Err(fault) = &planned.result {
                        unseen.push((place.to_string(), fault.chain()));
                    }
                    places.push(planned);
                }
                Err((account, fault)) => {
                    let name = account.as_ref().map_or("organization", AccountId::as_str);
                    unseen.push((name.to_owned(), fault.chain()));
                    problems.push(Problem {
                        task: task.order.task.clone(),
                        account,
                        region: None,
                        target: None,
                        kind: fault.kind,
                        message: fault.chain(),
                    });
                }
            }
        }
        TaskPlan::new(&task.order, at, places, &mut problems)
    });
    match planned {
        Some(planned) => {
            found.verdicts.extend(planned.verdicts.iter().map(Subject::of_verdict));
            found.verdicts.extend(problems.iter().map(Subject::of_problem));
            found.unseen = unseen;
        }
        None => found.broken.push("the plan waits for what never comes".to_owned()),
    }
}

/// The engine at work.
struct Work {
    stage: Stage,
    laws: Arc<LawfulJournal>,
    engine: Engine,
    begin: Timestamp,
    /// Those that are still to come.
    crashes: VecDeque<Crash>,
    /// The calls so far.
    calls: Vec<Call>,
}

/// When the engine has done its work.
enum Goal {
    /// At an instant.
    Until(Timestamp),
    /// When no job of a run is open.
    EndOf(RunId),
}

/// Why it does not get there.
enum Broken {
    Stuck(Stuck),
    Fault(Fault),
}

impl From<Stuck> for Broken {
    fn from(stuck: Stuck) -> Broken {
        Broken::Stuck(stuck)
    }
}

impl Work {
    /// One worker, for all tasks. When some are run, nothing else is started.
    fn begin(mut stage: Stage, case: &Case, tasks: &[Task]) -> Work {
        let mut tasks = tasks.to_vec();
        if case.test.run.is_some() {
            tasks.iter_mut().for_each(|task| {
                task.schedule = None;
                task.on.clear();
            });
        }
        // Every event was checked when the test was read.
        let events = case.test.events.iter().enumerate();
        let events = events.filter_map(|(number, it)| it.event(case.begin, number).ok()).collect();
        stage.listen(&tasks, events);
        let rehearsal = &mut stage.rehearsal;
        let laws = LawfulJournal::new(rehearsal.journal().clone(), rehearsal.clock().clone());
        let laws = Arc::new(laws);
        let ports = Ports {
            clock: rehearsal.clock().clone(),
            journal: laws.clone(),
            queue: rehearsal.queue().clone(),
            accounts: stage.accounts.clone(),
            worker: "worker".to_owned(),
        };
        let engine = Engine::new(ACTIONS, tasks, ports);
        rehearsal.employ([engine.clone()]);
        let crashes = case.test.crash.iter().cloned().collect();
        Work { stage, laws, engine, begin: case.begin, crashes, calls: Vec::new() }
    }

    /// Runs a task to its end, for the instant that is now.
    fn run(&mut self, task: &TaskName) -> Result<(), Broken> {
        // Two occurrences are at least a second apart.
        let now = self.now();
        let second = Timestamp::from_second(now.as_second()).unwrap_or(now);
        let at = if second < now { second + SignedDuration::from_secs(1) } else { second };
        self.stage.rehearsal.run_until(at)?;
        let run = RunId::new(task, at);
        let started = finish(self.engine.event(Event::Run { task: task.clone(), at }));
        started.transpose().map_err(Broken::Fault)?;
        self.go_on(&Goal::EndOf(run))?;
        let now = self.now();
        Ok(self.stage.rehearsal.run_until(now + SignedDuration::from_nanos(1))?)
    }

    /// Lets time go on to a goal, through the crashes on the way.
    fn go_on(&mut self, goal: &Goal) -> Result<(), Broken> {
        while let Some(crash) = self.crashes.front().cloned() {
            let is_there = match (crash.after, &crash.call) {
                (Some(after), _) => self.reach_time(self.begin + after.0, goal)?,
                (None, Some(call)) => self.reach_call(call, goal)?,
                (None, None) => false,
            };
            if !is_there {
                break;
            }
            self.crashes.pop_front();
            let rehearsal = &mut self.stage.rehearsal;
            rehearsal.crash(0);
            if let Some(lasts) = crash.lasts {
                let back = rehearsal.clock().now() + lasts.0;
                rehearsal.run_until(back)?;
            }
            rehearsal.restart(0);
        }
        let give_up = self.now() + GIVE_UP;
        match goal {
            Goal::Until(until) => self.stage.rehearsal.run_until(*until)?,
            Goal::EndOf(run) => {
                self.stage.rehearsal.run_to_the_end_of(std::slice::from_ref(run), give_up)?;
            }
        }
        Ok(())
    }

    /// Goes on to an instant. Whether it is there before the goal.
    fn reach_time(&mut self, at: Timestamp, goal: &Goal) -> Result<bool, Broken> {
        while let Some(next) = self.next(goal) {
            if next > at {
                self.stage.rehearsal.run_until(at)?;
                return Ok(true);
            }
            self.stage.rehearsal.run_until(next)?;
        }
        Ok(false)
    }

    /// Goes on to the moment after a call, before anything is done with its answer. Whether it
    /// is there before the goal.
    fn reach_call(&mut self, call: &str, goal: &Goal) -> Result<bool, Broken> {
        self.take_calls();
        for _ in 0..STEPS_MAX {
            if self.next(goal).is_none() {
                return Ok(false);
            }
            self.stage.rehearsal.step();
            let before = self.calls.len();
            self.take_calls();
            let is_it = |it: &Call| call == format!("{}:{}", it.service, it.operation);
            if self.calls[before..].iter().any(is_it) {
                return Ok(true);
            }
        }
        Err(Stuck::Busy { at: self.now() }.into())
    }

    /// When something happens next, unless the goal is reached by then.
    fn next(&self, goal: &Goal) -> Option<Timestamp> {
        let next = self.stage.rehearsal.next_at()?;
        let is_reached = match goal {
            Goal::Until(until) => next > *until,
            Goal::EndOf(run) => self.stage.rehearsal.journal().tally_of(run).all().open == 0,
        };
        (!is_reached).then_some(next)
    }

    fn take_calls(&mut self) {
        self.calls.extend(self.stage.cloud.take_calls());
    }

    fn now(&self) -> Timestamp {
        self.stage.rehearsal.clock().now()
    }

    /// Takes down what became of it.
    fn end(mut self, done: Result<(), Broken>, found: &mut Found, calls: &mut Vec<Call>) {
        self.take_calls();
        calls.append(&mut self.calls);
        match done {
            // Which jobs these are is said of each test.
            Ok(()) | Err(Broken::Stuck(Stuck::Open { .. })) => {}
            Err(Broken::Stuck(stuck)) => found.broken.push(stuck.to_string()),
            Err(Broken::Fault(fault)) => found.broken.push(fault.chain()),
        }
        for crash in &self.crashes {
            let when = match (crash.after, &crash.call) {
                (Some(after), _) => format!("after {after}"),
                (None, call) => format!("at `{}`", call.as_deref().unwrap_or_default()),
            };
            found.broken.push(format!("the test had ended before the crash {when}"));
        }
        found.broken.extend(self.laws.broken_laws());
        found.take_jobs(&self.stage.rehearsal.journal().all());
        for task in self.engine.tasks() {
            found.known.insert(task.order.task.to_string(), String::new());
        }
    }
}
