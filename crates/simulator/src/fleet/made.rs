//! A fleet that fits a configuration.

use std::collections::BTreeMap;

use lamplighter_core::{
    AccountId, Region,
    action::{SOURCE_TAG, TAKEN_AT_TAG},
    select::{TagPattern, TagPatterns},
    task::{Reach, Regions},
};

use super::{Account, Fleet, Snapshots, Tables, Unit, VolumeType, Volumes};
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
}

/// Accounts and their regions.
type Places<'p> = (&'p [AccountId], &'p Regions);

/// Tags of an entry.
type EntryTags = BTreeMap<String, OneOrMore<TagValue>>;

impl Fleet {
    /// A plausible fleet for a configuration: its accounts with their roles, and in each place of
    /// each task some resources that its tags select, and some that they do not. Kinds that no
    /// fleet has are left out.
    pub fn for_config(members: &[Member], targets: &[Target]) -> Fleet {
        let mut fleet = Fleet { seed: 1, ..Fleet::default() };
        for member in members {
            // A root is there anyway.
            let units = member.unit.iter().filter(|it| it.starts_with("ou-"));
            fleet.units.extend(units.map(|it| (it.clone(), Unit::default())));
            fleet.accounts.insert(member.id.clone(), account(member, targets));
        }
        let mut done: Vec<&Target> = Vec::new();
        for target in targets {
            if done.contains(&target) {
                continue;
            }
            done.push(target);
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
                        fleet.volumes.push(volumes(place, EntryTags::new(), 2));
                        fleet.snapshots.push(snapshots(place, selected, 30));
                        fleet.snapshots.extend(others.map(|tags| snapshots(place, tags, 3)));
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
    let named = [&member.regions].into_iter().chain(reaches.map(|it| &it.regions));
    let mut account = Account::new(named.flat_map(|it| match it {
        Regions::Listed(regions) => regions.clone(),
        Regions::All => Vec::new(),
    }));
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

/// One a day of every volume, with what our own snapshots say of themselves.
fn snapshots(place: Places<'_>, mut tags: EntryTags, count: u32) -> Snapshots {
    let (account, region) = named(place);
    for (tag, name) in [(SOURCE_TAG, "volume"), (TAKEN_AT_TAG, "at")] {
        tags.insert(tag.to_owned(), OneOrMore::one(TagValue(Some(Text::named(name)))));
    }
    Snapshots { account, region, count: Some(Range::only(count)), tags, ..Snapshots::default() }
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
