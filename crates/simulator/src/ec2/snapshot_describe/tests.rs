use jiff::SignedDuration;

use super::*;
use crate::{
    bed::Bed,
    dials::Lag,
    ec2::{
        settings::PublicAccess,
        trial::{create, put, put_volume, volume},
    },
};

/// `111122223333` has one snapshot for itself, one that it shares, and a public one; so has
/// `222233334444` one for itself; each in `eu-west-1`. Elsewhere is another one.
fn bed() -> Bed {
    let bed = Bed::new();
    put(&bed, "snap-1own", |it| drop(it.tags.insert("team".into(), "a".into())));
    put(&bed, "snap-2shared", |it| {
        it.tags.insert("team".into(), "a".into());
        it.share.accounts.insert("222233334444".parse().unwrap());
    });
    put(&bed, "snap-3public", |it| it.share.public = true);
    put(&bed.at("222233334444", "eu-west-1"), "snap-4theirs", |_| {});
    put(&bed.at("111122223333", "eu-west-2"), "snap-5elsewhere", |it| it.share.public = true);
    bed
}

/// The number of each snapshot that is shown.
fn numbers(bed: &Bed, request: DescribeSnapshots) -> Result<String, &'static str> {
    let all = bed.ask(request)?;
    let all = all["snapshotSet"].as_array().unwrap();
    Ok(all.iter().map(|it| &it["snapshotId"].as_str().unwrap()[5..6]).collect())
}

#[track_caller]
fn check(account: &str, owner: &[&str], by: &[&str], ids: &[&str], expected: Result<&str, &str>) {
    let texts = |of: &[&str]| of.iter().map(|it| (*it).to_owned()).collect();
    let request = DescribeSnapshots {
        owner: texts(owner),
        restorable_by: texts(by),
        snapshot_id: texts(ids),
        ..DescribeSnapshots::default()
    };
    let found = numbers(&bed().at(account, "eu-west-1"), request);
    assert_eq!(found.as_deref().map_err(|it| *it), expected);
}

const A: &str = "111122223333";
const B: &str = "222233334444";

#[test]
fn without_owners_all_that_the_account_may_use_is_shown() {
    check(A, &[], &[], &[], Ok("321"));
    check(B, &[], &[], &[], Ok("432"));
    check("333344445555", &[], &[], &[], Ok("3"));
}

#[test]
fn owners_and_those_who_may_restore_narrow_it() {
    check(A, &["self"], &[], &[], Ok("321"));
    check(B, &["self"], &[], &[], Ok("4"));
    check(B, &[B], &[], &[], Ok("4"));
    check(B, &[A], &[], &[], Ok("32"));
    check(B, &["self", A], &[], &[], Ok("432"));
    check(B, &["amazon"], &[], &[], Ok(""));
    check(B, &[], &["self"], &[], Ok("42"));
    check(B, &[], &["all"], &[], Ok("3"));
    check(A, &["self"], &[B], &[], Ok("2"));
    check(A, &["me"], &[], &[], Err("InvalidUserID.Malformed"));
    check(A, &["self"], &["amazon"], &[], Err("InvalidUserID.Malformed"));
}

#[test]
fn an_id_that_is_not_there_fails_and_one_that_is_not_ours_to_see_is_left_out() {
    check(B, &[], &[], &["snap-4theirs", "snap-2shared"], Ok("42"));
    check(B, &[], &[], &["snap-4theirs", "snap-1own"], Ok("4"));
    check(B, &["self"], &[], &["snap-4theirs", "snap-2shared"], Ok("4"));
    check(B, &[], &[], &["snap-4theirs", "snap-9"], Err("InvalidSnapshot.NotFound"));
    check(B, &[], &[], &["snap-5elsewhere"], Err("InvalidSnapshot.NotFound"));
    check(B, &[], &[], &["vol-1"], Err("InvalidSnapshotID.Malformed"));
}

