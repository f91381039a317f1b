//! The receiving end of a queue that several hosts share.

use std::time::Duration;

use async_trait::async_trait;

use crate::Fault;

/// Where a host takes messages from. Each names a job to look at, or is an event that asks for a
/// run; the host decides by its body.
///
/// A message that is received is hidden from others for a while. Who has done what it asks for
/// says so; otherwise it is received again. One that cannot be done is left alone: after some
/// times the queue puts it aside for people to see.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// Messages that are there, at most `most` and at most ten. Waits a while for the first one:
    /// an empty answer means that none came.
    async fn receive(&self, most: usize) -> Result<Vec<Message>, Fault>;

    /// Takes messages away that were done, by their receipts. One that cannot be taken away is
    /// received again, which does no harm.
    async fn done(&self, receipts: &[String]) -> Result<(), Fault>;

    /// Hides a message from others for so long from now on, at most twelve hours from when it was
    /// received.
    async fn extend(&self, receipt: &str, hidden: Duration) -> Result<(), Fault>;
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it says: the id of a job, or an event.
    pub body: String,
    /// What this receipt of it is known by.
    pub receipt: String,
    /// How often it was received, this time included.
    pub received: u32,
}
