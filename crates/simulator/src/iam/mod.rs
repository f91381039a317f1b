//! Who may do what: policies as IAM evaluates them, from the documents that roles and keys carry
//! to the words of a refusal. Pure: no accounts, no roles, no clock. Who asks says who asks, what
//! for, and what the request says about itself.
//!
//! Not for service control policies and permissions boundaries: there are none here.

mod condition;
mod context;
mod decision;
mod document;
mod pattern;
mod policy;
mod principal;
mod refusal;
mod statement;
mod truth;

pub(crate) use context::Context;
pub(crate) use decision::{Decision, Need, Own, PolicyKind};
pub(crate) use decision::{guarded, identity};
pub use policy::{IdentityPolicy, PolicyError, ResourcePolicy, TrustPolicy};
pub(crate) use principal::Caller;
pub(crate) use refusal::{Protocol, Refusal};
