//! Tests of copies of images.

use lamplighter_core::Tags;
use serde_json::Value;

use super::{
    Permission, State,
    copy::CopyImage,
    create::CreateImage,
    test_bed::{events, place_with_instance, volumes},
};
use crate::{
    bed::Bed,
    ec2::{
        tags::{Tag, TagSpecification},
        volumes::Volume,
    },
    kms::Kms,
};

const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/1";

/// A place with an image, `ami-…`, of an instance whose volumes are so.
fn source(change: impl Fn(Volume) -> Volume) -> (Bed, String) {
    let bed = place_with_instance();
    bed.here(|it| {
        it.ec2.volumes.fill(volumes().map(|it| (it.id.as_str().into(), change(it))));
    });
    let create = CreateImage {
        instance_id: "i-1".to_owned(),
        name: "backup".to_owned(),
        ..CreateImage::default()
    };
    let id = id(&bed.ask(create).unwrap());
    bed.pass(300);
    (bed, id)
}

fn id(answer: &Value) -> String {
    answer["imageId"].as_str().unwrap().to_owned()
}

fn copy(image: &str) -> CopyImage {
    CopyImage {
        name: "copy".to_owned(),
        source_image_id: image.to_owned(),
        source_region: "eu-west-1".to_owned(),
        ..CopyImage::default()
    }
}

#[test]
fn a_copy_is_another_image_with_other_snapshots_and_nothing_of_its_sources_own() {
    let (bed, image) = source(|it| it);
    let now = bed.now();
    bed.here(|it| {
        it.ec2.images.change(&image, now, |it| {
            it.tags = Tags::from([("team".to_owned(), "a".to_owned())]);
            it.permissions.insert(Permission::Account("222233334444".parse().unwrap()));
        })
    });
    let there = bed.at("111122223333", "us-east-1");
    let copied = id(&there.ask(copy(&image)).unwrap());
    assert_ne!(copied, image);
    let state = || there.here(|it| it.ec2.images.get(&copied).map(|it| it.state));
    assert_eq!(state(), Some(State::Pending));
    there.pass(600);
    assert_eq!(state(), Some(State::Available));
    assert_eq!(events(&bed).last(), Some(&(copied.clone(), "available".to_owned())));
    assert_eq!(bed.events().last().unwrap().region, "us-east-1");
    let kept = there.here(|it| it.ec2.images.get(&copied).unwrap().clone());
    assert_eq!((kept.tags, kept.permissions.len()), (Tags::new(), 0));
    assert_eq!(kept.source_image, Some((image.into(), "eu-west-1".parse().unwrap())));
    let snapshots = there.here(|it| {
        it.ec2
            .snapshots
            .iter()
            .map(|(id, it)| (id.to_owned(), it.volume_id.clone()))
            .collect::<Vec<_>>()
    });
    let mapped: Vec<_> = kept.mappings.iter().map(|it| it.snapshot_id.to_string()).collect();
    assert_eq!(snapshots.len(), 2);
    assert!(
        snapshots.iter().all(|(id, volume)| mapped.contains(id) && &**volume == "vol-ffffffff")
    );
}

#[test]
fn tags_are_copied_when_they_are_asked_for_and_the_copiers_own() {
    let (bed, image) = source(|it| it);
    let now = bed.now();
    let pairs = [("team", "a"), ("aws:made-by", "x"), ("ec2:SharedTag/os", "linux")];
    let tags: Tags = pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    let account = "222233334444";
    bed.here(|it| {
        it.ec2.images.change(&image, now, |it| {
            it.tags = tags.clone();
            it.permissions.insert(Permission::Account(account.parse().unwrap()));
        });
        let ids: Vec<_> = it.ec2.snapshots.iter().map(|(id, _)| id.to_owned()).collect();
        for id in ids {
            it.ec2
                .snapshots
                .change(&id, now, |it| it.share.accounts.insert(account.parse().unwrap()));
        }
    });
    let given = TagSpecification {
        resource_type: "image".to_owned(),
        tag: vec![Tag { key: "team".to_owned(), value: Some("b".to_owned()) }],
    };
    let copied_tags = |bed: &Bed, request: CopyImage| {
        let id = id(&bed.ask(request).unwrap());
        let tags = bed.here(|it| it.ec2.images.get(&id).unwrap().tags.clone());
        tags.into_iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
    };
    let with = || CopyImage { copy_image_tags: true, ..copy(&image) };
    let mine = bed.at("111122223333", "us-east-1");
    assert_eq!(copied_tags(&mine, with()), "ec2:SharedTag/os=linux team=a");
    let over = CopyImage { name: "copy 2".to_owned(), tag_specification: vec![given], ..with() };
    assert_eq!(copied_tags(&mine, over), "ec2:SharedTag/os=linux team=b");
    let other = bed.at(account, "us-east-1");
    assert_eq!(copied_tags(&other, with()), "ec2:SharedTag/os=linux");
}

