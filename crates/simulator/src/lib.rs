//! A simulated organization: AWS accounts in memory, strict about AWS's own rules, behind the
//! ports of the core and over AWS's own wire protocols.

mod access;
mod agenda;
mod arn;
#[cfg(test)]
mod bed;
mod buckets;
mod cloud;
mod dials;
mod dynamodb;
mod ec2;
mod events;
mod faults;
pub mod fleet;
mod iam;
mod kms;
mod laws;
mod operation;
mod organization;
mod organizations;
mod pages;
mod plant;
mod ports;
mod random;
mod rds;
mod refusal;
mod scaling;
mod serve;
mod shelf;
mod sqs;
mod ssm;
mod sts;
mod table;
mod trail;
mod wildcard;
mod wire;
pub mod words;

pub use buckets::{Bucket, Throttling};
pub use cloud::Cloud;
pub use dials::{Dials, Lag, Times};
pub use ec2::instances::Shortage;
pub use events::Event;
pub use faults::{Rule, Rules, Throttle};
pub use fleet::Fleet;
pub use iam::{IdentityPolicy, PolicyError, ResourcePolicy, TrustPolicy};
pub use operation::Access;
pub use organization::{Caller, Role};
pub use plant::Protection;
pub use ports::{Accounts, After, Calm, Door, Passing, Weather};
pub use random::Random;
pub use rds::Times as DatabaseTimes;
pub use refusal::Refusal;
pub use serve::EndPoint;
pub use table::operations;
pub use trail::{Call, Outcome};
