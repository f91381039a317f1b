//! A fleet that fits a configuration.

use std::collections::{BTreeMap, BTreeSet};

use lamplighter_core::{
    AccountId, Catalog, Region,
    action::{self, Effect, SOURCE_TAG, TAKEN_AT_TAG},
    events::kind,
    select::{TagPattern, TagPatterns},
    task::{Reach, Regions, Task},
};
use serde_json::{Value, json};

use super::{
    Account, ClusterSnapshots, Clusters, DatabaseSnapshots, Databases, Fleet, Instances, Keys,
    Snapshots, Tables, Unit, VolumeType, Volumes, instances::InstanceAgent,
};
use crate::words::{OneOrMore, Range, Share, TagValue, Text, Time};

/// Regions of an account that does not list them.
const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];
/// Values of tags that are tried where one must not match.
const OTHERS: [&str; 2] = ["other", "no"];

/// An account of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// What it is called.
    pub name: String,
    /// Its id.
    pub id: AccountId,
    /// The role to assume: its name, with its path if it has one, or its ARN.
    pub role: Option<String>,
    /// What the role asks for.
    pub external_id: Option<String>,
    /// Its regions.
    pub regions: Regions,
    /// The organizational unit that it is in.
    pub unit: Option<String>,
}

/// What a task of a configuration works on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The kind of resources, as [`Resource::KIND`](lamplighter_core::Resource::KIND) says it.
    pub kind: String,
    /// The tags that it selects.
    pub tags: TagPatterns,
    /// Where it works.
    pub reach: Vec<Reach>,
    /// The accounts beside those that its parameters name.
    pub elsewhere: BTreeSet<AccountId>,
    /// The regions that its parameters name.
    pub regions: BTreeSet<Region>,
    /// The KMS keys that its parameters name by their aliases.
    pub keys: BTreeSet<String>,
    /// How many snapshots of each volume or database it finds, one a day.
    pub history: u32,
}

/// Of volumes, databases and clusters that have snapshots from the beginning.
const HISTORY: &str = "history";

/// Accounts and their regions.
type Places<'p> = (&'p [AccountId], &'p Regions);

/// Tags of an entry.
type EntryTags = BTreeMap<String, OneOrMore<TagValue>>;

impl Target {
    /// What a task works on, each kind apart, if the catalog has its action and that can read its
    /// parameters.
    pub fn of(task: &Task, catalog: Catalog) -> Option<Vec<Target>> {
        let action = action::find(catalog, &task.order.action)?;
        let needs = action.needs(&task.order.params).ok()?;
        let elsewhere: BTreeSet<AccountId> = needs.elsewhere.into_keys().collect();
        let mut keys = BTreeSet::new();
        collect_aliases(&task.order.params, &mut keys);
        let target = |kind: &str| Target {
            kind: kind.to_owned(),
            tags: task.order.select.tags.clone(),
            reach: task.reach.clone(),
            elsewhere: elsewhere.clone(),
            regions: needs.regions.clone(),
            keys: keys.clone(),
            // Retention has something to decide.
            history: if action.spec().effect == Effect::Deletes { 20 } else { 5 },
        };
        Some(action.kinds(&task.order.params).ok()?.into_iter().map(target).collect())
    }
}

/// The aliases of KMS keys among parameters. Those of AWS are there by themselves.
fn collect_aliases(params: &Value, found: &mut BTreeSet<String>) {
    match params {
        Value::String(it) if it.starts_with("alias/") && !it.starts_with("alias/aws/") => {
            found.insert(it.clone());
        }
        Value::Array(items) => items.iter().for_each(|it| collect_aliases(it, found)),
        Value::Object(fields) => fields.values().for_each(|it| collect_aliases(it, found)),
        _ => {}
    }
}

