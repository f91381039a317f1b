//! Nights of bad luck for every task in `config/`, and so for every action there is, on a fleet
//! that fits them: the laws hold, every record ends, and no job has made anything twice. What a
//! single action must keep, `testkit::conforms` proves; this is about many at a time.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use lamplighter_catalog::ACTIONS;
use lamplighter_config::Config;
use lamplighter_core::{
    AccountId, Clock, Engine, Place, Ports,
    action::JOB_TAG,
    cloud::rds::Kind,
    job::State,
    schedule::{Schedule, Timing, Zone},
    task::Task,
};
use lamplighter_simulator::{
    Accounts, Door, Fleet,
    fleet::{Member, Target},
};
use lamplighter_testkit::{Delivery, Random, World, cloud::Lag};

mod support;

use support::{folder, load};

/// Tasks of one night.
const TASKS: usize = 3;
/// How long they fire, each hour.
const HOURS: i64 = 3;

/// A world with what these tasks work on, and the engines of its workers.
fn night(config: &Config, tasks: &[Task], seed: u64) -> (World, Vec<Engine>) {
    let wrong_by = SignedDuration::from_secs(4);
    let world = World::new().seed(seed).workers(3).clocks_wrong_by(wrong_by).dial(|it| {
        it.page_size = 100;
        it.lag = Lag::UpTo(SignedDuration::from_secs(50));
    });
    let cloud = world.cloud().cloud();
    let members: Vec<Member> = config
        .accounts
        .iter()
        .map(|it| Member {
            name: it.name.clone(),
            id: it.id.clone(),
            role: Some("member".to_owned()),
            external_id: None,
            regions: it.regions.clone(),
            unit: None,
        })
        .collect();
    let targets: Vec<Target> =
        tasks.iter().filter_map(|it| Target::of(it, ACTIONS)).flatten().collect();
    Fleet::for_config(&members, &targets).build(cloud).expect("the fleet can be");
    let door = || Door { role: Some("member".to_owned()), external_id: None };
    let doors: BTreeMap<AccountId, Door> = members.into_iter().map(|it| (it.id, door())).collect();
    let accounts = Arc::new(Accounts::new(cloud.clone(), doors, Arc::new(world.cloud().clone())));
    let inside = |engine: Engine| {
        let ports = Ports { accounts: accounts.clone(), ..engine.ports().clone() };
        Engine::new(ACTIONS, tasks.to_vec(), ports)
    };
    let engines = world.engines(ACTIONS, tasks).into_iter().map(inside).collect();
    (world, engines)
}

/// What jobs have made, in all places: more than one thing of a kind for one job is one too many.
/// The snapshots of an image are its own.
fn doubled(world: &World) -> Vec<String> {
    let places: BTreeSet<Place> =
        world.jobs().iter().filter_map(|job| job.work.place().cloned()).collect();
    let cloud = world.cloud();
    let mut made: BTreeMap<String, usize> = BTreeMap::new();
    for place in &places {
        let images = cloud.images_in(place).into_iter().map(|it| it.tags);
        let images: Vec<_> = images.filter_map(|it| it.get(JOB_TAG).cloned()).collect();
        let snapshots = cloud.snapshots_in(place).into_iter();
        let snapshots = snapshots.filter_map(|it| it.tags.get(JOB_TAG).cloned());
        let snapshots = snapshots.filter(|it| !images.contains(it)).map(|it| ("snapshot", it));
        let databases = [Kind::Instance, Kind::Cluster].into_iter().flat_map(|kind| {
            cloud.database_snapshots_in(place, kind).into_iter().map(move |it| (kind, it.tags))
        });
        let databases = databases.filter_map(|(_, tags)| tags.get(JOB_TAG).cloned());
        let images = images.iter().cloned().map(|it| ("image", it));
        let volumes = cloud.volumes_in(place).into_iter();
        let volumes = volumes.filter_map(|it| it.tags.get(JOB_TAG).cloned());
        let volumes = volumes.map(|it| ("volume", it));
        let databases = databases.map(|it| ("database snapshot", it));
        let all = snapshots.chain(databases).chain(images).chain(volumes);
        for (kind, job) in all {
            *made.entry(format!("{kind} of {job} in {place}")).or_default() += 1;
        }
    }
    let twice = made.into_iter().filter(|(_, count)| *count > 1);
    twice.map(|(what, count)| format!("{count} times: {what}")).collect()
}

/// Lets tasks run each hour with bad luck, and expects that nothing is lost or doubled.
fn check(config: &Config, tasks: &[Task], seed: u64) -> usize {
    let names: Vec<String> = tasks.iter().map(|it| it.order.task.to_string()).collect();
    println!("seed {seed}: {}", names.join(" "));
    let (mut world, engines) = night(config, tasks, seed);
    let begin = world.clock().now();
    let at = |minutes: i64| -> Timestamp { begin + SignedDuration::from_mins(minutes) };
    world.tick(&engines);
    world.queue().deliver(Delivery::Random(Random::new(seed)));
    world.faults().at_random(Random::new(seed), 2);
    world.run_until(&engines, at(70));
    // Nobody is there for a while.
    world.clock().set(at(90));
    world.run_until(&engines, at(HOURS * 60));
    world.faults().end();
    world.queue().deliver(Delivery::Faithful);
    world.run_to_the_end(&engines);
    world.assert_lawful();
    let open = world.jobs().into_iter().filter(|job| job.status.state() == State::Open);
    assert_eq!(open.map(|job| job.id.to_string()).collect::<Vec<_>>(), Vec::<String>::new());
    assert_eq!(doubled(&world), Vec::<String>::new());
    world.jobs().iter().filter(|it| it.status.state() == State::Succeeded).count()
}

/// `LAMPLIGHTER_SEEDS=10000` plays so many times as many nights as the simulation of the engine
/// does.
#[test]
fn every_task_of_the_examples_bears_bad_luck() {
    let config = load(&folder("config"));
    let mut tasks: Vec<Task> = config.tasks.clone();
    for task in &mut tasks {
        let every = "1h".parse().expect("an hour is an interval");
        task.schedule = Some(Schedule::new(Timing::Every(every), Zone::default()));
        task.on.clear();
    }
    let rounds = env::var("LAMPLIGHTER_SEEDS").ok().and_then(|it| it.parse::<u64>().ok());
    for round in 0..rounds.map_or(1, |it| 1 + it / 200) {
        for (night, tasks) in tasks.chunks(TASKS).enumerate() {
            let succeeded = check(&config, tasks, 100 * round + night as u64);
            assert!(succeeded > 0, "nothing at all was done");
        }
    }
}
