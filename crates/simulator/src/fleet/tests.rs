use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{
    Clock, Tags,
    select::{TagPattern, TagPatterns},
    task::{Reach, Regions},
};
use serde_json::{Value, json};

use super::*;
use crate::{
    bed::place,
    ec2::volumes::{State, Volume},
};

pub(super) const HUB: &str = "111122223333";
pub(super) const MEMBER: &str = "222233334444";
const KEY: &str = "arn:aws:kms:us-east-1:222233334444:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// It is 2026-03-02T00:00:00Z until time passes.
pub(super) struct HandClock(Mutex<Timestamp>);

impl HandClock {
    pub(super) fn pass(&self, time: SignedDuration) {
        *self.0.lock().unwrap() += time;
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    fn jitter(&self) -> f64 {
        0.0
    }
}

/// A cloud without accounts, whose ids count from one, and its clock.
pub(super) fn with_clock() -> (Cloud, Arc<HandClock>) {
    let clock = Arc::new(HandClock(Mutex::new("2026-03-02T00:00:00Z".parse().unwrap())));
    let cloud = Cloud::new(clock.clone());
    cloud.dial(|it| it.short_ids = true);
    (cloud, clock)
}

/// A fleet of a hub in one region and a member in two, with these volumes.
fn fleet(volumes: Value) -> Fleet {
    let fleet = json!({
        "seed": 7,
        "accounts": {
            HUB: { "regions": ["eu-west-1"] },
            MEMBER: {
                "regions": ["eu-west-1", "us-east-1"],
                "role": "ops/lamplighter",
                "external-id": "7f3c",
            },
        },
        "volumes": volumes,
    });
    serde_json::from_value(fleet).unwrap()
}

pub(super) fn built(fleet: &Fleet) -> Cloud {
    let (cloud, _) = with_clock();
    fleet.build(&cloud).unwrap();
    cloud
}

/// The volumes of a place, in the order of their ids.
fn volumes(cloud: &Cloud, account: &str, region: &str) -> Vec<Volume> {
    cloud.look(|state, _| {
        let here = state.services(&place(account, region));
        here.ec2.volumes.iter().map(|(_, it)| it.clone()).collect()
    })
}

/// What is drawn of a thousand volumes of one entry, sorted, each once.
fn drawn(entry: Value, shown: impl Fn(&Volume) -> String) -> Vec<String> {
    let mut entry = entry;
    entry["account"] = HUB.into();
    entry["count"] = 1000.into();
    let cloud = built(&fleet(json!([entry])));
    let mut all: Vec<String> = volumes(&cloud, HUB, "eu-west-1").iter().map(shown).collect();
    assert_eq!(all.len(), 1000);
    all.sort();
    all.dedup();
    all
}

#[test]
fn an_exact_volume_is_as_it_is_written() {
    let cloud = built(&fleet(json!([{
        "id": "vol-0abc", "account": MEMBER, "region": "us-east-1", "size": 100, "type": "io2",
        "zone": "c", "instance": "i-0abc", "age": "3d", "key": KEY,
        "managed-by": "dlm.amazonaws.com", "tags": { "backup": "daily", "ignore": null },
    }])));
    let [volume] = volumes(&cloud, MEMBER, "us-east-1").try_into().unwrap();
    let at: Timestamp = "2026-02-27T00:00:00Z".parse().unwrap();
    assert_eq!(
        lamplighter_core::cloud::ec2::Volume::from(&volume),
        lamplighter_core::cloud::ec2::Volume {
            id: "vol-0abc".to_owned(),
            size_gib: 100,
            volume_type: "io2".to_owned(),
            state: "in-use".to_owned(),
            encrypted: true,
            kms_key_id: Some(KEY.to_owned()),
            iops: Some(1000),
            throughput: None,
            availability_zone: Some("us-east-1c".to_owned()),
            created_at: Some(at),
            snapshot_id: None,
            instances: vec!["i-0abc".to_owned()],
            managed_by: Some("dlm.amazonaws.com".to_owned()),
            tags: Tags::from([("backup".to_owned(), "daily".to_owned())]),
        }
    );
    assert_eq!(volumes(&cloud, MEMBER, "eu-west-1"), []);
}

#[test]
fn an_entry_without_a_place_is_about_all() {
    let cloud = built(&fleet(json!([
        { "count": 3 },
        { "account": MEMBER, "count": 2 },
        { "region": ["us-east-1"], "id": "vol-{account}-{region}-{n}", "count": 2 },
    ])));
    let count = |account, region| volumes(&cloud, account, region).len();
    assert_eq!(count(HUB, "eu-west-1"), 3);
    assert_eq!(count(MEMBER, "eu-west-1"), 5);
    assert_eq!(count(MEMBER, "us-east-1"), 7);
    let named = |it: &Volume| &*it.id == "vol-222233334444-us-east-1-2";
    assert!(volumes(&cloud, MEMBER, "us-east-1").iter().any(named));
    assert_eq!(cloud.places().len(), 3);
    assert!(cloud.is_open(&place(MEMBER, "us-east-1")));
}

#[test]
fn what_is_not_said_has_a_default() {
    let cloud = built(&fleet(json!([{ "account": HUB }, { "account": HUB, "type": "st1" }])));
    let shown: Vec<_> = volumes(&cloud, HUB, "eu-west-1")
        .iter()
        .map(|it| (it.kind.to_string(), it.size_gib, it.state, it.encrypted, it.zone.to_string()))
        .collect();
    let zone = "eu-west-1a".to_owned();
    assert_eq!(
        shown,
        [
            ("gp3".to_owned(), 8, State::Available, false, zone.clone()),
            ("st1".to_owned(), 125, State::Available, false, zone),
        ]
    );
}

#[test]
fn lists_and_ranges_are_drawn() {
    let sizes = drawn(json!({ "size": ["8..10", 20] }), |it| it.size_gib.to_string());
    assert_eq!(sizes, ["10", "20", "8", "9"]);
    let kinds = drawn(json!({ "type": ["gp2", "gp3"] }), |it| it.kind.to_string());
    assert_eq!(kinds, ["gp2", "gp3"]);
    let zones = drawn(json!({ "zone": ["a", "b"] }), |it| it.zone.to_string());
    assert_eq!(zones, ["eu-west-1a", "eu-west-1b"]);
    let tags = json!({ "tags": { "team": ["team-{1..2}", "x", null] } });
    let teams = drawn(tags, |it| it.tags.get("team").cloned().unwrap_or_default());
    assert_eq!(teams, ["", "team-1", "team-2", "x"]);
    let names = drawn(json!({ "tags": { "Name": "{n}@{region}" } }), |it| it.tags["Name"].clone());
    assert_eq!((names.len(), names[0].as_str()), (1000, "1000@eu-west-1"));
    let now: Timestamp = "2026-03-02T00:00:00Z".parse().unwrap();
    let days = |it: &Volume| (now.duration_since(it.created_at).as_hours() / 24).to_string();
    let ages = drawn(json!({ "age": "1d..3d" }), days);
    assert_eq!(ages, ["1", "2"]);
}

#[test]
fn a_share_is_about_so_many_and_fits_the_state() {
    let fleet = fleet(json!([{
        "account": HUB, "count": 1000, "attached": "80%", "encrypted": "30%", "key": "alias/data",
    }]));
    let all = volumes(&built(&fleet), HUB, "eu-west-1");
    let count = |is: &dyn Fn(&Volume) -> bool| all.iter().filter(|it| is(it)).count();
    assert!((750..850).contains(&count(&|it| it.state == State::InUse)));
    assert_eq!(count(&|it| (it.state == State::InUse) != (it.attachments.len() == 1)), 0);
    assert!((250..350).contains(&count(&|it| it.encrypted)));
    assert_eq!(count(&|it| it.encrypted != it.kms_key_id.is_some()), 0);
}

#[test]
fn the_same_seed_makes_the_same_and_entries_draw_for_themselves() {
    let entry = json!({ "account": MEMBER, "count": 50, "size": "1..1000" });
    let sizes = |fleet: &Fleet, region, from| -> Vec<u32> {
        volumes(&built(fleet), MEMBER, region)[from..].iter().map(|it| it.size_gib).collect()
    };
    let named = |name: &str, entry: &Value| {
        let mut entry = entry.clone();
        entry["id"] = format!("vol-{name}-{{region}}-{{n}}").into();
        entry
    };
    let alone = fleet(json!([named("b", &entry)]));
    let first = sizes(&alone, "eu-west-1", 0);
    assert_eq!(sizes(&alone, "eu-west-1", 0), first);
    assert_ne!(sizes(&alone, "us-east-1", 0), first);
    let another = fleet(json!([named("b", &entry), named("a", &entry)]));
    assert_eq!(sizes(&another, "eu-west-1", 50), first);
    assert_ne!(sizes(&another, "eu-west-1", 0)[..50], first);
    let reseeded = Fleet { seed: 8, ..alone };
    assert_ne!(sizes(&reseeded, "eu-west-1", 0), first);
}

#[test]
fn roles_let_the_hub_in() {
    let cloud = built(&fleet(json!([])));
    assert_eq!(cloud.hub(), Some(HUB.parse().unwrap()));
    cloud.look(|state, _| {
        let account = state.account(&MEMBER.parse().unwrap()).unwrap();
        let role = &account.roles["lamplighter"];
        assert_eq!((role.path.as_str(), role.policies.is_none()), ("/ops/", true));
        let trust = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": { "AWS": HUB },
            "Action": "sts:AssumeRole",
            "Condition": { "StringEquals": { "sts:ExternalId": "7f3c" } },
        }]});
        assert_eq!(role.trust, trust.to_string().parse().unwrap());
    });
}

