//! Fast snapshot restores. What could not be done is in the answer, and no error.

use async_trait::async_trait;
use aws_sdk_ec2::types::{
    DescribeFastSnapshotRestoreSuccessItem, FastSnapshotRestoreStateCode as Code,
};
use lamplighter_core::{
    Fault,
    classify::classify,
    cloud::{
        Page, PageToken,
        ec2::{FastRestore, FastRestoreState, FastRestores},
    },
    select::ServerFilter,
};

use super::{Ec2Client, filters, next};
use crate::fault::plain;

/// The longest page. Source: EC2 API, `DescribeFastSnapshotRestores`.
const PAGE: i32 = 200;

#[async_trait]
impl FastRestores for Ec2Client {
    async fn fast_restores(
        &self,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<FastRestore>, Fault> {
        let call = self.call("listing fast restores", "ec2:DescribeFastSnapshotRestores");
        let request = self
            .client
            .describe_fast_snapshot_restores()
            .set_filters(filters(filter, "snapshot-id"))
            .max_results(PAGE)
            .set_next_token(page.map(|token| token.0));
        let answer = call.answer(request.send().await)?;
        let items = answer.fast_snapshot_restores().iter().map(read).collect::<Result<_, _>>();
        let items = items.map_err(|what| call.unreadable(&what, &answer))?;
        Ok(Page { items, next: next(answer.next_token()) })
    }

    async fn enable_fast_restore(&self, snapshot: &str, zone: &str) -> Result<(), Fault> {
        let doing = format!("enabling fast restores of `{snapshot}` in {zone}");
        let call = self.call(&doing, "ec2:EnableFastSnapshotRestores");
        let request = self
            .client
            .enable_fast_snapshot_restores()
            .source_snapshot_ids(snapshot)
            .availability_zones(zone);
        let answer = call.answer(request.send().await)?;
        let failed =
            answer.unsuccessful().iter().flat_map(|it| it.fast_snapshot_restore_state_errors());
        let error = failed.filter_map(|it| it.error()).next();
        error.map_or(Ok(()), |it| Err(refused(&doing, it.code(), it.message())))
    }

    async fn disable_fast_restore(&self, snapshot: &str, zone: &str) -> Result<(), Fault> {
        let doing = format!("disabling fast restores of `{snapshot}` in {zone}");
        let call = self.call(&doing, "ec2:DisableFastSnapshotRestores");
        let request = self
            .client
            .disable_fast_snapshot_restores()
            .source_snapshot_ids(snapshot)
            .availability_zones(zone);
        let answer = call.answer(request.send().await)?;
        let failed =
            answer.unsuccessful().iter().flat_map(|it| it.fast_snapshot_restore_state_errors());
        let error = failed.filter_map(|it| it.error()).next();
        error.map_or(Ok(()), |it| Err(refused(&doing, it.code(), it.message())))
    }
}

/// The fault of an answer that says what could not be done.
fn refused(doing: &str, code: Option<&str>, message: Option<&str>) -> Fault {
    let fault = Fault::new(classify(code, None), doing.to_owned());
    let fault = fault.caused_by(plain(message.unwrap_or("AWS does not say why")));
    match code {
        Some(code) => fault.with_code(code),
        None => fault,
    }
}

fn read(found: &DescribeFastSnapshotRestoreSuccessItem) -> Result<FastRestore, String> {
    let snapshot = found.snapshot_id().ok_or("a fast restore without a snapshot")?;
    let lacks = |what: &str| format!("a fast restore of `{}` without {what}", plain(snapshot));
    let state = match found.state().ok_or_else(|| lacks("a state"))? {
        Code::Enabling => FastRestoreState::Enabling,
        Code::Optimizing => FastRestoreState::Optimizing,
        Code::Enabled => FastRestoreState::Enabled,
        Code::Disabling => FastRestoreState::Disabling,
        Code::Disabled => FastRestoreState::Disabled,
        other => {
            let state = plain(other.as_str());
            return Err(lacks(&format!("a state that this version knows: `{state}`")));
        }
    };
    Ok(FastRestore {
        snapshot: snapshot.to_owned(),
        zone: found.availability_zone().ok_or_else(|| lacks("a zone"))?.to_owned(),
        state,
        reason: found.state_transition_reason().filter(|it| !it.is_empty()).map(plain),
    })
}
