//! What is listed, noted and forgotten.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{
    JobId, Journal, RunId, TaskName,
    engine::{JobFilter, KnownTask, Run, RunFilter, Tally, Write},
    job::{Job, State, Status, WorkKind},
};

use super::{act, at, counted, create, done, find, leased, replace, run, spread};

pub(super) async fn the_last_tick_never_moves_back(journal: &dyn Journal) {
    assert_eq!(journal.ticked().await.unwrap(), None);
    let instant = SignedDuration::from_nanos(1);
    for (set, expected) in [
        (at(5), at(5)),
        (at(5), at(5)),
        (at(4), at(5)),
        (at(5) + instant, at(5) + instant),
        (at(5), at(5) + instant),
        (at(6), at(6)),
    ] {
        journal.set_ticked(set).await.unwrap();
        assert_eq!(journal.ticked().await.unwrap(), Some(expected));
    }
}

pub(super) async fn tasks_are_known_in_their_last_form(journal: &dyn Journal) {
    assert_eq!(journal.known_tasks().await.unwrap(), BTreeMap::new());
    let task = |name: &str, form: &str, minutes| -> (TaskName, KnownTask) {
        let known = KnownTask { fingerprint: form.to_owned(), since: at(minutes) };
        (name.parse().unwrap(), known)
    };
    let note = async |tasks: &[(TaskName, KnownTask)]| {
        journal.note_tasks(&tasks.iter().cloned().collect()).await.unwrap();
        journal.known_tasks().await.unwrap().into_iter().collect::<Vec<_>>()
    };
    let [a, b, new_a] = [task("a", "1:x", 0), task("b", "1:y", 0), task("a", "1:z", 9)];
    assert_eq!(note(&[a.clone(), b.clone()]).await, [a.clone(), b.clone()]);
    assert_eq!(note(&[]).await, [a, b.clone()]);
    assert_eq!(note(std::slice::from_ref(&new_a)).await, [new_a, b]);
}

/// The ids of the runs that a filter lets through.
async fn run_ids(journal: &dyn Journal, filter: RunFilter) -> Vec<String> {
    let runs = journal.runs(&filter).await.unwrap();
    runs.into_iter().map(|run| run.id.to_string()).collect()
}

pub(super) async fn runs_are_listed_from_the_latest(journal: &dyn Journal) {
    assert_eq!(journal.runs(&RunFilter::default()).await.unwrap(), []);
    // Neither the order of the names nor that of the writing is that of the occurrences.
    let runs = [run("b", 2), run("night", 4), run("nightly", 1), run("night", 3), run("a", 0)];
    for run in &runs {
        create(journal, &[spread(run), find(run)]).await;
    }
    let all = RunFilter::default;
    let check = async |filter: RunFilter, expected: &[usize]| {
        let expected: Vec<String> = expected.iter().map(|it| runs[*it].to_string()).collect();
        assert_eq!(run_ids(journal, filter.clone()).await, expected, "{filter:?}");
    };
    let night: Option<TaskName> = Some("night".parse().unwrap());
    check(all(), &[1, 3, 0, 2, 4]).await;
    check(RunFilter { limit: Some(2), ..all() }, &[1, 3]).await;
    check(RunFilter { limit: Some(0), ..all() }, &[]).await;
    check(RunFilter { task: night.clone(), ..all() }, &[1, 3]).await;
    check(RunFilter { since: Some(at(2)), ..all() }, &[1, 3, 0]).await;
    check(RunFilter { since: Some(at(4)), task: night.clone(), ..all() }, &[1]).await;
    check(RunFilter { since: Some(at(5)), ..all() }, &[]).await;
    check(RunFilter { since: Some(Timestamp::MIN), task: night, limit: Some(1), ..all() }, &[1])
        .await;
    check(RunFilter { run: Some(runs[2].clone()), ..all() }, &[2]).await;
    check(RunFilter { task: Some("c".parse().unwrap()), ..all() }, &[]).await;
}

