//! The jobs that one worker takes a step of now.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::JobId;

/// The jobs that one worker takes a step of now. Clones share them.
///
/// Leases keep workers apart from each other, but not a worker from itself: the journal takes a
/// write that says the same as the last one for that one, repeated because its answer was lost.
/// Two steps that begin at the same instant would write the same lease, and both win it.
#[derive(Clone, Debug, Default)]
pub(super) struct InHand(Arc<Mutex<BTreeSet<JobId>>>);

/// As long as it lives, nobody else of this worker has the job.
pub(super) struct Taken<'a> {
    all: &'a InHand,
    job: JobId,
}

impl InHand {
    /// Takes a job, unless it is taken.
    pub(super) fn take(&self, job: &JobId) -> Option<Taken<'_>> {
        let taken = || Taken { all: self, job: job.clone() };
        self.jobs().insert(job.clone()).then(taken)
    }

    fn jobs(&self) -> MutexGuard<'_, BTreeSet<JobId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.all.jobs().remove(&self.job);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_in_one_hand_at_a_time() {
        let all = InHand::default();
        let (one, other): (JobId, JobId) =
            ("a@2026-03-29T02:00:00Z".parse().unwrap(), "b@2026-03-29T02:00:00Z".parse().unwrap());
        let held = all.take(&one);
        assert!(held.is_some() && all.clone().take(&one).is_none());
        assert!(all.take(&other).is_some());
        drop(held);
        assert!(all.take(&one).is_some());
    }
}
