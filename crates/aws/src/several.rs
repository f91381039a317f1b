//! Several calls at a time, without a task for each.

use futures_util::{StreamExt, TryStreamExt, stream};
use lamplighter_core::Fault;

/// Does all of these, at most so many at a time, until one fails. Returns what they did, in their
/// order.
pub(crate) async fn several<T>(
    at_a_time: usize,
    calls: impl IntoIterator<Item = impl Future<Output = Result<T, Fault>>>,
) -> Result<Vec<T>, Fault> {
    // Not one by one out of the iterator: its closure would have to be good for any lifetime.
    let calls: Vec<_> = calls.into_iter().collect();
    stream::iter(calls).buffered(at_a_time).try_collect().await
}
