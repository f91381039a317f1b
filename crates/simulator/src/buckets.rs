//! Token buckets: how many calls an account may make in a region.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lamplighter_core::Place;
pub use lamplighter_core::pace::Bucket;

/// How calls are throttled.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Throttling {
    /// Not at all.
    #[default]
    Off,
    /// With AWS's own buckets.
    Aws,
    /// With this bucket for each operation in each place.
    All(Bucket),
}

/// What is left in each bucket, and when that was so.
#[derive(Debug, Default)]
pub(crate) struct Buckets(BTreeMap<Place, BTreeMap<Name, (f64, Timestamp)>>);

/// An operation, and the capacity: some have another, smaller bucket for calls that cost more.
type Name = (&'static str, u64);

impl Buckets {
    /// Takes tokens out of a bucket, or says that there are not enough and takes none.
    pub(crate) fn take(
        &mut self,
        place: &Place,
        name: &'static str,
        bucket: Bucket,
        tokens: f64,
        now: Timestamp,
    ) -> bool {
        if !self.0.contains_key(place) {
            self.0.insert(place.clone(), BTreeMap::new());
        }
        let Some(here) = self.0.get_mut(place) else { return false };
        let (left, at) =
            here.entry((name, bucket.capacity.to_bits())).or_insert((bucket.capacity, now));
        let gained = now.duration_since(*at).as_secs_f64().max(0.0) * bucket.per_second;
        (*left, *at) = ((*left + gained).min(bucket.capacity), now.max(*at));
        let enough = *left >= tokens;
        if enough {
            *left -= tokens;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smaller_bucket_of_the_same_name_is_another() {
        let place = Place {
            account: "111122223333".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
        };
        let mut buckets = Buckets::default();
        let mut take = |capacity| {
            let bucket = Bucket::new(capacity, 0.0);
            buckets.take(&place, "DescribeVolumes", bucket, 1.0, Timestamp::UNIX_EPOCH)
        };
        assert_eq!([take(1.0), take(1.0), take(2.0), take(2.0)], [true, false, true, true]);
    }

    #[test]
    fn a_bucket_gives_what_it_holds_and_fills_again() {
        let place = Place {
            account: "111122223333".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
        };
        let mut buckets = Buckets::default();
        let mut take = |second, tokens| {
            let at = Timestamp::from_second(second).unwrap();
            buckets.take(&place, "StartInstances", Bucket::new(5.0, 2.0), tokens, at)
        };
        assert_eq!(
            [take(0, 4.0), take(0, 2.0), take(0, 1.0), take(0, 1.0)],
            [true, false, true, false]
        );
        assert_eq!([take(1, 3.0), take(1, 2.0)], [false, true]);
        assert_eq!([take(100, 6.0), take(100, 5.0)], [false, true]);
        assert!(!take(99, 1.0), "a clock that steps back fills nothing");
    }
}