#[test]
fn a_fleet_is_written_as_it_is_read() {
    let fleet =
        fleet(json!([{ "count": "2..3", "size": ["1..2", 3], "tags": { "a": [null, "{n}"] } }]));
    let written = serde_json::to_value(&fleet).unwrap();
    assert_eq!(serde_json::from_value::<Fleet>(written).unwrap(), fleet);
}

/// What is wrong with a volume, in a fleet that has `vol-1` before it.
#[track_caller]
fn check_bad(entry: Value, wanted: &[(&str, &str)]) {
    let mut fleet = fleet(json!([{ "id": "vol-1", "account": HUB }]));
    fleet.volumes.push(serde_json::from_value(entry).unwrap());
    let bad = fleet.check();
    let paths: Vec<_> = bad.iter().map(|it| it.path.replace("volumes[1]", "")).collect();
    assert_eq!(paths, wanted.iter().map(|(path, _)| *path).collect::<Vec<_>>(), "{bad:?}");
    for (bad, (_, message)) in bad.iter().zip(wanted) {
        assert!(bad.message.starts_with(message), "{bad:?}");
    }
}

#[test]
fn an_entry_that_cannot_be_is_refused() {
    check_bad(json!({}), &[]);
    check_bad(
        json!({ "account": "999999999999" }),
        &[(".account", "there is no account `999999999999`; known: `111122223333`, ")],
    );
    check_bad(
        json!({ "account": HUB, "region": "us-east-1" }),
        &[(".region", "no account here has the region `us-east-1`; known: `eu-west-1`")],
    );
    check_bad(json!({ "count": "1..2000000" }), &[(".count", "an entry makes at most 1000000")]);
    check_bad(
        json!({ "id": "vol-1", "account": HUB }),
        &[(".id", "two of them have the id `vol-1`")],
    );
    check_bad(json!({ "id": "vol-1", "account": MEMBER }), &[(".id", "two of them have the id")]);
    check_bad(
        json!({ "id": "vol-2", "account": MEMBER }),
        &[(".id", "two of them have the id `vol-2`")],
    );
    check_bad(json!({ "id": "vol-2{n}", "account": HUB, "count": 9 }), &[]);
    check_bad(json!({ "id": "vol-2", "account": HUB, "count": 2 }), &[(".id", "two of them have")]);
    check_bad(json!({ "id": "vol-{1..9}", "account": HUB }), &[(".id", "an id is not drawn")]);
    check_bad(json!({ "id": "snap-1", "account": HUB }), &[(".id", "`snap-1` does not begin")]);
    check_bad(json!({ "id": "vol-", "account": HUB }), &[(".id", "`vol-` does not begin")]);
    check_bad(json!({ "id": "vol-a b", "account": HUB }), &[(".id", "`vol-a b` has more than")]);
    check_bad(
        json!({ "tags": { "a": "{source}", "": "x", "b": "x".repeat(257) } }),
        &[
            (".tags.", "a tag's key has 1 to 128"),
            (".tags.a", "nothing here is called `source`; known: `account`, `at`, `n`, `region`"),
            (".tags.b", "a tag's value has at most 256"),
        ],
    );
    check_bad(
        json!({ "size": ["8..500", 0] }),
        &[(".size", "a volume of type `gp3` has 1..65536")],
    );
    check_bad(json!({ "size": 8, "type": ["gp2", "st1"] }), &[(".size", "a volume of type `st1`")]);
    check_bad(json!({ "zone": "eu-west-1a" }), &[(".zone", "`eu-west-1a` is not the letter")]);
    check_bad(
        json!({ "instance": "x", "attached": true }),
        &[(".instance", "the id of an instance"), (".attached", "with an `instance`")],
    );
    check_bad(json!({ "key": "data" }), &[(".key", "`data` is neither an alias")]);
}

