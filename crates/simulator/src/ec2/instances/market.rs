//! Where instance types are offered, and whether there is capacity.
//!
//! Source: EC2 Developer Guide, "Error codes": `InsufficientInstanceCapacity`, `Unsupported`,
//! `VcpuLimitExceeded`; EC2 User Guide, "Troubleshoot instance launch issues".

use std::collections::{BTreeMap, BTreeSet};

use lamplighter_core::Region;

use super::{Instance, types::InstanceType};
use crate::refusal::Refusal;

/// What can be had in a place. Everything, unless somebody says otherwise.
#[derive(Debug, Default)]
pub(crate) struct Market {
    /// No capacity: for a type in an Availability Zone.
    pub(crate) shortages: BTreeMap<(Box<str>, Box<str>), Shortage>,
    /// Not offered at all: a type in an Availability Zone.
    pub(crate) not_offered: BTreeSet<(Box<str>, Box<str>)>,
    /// The account's quota of running vCPUs. `None`: no limit.
    pub(crate) vcpu_limit: Option<u32>,
}

/// How a place without capacity says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortage {
    /// The call is refused.
    Refuses,
    /// The call is accepted; the instance does not become `running`.
    FailsLater,
}

impl Market {
    /// The shortage of a type in a zone.
    pub(crate) fn shortage(&self, kind: &InstanceType, zone: &str) -> Option<Shortage> {
        self.shortages.get(&(kind.name.into(), zone.into())).copied()
    }

    /// Whether a type is offered in a zone.
    pub(crate) fn offers(&self, kind: &InstanceType, zone: &str) -> bool {
        !self.not_offered.contains(&(kind.name.into(), zone.into()))
    }

    /// Refuses what cannot run in a zone now.
    pub(super) fn check(&self, kind: &InstanceType, zone: &str) -> Result<(), Refusal> {
        let name = kind.name;
        if !self.offers(kind, zone) {
            let message = format!(
                "Your requested instance type ({name}) is not supported in your requested \
                 Availability Zone ({zone})."
            );
            return Err(Refusal::new("Unsupported", message));
        }
        if self.shortage(kind, zone) == Some(Shortage::Refuses) {
            let message = format!(
                "We currently do not have sufficient {name} capacity in the Availability Zone \
                 you requested ({zone})."
            );
            return Err(Refusal::new("InsufficientInstanceCapacity", message).status(500));
        }
        Ok(())
    }

    /// Refuses more vCPUs than the quota has left beside those that run.
    pub(super) fn check_vcpus<'i>(
        &self,
        running: impl Iterator<Item = &'i Instance>,
        more: u32,
    ) -> Result<(), Refusal> {
        let Some(limit) = self.vcpu_limit else { return Ok(()) };
        let used: u32 = running.filter(|it| it.power.is_up()).map(|it| it.kind.vcpus).sum();
        if used + more <= limit {
            return Ok(());
        }
        let message = format!(
            "You have requested more vCPU capacity than your current vCPU limit of {limit} allows"
        );
        Err(Refusal::new("VcpuLimitExceeded", message))
    }
}

/// The Availability Zones of a region, by name and id.
/// Source: EC2 User Guide, "Availability Zone IDs".
pub(crate) fn zones(region: &Region) -> [(String, String); 3] {
    let name = region.to_string();
    let mut words = name.split('-');
    let country = words.next().unwrap_or_default();
    let rest = words.map(|word| match word {
        "northeast" => "ne",
        "northwest" => "nw",
        "southeast" => "se",
        "southwest" => "sw",
        "gov" => "g",
        number if number.starts_with(|it: char| it.is_ascii_digit()) => number,
        other => other.get(..1).unwrap_or_default(),
    });
    let short: String = std::iter::once(country).chain(rest).collect();
    [('a', 1), ('b', 2), ('c', 3)]
        .map(|(letter, number)| (format!("{name}{letter}"), format!("{short}-az{number}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_named_after_their_region() {
        let first = |region: &str| zones(&region.parse().unwrap())[0].clone();
        for (region, name, id) in [
            ("eu-west-1", "eu-west-1a", "euw1-az1"),
            ("us-east-1", "us-east-1a", "use1-az1"),
            ("ap-northeast-2", "ap-northeast-2a", "apne2-az1"),
            ("eu-central-1", "eu-central-1a", "euc1-az1"),
        ] {
            assert_eq!(first(region), (name.to_owned(), id.to_owned()));
        }
    }
}
