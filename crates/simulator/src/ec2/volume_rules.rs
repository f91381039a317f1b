//! What volumes of each type can be. Pure.
//!
//! Sources: EC2 API, `CreateVolume`; EBS User Guide, "Amazon EBS volume types".

use std::ops::RangeInclusive;

use crate::refusal::Refusal;

/// Throughput of a `gp3` volume without anybody asking for more, in MiB/s.
const BASE_THROUGHPUT: u32 = 125;
/// I/O operations a second that come with a volume without anybody asking for more.
const BASE_IOPS: u32 = 3000;

/// A type of volumes.
#[derive(Debug)]
pub(super) struct Type {
    pub(super) name: &'static str,
    sizes: RangeInclusive<u32>,
    /// I/O operations a second that can be asked for.
    iops: Option<RangeInclusive<u32>>,
    /// At most so many for each GiB.
    iops_per_gib: u32,
    /// Whether they must be asked for when a volume is made.
    iops_required: bool,
    throughput: Option<RangeInclusive<u32>>,
    /// Whether an instance can boot from it.
    pub(super) boots: bool,
}

const fn plain(name: &'static str, sizes: RangeInclusive<u32>, boots: bool) -> Type {
    let (iops, throughput) = (None, None);
    Type { name, sizes, iops, iops_per_gib: 0, iops_required: false, throughput, boots }
}

static TYPES: [Type; 7] = [
    plain("standard", 1..=1024, true),
    plain("gp2", 1..=16_384, true),
    plain("st1", 125..=16_384, false),
    plain("sc1", 125..=16_384, false),
    Type {
        iops: Some(BASE_IOPS..=80_000),
        iops_per_gib: 500,
        throughput: Some(BASE_THROUGHPUT..=2000),
        ..plain("gp3", 1..=65_536, true)
    },
    Type {
        iops: Some(100..=64_000),
        iops_per_gib: 50,
        iops_required: true,
        ..plain("io1", 4..=16_384, true)
    },
    Type {
        iops: Some(100..=256_000),
        iops_per_gib: 1000,
        iops_required: true,
        ..plain("io2", 4..=65_536, true)
    },
];

/// What a volume gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) size_gib: u32,
    pub(super) iops: Option<u32>,
    pub(super) throughput: Option<u32>,
}

/// A type by its name.
pub(super) fn type_of(name: &str) -> Result<&'static Type, Refusal> {
    TYPES.iter().find(|it| it.name == name).ok_or_else(|| bad(format!("there is no type '{name}'")))
}

impl Type {
    /// The shape of a new volume.
    pub(super) fn new_shape(
        &self,
        size_gib: u32,
        iops: Option<u32>,
        throughput: Option<u32>,
    ) -> Result<Shape, Refusal> {
        if self.iops_required && iops.is_none() {
            let message = format!("Iops must be given for {} volumes", self.name);
            return Err(Refusal::new("MissingParameter", message));
        }
        self.shape(size_gib, iops, throughput)
    }

    /// The shape of a volume, with what the type gives unasked.
    pub(super) fn shape(
        &self,
        size_gib: u32,
        iops: Option<u32>,
        throughput: Option<u32>,
    ) -> Result<Shape, Refusal> {
        let name = self.name;
        if !self.sizes.contains(&size_gib) {
            let (least, most) = (self.sizes.start(), self.sizes.end());
            return Err(bad(format!("{name} volumes have {least} to {most} GiB, not {size_gib}")));
        }
        let iops = match (&self.iops, iops) {
            (None, Some(_)) => return Err(unwanted("Iops", name)),
            (Some(range), Some(asked)) => {
                if !range.contains(&asked) {
                    return Err(bad(format!("Iops of {asked} is out of range for {name} volumes")));
                }
                let most = (self.iops_per_gib * size_gib).max(*range.start());
                if asked > most {
                    return Err(bad(format!("{size_gib} GiB have at most {most} iops")));
                }
                Some(asked)
            }
            (Some(_), None) if self.iops_required => {
                Some(BASE_IOPS.min(self.iops_per_gib * size_gib))
            }
            (Some(_), None) => Some(BASE_IOPS),
            (None, None) if name == "gp2" => Some((3 * size_gib).clamp(100, 16_000)),
            (None, None) => None,
        };
        let throughput = match (&self.throughput, throughput) {
            (None, Some(_)) => return Err(unwanted("Throughput", name)),
            (Some(range), Some(asked)) => {
                // 0.25 MiB/s for each operation a second.
                let most = iops.unwrap_or(BASE_IOPS) / 4;
                if !range.contains(&asked) || asked > most {
                    let message = format!("Throughput of {asked} is out of range for the volume");
                    return Err(bad(message));
                }
                Some(asked)
            }
            (Some(_), None) => Some(BASE_THROUGHPUT),
            (None, None) => None,
        };
        Ok(Shape { size_gib, iops, throughput })
    }
}

fn bad(message: String) -> Refusal {
    Refusal::new("InvalidParameterValue", message)
}

fn unwanted(parameter: &str, name: &str) -> Refusal {
    let message = format!("The parameter {parameter} is not supported for {name} volumes");
    Refusal::new("InvalidParameterCombination", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        name: &str,
        (size, iops, throughput): (u32, Option<u32>, Option<u32>),
        expected: Result<(Option<u32>, Option<u32>), &str>,
    ) {
        let shape = type_of(name).and_then(|it| it.new_shape(size, iops, throughput));
        let found = shape.map(|it| (it.iops, it.throughput)).map_err(|it| it.code);
        assert_eq!(found, expected, "{name} {size} {iops:?} {throughput:?}");
    }

    #[test]
    fn each_type_has_its_sizes() {
        for (name, least, most) in
            [("standard", 1, 1024), ("gp2", 1, 16_384), ("gp3", 1, 65_536), ("st1", 125, 16_384)]
        {
            let good = |size| type_of(name).unwrap().new_shape(size, None, None).is_ok();
            assert_eq!([least - 1, least, most, most + 1].map(good), [false, true, true, false]);
        }
        check("gp4", (8, None, None), Err("InvalidParameterValue"));
    }

    #[test]
    fn operations_are_asked_for_where_the_type_has_them() {
        check("gp3", (8, None, None), Ok((Some(3000), Some(125))));
        check("gp3", (8, Some(4000), None), Ok((Some(4000), Some(125))));
        check("gp3", (8, Some(4001), None), Err("InvalidParameterValue"));
        check("gp3", (800, Some(2999), None), Err("InvalidParameterValue"));
        check("gp3", (1, Some(3000), None), Ok((Some(3000), Some(125))));
        check("gp2", (8, None, None), Ok((Some(100), None)));
        check("gp2", (1000, None, None), Ok((Some(3000), None)));
        check("gp2", (8, Some(100), None), Err("InvalidParameterCombination"));
        check("io1", (8, None, None), Err("MissingParameter"));
        check("io1", (8, Some(400), None), Ok((Some(400), None)));
        check("io1", (8, Some(401), None), Err("InvalidParameterValue"));
        check("io2", (8, Some(8000), None), Ok((Some(8000), None)));
    }

    #[test]
    fn throughput_follows_the_operations() {
        check("gp3", (8, Some(4000), Some(1000)), Ok((Some(4000), Some(1000))));
        check("gp3", (8, None, Some(750)), Ok((Some(3000), Some(750))));
        check("gp3", (8, None, Some(751)), Err("InvalidParameterValue"));
        check("gp3", (8, None, Some(124)), Err("InvalidParameterValue"));
        check("io2", (8, Some(400), Some(125)), Err("InvalidParameterCombination"));
    }
}