#[test]
fn a_key_is_shared_in_one_way() {
    let key = json!({
        "shared-with": MEMBER,
        "policy": { "Statement": {
            "Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*",
        } },
    });
    let fleet = json!({ "accounts": { HUB: { "regions": ["eu-west-1"] } }, "keys": [key] });
    let fleet: Fleet = serde_json::from_value(fleet).unwrap();
    let paths: Vec<_> = fleet.check().into_iter().map(|it| it.path).collect();
    assert_eq!(paths, ["keys[0].shared-with"]);
}

#[test]
fn an_account_that_cannot_be_is_refused() {
    let check_bad = |account: Value, wanted: &[&str]| {
        let fleet = json!({ "accounts": { HUB: account.clone() } });
        let fleet: Fleet = serde_json::from_value(fleet).unwrap();
        let paths: Vec<_> = fleet.check().into_iter().map(|it| it.path).collect();
        let wanted: Vec<_> = wanted.iter().map(|key| format!("accounts.{HUB}.{key}")).collect();
        assert_eq!(paths, wanted, "{account}");
    };
    let regions = ["eu-west-1"];
    check_bad(json!({ "regions": regions }), &[]);
    check_bad(json!({ "regions": [] }), &["regions"]);
    check_bad(json!({ "regions": regions, "role": "arn:aws:iam::x" }), &["role"]);
    check_bad(json!({ "regions": regions, "external-id": "7f3c" }), &["external-id"]);
    check_bad(json!({ "regions": regions, "role": "a", "external-id": "x" }), &["external-id"]);
    let long = json!({ "regions": regions, "role": "a", "longest-session": "13h" });
    check_bad(long, &["longest-session"]);
    assert_eq!(Fleet::default().check().len(), 1);
    let hub = Fleet { hub: Some(MEMBER.parse().unwrap()), ..fleet(json!([])) };
    assert_eq!(hub.check(), []);
    assert_eq!(Fleet { hub: Some("999999999999".parse().unwrap()), ..hub }.check().len(), 1);
}

