//! A simulated organization with the real engine in front of it, in virtual time: what
//! `simulate` and `demo` work with.
//!
//! A [`Scene`] is what files say: a configuration, a fleet, and faults. A [`Stage`] is a cloud
//! with that fleet, the configuration's way into its accounts, and a rehearsal; its workers are
//! the engine that works on real accounts.

use std::{
    path::Path,
    sync::{Arc, OnceLock},
    time::Instant,
};

use jiff::{SignedDuration, Timestamp};
use lamplighter_catalog::ACTIONS;
use lamplighter_config::{Account, Accounts as Group, Config, Role, Source, yaml};
use lamplighter_core::{
    AccountId, AccountPool, Clock, Engine, action,
    events::{self, CloudEvent},
    task::{Reach, Task},
};
use lamplighter_rehearsal::{Rehearsal, VirtualClock};
use lamplighter_simulator::{
    Accounts, Cloud, Door, Fleet, Lag, Passing, Rules, Throttling,
    fleet::{Member, Target},
};
use serde_json::json;
use tracing::warn;

use crate::{configuration, exit::Failure};

/// How far describes lag behind writes, at most.
const LAG: SignedDuration = SignedDuration::from_secs(5);

/// What is played, all of it checked.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    /// The accounts and tasks.
    pub(crate) config: Config,
    /// What is in the accounts.
    pub(crate) fleet: Fleet,
    /// What goes wrong.
    pub(crate) faults: Rules,
}

impl Scene {
    /// A configuration on this fleet, or on one that is made for it.
    pub(crate) fn new(config: Config, fleet: Option<Fleet>, faults: Option<Rules>) -> Scene {
        let fleet = fleet.unwrap_or_else(|| generated(&config));
        Scene { config, fleet, faults: faults.unwrap_or_default() }
    }

    /// When the fleet says that everything begins.
    pub(crate) fn begin(&self) -> Option<Timestamp> {
        self.fleet.begin.map(|it| it.0)
    }

    /// The accounts of the configuration that nobody can enter, and why: the fleet has not the
    /// account, or not its role. Every task that works there fails there.
    pub(crate) fn closed_accounts(&self) -> impl Iterator<Item = (&Account, String)> {
        self.config.accounts.iter().filter_map(|it| {
            let Some(there) = self.fleet.accounts.get(&it.id) else {
                return Some((it, "it is not in the fleet".to_owned()));
            };
            let name = it.role.as_ref()?.as_str().rsplit(":role/").next();
            let role = name.filter(|it| there.role.as_deref() != Some(*it))?;
            Some((it, format!("it has no role `{role}` in the fleet")))
        })
    }
}

/// Reads a fleet; every problem is shown with its place.
pub(crate) fn read_fleet(source: &Source, config: &Config) -> Result<Fleet, Failure> {
    let fleet = yaml::read::<Fleet>(source, |it| with_accounts(it, config).check());
    Ok(with_accounts(&read("fleet", source, fleet)?, config))
}

/// A fleet that names no accounts has those of the configuration.
pub(crate) fn with_accounts(fleet: &Fleet, config: &Config) -> Fleet {
    let mut fleet = fleet.clone();
    if fleet.accounts.is_empty() {
        fleet.accounts = generated(config).accounts;
    }
    fleet
}

/// Reads rules of what goes wrong; every problem is shown with its place.
pub(crate) fn read_faults(source: &Source) -> Result<Rules, Failure> {
    read("faults", source, yaml::read(source, Rules::check))
}

/// A file that was named on the command line.
pub(crate) fn source(path: &Path) -> Result<Source, Failure> {
    let shown = path.display().to_string();
    let bytes = configuration::read(path).map_err(Failure::usage)?;
    Source::from_bytes(&shown, bytes)
        .map_err(|problem| Failure::usage(format!("`{shown}` cannot be read: {}", problem.message)))
}

fn read<T>(
    what: &str,
    source: &Source,
    read: Result<T, Vec<lamplighter_config::Problem>>,
) -> Result<T, Failure> {
    read.map_err(|problems| {
        let text = configuration::rendered(&problems, std::slice::from_ref(source));
        Failure::usage(format!("the {what} file has problems\n\n{text}"))
    })
}

