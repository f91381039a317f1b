//! Time in a world: the rehearsal of its engines, which has to come to an end.

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{Clock, Engine};
use lamplighter_rehearsal::Stuck;

use crate::World;

/// Jobs that are open for longer than this never end: the longest queue is a week.
const LONGEST_RUN: SignedDuration = SignedDuration::from_hours(24 * 8);

impl World {
    /// Ticks once, at the time it is, and does what is due then.
    #[track_caller]
    pub fn tick(&mut self, engines: &[Engine]) {
        self.run_until(engines, self.clock().now());
    }

    /// Lets time go on until no job is open and no message is left.
    #[track_caller]
    pub fn run_to_the_end(&mut self, engines: &[Engine]) {
        self.rehearsal.employ(engines.to_vec());
        let ended = self.rehearsal.run_to_the_end(self.clock().now() + LONGEST_RUN);
        self.assert_ended(ended);
    }

    /// Does what happens until an instant: a tick at once, another one in each minute, and all
    /// that comes of them.
    #[track_caller]
    pub fn run_until(&mut self, engines: &[Engine], until: Timestamp) {
        self.rehearsal.employ(engines.to_vec());
        let ended = self.rehearsal.run_until(until);
        self.assert_ended(ended);
    }

    #[track_caller]
    fn assert_ended(&self, ended: Result<(), Stuck>) {
        if let Err(stuck) = ended {
            panic!("{stuck}:\n{}", self.records());
        }
    }
}