#[test]
fn a_bad_fleet_leaves_the_cloud_as_it_is() {
    let (cloud, _) = with_clock();
    assert!(fleet(json!([{ "zone": "x" }])).build(&cloud).is_err());
    assert_eq!(cloud.places(), []);
}

pub(super) fn patterns(patterns: &[(&str, &[Option<&str>])]) -> TagPatterns {
    let pattern = |texts: &&[Option<&str>]| TagPattern::any_of(texts.iter().copied()).unwrap();
    let all = patterns.iter().map(|(key, texts)| ((*key).to_owned(), pattern(texts)));
    TagPatterns::new(all).unwrap()
}

pub(super) fn listed(regions: &[&str]) -> Regions {
    Regions::Listed(regions.iter().map(|it| it.parse().unwrap()).collect())
}

/// A hub in one region, and an account with all its regions.
pub(super) fn members() -> [Member; 2] {
    let member = |name: &str, id: &str, role: Option<&str>, regions| Member {
        name: name.to_owned(),
        id: id.parse().unwrap(),
        role: role.map(str::to_owned),
        external_id: role.map(|_| "7f3c".to_owned()),
        regions,
        unit: None,
    };
    [
        member("hub", HUB, None, listed(&["eu-west-1"])),
        member("prod", MEMBER, Some("arn:aws:iam::222233334444:role/ops/it"), Regions::All),
    ]
}