/// A plausible fleet for a configuration.
pub(crate) fn generated(config: &Config) -> Fleet {
    let member = |it: &Account| Member {
        name: it.name.clone(),
        id: it.id.clone(),
        role: it.role.as_ref().map(|role| role.as_str().to_owned()),
        external_id: it.external_id.as_ref().map(|id| id.expose().to_owned()),
        regions: it.regions.clone(),
        unit: None,
    };
    let targets = |task: &Task| {
        let mut targets = Target::of(task, ACTIONS)?;
        for group in &task.groups {
            let number = config.groups.iter().position(|it| it.group.name == group.name)?;
            let made = made_up(config, &config.groups[number]);
            let regions = || group.regions.clone();
            let reach = made.map(|it| Reach { account: it.id, regions: regions() });
            let reach: Vec<Reach> = reach.collect();
            targets.iter_mut().for_each(|it| it.reach.extend(reach.iter().cloned()));
        }
        Some(targets)
    };
    let listed = config.accounts.iter().map(member);
    let members: Vec<Member> =
        listed.chain(config.groups.iter().flat_map(|it| made_up(config, it))).collect();
    let targets: Vec<Target> = config.tasks.iter().filter_map(targets).flatten().collect();
    Fleet::for_config(&members, &targets)
}

/// Two accounts in each unit of a part of the organization.
fn made_up<'c>(config: &'c Config, group: &'c Group) -> impl Iterator<Item = Member> + 'c {
    let number = config.groups.iter().position(|it| it.group.name == group.group.name);
    let first = 800_000_000_000 + 1000 * number.unwrap_or_default() as u64;
    let units = group.group.units.iter().flat_map(|unit| [unit, unit]);
    units.enumerate().filter_map(move |(index, unit)| {
        let id: AccountId = (first + index as u64).to_string().parse().ok()?;
        Some(Member {
            name: format!("{}-{}", group.group.name, index + 1),
            id,
            role: Some(group.role.as_str().to_owned()),
            external_id: group.external_id.as_ref().map(|id| id.expose().to_owned()),
            regions: group.group.regions.clone(),
            unit: Some(unit.clone()),
        })
    })
}

/// A cloud, and an engine in front of it.
pub(crate) struct Stage {
    /// AWS.
    pub(crate) cloud: Cloud,
    /// The time in it.
    pub(crate) clock: Arc<StageClock>,
    /// Journal, queue and workers. Nobody works until [`Stage::employ`].
    pub(crate) rehearsal: Rehearsal,
    /// The way into the accounts, as the configuration says it.
    pub(crate) accounts: Arc<dyn AccountPool>,
}

impl Stage {
    /// Builds the fleet as it is at `begin`. AWS throttles there as it does, and its describes
    /// lag by some seconds; faults go by their rules. The same scene and seed give the same run.
    pub(crate) fn set(scene: &Scene, begin: Timestamp, seed: u64) -> Result<Stage, Failure> {
        let rehearsal = Rehearsal::new(begin, seed);
        let clock =
            Arc::new(StageClock { played: rehearsal.clock().clone(), real: OnceLock::new() });
        let cloud = Cloud::new(clock.clone());
        cloud.reseed(seed);
        cloud.dial(|it| {
            it.lag = Lag::UpTo(LAG);
            it.throttling = Throttling::Aws;
        });
        scene.fleet.build(&cloud).map_err(|bad| unsound("fleet", &bad))?;
        cloud.set_faults(scene.faults.clone()).map_err(|bad| unsound("faults", &bad))?;
        let doors = scene.config.accounts.iter().map(|it| (it.id.clone(), door(it))).collect();
        let weather = Arc::new(Passing(rehearsal.clock().clone()));
        let groups = scene.config.groups.iter();
        let groups = groups.map(|it| (it.group.clone(), group_door(it))).collect();
        let accounts = Accounts::new(cloud.clone(), doors, weather).with_groups(groups);
        let accounts = Arc::new(accounts);
        Ok(Stage { cloud, clock, rehearsal, accounts })
    }

    /// An engine that shares all with the workers, to ask it for what a host asks for.
    pub(crate) fn engine(&self, tasks: &[Task]) -> Engine {
        let mut engines = self.rehearsal.engines(1, ACTIONS, tasks, &self.accounts);
        engines.pop().expect("one was asked for")
    }

    /// From now on the engine hears of what happens in the cloud, if a task has subscribed to
    /// anything, as if each account forwarded its events; and of these others at their times.
    pub(crate) fn listen(&mut self, tasks: &[Task], mut others: Vec<CloudEvent>) {
        if tasks.iter().all(|task| task.on.is_empty()) {
            return;
        }
        let (cloud, mut seen) = (self.cloud.clone(), 0);
        self.rehearsal.hear(move || {
            let now = cloud.now();
            let due = others.extract_if(.., |it| it.at <= now).collect::<Vec<_>>().into_iter();
            let news = cloud.events_after(&mut seen).into_iter();
            let understood = news.filter_map(|it| {
                let parsed = events::parse(&json!(it));
                parsed.inspect_err(|bad| warn!(event = it.id, "{bad}")).ok()
            });
            understood.chain(due).collect()
        });
    }

