use jiff::SignedDuration;
use lamplighter_config::Source;
use lamplighter_core::{cloud::ec2::Snapshot, select::ServerFilter};

use super::*;
use crate::stage::{Scene, Stage, read_fleet};

const CONFIG: &str = "accounts:
  prod: { id: \"111122223333\", regions: [eu-west-1] }
  vault: { id: \"444455556666\", role: lamplighter, regions: [eu-central-1] }
tasks:
  nightly:
    action: ebs.snapshot.create
    schedule: { cron: \"0 2 * * *\" }
    accounts: [prod]
    select: { tags: { backup: daily } }
  to-vault:
    action: ebs.snapshot.copy
    schedule: { cron: \"0 4 * * *\" }
    accounts: [prod]
    select: { tags: { lamplighter:task: nightly } }
    with: { to: [{ account: \"444455556666\", region: eu-central-1 }] }
  prune:
    action: ebs.snapshot.delete
    schedule: { cron: \"0 6 * * *\" }
    accounts: [prod, vault]
    with: { keep: { last: 2 } }
";
const FLEET: &str = "begin: 2026-03-02T00:00:00Z
accounts:
  \"111122223333\": { name: prod, regions: [eu-west-1] }
  \"444455556666\": { name: vault, regions: [eu-central-1], role: lamplighter }
volumes:
  - { account: \"111122223333\", id: vol-orders, tags: { backup: daily } }
  - { account: \"111122223333\", id: vol-other }
";

/// Five nights later.
struct Later {
    stage: Stage,
    config: Config,
}

fn later() -> Later {
    let sources = [Source::new("config.yaml", CONFIG)];
    let nothing = |_: &str| Err(String::new());
    let config = lamplighter_config::load(&sources, ACTIONS, &nothing);
    let config = config.unwrap_or_else(|it| panic!("{}", configuration::rendered(&it, &sources)));
    let fleet = read_fleet(&Source::new("fleet.yaml", FLEET), &config).unwrap();
    let scene = Scene::new(config, Some(fleet), None);
    let begin = scene.begin().unwrap();
    let mut stage = Stage::set(&scene, begin, 1).unwrap();
    stage.employ(&scene.config.tasks, 1);
    stage.rehearsal.run_until(begin + SignedDuration::from_hours(5 * 24)).unwrap();
    Later { stage, config: scene.config }
}

impl Later {
    async fn told(&self, id: &str) -> Told {
        let now = self.stage.cloud.now();
        let since = now - SignedDuration::from_hours(30 * 24);
        let journal: &dyn Journal = &**self.stage.rehearsal.journal();
        let accounts = Arc::clone(&self.stage.accounts);
        let subject = id.parse().unwrap();
        explain(&self.config, accounts, Some(journal), &subject, (since, now)).await.unwrap()
    }

    /// What the only job of a run on a target has made.
    async fn maker(&self, run: &str) -> String {
        let run = Some(run.parse().unwrap());
        let filter = lamplighter_core::engine::JobFilter { run, ..Default::default() };
        let jobs = self.stage.rehearsal.journal().jobs(&filter).await.unwrap();
        let mut said =
            jobs.iter().filter(|it| it.id.is_of_target()).filter_map(|it| it.status.message());
        let said = said.rfind(|it| it.contains("`snap-")).unwrap();
        format!("snap-{}", said.split("`snap-").nth(1).unwrap().split('`').next().unwrap())
    }

    /// Those of a place, the oldest first.
    async fn snapshots(&self, account: &str, region: &str) -> Vec<Snapshot> {
        let place = Place { account: account.parse().unwrap(), region: region.parse().unwrap() };
        let session = Session { task: "x".parse().unwrap(), occurrence: self.stage.cloud.now() };
        let scope = self.stage.accounts.scope(&place, &session).await.unwrap();
        let page = scope.ec2().snapshots(&ServerFilter::default(), None).await.unwrap();
        let mut all = page.items;
        all.retain(|it| it.owner.as_ref() == Some(&place.account));
        all.sort_by_key(|it| it.started_at);
        all
    }
}

/// The text, with ids by their names.
fn named(told: &Told, names: &[(&str, &str)]) -> String {
    let text = told.as_text().replace("\u{1b}[1m", "").replace("\u{1b}[0m", "");
    names.iter().fold(text, |text, (id, name)| text.replace(id, name))
}

#[tokio::test]
async fn a_backup_and_its_copy_tell_the_same_story() {
    let later = later();
    let here = later.snapshots("111122223333", "eu-west-1").await;
    let there = later.snapshots("444455556666", "eu-central-1").await;
    let (newest, copy) = (&here.last().unwrap().id, &there.last().unwrap().id);
    let names = [(newest.as_str(), "THE-BACKUP"), (copy.as_str(), "THE-COPY")];
    let story = "\
THE-BACKUP in 111122223333/eu-west-1  <-- asked for
  it is completed, a backup of vol-orders, as of 2026-03-06T02:00:00Z
  made by task nightly, job nightly@2026-03-06T02:00:00Z/111122223333/eu-west-1/vol-orders
  2026-03-06T02:00:00Z  nightly (made it): succeeded: created `THE-BACKUP`
  2026-03-06T04:00:00Z  to-vault: succeeded: copied to 444455556666/eu-central-1 as `THE-COPY`
  2026-03-06T06:00:00Z  prune: skipped: last 1 of 2
  copy THE-COPY in 444455556666/eu-central-1
    it is completed, a backup of vol-orders, as of 2026-03-06T02:00:00Z
    made by task to-vault, job to-vault@2026-03-06T04:00:00Z/111122223333/eu-west-1/THE-BACKUP
    2026-03-06T04:00:00Z  to-vault (made it): succeeded: copied to 444455556666/eu-central-1 as `THE-COPY`
    2026-03-06T06:00:00Z  prune: skipped: last 1 of 2";
    assert_eq!(named(&later.told(newest).await, &names), story);
    let of_copy = story.replace("  <-- asked for", "").replacen(
        "copy THE-COPY in 444455556666/eu-central-1",
        "copy THE-COPY in 444455556666/eu-central-1  <-- asked for",
        1,
    );
    assert_eq!(named(&later.told(copy).await, &names), of_copy);
    let arn = format!("arn:aws:ec2:eu-central-1::snapshot/{copy}");
    assert_eq!(named(&later.told(&arn).await, &names), of_copy);
}

#[tokio::test]
async fn what_is_gone_has_left_its_records() {
    let later = later();
    let first = later.maker("nightly@2026-03-02T02:00:00Z").await;
    let story = "\
THE-BACKUP in 111122223333/eu-west-1 is no more
  2026-03-02T04:00:00Z  to-vault: succeeded: copied to 444455556666/eu-central-1 as `THE-COPY`
  2026-03-02T06:00:00Z  prune: skipped: last 1 of 2
  2026-03-03T04:00:00Z to 2026-03-04T04:00:00Z, 2 times  to-vault: skipped: copied to 444455556666/eu-central-1 as `THE-COPY`
  2026-03-03T06:00:00Z  prune: skipped: last 2 of 2
  2026-03-04T06:00:00Z  prune: succeeded: deleted `THE-BACKUP`: no rule keeps it";
    let copy = later.maker("to-vault@2026-03-02T04:00:00Z").await;
    let names = [(first.as_str(), "THE-BACKUP"), (copy.as_str(), "THE-COPY")];
    assert_eq!(named(&later.told(&first).await, &names), story);
    assert!(later.told("snap-0123").await.is_nothing());
}

#[tokio::test]
async fn a_volume_tells_of_its_backups_and_of_nights_that_were_alike_once() {
    let later = later();
    let story = named(&later.told("vol-orders").await, &[]);
    let lines: Vec<&str> = story.lines().collect();
    assert_eq!(lines[0], "vol-orders in 111122223333/eu-west-1  <-- asked for");
    assert_eq!(lines.iter().filter(|it| it.contains("nightly: succeeded: created")).count(), 5);
    assert_eq!(later.told("vol-other").await.as_text().lines().count(), 3);
}

fn found(id: &str, tags: &[(&str, &str)]) -> Found {
    Found {
        place: Place {
            account: "111122223333".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
        },
        kind: "snapshots",
        id: id.to_owned(),
        tags: tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        facts: Value::Null,
    }
}

/// `a[b c]`: copies of a resource stand in brackets; those that are gone have a minus.
fn shape(branches: &[Branch]) -> String {
    let shape = |it: &Branch| {
        let below: Vec<String> = it.gone.iter().map(|(_, id)| format!("-{id}")).collect();
        let below = [shape(&it.copies)].into_iter().chain(below).filter(|it| !it.is_empty());
        let below = below.collect::<Vec<_>>().join(" ");
        if below.is_empty() { it.found.id.clone() } else { format!("{}[{below}]", it.found.id) }
    };
    branches.iter().map(shape).collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn check_tree(all: &[Found], expected: &str) {
    assert_eq!(shape(&lineage::tree(all.iter().cloned())), expected);
}

#[test]
fn copies_hang_below_what_they_were_copied_from() {
    let to = "lamplighter:copied-to:111122223333/eu-west-1";
    let from = COPIED_FROM_TAG;
    check_tree(&[], "");
    check_tree(&[found("b", &[(from, "a")]), found("a", &[])], "a[b]");
    check_tree(&[found("c", &[(from, "b")]), found("b", &[(from, "a")])], "b[c]");
    check_tree(&[found("a", &[(to, "b")])], "a[-b]");
    check_tree(&[found("a", &[(to, "b")]), found("b", &[(HOP_TAG, "a")])], "a[b]");
}

#[test]
fn tags_that_somebody_has_set_make_no_endless_story() {
    let from = COPIED_FROM_TAG;
    check_tree(&[found("a", &[(from, "a")])], "a");
    check_tree(&[found("a", &[(from, "b")]), found("b", &[(from, "a")])], "a[b]");
    let ring = [found("a", &[(from, "c")]), found("b", &[(from, "a")]), found("c", &[(from, "b")])];
    check_tree(&ring, "a[b[c]]");
    check_tree(&[found("a", &[(from, "not an id"), ("lamplighter:copied-to:x", "b")])], "a");
}

#[test]
fn a_resource_is_asked_for_by_id_or_by_arn() {
    #[track_caller]
    fn check(text: &str, expected: &str) {
        let is = match text.parse::<Subject>() {
            Ok(it) => {
                let kinds: Vec<_> =
                    it.kinds(ACTIONS).iter().map(|action| action.target_kind()).collect();
                format!("{} of {}", it.id, kinds.join(", "))
            }
            Err(why) => why,
        };
        assert_eq!(is, expected, "{text}");
    }
    check("snap-1", "snap-1 of snapshots");
    check("arn:aws:ec2:eu-west-1::snapshot/snap-1", "snap-1 of snapshots");
    check("arn:aws-cn:ec2:cn-north-1:111122223333:volume/vol-1", "vol-1 of volumes");
    check("arn:aws:s3:::bucket", "`s3`: expected an ARN of ec2, rds or dynamodb");
    check("arn:aws:rds:eu-west-1:1:snapshot:x", "`1` is not a 12-digit AWS account id");
    check("arn:aws:ec2:eu-west-1::snapshot/", "the ARN names no resource");
    check("", "expected the id of a resource, or its ARN");
}
