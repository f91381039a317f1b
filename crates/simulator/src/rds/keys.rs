//! What RDS needs of KMS keys.
//!
//! Source: RDS User Guide, "Encrypting Amazon RDS resources" and "Copying a DB snapshot", how
//! permissions for KMS keys are used.

use std::sync::Arc;

use lamplighter_core::Region;

use crate::{
    kms::{self, Kms, Manager, Use},
    operation::Cx,
    refusal::Refusal,
};

/// The key that AWS has in each place for RDS.
const DEFAULT: &str = "alias/aws/rds";

/// The ARN of the key that something new is encrypted with: the one that is named by id, ARN or
/// alias, or the default one. It must be in this region.
pub(crate) fn target(cx: &Cx<'_>, named: Option<&str>) -> Result<Arc<str>, Refusal> {
    let key = match named {
        None => Kms::managed(cx.place, DEFAULT),
        Some(named) => Kms::resolve(cx.state, cx.place, named),
    };
    match is_usable(cx, &cx.place.region, &key, Use::RDS_TARGET) {
        true => Ok(key),
        false => Err(inaccessible("The target KMS key", &key)),
    }
}

/// Refuses what is encrypted with a key that the caller cannot use where it is.
pub(crate) fn check(
    cx: &Cx<'_>,
    (what, use_): (&str, Use),
    region: &Region,
    key: &str,
) -> Result<(), Refusal> {
    match is_usable(cx, region, key, use_) {
        true => Ok(()),
        false => Err(inaccessible(what, key)),
    }
}

/// Uses a key of this region for the caller, or refuses what is encrypted with one that the caller
/// cannot use.
pub(crate) fn use_(cx: &mut Cx<'_>, (what, use_): (&str, Use), key: &str) -> Result<(), Refusal> {
    match kms::use_key(cx.state, cx.caller, &cx.place.region, key, use_) {
        Ok(()) => Ok(()),
        Err(_) => Err(inaccessible(what, key)),
    }
}

/// The refusal of a copy that needs a key and names none.
pub(crate) fn no_target() -> Refusal {
    inaccessible("The target KMS key", "None")
}

/// Whether a key is one that AWS manages, which no other account can ever use.
pub(crate) fn is_default(cx: &Cx<'_>, key: &str) -> bool {
    Kms::find(cx.state, key).is_some_and(|it| it.manager == Manager::Aws)
}

fn is_usable(cx: &Cx<'_>, region: &Region, key: &str, use_: Use) -> bool {
    kms::usable(cx.state, cx.caller, region, key, use_).is_ok()
}

fn inaccessible(what: &str, key: &str) -> Refusal {
    let message = format!(
        "{what} [{key}] does not exist, is not enabled or you do not have permissions to access it."
    );
    Refusal::new("KMSKeyNotAccessibleFault", message)
}
