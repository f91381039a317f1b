//! How far the listing of a place has come.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

use crate::{JobId, action::Kept, cloud::PageToken};

/// How long a listing that was broken off may go on. What is on its first pages must not be too
/// old, and AWS does not keep its place for ever.
const KEPT: SignedDuration = SignedDuration::from_mins(15);

/// What was found on the pages so far. When a page cannot be had, it can go on there.
#[derive(Debug)]
pub(super) struct Listing {
    /// The instant for which all of it is decided.
    pub(super) now: Timestamp,
    /// Selected resources.
    pub(super) selected: Vec<Kept>,
    /// Resources of which it is not known whether they are selected, and why.
    pub(super) unknown: Vec<(Kept, String)>,
    /// Selected resources of an event that the task itself has made.
    pub(super) own: Vec<Kept>,
    /// How many resources there were.
    pub(super) listed: u64,
    /// How many pages there were.
    pub(super) pages: usize,
    /// The page that comes next, when there were some.
    pub(super) next: Option<PageToken>,
}

impl Listing {
    /// A listing that begins.
    pub(super) fn new(now: Timestamp) -> Listing {
        Listing {
            now,
            selected: Vec::new(),
            unknown: Vec::new(),
            own: Vec::new(),
            listed: 0,
            pages: 0,
            next: None,
        }
    }

    /// Whether there is no page any more.
    pub(super) fn has_ended(&self) -> bool {
        self.pages > 0 && self.next.is_none()
    }
}

/// Listings that were broken off because AWS asked to slow down, by their jobs. Without this, a
/// place that is larger than what AWS gives at a time would begin anew for ever. It saves time and
/// nothing else: a listing that is not here begins anew. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Listings(Arc<Mutex<BTreeMap<JobId, Listing>>>);

impl Listings {
    /// Keeps a listing until the job is tried again.
    pub(super) fn keep(&self, job: &JobId, listing: Listing, now: Timestamp) {
        let mut all = self.all();
        all.retain(|_, it| is_fresh(it, now));
        all.insert(job.clone(), listing);
    }

    /// The listing of a job, if it may go on.
    pub(super) fn take(&self, job: &JobId, now: Timestamp) -> Option<Listing> {
        self.all().remove(job).filter(|it| is_fresh(it, now))
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<JobId, Listing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_fresh(listing: &Listing, now: Timestamp) -> bool {
    now.duration_since(listing.now) < KEPT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_goes_on_once_and_while_it_is_fresh() {
        let all = Listings::default();
        let job: JobId = "a@2026-03-29T02:00:00Z".parse().unwrap();
        let other: JobId = "b@2026-03-29T02:00:00Z".parse().unwrap();
        let at = |minutes| Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes);
        let keep = |job| all.clone().keep(job, Listing::new(at(0)), at(1));
        let found = |job, minutes| all.take(job, at(minutes)).is_some();
        keep(&job);
        assert!(!found(&other, 2));
        assert_eq!([found(&job, 14), found(&job, 14)], [true, false]);
        keep(&job);
        assert!(!found(&job, 15));
        keep(&job);
        all.keep(&other, Listing::new(at(15)), at(15));
        assert_eq!(all.all().keys().collect::<Vec<_>>(), [&other], "nobody came back to it");
    }
}
