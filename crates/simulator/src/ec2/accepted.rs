//! The answer that says nothing but that the call was accepted.

use serde::Serialize;

/// The call was accepted.
#[derive(Debug, Serialize)]
pub(crate) struct Accepted {
    #[serde(rename = "return")]
    accepted: bool,
}

impl Accepted {
    pub(crate) const YES: Accepted = Accepted { accepted: true };
}
