//! EC2 and EBS in one account and region.

pub(crate) mod accepted;
pub(crate) mod client_tokens;
pub(crate) mod filter;
pub(crate) mod ids;
pub(crate) mod images;
pub(crate) mod instances;
pub(crate) mod listing;
pub(crate) mod regions;
pub(crate) mod tags;
pub(crate) mod volumes;

use jiff::Timestamp;
use lamplighter_core::Place;

use crate::{buckets::Bucket, cloud::State, shelf::Shelf, table::Entry};

/// The operations that are here.
pub(crate) const OPERATIONS: &[Entry] =
    &[Entry::ec2::<regions::DescribeRegions>(), Entry::ec2::<volumes::DescribeVolumes>()];

/// What is there.
#[derive(Default)]
pub(crate) struct Ec2 {
    pub(crate) volumes: Shelf<volumes::Volume>,
    pub(crate) instances: Shelf<instances::Instance>,
    pub(crate) market: instances::Market,
    pub(crate) images: Shelf<images::Image>,
    pub(crate) backings: Shelf<images::Backing>,
    pub(crate) client_tokens: client_tokens::ClientTokens,
}

/// What happens by itself later.
#[derive(Debug)]
pub(crate) enum Happening {
    /// To an instance.
    Instance(instances::Happening),
    /// To an image.
    Image(images::Happening),
}

/// Lets something happen.
pub(crate) fn happen(state: &mut State, place: &Place, happening: Happening, at: Timestamp) {
    match happening {
        Happening::Instance(it) => instances::happen(state, place, it, at),
        Happening::Image(it) => images::happen(state, place, it, at),
    }
}

/// The buckets that calls are paid from.
/// Source: EC2 Developer Guide, "Request throttling for the Amazon EC2 API".
pub(crate) mod bucket {
    use super::Bucket;

    /// `Describe*` and `Get*`.
    pub(crate) const READS: Bucket = Bucket::new(100.0, 20.0);
    /// A few describes without a filter and without a page size.
    pub(crate) const READS_ALL: Bucket = Bucket::new(50.0, 10.0);
    /// What changes something and has no bucket of its own.
    pub(crate) const WRITES: Bucket = Bucket::new(50.0, 5.0);
}
