//! A simulated organization whose roles have exactly the policies that are given.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use lamplighter_catalog::ACTIONS;
use lamplighter_config::{Account, Config, Source};
use lamplighter_core::{
    AccountId, AccountPool, TaskName, action,
    engine::Event,
    job::{Job, State, WorkKind},
    task::Task,
};
use lamplighter_policy::{Backends, Role, Tasks, Trust};
use lamplighter_rehearsal::{Rehearsal, finish};
use lamplighter_simulator::{
    Accounts, Cloud, Door, Fleet, Lag, Passing, Rules,
    fleet::{self, ClusterSnapshots, DatabaseSnapshots, Member, Target},
};
use lamplighter_tests::{files, read};
use serde_json::{Value, from_value, json};

pub(crate) const BEGIN: &str = "2026-03-02T02:00:00Z";
const HUB_ROLE: &str = "lamplighter-hub";
const ORGANIZATION: &str = "o-exampleorgid";

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mood {
    /// Nothing.
    Calm,
    /// The first answer of each writing call is lost, and describes do not show for minutes what
    /// was made: what exists twice has to be cleaned up.
    Hard,
}

/// The configuration in `config/`.
pub(crate) fn example() -> Config {
    let examples = files(&[".yaml"]).into_iter().filter(|it| {
        let name = it.to_string_lossy();
        name.starts_with("config/") && !name.ends_with(".test.yaml")
    });
    let sources: Vec<Source> =
        examples.map(|it| Source::new(it.display().to_string(), read(&it))).collect();
    assert!(sources.len() > 1, "there are examples");
    loaded(&sources)
}

/// The same with the tasks on what is in a fleet that is made for a configuration, and can be acted
/// on at any time: a part for each service, for each is played as often as its policies have bits. Of
/// other actions it is proved beside them that they use what they declare.
pub(crate) fn played() -> Vec<Config> {
    const EBS: [&str; 2] = ["snapshots", "volumes"];
    const RDS: [&str; 4] = ["cluster snapshots", "clusters", "database snapshots", "databases"];
    const DYNAMODB: [&str; 1] = ["tables"];
    const TAGS: [&str; 1] = ["resources"];
    // What is stopped, or has a standby, is in no such fleet.
    const NOT_THERE: [&str; 5] = [
        "rds.cluster.power",
        "rds.cluster.start",
        "rds.instance.power",
        "rds.instance.reboot",
        "rds.instance.start",
    ];
    let part = |kinds: &[&str]| {
        let mut config = example();
        config.tasks.retain(|task| {
            let action = action::find(ACTIONS, &task.order.action).unwrap();
            let name = action.spec().name;
            // An event triggers another task of the same action.
            let is_first = task.on.is_empty() || kinds == EBS;
            kinds.contains(&action.target_kind()) && !NOT_THERE.contains(&name) && is_first
        });
        config
    };
    // Each in one account, and those that it copies to: EBS has shown what several share.
    let mut databases = part(&RDS);
    databases.tasks.iter_mut().for_each(|task| task.reach.truncate(1));
    let mut images = example();
    let of_instances = |it: &str| it.starts_with("ec2.image.") || it == "ec2.instance.snapshot";
    images.tasks.retain(|task| of_instances(&task.order.action));
    vec![part(&EBS), images, databases, part(&DYNAMODB), part(&TAGS)]
}

/// A configuration.
pub(crate) fn parsed(text: &str) -> Config {
    loaded(&[Source::new("tasks.yaml", text)])
}

fn loaded(sources: &[Source]) -> Config {
    let file = |name: &str| Ok(lamplighter_tests::read(format!("config/{name}")));
    lamplighter_config::load(sources, ACTIONS, &file).unwrap()
}

/// The account that is no member.
fn hub(config: &Config) -> AccountId {
    let own = config.accounts.iter().find(|it| it.role.is_none());
    own.map_or_else(|| "111122223333".parse().unwrap(), |it| it.id.clone())
}

/// The printed policy of the role in each account.
pub(crate) fn policies(config: &Config) -> BTreeMap<AccountId, Value> {
    let tasks: Vec<&Task> = config.tasks.iter().collect();
    let tasks = Tasks {
        catalog: ACTIONS,
        tasks: &tasks,
        accounts: &config.accounts,
        groups: &config.groups,
    };
    let members = config.accounts.iter().filter(|it| it.role.is_some());
    let mut all: BTreeMap<AccountId, Value> =
        members.map(|it| (it.id.clone(), tasks.member(it).unwrap().document())).collect();
    let hub = hub(config);
    all.insert(hub.clone(), tasks.hub(&hub, &Backends::none()).unwrap().document());
    all
}

