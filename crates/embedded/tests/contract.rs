//! The journal on SQLite keeps every promise of the trait.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use lamplighter_core::Journal;
use lamplighter_embedded::SqliteJournal;
use lamplighter_testkit::contract::journal_contract;

async fn check() {
    let directory = tempfile::tempdir().unwrap();
    let files = AtomicU32::new(0);
    journal_contract(async || {
        let file = format!("{}.db", files.fetch_add(1, Ordering::Relaxed));
        Arc::new(SqliteJournal::open(directory.path().join(file)).unwrap()) as Arc<dyn Journal>
    })
    .await;
}

#[tokio::test]
async fn it_keeps_the_contract() {
    check().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_keeps_the_contract_with_callers_on_many_threads() {
    check().await;
}
