//! A simulated organization: AWS accounts in memory, strict about AWS's own rules, behind the
//! ports of the core and over AWS's own wire protocols.

#[expect(unused_imports, reason = "the services ask it")]
#[cfg_attr(not(test), expect(dead_code, reason = "the services ask it"))]
mod iam;
mod wire;

pub use iam::{IdentityPolicy, PolicyError, ResourcePolicy, TrustPolicy};
