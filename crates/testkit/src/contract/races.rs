//! Many writers at once: one of them wins.

use std::sync::Arc;

use lamplighter_core::{
    Journal,
    engine::{Slot, Write},
    job::Job,
};
use tokio::task::JoinSet;

use super::{act, at, counted, create, done, run};

/// Tasks that race.
const RACERS: usize = 40;

/// Runs a racer for each number at the same time and returns what they got, in order.
async fn race<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    journal: &Arc<dyn Journal>,
    racer: impl Fn(Arc<dyn Journal>, usize) -> F,
) -> Vec<T> {
    let mut racers = JoinSet::new();
    for number in 0..RACERS {
        let racer = racer(journal.clone(), number);
        racers.spawn(async move { (number, racer.await) });
    }
    let mut results = racers.join_all().await;
    results.sort_by_key(|(number, _)| *number);
    results.into_iter().map(|(_, result)| result).collect()
}

pub(super) async fn one_of_many_creates_a_job(journal: Arc<dyn Journal>) {
    let id = run("nightly", 0);
    let (shared, all) = (act(&id, "shared", 0), id.clone());
    let results = race(&journal, move |journal, number| {
        let jobs = [act(&id, &format!("own-{number}"), 0), shared.clone()];
        async move { journal.create(&jobs).await.unwrap() }
    })
    .await;
    assert!(results.iter().all(|writes| writes[0] == Write::Won));
    assert_eq!(results.iter().filter(|writes| writes[1] == Write::Won).count(), 1);
    assert_eq!(journal.tally(&all).await.unwrap().act.open, RACERS as u64 + 1);
}

pub(super) async fn one_of_many_leases_a_job(journal: Arc<dyn Journal>) {
    let mut job = act(&run("nightly", 0), "a", 0);
    create(&*journal, std::slice::from_ref(&job)).await;
    for round in 1..=5 {
        let forms: Vec<Job> =
            (0..RACERS).map(|it| job.leased(&format!("worker-{it}"), at(round * 10))).collect();
        let racing = forms.clone();
        let results = race(&journal, move |journal, number| {
            let form = racing[number].clone();
            async move { journal.replace(&form).await.unwrap() }
        })
        .await;
        let winners: Vec<&Job> = forms
            .iter()
            .zip(results)
            .filter(|(_, write)| *write == Write::Won)
            .map(|(form, _)| form)
            .collect();
        assert_eq!(winners.len(), 1);
        assert_eq!(journal.load(&job.id).await.unwrap().as_ref(), Some(winners[0]));
        job = winners[0].clone();
    }
}

pub(super) async fn many_never_take_more_than_a_gate_holds(journal: Arc<dyn Journal>) {
    let id = run("nightly", 0);
    for limit in [3, 7] {
        let id = id.clone();
        let slots = race(&journal, move |journal, number| {
            let job = act(&id, &format!("vol-{number}"), 0).id;
            async move { journal.take_slot("gate", limit, &job, at(0), at(60)).await.unwrap() }
        })
        .await;
        let taken = slots.iter().filter(|slot| **slot == Slot::Taken).count();
        assert_eq!(taken, limit as usize);
    }
}

pub(super) async fn a_tally_survives_many_writers(journal: Arc<dyn Journal>) {
    let id = run("nightly", 0);
    let racing = id.clone();
    let closed: Vec<Job> = race(&journal, move |journal, number| {
        let job = act(&racing, &format!("vol-{number}"), 0);
        async move {
            assert_eq!(journal.create(std::slice::from_ref(&job)).await.unwrap(), [Write::Won]);
            let held = job.leased("worker", at(1));
            assert_eq!(journal.replace(&held).await.unwrap(), Write::Won);
            let closed = done(&held, 1);
            assert_eq!(journal.replace(&closed).await.unwrap(), Write::Won);
            closed
        }
    })
    .await;
    assert_eq!(journal.tally(&id).await.unwrap(), counted(&closed));
}