/// What a task works on in regions of the hub, and in all of the member.
pub(super) fn target(kind: &str, tags: TagPatterns, regions: Regions) -> Target {
    let reach = |account: &str, regions| Reach { account: account.parse().unwrap(), regions };
    let reach = vec![reach(HUB, regions), reach(MEMBER, Regions::All)];
    Target {
        kind: kind.to_owned(),
        tags,
        reach,
        elsewhere: BTreeSet::new(),
        regions: BTreeSet::new(),
        keys: BTreeSet::new(),
        history: 30,
    }
}

#[test]
fn a_fleet_for_a_configuration_has_what_its_tasks_select_and_what_they_do_not() {
    let tags = patterns(&[
        ("backup", &[Some("daily")]),
        ("stage", &[Some("prod"), Some("pre*")]),
        ("ignore", &[None]),
    ]);
    let target = target("volumes", tags.clone(), listed(&["eu-central-1"]));
    let fleet = Fleet::for_config(&members(), &[target.clone(), target]);
    assert_eq!(fleet.check(), []);
    let prod = &fleet.accounts[MEMBER];
    assert_eq!((prod.role.as_deref(), prod.external_id.as_deref()), (Some("ops/it"), Some("7f3c")));
    assert_eq!(fleet.hub(), Some(&HUB.parse().unwrap()));
    let cloud = built(&fleet);
    let counts = cloud.places().into_iter().map(|at| {
        let all = volumes(&cloud, at.account.as_str(), at.region.as_str());
        let selected = all.iter().filter(|it| tags.selects(&it.tags)).count();
        (at.to_string(), selected, all.len() - selected)
    });
    assert_eq!(
        counts.collect::<Vec<_>>(),
        [
            (format!("{HUB}/eu-central-1"), 6, 4),
            (format!("{HUB}/eu-west-1"), 0, 0),
            (format!("{MEMBER}/eu-west-1"), 6, 4),
            (format!("{MEMBER}/us-east-1"), 6, 4),
        ]
    );
}

#[test]
fn a_fleet_for_a_configuration_has_the_keys_and_places_that_parameters_name() {
    let mut copies = target("snapshots", patterns(&[]), listed(&["eu-central-1"]));
    copies.reach.retain(|it| it.account.as_str() == HUB);
    copies.elsewhere.insert(MEMBER.parse().unwrap());
    copies.regions.insert("eu-south-1".parse().unwrap());
    copies.keys.insert("alias/vault".to_owned());
    check_places(
        &copies,
        &["eu-central-1", "eu-west-1"],
        &["eu-south-1", "eu-west-1", "us-east-1"],
    );
    copies.elsewhere.clear();
    check_places(
        &copies,
        &["eu-central-1", "eu-south-1", "eu-west-1"],
        &["eu-west-1", "us-east-1"],
    );
}

/// The regions of the hub and of the member, each with the key.
#[track_caller]
fn check_places(target: &Target, hub: &[&str], member: &[&str]) {
    let fleet = Fleet::for_config(&members(), &[target.clone(), target.clone()]);
    assert_eq!(fleet.check(), []);
    let cloud = built(&fleet);
    let places = cloud.places().into_iter().map(|at| {
        assert!(cloud.key_arn(&at, "alias/vault").is_some(), "{at}");
        at.to_string()
    });
    let hub = hub.iter().map(|region| format!("{HUB}/{region}"));
    let wanted = hub.chain(member.iter().map(|region| format!("{MEMBER}/{region}")));
    assert_eq!(places.collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
}

#[test]
fn what_patterns_do_not_select_is_found_when_there_is_such() {
    let check = |texts: &[Option<&str>], wanted: Option<Option<&str>>| {
        let made = super::made::others(&patterns(&[("a", texts)]));
        let found =
            made.map(|it| it["a"].iter().next().unwrap().0.as_ref().map(|it| it.to_string()));
        assert_eq!(found, wanted.map(|it| it.map(str::to_owned)), "{texts:?}");
    };
    check(&[Some("daily")], Some(None));
    check(&[None], Some(Some("other")));
    check(&[None, Some("other")], Some(Some("no")));
    check(&[None, Some("*")], None);
}