pub(super) async fn runs_of_events_at_one_instant_are_apart(journal: &dyn Journal) {
    let whole = run("nightly", 1);
    let of_event =
        |event: &str| RunId::of_event(&"nightly".parse().unwrap(), at(1), &event.parse().unwrap());
    let (first, second) = (of_event("7bf73129-1428-4cd3-a780-95db273d1602"), of_event("b-2"));
    create(journal, &[find(&whole), find(&first), find(&second), act(&second, "a", 0)]).await;
    assert_eq!(journal.create(&[find(&second)]).await.unwrap(), [Write::Lost]);
    let runs = [&whole, &first, &second].map(ToString::to_string);
    assert_eq!(run_ids(journal, RunFilter::default()).await, runs);
    let task = Some("nightly".parse().unwrap());
    let since = RunFilter { task, since: Some(at(1)), ..RunFilter::default() };
    assert_eq!(run_ids(journal, since).await, runs);
    let only = RunFilter { run: Some(second.clone()), ..RunFilter::default() };
    assert_eq!(run_ids(journal, only).await, runs[2..]);
    let tally = counted([&find(&second), &act(&second, "a", 0)]);
    assert_eq!(journal.tally(&second).await.unwrap(), tally);
    let of_first = JobFilter { run: Some(first.clone()), ..JobFilter::default() };
    assert_eq!(journal.jobs(&of_first).await.unwrap(), [find(&first)]);
    assert_eq!(journal.load(&find(&first).id).await.unwrap(), Some(find(&first)));
}

pub(super) async fn a_run_ends_with_its_last_job(journal: &dyn Journal) {
    let id = run("nightly", 0);
    let top = spread(&id);
    let child = Job { created_at: at(1), ..act(&id, "a", 2) };
    let only = async || journal.runs(&RunFilter::default()).await.unwrap();
    let expected = |jobs: [&Job; 2], ended_at: Option<i64>| Run {
        id: id.clone(),
        tally: counted(jobs),
        started_at: at(0),
        ended_at: ended_at.map(at),
    };
    create(journal, &[top.clone(), child.clone()]).await;
    assert_eq!(only().await, [expected([&top, &child], None)]);
    let child_done = done(&leased(&child, 3), 9);
    replace(journal, &leased(&child, 3)).await;
    replace(journal, &child_done).await;
    assert_eq!(only().await, [expected([&top, &child_done], None)]);
    let top_done = done(&top, 5);
    replace(journal, &top_done).await;
    assert_eq!(only().await, [expected([&top_done, &child_done], Some(9))]);
}

fn missed(run: &lamplighter_core::RunId) -> Job {
    let reason = "the host was down".to_owned();
    Job::record(JobId::missed(run), spread(run).work, Status::Skipped { reason }, at(0))
}

pub(super) async fn a_run_that_was_missed_is_a_skipped_one(journal: &dyn Journal) {
    let id = run("nightly", 0);
    let record = missed(&id);
    create(journal, std::slice::from_ref(&record)).await;
    let only = async || journal.runs(&RunFilter::default()).await.unwrap();
    let tally = counted([&record]);
    assert_eq!(tally.state(), State::Skipped);
    let skipped = Run { id: id.clone(), tally, started_at: at(0), ended_at: Some(at(0)) };
    assert_eq!(only().await, [skipped]);
    // Somebody may still ask for it.
    let top = spread(&id);
    create(journal, std::slice::from_ref(&top)).await;
    let tally = counted([&record, &top]);
    assert_eq!(tally.state(), State::Open);
    assert_eq!(only().await, [Run { id, tally, started_at: at(0), ended_at: None }]);
}

pub(super) async fn jobs_are_filtered(journal: &dyn Journal) {
    let (night, later, nightly) = (run("night", 0), run("night", 60), run("nightly", 0));
    let mut jobs = vec![
        spread(&night),
        find(&night),
        act(&night, "B", 0),
        act(&night, "a", 0),
        act(&night, "ä", 0),
        missed(&night),
        spread(&later),
        act(&later, "a", 0),
        spread(&nightly),
        find(&nightly),
    ];
    create(journal, &jobs).await;
    for index in [1, 2, 7] {
        let closed = done(&jobs[index], 1);
        replace(journal, &closed).await;
        jobs[index] = closed;
    }
    jobs.sort_by(|a, b| a.id.cmp(&b.id));
    let all = JobFilter::default;
    let check = async |filter: JobFilter, keep: &dyn Fn(&Job) -> bool| {
        let expected: Vec<&Job> = jobs.iter().filter(|job| keep(job)).collect();
        let got = journal.jobs(&filter).await.unwrap();
        assert_eq!(got.iter().collect::<Vec<_>>(), expected, "{filter:?}");
    };
    let task = |name: &str| Some(name.parse::<TaskName>().unwrap());
    check(all(), &|_| true).await;
    check(JobFilter { task: task("night"), ..all() }, &|it| it.run() != nightly).await;
    check(JobFilter { task: task("nigh"), ..all() }, &|_| false).await;
    check(JobFilter { run: Some(night.clone()), ..all() }, &|it| it.run() == night).await;
    check(JobFilter { task: task("nightly"), run: Some(night.clone()), ..all() }, &|_| false).await;
    for state in [State::Open, State::Succeeded, State::Skipped, State::Failed] {
        let filter = JobFilter { state: Some(state), ..all() };
        check(filter, &|it| it.status.state() == state).await;
    }
    for kind in [WorkKind::Spread, WorkKind::Find, WorkKind::Act] {
        check(JobFilter { kind: Some(kind), ..all() }, &|it| it.work.kind() == kind).await;
    }
    let open_acts = JobFilter {
        task: task("night"),
        run: Some(night.clone()),
        state: Some(State::Open),
        kind: Some(WorkKind::Act),
        ..all()
    };
    check(open_acts, &|it| {
        it.run() == night && it.status == Status::Open && it.work.kind() == WorkKind::Act
    })
    .await;
    let after = jobs[4].id.clone();
    let open_after = JobFilter { after: Some(after.clone()), state: Some(State::Open), ..all() };
    check(open_after, &|it| it.id > after && it.status == Status::Open).await;
}

