//! How the cloud behaves: what tests and fleets may set.

use jiff::SignedDuration;

use crate::{buckets::Throttling, rds};

/// How the cloud behaves.
#[derive(Clone, Debug)]
pub struct Dials {
    /// Resources that one page of a listing looks at, when it is a page. Those that the filter
    /// leaves out are missing on it, so pages may be short or empty and yet not the last.
    /// `None`: pages are as long as was asked for. In DynamoDB queries, scans and batches of reads
    /// are such listings.
    pub page_size: Option<usize>,
    /// How far describes lag behind writes; at most ten minutes.
    pub lag: Lag,
    /// How calls are throttled.
    pub throttling: Throttling,
    /// Whether ids count from one, such as `snap-1`, for tests that compare texts.
    pub short_ids: bool,
    /// Where the cloud is reached, such as `http://127.0.0.1:4566`, for what AWS tells callers as
    /// URLs. `None`: under AWS's own names.
    pub endpoint: Option<String>,
    /// How many times faster its clock is than that of callers: credentials hold for as long as
    /// callers believe. 1 and below: as long as they say.
    pub clock_speed: f64,
    /// How many snapshots an account may have in a region. AWS raises it on request.
    pub snapshot_quota: usize,
    /// How long things take.
    pub times: Times,
}

/// How long things take that AWS does in the background.
#[derive(Clone, Debug)]
pub struct Times {
    /// A new snapshot is pending.
    pub snapshot: SignedDuration,
    /// A copy of a snapshot is pending.
    pub snapshot_copy: SignedDuration,
    /// A snapshot moves to the archive.
    pub archive: SignedDuration,
    /// A snapshot comes back from the archive: up to 72 hours.
    pub archive_restore: SignedDuration,
    /// A snapshot of 1 TiB is made ready for fast restores in a zone.
    pub fast_restore: SignedDuration,
    /// A new volume is creating.
    pub volume: SignedDuration,
    /// A changed volume is optimizing.
    pub volume_optimizing: SignedDuration,
    /// An instance is pending.
    pub start: SignedDuration,
    /// An instance is stopping or shutting down while its operating system does.
    pub shutdown: SignedDuration,
    /// An instance is stopping or shutting down without its operating system, or forced.
    pub power_off: SignedDuration,
    /// The status checks of an instance that has booted are initializing.
    pub status_checks: SignedDuration,
    /// An instance is seen after it was terminated.
    pub terminated_seen: SignedDuration,
    /// An instance runs a command.
    pub command: SignedDuration,
    /// An image is seen after it was deregistered, and its name is taken.
    pub deregistered_seen: SignedDuration,
    /// A DynamoDB table is being made, changed, or deleted.
    pub table: SignedDuration,
    /// A DynamoDB table changes between provisioned and on-demand capacity.
    pub billing_mode: SignedDuration,
    /// An index is made on a DynamoDB table that is there, or taken away.
    pub index: SignedDuration,
    /// A backup of a DynamoDB table is being made.
    pub table_backup: SignedDuration,
    /// Whatever happens to databases.
    pub databases: rds::Times,
}

impl Default for Times {
    fn default() -> Times {
        Times {
            snapshot: SignedDuration::from_mins(5),
            snapshot_copy: SignedDuration::from_mins(10),
            archive: SignedDuration::from_hours(1),
            archive_restore: SignedDuration::from_hours(24),
            fast_restore: SignedDuration::from_hours(1),
            volume: SignedDuration::from_secs(5),
            volume_optimizing: SignedDuration::from_hours(1),
            start: SignedDuration::from_secs(20),
            shutdown: SignedDuration::from_secs(45),
            power_off: SignedDuration::from_secs(15),
            status_checks: SignedDuration::from_mins(3),
            terminated_seen: SignedDuration::from_hours(1),
            command: SignedDuration::from_secs(1),
            deregistered_seen: SignedDuration::from_mins(5),
            table: SignedDuration::from_secs(10),
            billing_mode: SignedDuration::from_mins(3),
            index: SignedDuration::from_mins(5),
            table_backup: SignedDuration::from_secs(5),
            databases: rds::Times::default(),
        }
    }
}

/// How far describes lag behind writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lag {
    /// Each shows what was so long ago.
    Always(SignedDuration),
    /// Each shows what was at some moment not longer ago than this: what one call has shown, the
    /// next one may not.
    UpTo(SignedDuration),
}

impl Default for Dials {
    fn default() -> Dials {
        Dials {
            page_size: None,
            lag: Lag::Always(SignedDuration::ZERO),
            throttling: Throttling::Off,
            short_ids: false,
            endpoint: None,
            clock_speed: 1.0,
            snapshot_quota: 100_000,
            times: Times::default(),
        }
    }
}