/// The trust policy of the role in an account, as it is printed.
fn trust(account: &Account, hub: &AccountId, config: &Config) -> Value {
    let tasks: Vec<&Task> = config.tasks.iter().collect();
    let tasks = Tasks {
        catalog: ACTIONS,
        tasks: &tasks,
        accounts: &config.accounts,
        groups: &config.groups,
    };
    let role = Role {
        name: "any".to_owned(),
        trust: Trust::Hub {
            principal: format!("arn:aws:iam::{hub}:role/{HUB_ROLE}"),
            external_ids: account.external_id.iter().map(|it| it.expose().to_owned()).collect(),
            organization: Some(ORGANIZATION.to_owned()),
        },
        policy: tasks.member(account).unwrap(),
    };
    role.documents()["trust-policy"].take()
}

/// All actions of a policy.
pub(crate) fn actions(policy: &Value) -> BTreeSet<String> {
    let statements = policy["Statement"].as_array().unwrap().iter();
    let actions = statements.flat_map(|it| it["Action"].as_array().unwrap());
    actions.map(|it| it.as_str().unwrap().to_owned()).collect()
}

/// One bit of what a policy allows.
pub(crate) struct Bit {
    /// An action, or the ARN of a role.
    pub(crate) bit: String,
    /// The statement's name and conditions.
    pub(crate) of: String,
    /// The policy without it.
    pub(crate) without: Value,
}

/// What a policy allows, one bit at a time: each action of each statement, and each role that may
/// be assumed.
pub(crate) fn bits(policy: &Value) -> Vec<Bit> {
    let statements = policy["Statement"].as_array().unwrap();
    let mut less = Vec::new();
    for (index, statement) in statements.iter().enumerate() {
        let of = format!("{} {}", statement["Sid"], statement["Condition"]);
        for key in ["Action", "Resource"] {
            let items = statement[key].as_array().unwrap();
            if key == "Resource" && (items.len() < 2 || statement["Sid"] != "EnterAccounts") {
                continue;
            }
            for (number, item) in items.iter().enumerate() {
                let mut without = policy.clone();
                without["Statement"][index][key].as_array_mut().unwrap().remove(number);
                if items.len() == 1 {
                    without["Statement"].as_array_mut().unwrap().remove(index);
                }
                let bit = item.as_str().unwrap().to_owned();
                less.push(Bit { bit, of: of.clone(), without });
            }
        }
    }
    less
}

/// One run of every task of a configuration.
pub(crate) struct Trial {
    config: Config,
    cloud: Cloud,
    rehearsal: Rehearsal,
    accounts: Arc<dyn AccountPool>,
}