pub(super) async fn pages_of_jobs_make_the_whole(journal: &dyn Journal) {
    let (ours, other) = (run("nightly", 0), run("weekly", 0));
    let jobs: Vec<Job> = (0..25).map(|n| act(&ours, &format!("vol-{n:02}"), 0)).collect();
    create(journal, &jobs).await;
    create(journal, &[spread(&other)]).await;
    for size in [1, 10, 24, 25, 26] {
        let mut pages = Vec::new();
        let mut after = None;
        loop {
            let filter = JobFilter {
                run: Some(ours.clone()),
                after,
                limit: Some(size),
                ..JobFilter::default()
            };
            let page = journal.jobs(&filter).await.unwrap();
            assert!(page.len() <= size);
            let Some(last) = page.last() else { break };
            after = Some(last.id.clone());
            pages.extend(page);
        }
        assert_eq!(pages, jobs, "pages of {size}");
    }
}

pub(super) async fn only_what_closed_long_ago_is_forgotten(journal: &dyn Journal) {
    let id = run("nightly", 0);
    let jobs: Vec<Job> = (0..6).map(|n| act(&id, &format!("vol-{n}"), 0)).collect();
    create(journal, &jobs).await;
    // The first stays open, the others close one minute after the other.
    let mut stored = vec![jobs[0].clone()];
    for (minutes, job) in (1..).zip(&jobs[1..]) {
        let closed = done(job, minutes);
        replace(journal, &closed).await;
        stored.push(closed);
    }
    let filter = JobFilter::default();
    assert_eq!(journal.expire(at(1), 99).await.unwrap(), 0, "closed at the time, not before");
    assert_eq!(journal.expire(at(9), 0).await.unwrap(), 0);
    assert_eq!(journal.jobs(&filter).await.unwrap(), stored);
    assert_eq!(journal.expire(at(4), 99).await.unwrap(), 3);
    let left = [stored[0].clone(), stored[4].clone(), stored[5].clone()];
    assert_eq!(journal.jobs(&filter).await.unwrap(), left);
    assert_eq!(journal.tally(&id).await.unwrap(), counted(&left));
    assert_eq!(journal.expire(at(9), 1).await.unwrap(), 1, "no more than asked for");
    assert_eq!(journal.expire(at(9), 1).await.unwrap(), 1);
    assert_eq!(journal.expire(at(9), 1).await.unwrap(), 0);
    assert_eq!(journal.jobs(&filter).await.unwrap(), [stored[0].clone()]);
    assert_eq!(run_ids(journal, RunFilter::default()).await, [id.to_string()]);
    assert_eq!(journal.due(at(0), 9).await.unwrap(), std::slice::from_ref(&stored[0].id));
}

pub(super) async fn a_run_is_forgotten_with_its_last_job(journal: &dyn Journal) {
    let (old, new) = (run("nightly", 0), run("nightly", 60));
    create(journal, &[spread(&old), find(&old), spread(&new)]).await;
    replace(journal, &done(&spread(&old), 1)).await;
    replace(journal, &done(&find(&old), 2)).await;
    assert_eq!(journal.expire(at(2), 99).await.unwrap(), 1);
    let both = [new.to_string(), old.to_string()];
    assert_eq!(run_ids(journal, RunFilter::default()).await, both, "a job of it is left");
    assert_eq!(journal.expire(at(3), 99).await.unwrap(), 1);
    assert_eq!(run_ids(journal, RunFilter::default()).await, [new.to_string()]);
    assert_eq!(journal.tally(&old).await.unwrap(), Tally::default());
    assert_eq!(journal.load(&spread(&old).id).await.unwrap(), None);
    assert_eq!(journal.create(&[spread(&old)]).await.unwrap(), [Write::Won], "as if never there");
    assert_eq!(journal.tally(&old).await.unwrap(), counted([&spread(&old)]));
}
