//! What all actions on instances leave alone, and how they look at one.

use std::time::Duration;

use lamplighter_core::{
    Doing, Fault, StepCx,
    cloud::instances::{Checks, Instance},
};

/// The wait between two looks at an instance that is on its way.
/// Source: the waiters of EC2, which look every 15 seconds.
pub(crate) const LOOK: Duration = Duration::from_secs(15);
/// The wait between two looks at status checks, which AWS makes every minute.
/// Source: EC2 User Guide, "Status checks for Amazon EC2 instances".
pub(crate) const LOOK_AT_CHECKS: Duration = Duration::from_secs(60);

/// The instance is not in a state for this: what was seen of it is out of date.
pub(crate) const WRONG_STATE: [&str; 2] = ["IncorrectInstanceState", "InvalidInstanceState"];

/// Why an instance is not ours to start, stop or change, if it is not.
pub(crate) fn out_of_bounds(it: &Instance) -> Option<String> {
    if let Some(manager) = &it.managed_by {
        return Some(format!("`{manager}` manages it"));
    }
    // A member that is stopped is unhealthy to its group, which replaces it; one that the group
    // keeps stopped waits in its warm pool.
    let group = it.auto_scaling_group.as_ref()?;
    Some(format!("the Auto Scaling group `{group}` decides over it"))
}

/// The instance as AWS shows it, which lags behind changes.
pub(crate) async fn look(cx: &StepCx<'_>, id: &str) -> Result<Instance, Fault> {
    let found = cx.here.instances().instance(id).await.doing(format!("looking at `{id}`"))?;
    found.ok_or_else(|| Fault::permanent(format!("`{id}` is gone")))
}

/// Whether a fault has one of these codes.
pub(crate) fn has_code(fault: &Fault, codes: &[&str]) -> bool {
    fault.code.as_deref().is_some_and(|code| codes.contains(&code))
}

/// Whether the status checks of an instance have passed.
pub(crate) async fn checked(cx: &StepCx<'_>, id: &str) -> Result<bool, Fault> {
    let checks = cx.here.instances().checks(id).await;
    Ok(checks.doing(format!("looking at the status checks of `{id}`"))? == Checks::Passed)
}