    /// So many workers work on these tasks from now on.
    pub(crate) fn employ(&mut self, tasks: &[Task], workers: usize) {
        self.listen(tasks, Vec::new());
        let engines = self.rehearsal.engines(workers, ACTIONS, tasks, &self.accounts);
        self.rehearsal.employ(engines);
    }
}

/// The files were checked when they were read, so this is about values that came otherwise.
fn unsound(what: &str, bad: &[action::BadParams]) -> Failure {
    let said: Vec<String> = bad.iter().map(|it| format!("{}: {}", it.path, it.message)).collect();
    Failure::usage(format!("the {what} cannot be: {}", said.join("; ")))
}

/// How the configuration enters an account.
fn door(account: &Account) -> Door {
    let role = account.role.as_ref().map(|role| match role {
        Role::Name(name) => name.clone(),
        Role::Arn(arn) => {
            arn.split_once(":role/").map_or(arn.as_str(), |(_, name)| name).to_owned()
        }
    });
    let external_id = account.external_id.as_ref().map(|id| id.expose().to_owned());
    Door { role, external_id }
}

/// How the configuration enters the accounts of a part of the organization.
fn group_door(group: &Group) -> Door {
    let external_id = group.external_id.as_ref().map(|id| id.expose().to_owned());
    Door { role: Some(group.role.as_str().to_owned()), external_id }
}

/// The time of a stage: it moves as the rehearsal moves it, until it goes on by itself.
pub(crate) struct StageClock {
    played: Arc<VirtualClock>,
    /// Since when it goes on by itself, and how many times as fast as real time.
    real: OnceLock<(Instant, f64)>,
}

impl StageClock {
    /// From now on it goes on by itself, so many times as fast as real time.
    pub(crate) fn go_on(&self, speed: f64) {
        // It goes on since the first time this was said.
        let _ = self.real.set((Instant::now(), speed));
    }
}

impl Clock for StageClock {
    fn now(&self) -> Timestamp {
        let played = self.played.now();
        let Some((since, speed)) = self.real.get() else { return played };
        let gone = since.elapsed().as_secs_f64() * speed;
        let gone = SignedDuration::try_from_secs_f64(gone).unwrap_or(SignedDuration::MAX);
        played.saturating_add(gone).unwrap_or(Timestamp::MAX)
    }

    fn jitter(&self) -> f64 {
        self.played.jitter()
    }
}

#[cfg(test)]
mod tests {
    use lamplighter_core::{
        FaultKind, Journal, Place,
        cloud::Session,
        engine::{RunFilter, Tally},
    };
    use lamplighter_rehearsal::finish;

    use super::*;

