use super::*;
use crate::{
    bed::Bed,
    ec2::trial::{assert_like, attached, put_volume, volume},
};

fn bed() -> Bed {
    let bed = Bed::new().at("123456789012", "us-east-1");
    put_volume(&bed, volume("vol-a"));
    bed
}

fn grow(bed: &Bed, size: u32) -> Result<(), &'static str> {
    modify(bed, ModifyVolume { size: Some(size), ..ModifyVolume::default() })
}

fn modify(bed: &Bed, request: ModifyVolume) -> Result<(), &'static str> {
    bed.ask(ModifyVolume { volume_id: "vol-a".into(), ..request }).map(|_| ())
}

fn get(bed: &Bed) -> Volume {
    bed.here(|it| it.ec2.volumes.get("vol-a").cloned()).unwrap()
}

const DONE: i64 = 10 + 3600;

#[test]
fn the_new_size_can_be_used_while_the_volume_is_optimizing() {
    let bed = bed();
    grow(&bed, 20).unwrap();
    assert_eq!(get(&bed).size_gib, 8);
    bed.pass(10);
    assert_eq!(get(&bed).size_gib, 20);
    assert_like(
        &bed,
        include_str!("../../../../core/tests/events/ebs-volume-modify-optimizing.json"),
    );
    assert_eq!(grow(&bed, 30), Err("IncorrectModificationState"));
    bed.pass(3600);
    let all = bed.ask(DescribeVolumesModifications::default()).unwrap();
    let it = &all["volumeModificationSet"][0];
    assert_eq!(
        (&it["modificationState"], &it["originalSize"], &it["targetSize"], &it["progress"]),
        (&"completed".into(), &8.into(), &20.into(), &100.into())
    );
}

#[test]
fn a_volume_is_changed_four_times_in_a_day() {
    let bed = bed();
    for size in [20, 30, 40, 50] {
        grow(&bed, size).unwrap();
        bed.pass(DONE);
    }
    assert_eq!(grow(&bed, 60), Err("VolumeModificationRateExceeded"));
    bed.pass(24 * 3600 - 4 * DONE - 1);
    assert_eq!(grow(&bed, 60), Err("VolumeModificationRateExceeded"));
    bed.pass(1);
    assert_eq!(grow(&bed, 60), Ok(()));
    bed.pass(DONE - 1);
    assert_eq!(grow(&bed, 70), Err("IncorrectModificationState"));
}

#[test]
fn what_a_volume_cannot_become_is_refused() {
    let bed = bed();
    let to = |kind: &str| ModifyVolume { volume_type: Some(kind.into()), ..Default::default() };
    assert_eq!(grow(&bed, 7), Err("InvalidParameterValue"));
    assert_eq!(grow(&bed, 8), Err("InvalidParameterValue"), "it is so already");
    assert_eq!(modify(&bed, ModifyVolume::default()), Err("MissingParameter"));
    assert_eq!(modify(&bed, to("st1")), Err("InvalidParameterValue"), "it is too small");
    put_volume(&bed, Volume { size_gib: 200, ..attached("vol-a", "i-1", "/dev/xvda") });
    assert_eq!(modify(&bed, to("st1")), Err("InvalidParameterValue"), "it is a root volume");
    put_volume(&bed, Volume { size_gib: 200, ..attached("vol-a", "i-1", "/dev/sdf") });
    assert_eq!(modify(&bed, to("st1")), Ok(()));
    put_volume(&bed, Volume { operator: Some("ecs".into()), ..volume("vol-m") });
    let managed = ModifyVolume { volume_id: "vol-m".into(), size: Some(9), ..Default::default() };
    assert_eq!(bed.ask(managed), Err("OperationNotPermitted"));
}

#[test]
fn a_gp2_volume_keeps_its_operations_as_gp3() {
    let bed = bed();
    let gp2 = |size, iops| Volume {
        kind: "gp2".into(),
        size_gib: size,
        iops: Some(iops),
        throughput: None,
        ..volume("vol-a")
    };
    let to_gp3 = || ModifyVolume { volume_type: Some("gp3".into()), ..Default::default() };
    put_volume(&bed, gp2(100, 300));
    modify(&bed, to_gp3()).unwrap();
    bed.pass(DONE);
    assert_eq!((get(&bed).iops, get(&bed).throughput), (Some(3000), Some(125)));
    put_volume(&bed, gp2(2000, 6000));
    modify(&bed, to_gp3()).unwrap();
    bed.pass(DONE);
    assert_eq!(get(&bed).iops, Some(6000));
}

#[test]
fn modifications_are_found_by_volume_and_filter() {
    let bed = bed();
    let ask = |id: &str, filter: Option<(&str, &str)>| {
        let volume_id = if id.is_empty() { vec![] } else { vec![id.to_owned()] };
        let filter = filter
            .map(|(name, value)| Filter { name: name.into(), value: vec![value.into()] })
            .into_iter()
            .collect();
        let request = DescribeVolumesModifications { volume_id, filter, ..Default::default() };
        let all = bed.ask(request)?;
        Ok::<_, &str>(all["volumeModificationSet"].as_array().unwrap().len())
    };
    assert_eq!(ask("vol-a", None), Err("InvalidVolumeModification.NotFound"));
    assert_eq!(ask("", Some(("volume-id", "vol-a"))), Ok(0));
    grow(&bed, 20).unwrap();
    assert_eq!(ask("vol-a", None), Ok(1));
    assert_eq!(ask("", Some(("modification-state", "modifying"))), Ok(1));
    assert_eq!(ask("", Some(("target-size", "21"))), Ok(0));
    let long = DescribeVolumesModifications { max_results: Some(501), ..Default::default() };
    assert_eq!(bed.ask(long), Err("InvalidParameterValue"));
}
