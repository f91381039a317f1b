//! A simulated organization: AWS accounts in memory, strict about AWS's own rules, behind the
//! ports of the core and over AWS's own wire protocols.

mod iam;
mod wire;