#[test]
fn a_shared_image_is_copied_when_its_snapshots_are_shared_too() {
    let (bed, image) = source(|it| it);
    let other = bed.at("222233334444", "us-east-1");
    let account = other.place.account.clone();
    assert_eq!(other.ask(copy(&image)), Err("AuthFailure"));
    let now = bed.now();
    bed.here(|it| {
        it.ec2
            .images
            .change(&image, now, |it| it.permissions.insert(Permission::Account(account.clone())))
    });
    assert_eq!(other.ask(copy(&image)), Err("InvalidRequest"));
    bed.here(|it| {
        let ids: Vec<_> = it.ec2.snapshots.iter().map(|(id, _)| id.to_owned()).collect();
        for id in ids {
            it.ec2.snapshots.change(&id, now, |it| it.share.accounts.insert(account.clone()));
        }
    });
    let copied = id(&other.ask(copy(&image)).unwrap());
    let owner = other.here(|it| it.ec2.images.get(&copied).unwrap().owner.clone());
    assert_eq!(owner, account);
}

#[track_caller]
fn check_encryption(
    source_encrypted: bool,
    request: CopyImage,
    expected: Result<(bool, Option<&str>), &str>,
) {
    let (bed, image) = source(|it| Volume { encrypted: source_encrypted, ..it });
    let there = bed.at("111122223333", "us-east-1");
    let copied = there.ask(CopyImage { source_image_id: image, ..request });
    let encryption = copied.map(|_| {
        there.here(|it| {
            let mut all = it.ec2.snapshots.iter().map(|(_, it)| {
                (
                    it.encrypted,
                    it.kms_key_id.as_deref().map(|key| {
                        let aws = *key == *Kms::managed(&there.place, "alias/aws/ebs");
                        if aws { "aws".to_owned() } else { key.to_owned() }
                    }),
                )
            });
            all.next().unwrap()
        })
    });
    let expected = expected.map(|(encrypted, key)| (encrypted, key.map(str::to_owned)));
    assert_eq!(encryption, expected);
}

#[test]
fn what_is_encrypted_stays_encrypted() {
    let with = |encrypted, key: Option<&str>| CopyImage {
        encrypted,
        kms_key_id: key.map(str::to_owned),
        ..copy("")
    };
    check_encryption(false, with(None, None), Ok((false, None)));
    check_encryption(false, with(Some(false), None), Ok((false, None)));
    check_encryption(false, with(Some(true), None), Ok((true, Some("aws"))));
    check_encryption(false, with(Some(true), Some(KEY)), Ok((true, Some(KEY))));
    check_encryption(true, with(None, None), Ok((true, Some("aws"))));
    check_encryption(true, with(Some(false), None), Err("InvalidParameterCombination"));
    let code = Err("InvalidParameterDependency");
    check_encryption(false, with(None, Some(KEY)), code);
    check_encryption(false, with(Some(false), Some(KEY)), code);
}

#[test]
fn a_copy_with_the_same_token_is_made_once() {
    let (bed, image) = source(|it| it);
    let there = bed.at("111122223333", "us-east-1");
    let request = || CopyImage { client_token: Some("token".to_owned()), ..copy(&image) };
    let first = id(&there.ask(request()).unwrap());
    there.pass(600);
    assert_eq!(id(&there.ask(request()).unwrap()), first);
    let other = CopyImage { description: "other".to_owned(), ..request() };
    assert_eq!(there.ask(other), Err("IdempotentParameterMismatch"));
    assert_eq!(there.ask(copy(&image)), Err("InvalidAMIName.Duplicate"));
}

