//! Locks of snapshots.

use async_trait::async_trait;
use aws_sdk_ec2::types::{LockMode as Mode, LockState as State, LockedSnapshotsInfo};
use aws_smithy_types::DateTime;
use lamplighter_core::{
    Fault,
    cloud::{
        Page, PageToken,
        ec2::{Lock, LockMode, LockState, Locks, NewLock},
    },
};

use super::{
    Ec2Client, PAGE, next,
    read::{instant, number},
};
use crate::fault::plain;

#[async_trait]
impl Locks for Ec2Client {
    async fn locks(&self, page: Option<PageToken>) -> Result<Page<Lock>, Fault> {
        let call = self.call("listing locked snapshots", "ec2:DescribeLockedSnapshots");
        let request = self
            .client
            .describe_locked_snapshots()
            .max_results(PAGE)
            .set_next_token(page.map(|token| token.0));
        let answer = call.answer(request.send().await)?;
        let items = answer.snapshots().iter().map(lock).collect::<Result<_, _>>();
        let items = items.map_err(|what| call.unreadable(&what, &answer))?;
        Ok(Page { items, next: next(answer.next_token()) })
    }

    async fn lock_of(&self, snapshot: &str) -> Result<Option<Lock>, Fault> {
        let doing = format!("asking for the lock of `{snapshot}`");
        let call = self.call(&doing, "ec2:DescribeLockedSnapshots");
        let request = self.client.describe_locked_snapshots().snapshot_ids(snapshot);
        let answer = call.answer(request.send().await)?;
        let found = answer.snapshots().first().map(lock).transpose();
        found.map_err(|what| call.unreadable(&what, &answer))
    }

    async fn lock_snapshot(&self, snapshot: &str, new: &NewLock) -> Result<(), Fault> {
        let doing = format!("locking `{snapshot}`");
        let call = self.call(&doing, "ec2:LockSnapshot");
        let mode = match new.mode {
            LockMode::Governance => Mode::Governance,
            LockMode::Compliance => Mode::Compliance,
        };
        let request = self
            .client
            .lock_snapshot()
            .snapshot_id(snapshot)
            .lock_mode(mode)
            .expiration_date(DateTime::from_secs(new.until.as_second()))
            .set_cool_off_period(new.cool_off_hours.and_then(|it| it.try_into().ok()));
        call.answer(request.send().await).map(|_| ())
    }
}

fn lock(found: &LockedSnapshotsInfo) -> Result<Lock, String> {
    let snapshot = found.snapshot_id().ok_or("a lock without a snapshot")?;
    let lacks = |what: &str| format!("the lock of `{}` without {what}", plain(snapshot));
    let state = match found.lock_state().ok_or_else(|| lacks("a state"))? {
        State::Governance => LockState::Governance,
        State::ComplianceCooloff => LockState::Cooling,
        State::Compliance => LockState::Compliance,
        State::Expired => LockState::Expired,
        other => {
            let state = plain(other.as_str());
            return Err(lacks(&format!("a state that this version knows: `{state}`")));
        }
    };
    Ok(Lock {
        snapshot: snapshot.to_owned(),
        state,
        days: number(found.lock_duration()).ok_or_else(|| lacks("a length"))?,
        expires_at: instant(found.lock_expires_on()),
    })
}