impl Trial {
    /// Roles with these policies, in a fleet that fits the configuration. Whoever has none may do
    /// nothing.
    pub(crate) fn new(config: &Config, policies: &BTreeMap<AccountId, Value>, mood: Mood) -> Trial {
        let rehearsal = Rehearsal::new(BEGIN.parse().unwrap(), 1);
        let cloud = Cloud::new(rehearsal.clock().clone());
        let hub = hub(config);
        let mut fleet = made_for(config);
        fleet.organization = Some(ORGANIZATION.to_owned());
        fleet.hub = Some(hub.clone());
        let home = || fleet::Account::new(["us-east-1".parse().unwrap()]);
        fleet.accounts.entry(hub.clone()).or_insert_with(home);
        for (id, account) in &mut fleet.accounts {
            let policy = policies.get(id).filter(|it| it["Statement"] != json!([]));
            let documents = policy.map(|it| from_value(it.clone()).unwrap());
            account.policies = Some(documents.into_iter().collect());
            if let Some(member) =
                config.accounts.iter().find(|it| it.id == *id && it.role.is_some())
            {
                account.external_id = None;
                account.trust = Some(from_value(trust(member, &hub, config)).unwrap());
            } else {
                account.role = Some(HUB_ROLE.to_owned());
            }
        }
        fleet.build(&cloud).unwrap();
        if let Mood::Hard = mood {
            cloud.dial(|it| it.lag = Lag::Always(SignedDuration::from_mins(4)));
            let mut rules = vec![
                json!({"action": "Create*", "nth": [1], "lose-answer": true}),
                json!({"action": "Delete*", "nth": [1, 4, 8], "lose-answer": true}),
            ];
            // Copies are made in several accounts, and the first ones queue for longer than
            // describes lag.
            for account in cloud.places().into_iter().map(|it| it.account).collect::<BTreeSet<_>>()
            {
                rules.push(json!({
                    "action": "CreateBackup", "account": account, "nth": [1], "lose-answer": true,
                }));
                for when in [("nth", 1), ("every", 7)] {
                    let mut rule = json!({"action": "Copy*", "account": account});
                    rule[when.0] = json!(when.1);
                    rule["lose-answer"] = json!(true);
                    rules.push(rule);
                }
            }
            let rules = json!({ "faults": rules });
            cloud.set_faults(from_value::<Rules>(rules).unwrap()).unwrap();
        }
        let door = |it: &Account| Door {
            role: it.role.as_ref().map(|role| role.as_str().to_owned()),
            external_id: it.external_id.as_ref().map(|id| id.expose().to_owned()),
        };
        let doors = config.accounts.iter().map(|it| (it.id.clone(), door(it))).collect();
        let weather = Arc::new(Passing(rehearsal.clock().clone()));
        let accounts = Accounts::new(cloud.clone(), doors, weather).run_as(HUB_ROLE);
        Trial { config: config.clone(), cloud, rehearsal, accounts: Arc::new(accounts) }
    }

    /// Runs one task after the other, each to its end.
    pub(crate) fn run(&mut self) {
        self.run_those(|_| true);
    }

    /// Runs those tasks that need an IAM action, or all if it is for the engine.
    pub(crate) fn run_what_needs(&mut self, permission: &str) {
        let needs = |task: &Task| {
            let action = action::find(ACTIONS, &task.order.action).unwrap();
            let needs = action.needs(&task.order.params).unwrap();
            needs.here.iter().chain(needs.elsewhere.values().flatten()).any(|it| *it == permission)
        };
        match self.config.tasks.iter().any(needs) {
            true => self.run_those(needs),
            false => self.run(),
        }
    }

    fn run_those(&mut self, which: impl Fn(&Task) -> bool) {
        let tasks: Vec<Task> = self
            .config
            .tasks
            .iter()
            .filter(|it| which(it))
            .cloned()
            .map(|task| Task { schedule: None, enabled: true, ..task })
            .collect();
        self.rehearsal.employ(self.rehearsal.engines(1, ACTIONS, &tasks, &self.accounts));
        let engine = self.rehearsal.engines(1, ACTIONS, &tasks, &self.accounts).pop().unwrap();
        for task in &tasks {
            let at = self.cloud.now();
            let at = Timestamp::from_second(at.as_second()).unwrap();
            let event = Event::Run { task: task.order.task.clone(), at };
            let started = finish(engine.event(event)).unwrap().unwrap();
            assert_eq!(started.len(), 1);
            // Longer than the longest time that any action has.
            self.rehearsal.run_to_the_end(at + SignedDuration::from_hours(240)).unwrap();
        }
    }

    /// Why jobs failed.
    pub(crate) fn failures(&self) -> Vec<String> {
        let all = self.rehearsal.journal().all();
        let failed = all.iter().filter(|it| it.status.state() == State::Failed);
        failed.map(|it| format!("{}: {}", it.id, it.status.message().unwrap_or_default())).collect()
    }

    /// How many jobs on targets of a task ended in a state.
    pub(crate) fn jobs(&self, task: &TaskName, state: State) -> usize {
        let is = |it: &&Job| {
            it.work.kind() == WorkKind::Act
                && it.work.order().task == *task
                && it.status.state() == state
        };
        self.rehearsal.journal().all().iter().filter(is).count()
    }

    /// The IAM actions that calls needed, each with the account of who made them.
    pub(crate) fn used(&self) -> BTreeSet<(AccountId, String)> {
        let calls = self.cloud.calls();
        let used = calls.iter().flat_map(|call| {
            let of = |action: &&str| (call.caller.account.clone(), (*action).to_owned());
            call.actions.iter().map(of).collect::<Vec<_>>()
        });
        let keys = self.cloud.on_behalf().into_iter().map(|(it, action)| (it, action.to_owned()));
        used.chain(keys).collect()
    }
}

