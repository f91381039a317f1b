//! The EC2 port: locks of snapshots.

use async_trait::async_trait;
use lamplighter_core::{
    Fault,
    cloud::{
        Page, PageToken,
        ec2::{Lock, Locks, NewLock},
    },
};

use super::Inside;
use crate::ec2::{
    listing,
    lock::{DescribeLockedSnapshots, LockSnapshot},
};

#[async_trait]
impl Locks for Inside {
    async fn locks(&self, page: Option<PageToken>) -> Result<Page<Lock>, Fault> {
        let request = DescribeLockedSnapshots {
            max_results: Some(listing::MOST),
            next_token: page.map(|it| it.0),
            ..DescribeLockedSnapshots::default()
        };
        self.make(request, |it| Page {
            items: it.snapshot_set.iter().map(Lock::from).collect(),
            next: it.next_token.map(PageToken),
        })
        .await
    }

    async fn lock_of(&self, snapshot: &str) -> Result<Option<Lock>, Fault> {
        let request = DescribeLockedSnapshots {
            snapshot_id: vec![snapshot.to_owned()],
            ..DescribeLockedSnapshots::default()
        };
        self.make(request, |it| it.snapshot_set.first().map(Lock::from)).await
    }

    async fn lock_snapshot(&self, snapshot: &str, new: &NewLock) -> Result<(), Fault> {
        let request = LockSnapshot {
            snapshot_id: snapshot.to_owned(),
            lock_mode: new.mode.into(),
            cool_off_period: new.cool_off_hours,
            lock_duration: None,
            expiration_date: Some(new.until),
        };
        self.make(request, |_| ()).await
    }
}
