//! The journal in memory keeps the contract that every journal keeps.

use std::sync::Arc;

use lamplighter_core::Journal;
use lamplighter_rehearsal::MemoryJournal;
use lamplighter_testkit::contract::journal_contract;

#[tokio::test]
async fn the_journal_in_memory_keeps_the_contract() {
    journal_contract(async || Arc::new(MemoryJournal::default()) as Arc<dyn Journal>).await;
}