#[test]
fn public_access_that_is_blocked_hides_what_is_public() {
    let bed = bed();
    bed.here(|it| it.ec2.settings.public_access = PublicAccess::BlockAllSharing);
    let seen = numbers(&bed.at(B, "eu-west-1"), DescribeSnapshots::default());
    assert_eq!(seen.as_deref(), Ok("42"));
    bed.here(|it| it.ec2.settings.public_access = PublicAccess::BlockNewSharing);
    let seen = numbers(&bed.at(B, "eu-west-1"), DescribeSnapshots::default());
    assert_eq!(seen.as_deref(), Ok("432"));
}

#[test]
fn tags_are_seen_by_the_owner_only() {
    let bed = bed();
    let tags = |bed: &Bed| {
        let snapshot_id = vec!["snap-2shared".to_owned()];
        let request = DescribeSnapshots { snapshot_id, ..DescribeSnapshots::default() };
        bed.ask(request).unwrap()["snapshotSet"][0]["tagSet"][0]["key"].clone()
    };
    assert_eq!(tags(&bed), "team");
    assert_eq!(tags(&bed.at(B, "eu-west-1")), serde_json::Value::Null);
}

#[test]
fn pages_go_over_what_all_accounts_share() {
    let bed = Bed::new();
    let other = bed.at(B, "eu-west-1");
    for n in 0..7 {
        put(if n % 2 == 0 { &bed } else { &other }, &format!("snap-{n}"), |it| {
            it.share.public = true;
        });
    }
    let ask = |owner: &[&str], next_token| {
        let owner = owner.iter().map(|it| (*it).to_owned()).collect();
        let page = bed.ask(DescribeSnapshots {
            owner,
            max_results: Some(5),
            next_token,
            ..DescribeSnapshots::default()
        })?;
        let all = page["snapshotSet"].as_array().unwrap();
        let ids: String = all.iter().map(|it| &it["snapshotId"].as_str().unwrap()[5..6]).collect();
        Ok::<_, &str>((ids, page["nextToken"].as_str().map(str::to_owned)))
    };
    let (first, next) = ask(&[], None).unwrap();
    assert_eq!(first, "65432");
    assert_eq!(ask(&[], next.clone()), Ok(("10".to_owned(), None)));
    assert_eq!(ask(&["self"], next), Err("InvalidNextToken"), "a token is for one question");
}

#[test]
fn filters_look_at_what_a_snapshot_is() {
    let bed = Bed::new();
    put_volume(&bed, volume("vol-b"));
    put(&bed, "snap-0a", |it| (it.description, it.size_gib) = ("nightly".into(), 100));
    create(&bed, "vol-b").unwrap();
    for (name, value, expected) in [
        ("status", "pending", "1"),
        ("status", "completed", "0"),
        ("volume-id", "vol-b", "1"),
        ("volume-size", "100", "0"),
        ("description", "night*", "0"),
        ("encrypted", "false", "10"),
        ("owner-id", "111122223333", "10"),
        ("start-time", "2026-03-02T*", "10"),
        ("storage-tier", "standard", "10"),
        ("storage-tier", "archive", ""),
        ("transfer-type", "standard", "10"),
        ("snapshot-id", "snap-1", "1"),
    ] {
        let filter = vec![Filter { name: name.into(), value: vec![value.into()] }];
        let found = numbers(&bed, DescribeSnapshots { filter, ..DescribeSnapshots::default() });
        assert_eq!(found.as_deref(), Ok(expected), "{name} {value}");
    }
}

#[test]
fn a_describe_lags_and_its_progress_with_it() {
    let bed = Bed::new();
    put_volume(&bed, volume("vol-b"));
    bed.cloud.dial(|it| it.lag = Lag::Always(SignedDuration::from_secs(30)));
    create(&bed, "vol-b").unwrap();
    let seen = || {
        let all = bed.ask(DescribeSnapshots::default()).unwrap();
        let it = &all["snapshotSet"][0];
        (it["status"].as_str().unwrap_or("").to_owned(), it["progress"].clone())
    };
    bed.pass(29);
    assert_eq!(seen().0, "");
    bed.pass(151);
    assert_eq!(seen(), ("pending".to_owned(), "50%".into()));
    bed.pass(149);
    assert_eq!(seen().0, "pending");
    bed.pass(1);
    assert_eq!(seen(), ("completed".to_owned(), "100%".into()));
}