impl Fleet {
    /// A plausible fleet for a configuration: its accounts with their roles, and in each place of
    /// each task some resources that its tags select, and some that they do not. Kinds that no
    /// fleet has are left out. Keys that parameters name are there in every account, and let the
    /// others use them.
    pub fn for_config(members: &[Member], targets: &[Target]) -> Fleet {
        let mut fleet = Fleet { seed: 1, ..Fleet::default() };
        for member in members {
            // A root is there anyway.
            let units = member.unit.iter().filter(|it| it.starts_with("ou-"));
            fleet.units.extend(units.map(|it| (it.clone(), Unit::default())));
            fleet.accounts.insert(member.id.clone(), account(member, targets));
        }
        let aliases: BTreeSet<&String> = targets.iter().flat_map(|it| &it.keys).collect();
        fleet.keys.extend(aliases.into_iter().map(|alias| Keys {
            alias: Some(alias.clone()),
            shared_with: OneOrMore::all(fleet.accounts.keys().cloned().collect()),
            ..Keys::default()
        }));
        for (index, target) in targets.iter().enumerate() {
            let same = |it: &&Target| {
                (&it.kind, &it.tags, &it.reach) == (&target.kind, &target.tags, &target.reach)
            };
            if targets[..index].iter().any(|it| same(&it)) {
                continue;
            }
            let history = targets.iter().filter(same).map(|it| it.history).max();
            for (accounts, regions) in places(target, &fleet) {
                let selected = selected(&target.tags);
                let others = others(&target.tags);
                let place = (accounts.as_slice(), regions);
                match target.kind.as_str() {
                    "volumes" => {
                        fleet.volumes.push(volumes(place, selected, 6));
                        fleet.volumes.extend(others.map(|tags| volumes(place, tags, 4)));
                    }
                    "snapshots" => {
                        let made = volumes(place, with_history(), 2);
                        if !fleet.volumes.contains(&made) {
                            fleet.volumes.push(made);
                        }
                        fleet.snapshots.push(snapshots(place, selected, history.unwrap_or(1)));
                        fleet.snapshots.extend(others.map(|tags| snapshots(place, tags, 3)));
                    }
                    "instances" => {
                        fleet.instances.push(instances(place, selected, 3));
                        fleet.instances.extend(others.map(|tags| instances(place, tags, 2)));
                    }
                    kind::DATABASES => {
                        fleet.databases.push(databases(place, selected, 3));
                        fleet.databases.extend(others.map(|tags| databases(place, tags, 2)));
                    }
                    kind::CLUSTERS => {
                        fleet.clusters.push(clusters(place, selected, 2));
                        fleet.clusters.extend(others.map(|tags| clusters(place, tags, 1)));
                    }
                    kind::DATABASE_SNAPSHOTS => {
                        let made = databases(place, with_history(), 1);
                        if !fleet.databases.contains(&made) {
                            fleet.databases.push(made);
                        }
                        let history = history.unwrap_or(1);
                        fleet.database_snapshots.push(database_snapshots(place, selected, history));
                        let others = others.map(|tags| database_snapshots(place, tags, 2));
                        fleet.database_snapshots.extend(others);
                    }
                    kind::CLUSTER_SNAPSHOTS => {
                        let made = clusters(place, with_history(), 1);
                        if !fleet.clusters.contains(&made) {
                            fleet.clusters.push(made);
                        }
                        let history = history.unwrap_or(1);
                        fleet.cluster_snapshots.push(cluster_snapshots(place, selected, history));
                        let others = others.map(|tags| cluster_snapshots(place, tags, 2));
                        fleet.cluster_snapshots.extend(others);
                    }
                    "tables" => {
                        let provisioned = tables(place, selected.clone(), 2);
                        fleet.tables.push(Tables {
                            reads: Some(Range { from: 100, to: 500 }),
                            writes: Some(Range { from: 30, to: 200 }),
                            ..provisioned
                        });
                        fleet.tables.push(tables(place, selected, 2));
                        fleet.tables.extend(others.map(|tags| tables(place, tags, 2)));
                    }
                    _ => {}
                }
            }
        }
        fleet
    }
}

/// An account with the regions of its own and those that tasks name.
fn account(member: &Member, targets: &[Target]) -> Account {
    let reaches = targets.iter().flat_map(|it| &it.reach).filter(|it| it.account == member.id);
    let listed = [&member.regions].into_iter().chain(reaches.map(|it| &it.regions));
    let listed = listed.flat_map(|it| match it {
        Regions::Listed(regions) => regions.as_slice(),
        Regions::All => &[],
    });
    // Who copies from there looks at the keys there.
    let sources = targets.iter().filter(|it| it.elsewhere.contains(&member.id));
    let sources = sources.flat_map(|it| &it.reach).flat_map(|it| match &it.regions {
        Regions::Listed(regions) => regions.as_slice(),
        Regions::All => &[],
    });
    // The regions that parameters name are those of the accounts that they name, if there are any.
    let is_meant = |it: &&Target| match it.elsewhere.is_empty() {
        true => it.reach.iter().any(|it| it.account == member.id),
        false => it.elsewhere.contains(&member.id),
    };
    let meant = targets.iter().filter(is_meant).flat_map(|it| &it.regions);
    let mut account = Account::new(listed.chain(sources).chain(meant).cloned());
    if member.regions == Regions::All {
        account.regions.extend(REGIONS.iter().filter_map(|it| it.parse().ok()));
    }
    let name = |role: &String| match role.split_once(":role/") {
        Some((_, name)) => name.to_owned(),
        None => role.clone(),
    };
    account.name = Some(member.name.clone());
    account.role = member.role.as_ref().map(name);
    account.external_id.clone_from(&member.external_id);
    account.unit.clone_from(&member.unit);
    account
}

/// Where a task works: accounts with the same regions together.
fn places<'t>(target: &'t Target, fleet: &Fleet) -> Vec<(Vec<AccountId>, &'t Regions)> {
    let mut places: Vec<(Vec<AccountId>, &Regions)> = Vec::new();
    for reach in target.reach.iter().filter(|it| fleet.accounts.contains_key(&it.account)) {
        match places.iter_mut().find(|(_, regions)| **regions == reach.regions) {
            Some((accounts, _)) => accounts.push(reach.account.clone()),
            None => places.push((vec![reach.account.clone()], &reach.regions)),
        }
    }
    places
}

