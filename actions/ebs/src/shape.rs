//! What volumes of each type can be, and what a task wants them to be. Pure.
//!
//! Sources: EC2 API, `CreateVolume` and `ModifyVolume`; EBS User Guide, "Amazon EBS volume types".

use std::ops::RangeInclusive;

use lamplighter_core::{action::BadParams, cloud::ec2::VolumeShape};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A type of volumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum VolumeType {
    /// General purpose, the one before `gp3`: its performance follows its size.
    Gp2,
    /// General purpose: 1 to 65,536 GiB, 3,000 to 80,000 IOPS, 125 to 2,000 MiB/s.
    Gp3,
    /// Provisioned IOPS, the one before `io2`: 100 to 64,000.
    Io1,
    /// Provisioned IOPS: 100 to 256,000.
    Io2,
    /// Cold hard disks, of 125 GiB and more.
    Sc1,
    /// Hard disks for throughput, of 125 GiB and more.
    St1,
    /// Magnetic, of the previous generation.
    Standard,
}

/// What a type of volumes can be.
struct Limits {
    name: &'static str,
    /// In GiB.
    sizes: RangeInclusive<u32>,
    /// IOPS that can be asked for, and the most for each GiB.
    iops: Option<(RangeInclusive<u32>, u32)>,
    /// MiB/s that can be asked for.
    throughput: Option<RangeInclusive<u32>>,
}

const fn limits(name: &'static str, sizes: RangeInclusive<u32>) -> Limits {
    Limits { name, sizes, iops: None, throughput: None }
}

/// IOPS for each MiB/s of a `gp3` volume.
const IOPS_PER_MIB: u32 = 4;
/// A `gp2` volume of more GiB than this is faster than a `gp3` volume is by itself: it reaches
/// [`GP2_THROUGHPUT`].
const GP2_FAST: u32 = 170;
/// In MiB/s.
const GP2_THROUGHPUT: u32 = 250;

static GP2: Limits = limits("gp2", 1..=16_384);
static GP3: Limits = Limits {
    iops: Some((3_000..=80_000, 500)),
    throughput: Some(125..=2_000),
    ..limits("gp3", 1..=65_536)
};
static IO1: Limits = Limits { iops: Some((100..=64_000, 50)), ..limits("io1", 4..=16_384) };
static IO2: Limits = Limits { iops: Some((100..=256_000, 1_000)), ..limits("io2", 4..=65_536) };
static SC1: Limits = limits("sc1", 125..=16_384);
static ST1: Limits = limits("st1", 125..=16_384);
static STANDARD: Limits = limits("standard", 1..=1_024);

impl VolumeType {
    const ALL: [VolumeType; 7] = [
        VolumeType::Gp2,
        VolumeType::Gp3,
        VolumeType::Io1,
        VolumeType::Io2,
        VolumeType::Sc1,
        VolumeType::St1,
        VolumeType::Standard,
    ];

    /// The type that AWS calls so.
    fn named(name: &str) -> Option<VolumeType> {
        VolumeType::ALL.into_iter().find(|it| it.limits().name == name)
    }

    fn limits(self) -> &'static Limits {
        match self {
            VolumeType::Gp2 => &GP2,
            VolumeType::Gp3 => &GP3,
            VolumeType::Io1 => &IO1,
            VolumeType::Io2 => &IO2,
            VolumeType::Sc1 => &SC1,
            VolumeType::St1 => &ST1,
            VolumeType::Standard => &STANDARD,
        }
    }
}

/// What a task wants volumes to be. What it does not say stays as it is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wish {
    pub(crate) volume_type: Option<VolumeType>,
    /// The least, in GiB.
    pub(crate) size: Option<u32>,
    pub(crate) iops: Option<u32>,
    /// In MiB/s.
    pub(crate) throughput: Option<u32>,
}