#[test]
fn what_cannot_be_copied_is_not() {
    let (bed, image) = source(|it| it);
    let there = bed.at("111122223333", "us-east-1");
    let refused = |request: CopyImage| there.ask(request).unwrap_err();
    let region = |name: &str| CopyImage { source_region: name.to_owned(), ..copy(&image) };
    assert_eq!(refused(region("us-east-1")), "InvalidAMIID.NotFound");
    assert_eq!(refused(copy("ami-999")), "InvalidAMIID.NotFound");
    let minutes =
        |it| CopyImage { snapshot_copy_completion_duration_minutes: Some(it), ..copy(&image) };
    for wrong in [14, 20, 2895] {
        assert_eq!(refused(minutes(wrong)), "InvalidParameterValue", "{wrong}");
    }
    let now = bed.now();
    bed.here(|it| it.ec2.images.change(&image, now, |it| it.state = State::Pending));
    assert_eq!(refused(copy(&image)), "InvalidAMIID.Unavailable");
}

#[test]
fn only_so_many_copies_are_pending_in_a_region() {
    let (bed, image) = source(|it| it);
    let there = bed.at("111122223333", "us-east-1");
    let named = |n: usize| CopyImage { name: format!("copy {n}"), ..copy(&image) };
    let done: Vec<bool> = (0..101).map(|n| there.ask(named(n)).is_ok()).collect();
    assert_eq!(done.iter().position(|it| !it), Some(100));
    assert_eq!(there.ask(named(100)), Err("ResourceLimitExceeded"));
    there.pass(600);
    assert!(there.ask(named(100)).is_ok());
}

#[test]
fn a_copy_with_a_key_that_cannot_be_used_fails_later() {
    let (bed, image) = source(|it| it);
    let there = bed.at("111122223333", "us-east-1");
    let request =
        CopyImage { encrypted: Some(true), kms_key_id: Some(KEY.to_owned()), ..copy(&image) };
    let copied = id(&there.ask(request).unwrap());
    there.pass(10);
    assert_eq!(events(&bed).last(), Some(&(copied.clone(), "failed".to_owned())));
    let failure = there.here(|it| it.ec2.images.get(&copied).unwrap().failure.clone());
    assert_eq!(failure.as_deref(), Some("Given key ID is not accessible"));
}

#[test]
fn a_copy_is_available_when_its_last_snapshot_is() {
    // 500 GiB are more than 15 minutes can carry, 8 GiB are not.
    let size = |it: &Volume| if &*it.id == "vol-1" { 8 } else { 500 };
    let (bed, image) = source(|it| Volume { size_gib: size(&it), ..it });
    let there = bed.at("111122223333", "us-east-1");
    let request = CopyImage { snapshot_copy_completion_duration_minutes: Some(15), ..copy(&image) };
    let copied = id(&there.ask(request).unwrap());
    let state = || there.here(|it| it.ec2.images.get(&copied).unwrap().state);
    there.pass(1023);
    assert_eq!(state(), State::Pending);
    there.pass(1);
    assert_eq!(state(), State::Available);
}

#[test]
fn all_snapshots_of_an_image_are_copied_or_none() {
    // Within 15 minutes these take 500 and 455 of the 2,000 MiB a second that there are.
    let size = |it: &Volume| if &*it.id == "vol-1" { 500 } else { 400 };
    let (bed, image) = source(|it| Volume { size_gib: size(&it), ..it });
    let there = bed.at("111122223333", "us-east-1");
    let request = |name: &str| CopyImage {
        name: name.to_owned(),
        snapshot_copy_completion_duration_minutes: Some(15),
        ..copy(&image)
    };
    there.ask(request("first")).unwrap();
    there.ask(request("second")).unwrap();
    assert_eq!(there.ask(request("third")), Err("ResourceLimitExceeded"));
    let left = there.here(|it| (it.ec2.images.iter().count(), it.ec2.snapshots.iter().count()));
    assert_eq!(left, (2, 4));
}