/// Tags that the patterns select.
fn selected(patterns: &TagPatterns) -> EntryTags {
    let tag = |(key, pattern): (&str, &TagPattern)| {
        let values = pattern.examples().map(|it| TagValue(it.map(Text::plain))).collect();
        Some((key.to_owned(), OneOrMore::all(values)?))
    };
    patterns.iter().filter_map(tag).collect()
}

/// The same tags but for one that makes the patterns not select, if one can.
pub(super) fn others(patterns: &TagPatterns) -> Option<EntryTags> {
    let tried = || [None].into_iter().chain(OTHERS.into_iter().map(Some));
    let (key, value) = patterns.iter().find_map(|(key, pattern)| {
        tried().find(|it| !pattern.matches(*it)).map(|value| (key, value))
    })?;
    let mut tags = selected(patterns);
    tags.insert(key.to_owned(), OneOrMore::one(TagValue(value.map(Text::plain))));
    Some(tags)
}

fn volumes(place: Places<'_>, tags: EntryTags, count: u32) -> Volumes {
    let (account, region) = named(place);
    Volumes {
        account,
        region,
        count: Some(Range::only(count)),
        age: Some(days(30, 800)),
        tags,
        size: Some(OneOrMore::one(Range { from: 8, to: 500 })),
        r#type: OneOrMore::all(vec![VolumeType::Gp3, VolumeType::Gp2]),
        attached: Some(Share::percent(80)),
        encrypted: Some(Share::percent(30)),
        ..Volumes::default()
    }
}

/// One a day of each volume with a history, with what our own snapshots say of themselves.
fn snapshots(place: Places<'_>, tags: EntryTags, count: u32) -> Snapshots {
    let (account, region) = named(place);
    let (count, tags) = (Some(Range::only(count)), with_lineage(tags, "volume"));
    let of = serde_json::from_value(json!({ HISTORY: "made" })).ok();
    Snapshots { account, region, count, tags, of, ..Snapshots::default() }
}

fn instances(place: Places<'_>, tags: EntryTags, count: u32) -> Instances {
    let (account, region) = named(place);
    let (count, age) = (Some(Range::only(count)), Some(days(30, 800)));
    let hibernation = Some(Share::percent(30));
    let agent = Some(OneOrMore::one(InstanceAgent::Online));
    Instances { account, region, count, age, tags, hibernation, agent, ..Instances::default() }
}

fn databases(place: Places<'_>, tags: EntryTags, count: u32) -> Databases {
    let (account, region) = named(place);
    let (count, age) = (Some(Range::only(count)), Some(days(30, 800)));
    Databases { account, region, count, age, tags, ..Databases::default() }
}

fn clusters(place: Places<'_>, tags: EntryTags, count: u32) -> Clusters {
    let (account, region) = named(place);
    let (count, age) = (Some(Range::only(count)), Some(days(30, 800)));
    Clusters { account, region, count, age, tags, ..Clusters::default() }
}

fn database_snapshots(place: Places<'_>, tags: EntryTags, count: u32) -> DatabaseSnapshots {
    let (account, region) = named(place);
    let (count, tags) = (Some(Range::only(count)), with_lineage(tags, "database"));
    let of = serde_json::from_value(json!({ HISTORY: "made" })).ok();
    DatabaseSnapshots { account, region, count, tags, of, ..DatabaseSnapshots::default() }
}

fn cluster_snapshots(place: Places<'_>, tags: EntryTags, count: u32) -> ClusterSnapshots {
    let (account, region) = named(place);
    let (count, tags) = (Some(Range::only(count)), with_lineage(tags, "cluster"));
    let of = serde_json::from_value(json!({ HISTORY: "made" })).ok();
    ClusterSnapshots { account, region, count, tags, of, ..ClusterSnapshots::default() }
}

/// The tag of what has snapshots from the beginning: few, since each task adds some.
fn with_history() -> EntryTags {
    let made = TagValue(Some(Text::plain("made")));
    EntryTags::from([(HISTORY.to_owned(), OneOrMore::one(made))])
}

/// What our own snapshots say of themselves.
fn with_lineage(mut tags: EntryTags, source: &'static str) -> EntryTags {
    for (tag, name) in [(SOURCE_TAG, source), (TAKEN_AT_TAG, "at")] {
        tags.insert(tag.to_owned(), OneOrMore::one(TagValue(Some(Text::named(name)))));
    }
    tags
}

fn tables(place: Places<'_>, tags: EntryTags, count: u32) -> Tables {
    let (account, region) = named(place);
    let (count, age) = (Some(Range::only(count)), Some(days(30, 800)));
    Tables { account, region, count, age, tags, ..Tables::default() }
}

/// The places, as an entry names them.
fn named(
    (accounts, regions): Places<'_>,
) -> (Option<OneOrMore<AccountId>>, Option<OneOrMore<Region>>) {
    let regions = match regions {
        Regions::Listed(regions) => OneOrMore::all(regions.clone()),
        Regions::All => None,
    };
    (OneOrMore::all(accounts.to_vec()), regions)
}

fn days(from: i64, to: i64) -> Range<Time> {
    let time = |days| Time(jiff::SignedDuration::from_hours(24 * days));
    Range { from: time(from), to: time(to) }
}
