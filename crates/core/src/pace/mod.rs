//! How fast AWS may be called: who of those that wait may call next, and when.
//!
//! AWS pays for the calls of everybody in an account from token buckets, one for each API in each
//! region. A [`Pacer`] has a [`Lane`] for each of them, which draws a share of what AWS gives,
//! less after AWS has asked to slow down, and takes turns between tasks. All of it is a function
//! of the time: whoever calls AWS asks, waits as long as he is told, and asks again.

mod lane;
mod published;

use std::{collections::HashMap, time::Duration};

pub use lane::{Lane, Ticket, Turn};
pub use published::{Bucket, Call, Share, dynamodb, ec2, published};

use crate::{Place, TaskName};

/// Lanes, above which those that nobody needs are forgotten.
const MANY: usize = 1_000;

/// The lanes of one process, to all accounts and regions.
#[derive(Debug)]
pub struct Pacer {
    share: Share,
    patience: Duration,
    lanes: HashMap<(Place, String), Lane<TaskName>>,
}

impl Pacer {
    /// Takes this share of each of AWS's buckets. Whoever would have to wait longer than
    /// `patience` is turned away.
    pub fn new(share: Share, patience: Duration) -> Pacer {
        Pacer { share, patience, lanes: HashMap::new() }
    }

    /// The lane to a bucket of this name in a place. A new one is full.
    pub fn lane(&mut self, place: &Place, name: &str, now: Duration) -> &mut Lane<TaskName> {
        let key = (place.clone(), name.to_owned());
        if self.lanes.len() >= MANY && !self.lanes.contains_key(&key) {
            self.lanes.retain(|_, lane| !lane.is_idle(now));
        }
        let (share, patience) = (self.share, self.patience);
        self.lanes.entry(key).or_insert_with(|| Lane::new(share.of(published(name)), patience, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(region: &str) -> Place {
        Place { account: "111122223333".parse().unwrap(), region: region.parse().unwrap() }
    }

    #[test]
    fn each_place_and_api_has_a_lane_and_keeps_it_while_it_is_needed() {
        let mut pacer = Pacer::new(Share::default(), Duration::ZERO);
        let task: TaskName = "nightly".parse().unwrap();
        let mut calls = |region: &str, name: &str, seconds: u64| {
            let now = Duration::from_secs(seconds);
            (0..1_000)
                .take_while(|_| {
                    let lane = pacer.lane(&place(region), name, now);
                    lane.ask(task.clone(), 1.0, now).1 == Turn::Go
                })
                .count()
        };
        assert_eq!(calls("eu-west-1", "ec2:DescribeVolumes", 0), 70);
        assert_eq!(calls("eu-west-1", "ec2:DescribeVolumes", 0), 0);
        assert_eq!(calls("us-east-1", "ec2:DescribeVolumes", 0), 70);
        assert_eq!(calls("eu-west-1", "ec2:DescribeSnapshots", 0), 70);
        for other in 0..MANY {
            calls("eu-west-1", &format!("rds:{other}"), 0);
        }
        assert_eq!(calls("eu-west-1", "ec2:DescribeVolumes", 1), 14, "it is not forgotten");
        assert_eq!(calls("eu-west-1", "ec2:DescribeVolumes", 10_000), 70);
        pacer.lane(&place("eu-west-1"), "ec2:CopyImage", Duration::from_secs(20_000));
        assert!(pacer.lanes.len() < MANY, "those that nobody needs are");
    }
}