    const BEGIN: &str = "2026-03-02T00:00:00Z";
    const CONFIG: &str = "accounts:
  hub: { id: \"111122223333\", regions: [eu-west-1] }
  prod: { id: \"222233334444\", role: ops/member, external-id: 7f3c, regions: all }
tasks:
  nightly:
    action: ebs.snapshot.create
    schedule: { cron: \"0 2 * * *\" }
    accounts: all
    select: { tags: { backup: daily } }
";

    fn config() -> Config {
        let source = Source::new("tasks.yaml", CONFIG);
        lamplighter_config::load(&[source], ACTIONS, &|_| Err(String::new())).unwrap()
    }

    #[test]
    fn a_fleet_that_is_made_for_a_configuration_is_entered_and_backed_up() {
        let scene = Scene::new(config(), None, None);
        let mut stage = Stage::set(&scene, BEGIN.parse().unwrap(), 1).unwrap();
        stage.employ(&scene.config.tasks, 2);
        let end = "2026-03-02T04:00:00Z".parse().unwrap();
        stage.rehearsal.run_until(end).unwrap();
        let runs = finish(stage.rehearsal.journal().runs(&Default::default())).unwrap().unwrap();
        let tally = runs[0].tally;
        assert_eq!((tally.find.succeeded, tally.all().failed), (3, 0));
        assert!(tally.act.succeeded >= 3, "{tally:?}");
    }

    const GROUP: &str = "accounts:
  hub: { id: \"111122223333\", regions: [eu-west-1] }
  own: { id: \"800000000001\", role: own, regions: [eu-west-1] }
  prod:
    organization: { units: [ou-ab12-11111111], exclude: [ou-ab12-22222222] }
    role: member
    external-id: 7f3c
    regions: [eu-west-1, us-east-1]
tasks:
  nightly:
    action: ebs.snapshot.create
    schedule: { cron: \"0 2 * * *\" }
    accounts: [prod]
    select: { tags: { backup: daily } }
";

    /// Plays nights from the second of March on; how many places each run has, and what failed.
    fn nights(stage: &mut Stage, until: &str) -> Vec<(u64, Vec<String>)> {
        stage.rehearsal.run_until(until.parse().unwrap()).unwrap();
        let runs = finish(stage.rehearsal.journal().runs(&Default::default())).unwrap().unwrap();
        let all = stage.rehearsal.journal().all();
        let night = |run: &lamplighter_core::engine::Run| {
            let failed = all.iter().filter(|it| it.run() == run.id);
            let failed = failed.filter(|it| it.status.state().as_str() == "failed");
            let said = failed.map(|it| it.status.message().unwrap_or_default().to_owned());
            (run.tally.find.total(), said.collect())
        };
        runs.iter().rev().map(night).collect()
    }

    #[test]
    fn a_part_of_the_organization_is_what_it_is_when_a_run_starts() {
        let source = Source::new("tasks.yaml", GROUP);
        let config = lamplighter_config::load(&[source], ACTIONS, &|_| Err(String::new())).unwrap();
        let mut scene = Scene::new(config, None, None);
        let new: AccountId = "800000000002".parse().unwrap();
        scene.fleet.units.insert("ou-ab12-22222222".to_owned(), Default::default());
        let made = scene.fleet.accounts[&"800000000000".parse::<AccountId>().unwrap()].clone();
        scene.fleet.accounts.insert(new.clone(), made);
        let move_to = |scene: &mut Scene, unit: &str, suspended: bool| {
            let account = scene.fleet.accounts.get_mut(&new).unwrap();
            (account.unit, account.suspended) = (Some(unit.to_owned()), suspended);
        };
        let play = |scene: &Scene| {
            let mut stage = Stage::set(scene, BEGIN.parse().unwrap(), 1).unwrap();
            stage.employ(&scene.config.tasks, 2);
            nights(&mut stage, "2026-03-02T12:00:00Z")
        };
        // Of the two accounts of the unit one has an entry of its own.
        move_to(&mut scene, "ou-ab12-22222222", false);
        assert_eq!(play(&scene), [(2, vec![])]);
        move_to(&mut scene, "ou-ab12-11111111", false);
        assert_eq!(play(&scene), [(4, vec![])]);
        move_to(&mut scene, "ou-ab12-11111111", true);
        assert_eq!(play(&scene), [(2, vec![])]);
    }

    #[test]
    fn an_organization_that_cannot_be_asked_is_a_failure_of_the_run() {
        let source = Source::new("tasks.yaml", GROUP);
        let config = lamplighter_config::load(&[source], ACTIONS, &|_| Err(String::new())).unwrap();
        let rules =
            "faults:\n  - { action: ListAccountsForParent, error: AccessDeniedException }\n";
        let rules = read_faults(&Source::new("faults.yaml", rules)).unwrap();
        let scene = Scene::new(config, None, Some(rules));
        let mut stage = Stage::set(&scene, BEGIN.parse().unwrap(), 1).unwrap();
        stage.employ(&scene.config.tasks, 2);
        let nights = nights(&mut stage, "2026-03-03T12:00:00Z");
        assert_eq!(nights.len(), 2, "{nights:?}");
        for (places, failed) in nights {
            assert_eq!((places, failed.len()), (0, 1), "{failed:?}");
            assert!(failed[0].contains("`prod` in the organization"), "{failed:?}");
        }
    }

    #[test]
    fn what_happens_in_the_cloud_reaches_the_tasks_that_subscribe_to_it() {
        let config = format!(
            "{CONFIG}  echo:
    action: ebs.snapshot.create
    mode: observe
    accounts: all
    on:
      - event: custom
        pattern: {{ detail-type: [EBS Snapshot Notification], detail: {{ result: [succeeded] }} }}
        target: /detail/source
"
        );
        let source = Source::new("tasks.yaml", config);
        let config = lamplighter_config::load(&[source], ACTIONS, &|_| Err(String::new())).unwrap();
        let scene = Scene::new(config, None, None);
        let mut stage = Stage::set(&scene, BEGIN.parse().unwrap(), 1).unwrap();
        stage.employ(&scene.config.tasks, 2);
        stage.rehearsal.run_until("2026-03-02T23:00:00Z".parse().unwrap()).unwrap();
        let tally = |task: &str| {
            let task = Some(task.parse().unwrap());
            let filter = RunFilter { task, ..RunFilter::default() };
            let runs = finish(stage.rehearsal.journal().runs(&filter)).unwrap().unwrap();
            let mut sum = Tally::default();
            runs.iter().for_each(|run| sum.add(&run.tally));
            (runs.len() as u64, sum.act)
        };
        let (nights, made) = tally("nightly");
        let (echoes, seen) = tally("echo");
        assert!(nights == 1 && made.succeeded > 2, "{made:?}");
        assert_eq!((echoes, seen.skipped, seen.total()), (made.succeeded, made.succeeded, echoes));
    }

    #[test]
    fn an_account_that_nobody_can_enter_is_named() {
        #[track_caller]
        fn check(change: impl FnOnce(&mut Fleet), expected: &[&str]) {
            let mut scene = Scene::new(config(), None, None);
            change(&mut scene.fleet);
            let closed = scene.closed_accounts().map(|(it, why)| format!("{}: {why}", it.name));
            assert_eq!(closed.collect::<Vec<_>>(), expected);
        }
        check(|_| {}, &[]);
        let hub = |id: &AccountId| id.as_str() == "111122223333";
        check(|it| it.accounts.retain(|id, _| hub(id)), &["prod: it is not in the fleet"]);
        check(
            |it| it.accounts.values_mut().for_each(|it| it.role = None),
            &["prod: it has no role `ops/member` in the fleet"],
        );
    }

    #[test]
    fn a_fleet_without_accounts_has_those_of_the_configuration() {
        let config = config();
        let fleet = read_fleet(&Source::new("fleet.yaml", "volumes: [{}]"), &config).unwrap();
        assert_eq!(fleet.accounts, generated(&config).accounts);
        assert_eq!(fleet.volumes.len(), 1);
    }

    #[test]
    fn an_account_without_a_role_is_the_hub_or_is_not_entered() {
        let mut scene = Scene::new(config(), None, None);
        scene.config.accounts[1].role = None;
        let stage = Stage::set(&scene, BEGIN.parse().unwrap(), 1).unwrap();
        let mut entered = Vec::new();
        for account in &scene.config.accounts {
            let region = "eu-west-1".parse().unwrap();
            let place = Place { account: account.id.clone(), region };
            let session = Session { task: "x".parse().unwrap(), occurrence: Timestamp::UNIX_EPOCH };
            let scope = finish(stage.accounts.scope(&place, &session)).unwrap();
            entered.push(scope.map(drop).map_err(|fault| fault.kind));
        }
        assert_eq!(entered, [Ok(()), Err(FaultKind::Config)]);
    }

    #[test]
    fn a_fleet_with_problems_is_reported_with_places() {
        let text = "accounts:\n  \"111122223333\": { regions: [eu-west-1] }\nvolumes:\n  - { size: 0, tagz: {} }\n";
        let failure = read_fleet(&Source::new("fleet.yaml", text), &config()).unwrap_err();
        for part in ["fleet.yaml:4:", "tagz", "did you mean `tags`?"] {
            assert!(failure.message.contains(part), "{}", failure.message);
        }
    }

    #[test]
    fn the_clock_stands_still_until_it_goes_on() {
        let begin: Timestamp = BEGIN.parse().unwrap();
        let played = Arc::new(VirtualClock::new(begin, 1));
        let clock = StageClock { played: played.clone(), real: OnceLock::new() };
        assert_eq!(clock.now(), begin);
        played.advance(SignedDuration::from_secs(5));
        assert_eq!(clock.now(), begin + SignedDuration::from_secs(5));
        clock.go_on(0.0);
        assert_eq!(clock.now(), begin + SignedDuration::from_secs(5));
    }

    #[test]
    fn late_answers_let_time_go_by() {
        let rules = "faults:\n  - { action: CreateSnapshot, latency: 30s }\n";
        let rules = read_faults(&Source::new("faults.yaml", rules)).unwrap();
        let scene = Scene::new(config(), None, Some(rules));
        let mut stage = Stage::set(&scene, BEGIN.parse().unwrap(), 1).unwrap();
        stage.employ(&scene.config.tasks, 1);
        stage.rehearsal.run_until("2026-03-02T04:00:00Z".parse().unwrap()).unwrap();
        let calls = stage.cloud.calls();
        let made: Vec<Timestamp> =
            calls.iter().filter(|it| it.operation == "CreateSnapshot").map(|it| it.at).collect();
        assert!(made.len() > 1);
        for pair in made.windows(2) {
            assert!(pair[1].duration_since(pair[0]) >= SignedDuration::from_secs(30), "{pair:?}");
        }
    }
}