impl Wish {
    /// Refuses what no volume can be, or none of the type if it names one. The parameters are
    /// called `size`, `iops` and `throughput`.
    pub(crate) fn check(&self) -> Result<(), BadParams> {
        let types = self.volume_type.map_or(VolumeType::ALL.to_vec(), |it| vec![it]);
        let can = |fits: &dyn Fn(&Limits) -> bool| types.iter().any(|it| fits(it.limits()));
        let of = self.volume_type.map_or("volumes", |it| it.limits().name);
        let bad = |path: &str, what: &str, number: u32| {
            let message = format!("{of} cannot have {number} {what}");
            Err(BadParams { path: path.to_owned(), message })
        };
        if let Some(size) = self.size
            && !can(&|it| it.sizes.contains(&size))
        {
            return bad("size", "GiB", size);
        }
        if let Some(iops) = self.iops
            && !can(&|it| it.iops.as_ref().is_some_and(|(range, _)| range.contains(&iops)))
        {
            return bad("iops", "IOPS", iops);
        }
        if let Some(throughput) = self.throughput {
            if !can(&|it| it.throughput.as_ref().is_some_and(|range| range.contains(&throughput))) {
                return bad("throughput", "MiB/s", throughput);
            }
            if self.iops.is_some_and(|iops| throughput > iops / IOPS_PER_MIB) {
                let message = format!(
                    "`throughput` is at most a quarter of `iops`: {throughput} MiB/s need {} IOPS",
                    throughput * IOPS_PER_MIB
                );
                return Err(BadParams { path: "throughput".to_owned(), message });
            }
        }
        Ok(())
    }

    /// What a volume that is this becomes, or why it cannot become what is wanted. What it has
    /// stays, as far as its type has it.
    pub(crate) fn of(&self, had: &VolumeShape) -> Result<VolumeShape, String> {
        let named = self.volume_type.or_else(|| VolumeType::named(&had.volume_type));
        let Some(Limits { name, sizes, iops, throughput }) = named.map(VolumeType::limits) else {
            return Err(format!("nothing is known of volumes of type `{}`", had.volume_type));
        };
        let size = self.size.unwrap_or_default().max(had.size_gib);
        if !sizes.contains(&size) {
            let (least, most) = (sizes.start(), sizes.end());
            return Err(format!("{name} volumes have {least} to {most} GiB, not {size}"));
        }
        let iops = match (iops, self.iops) {
            (None, None) => None,
            (None, Some(_)) => return Err(format!("`iops` cannot be set for {name} volumes")),
            (Some((range, per_gib)), asked) => {
                let (least, most) = (*range.start(), (per_gib * size).min(*range.end()));
                // Small volumes can have what the type begins with all the same.
                let most = most.max(least);
                let kept = had.iops.map(|it| it.max(least));
                let kept = kept.or((name == &GP3.name).then_some(least));
                let Some(wanted) = asked.or(kept) else {
                    return Err(format!("{name} volumes need `iops`, and it has none to keep"));
                };
                if !(least..=most).contains(&wanted) {
                    return Err(format!(
                        "{name} volumes of {size} GiB have {least} to {most} IOPS, not {wanted}"
                    ));
                }
                Some(wanted)
            }
        };
        let throughput = match (throughput, self.throughput) {
            (None, None) => None,
            (None, Some(_)) => {
                return Err(format!("`throughput` cannot be set for {name} volumes"));
            }
            (Some(range), asked) => {
                let is_fast = had.volume_type == GP2.name && had.size_gib > GP2_FAST;
                let kept = had.throughput.or(is_fast.then_some(GP2_THROUGHPUT));
                let least = *range.start();
                let most = (iops.unwrap_or_default() / IOPS_PER_MIB).min(*range.end());
                let wanted = asked.unwrap_or(kept.unwrap_or(least).max(least));
                if !(least..=most).contains(&wanted) {
                    return Err(format!(
                        "{name} volumes of {} IOPS have {least} to {most} MiB/s, not {wanted}",
                        iops.unwrap_or_default()
                    ));
                }
                Some(wanted)
            }
        };
        Ok(VolumeShape { volume_type: (*name).to_owned(), size_gib: size, iops, throughput })
    }
}

/// Whether a volume that AWS describes so is what is wanted. AWS says what performance follows
/// from a size, too, which nobody can ask for.
pub(crate) fn is_so(described: &VolumeShape, wanted: &VolumeShape) -> bool {
    let same =
        |described: Option<u32>, wanted: Option<u32>| wanted.is_none_or(|_| described == wanted);
    described.volume_type == wanted.volume_type
        && described.size_gib == wanted.size_gib
        && same(described.iops, wanted.iops)
        && same(described.throughput, wanted.throughput)
}

/// Such as `gp3 of 20 GiB with 3000 IOPS and 125 MiB/s`.
pub(crate) fn in_words(it: &VolumeShape) -> String {
    let VolumeShape { volume_type, size_gib, iops, throughput } = it;
    let iops = iops.map(|it| format!(" with {it} IOPS"));
    let throughput = throughput.map(|it| format!(" and {it} MiB/s"));
    let (iops, throughput) = (iops.unwrap_or_default(), throughput.unwrap_or_default());
    format!("{volume_type} of {size_gib} GiB{iops}{throughput}")
}

#[cfg(test)]
mod tests;
