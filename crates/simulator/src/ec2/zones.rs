//! Availability zones: each region has three, called by its name and a letter.

use lamplighter_core::Region;

use crate::refusal::Refusal;

/// Refuses a zone that the region does not have.
pub(super) fn check(region: &Region, zone: &str) -> Result<(), Refusal> {
    if matches!(zone.strip_prefix(region.as_str()), Some("a" | "b" | "c")) {
        return Ok(());
    }
    let message = format!("The zone '{zone}' does not exist.");
    Err(Refusal::new("InvalidZone.NotFound", message))
}
