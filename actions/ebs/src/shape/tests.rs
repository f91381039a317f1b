use super::*;

fn had(volume_type: &str, size: u32, iops: Option<u32>, throughput: Option<u32>) -> VolumeShape {
    VolumeShape { volume_type: volume_type.to_owned(), size_gib: size, iops, throughput }
}

fn gp3() -> VolumeShape {
    had("gp3", 8, Some(3000), Some(125))
}

fn gp2(size: u32) -> VolumeShape {
    had("gp2", size, Some((3 * size).clamp(100, 16_000)), None)
}

fn to(volume_type: VolumeType) -> Wish {
    Wish { volume_type: Some(volume_type), ..Wish::default() }
}

/// What a volume becomes, in words, or why it cannot.
#[track_caller]
fn check(had: VolumeShape, wish: Wish, expected: Result<&str, &str>) {
    let found = wish.of(&had).map(|it| in_words(&it));
    assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned), "{had:?} {wish:?}");
}

#[test]
fn what_is_not_said_stays() {
    let io2 = had("io2", 100, Some(20_000), None);
    let size = |size| Wish { size: Some(size), ..Wish::default() };
    check(gp3(), size(20), Ok("gp3 of 20 GiB with 3000 IOPS and 125 MiB/s"));
    check(io2.clone(), size(200), Ok("io2 of 200 GiB with 20000 IOPS"));
    check(gp2(8), size(20), Ok("gp2 of 20 GiB"));
    check(had("st1", 500, None, None), size(600), Ok("st1 of 600 GiB"));
    let fast = Wish { iops: Some(4000), ..Wish::default() };
    check(gp3(), fast, Ok("gp3 of 8 GiB with 4000 IOPS and 125 MiB/s"));
    check(io2.clone(), to(VolumeType::Gp3), Ok("gp3 of 100 GiB with 20000 IOPS and 125 MiB/s"));
    check(io2, to(VolumeType::Gp2), Ok("gp2 of 100 GiB"));
}

/// EC2 API, `ModifyVolume`: the size is not smaller than it was.
#[test]
fn volumes_only_grow() {
    let wish = Wish { size: Some(20), ..Wish::default() };
    check(gp2(500), wish, Ok("gp2 of 500 GiB"));
    assert!(is_so(&gp2(500), &wish.of(&gp2(500)).unwrap()));
}

/// EBS User Guide, "Modify an Amazon EBS volume using Elastic Volumes operations": as `gp3`, a
/// volume is as fast as it was as `gp2`, or as `gp3` begins, whichever is more.
#[test]
fn a_gp2_volume_is_as_fast_as_gp3() {
    for (size, expected) in [
        (100, "gp3 of 100 GiB with 3000 IOPS and 125 MiB/s"),
        (170, "gp3 of 170 GiB with 3000 IOPS and 125 MiB/s"),
        (171, "gp3 of 171 GiB with 3000 IOPS and 250 MiB/s"),
        (2000, "gp3 of 2000 GiB with 6000 IOPS and 250 MiB/s"),
        (16_000, "gp3 of 16000 GiB with 16000 IOPS and 250 MiB/s"),
    ] {
        check(gp2(size), to(VolumeType::Gp3), Ok(expected));
    }
    let asked = Wish { throughput: Some(200), ..to(VolumeType::Gp3) };
    check(gp2(500), asked, Ok("gp3 of 500 GiB with 3000 IOPS and 200 MiB/s"));
}

/// EBS User Guide, "Amazon EBS volume types".
#[test]
fn what_a_type_cannot_be_is_said() {
    check(gp3(), to(VolumeType::St1), Err("st1 volumes have 125 to 16384 GiB, not 8"));
    check(
        gp2(2000),
        to(VolumeType::Standard),
        Err("standard volumes have 1 to 1024 GiB, not 2000"),
    );
    let iops = |volume_type, iops| Wish { iops: Some(iops), ..to(volume_type) };
    check(gp3(), iops(VolumeType::Gp3, 4000), Ok("gp3 of 8 GiB with 4000 IOPS and 125 MiB/s"));
    check(
        gp3(),
        iops(VolumeType::Gp3, 4001),
        Err("gp3 volumes of 8 GiB have 3000 to 4000 IOPS, not 4001"),
    );
    check(gp3(), iops(VolumeType::Io1, 400), Ok("io1 of 8 GiB with 400 IOPS"));
    check(
        gp3(),
        iops(VolumeType::Io1, 401),
        Err("io1 volumes of 8 GiB have 100 to 400 IOPS, not 401"),
    );
    check(gp3(), iops(VolumeType::Io2, 8000), Ok("io2 of 8 GiB with 8000 IOPS"));
    check(
        had("io2", 8, Some(8000), None),
        to(VolumeType::Gp3),
        Err("gp3 volumes of 8 GiB have 3000 to 4000 IOPS, not 8000"),
    );
    check(
        had("gp3", 1, Some(3000), Some(125)),
        to(VolumeType::Gp3),
        Ok("gp3 of 1 GiB with 3000 IOPS and 125 MiB/s"),
    );
    check(
        had("standard", 8, None, None),
        to(VolumeType::Io2),
        Err("io2 volumes need `iops`, and it has none to keep"),
    );
    let iops = Wish { iops: Some(4000), ..Wish::default() };
    check(gp2(8), iops, Err("`iops` cannot be set for gp2 volumes"));
    let throughput = |it| Wish { throughput: Some(it), ..Wish::default() };
    check(gp3(), throughput(750), Ok("gp3 of 8 GiB with 3000 IOPS and 750 MiB/s"));
    check(gp3(), throughput(751), Err("gp3 volumes of 3000 IOPS have 125 to 750 MiB/s, not 751"));
    check(
        had("io2", 8, Some(800), None),
        throughput(200),
        Err("`throughput` cannot be set for io2 volumes"),
    );
    check(
        had("gp9", 8, None, None),
        throughput(200),
        Err("nothing is known of volumes of type `gp9`"),
    );
}

#[test]
fn what_follows_from_a_size_does_not_count() {
    assert!(is_so(&gp2(8), &had("gp2", 8, None, None)));
    for other in [
        had("gp2", 9, None, None),
        had("gp3", 8, Some(3000), Some(126)),
        had("gp3", 8, Some(3001), Some(125)),
        had("io2", 8, Some(3000), None),
    ] {
        assert!(!is_so(&gp3(), &other), "{other:?}");
    }
}