/// A plausible fleet for a configuration: few volumes in each place, some of them under a key that
/// nobody else may use, with some snapshots that are old.
fn made_for(config: &Config) -> Fleet {
    let member = |it: &Account| Member {
        name: it.name.clone(),
        id: it.id.clone(),
        role: it.role.as_ref().map(|role| role.as_str().to_owned()),
        external_id: it.external_id.as_ref().map(|id| id.expose().to_owned()),
        regions: it.regions.clone(),
        unit: None,
    };
    let members: Vec<Member> = config.accounts.iter().map(member).collect();
    let targets: Vec<Target> =
        config.tasks.iter().filter_map(|it| Target::of(it, ACTIONS)).flatten().collect();
    let mut fleet = Fleet::for_config(&members, &targets);
    fleet.volumes.retain(|it| !it.tags.contains_key("history"));
    fleet.volumes.iter_mut().for_each(|it| it.count = from_value(json!(1)).unwrap());
    // Every region is enabled everywhere.
    let regions: BTreeSet<_> = fleet.accounts.values().flat_map(|it| it.regions.clone()).collect();
    fleet.accounts.values_mut().for_each(|it| it.regions.extend(regions.clone()));
    // What has snapshots from the beginning is encrypted in every way.
    for mut volumes in [json!({}), json!({"key": "alias/closed"}), json!({"encrypted": "100%"})] {
        volumes["tags"] = json!({"history": "made"});
        fleet.volumes.push(from_value(volumes).unwrap());
    }
    let old = json!({"count": 2, "age": "200d", "tags": {"archive": "yes"}});
    fleet.snapshots.push(from_value(old).unwrap());
    // Snapshots of databases, too, and one whose option group is not everybody's.
    for like in fleet.database_snapshots.clone() {
        let one =
            || DatabaseSnapshots { count: Some(from_value(json!(1)).unwrap()), ..like.clone() };
        let key = |it: &str| DatabaseSnapshots { key: Some(it.to_owned()), ..one() };
        let group = DatabaseSnapshots { option_group: Some("own".to_owned()), ..one() };
        fleet.database_snapshots.extend([key("alias/closed"), key("alias/aws/rds"), group]);
    }
    for like in fleet.cluster_snapshots.clone() {
        let one =
            || ClusterSnapshots { count: Some(from_value(json!(1)).unwrap()), ..like.clone() };
        let key = |it: &str| ClusterSnapshots { key: Some(it.to_owned()), ..one() };
        let keys = ["alias/closed", "alias/aws/rds", "alias/backup"].map(key);
        fleet.cluster_snapshots.extend(keys);
    }
    if config.tasks.iter().any(|it| it.order.action.starts_with("ec2.image.")) {
        // In every way that volumes can be encrypted; and what is shared, not with AWS's own key.
        for mut servers in [json!({}), json!({"key": "alias/closed"}), json!({"encrypted": "100%"})]
        {
            servers["tags"] = json!({"image": "weekly"});
            fleet.instances.push(from_value(servers).unwrap());
        }
        let shared = json!({"key": "alias/closed", "tags": {"image": "shared"}});
        fleet.instances.push(from_value(shared).unwrap());
        let of_them = json!({
            "of": {"image": "weekly"}, "count": 20, "every": "7d",
            "tags": {"lamplighter:task": "weekly-image"},
        });
        let shared = json!({"of": {"image": "shared"}, "tags": {"share-image": "data"}});
        fleet.images.extend([of_them, shared].map(|it| from_value(it).unwrap()));
    }
    if config.tasks.iter().any(|it| it.order.action.starts_with("tags.")) {
        let tagged = json!({"count": 1, "tags": {"team": "data", "old-tool:id": "7"}});
        fleet.instances.push(from_value(tagged.clone()).unwrap());
        fleet.images.push(from_value(tagged).unwrap());
    }
    if config.tasks.iter().any(|it| it.order.action == "ec2.instance.snapshot") {
        let servers = |platform: &str| {
            json!({
                "count": 1, "volumes": 3, "agent": "online", "tags": {"snapshot": "nightly"},
                "platform": platform,
            })
        };
        let servers = ["linux", "windows"].map(servers);
        fleet.instances.extend(servers.map(|it| from_value(it).unwrap()));
    }
    fleet
}
