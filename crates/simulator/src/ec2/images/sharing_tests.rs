//! Tests of who sees images, and what is shown of them.

use lamplighter_core::Tags;
use serde_json::Value;

use super::{
    Image,
    attributes::{DescribeImageAttribute, ModifyImageAttribute, Valued},
    deprecation::{DisableImageDeprecation, EnableImageDeprecation},
    describe::DescribeImages,
    lifecycle::{DisableImage, EnableImage},
    permissions::Requested,
    test_bed::{
        change, create, deregister, describe, events, named, own, permission, place_with_instance,
        seen_by, share, volumes, with_image,
    },
};
use crate::{bed::Bed, ec2::filter::Filter};

#[test]
fn an_image_is_seen_by_those_it_is_shared_with() {
    let (bed, id) = with_image();
    let other = bed.at("222233334444", "eu-west-1");
    let nothing = Vec::<String>::new();
    assert_eq!(seen_by(&other, &[]), nothing);
    assert_eq!(describe(&other, named(&id)), Ok(nothing.clone()), "it is left out");
    bed.ask(share(&id, "222233334444")).unwrap();
    assert_eq!(seen_by(&other, &[]), [id.as_str()]);
    assert_eq!(seen_by(&other, &["self"]), [id.as_str()]);
    assert_eq!(seen_by(&bed, &["222233334444"]), [id.as_str()]);
    assert_eq!(seen_by(&bed, &["self"]), nothing);
    assert_eq!(describe(&other, own()), Ok(nothing.clone()));
    let shown = bed.ask(DescribeImageAttribute {
        image_id: id.clone(),
        attribute: "launchPermission".to_owned(),
    });
    assert_eq!(shown.unwrap()["launchPermission"][0]["userId"], "222233334444");
    bed.ask(change(&id, Vec::new(), vec![permission("222233334444")])).unwrap();
    assert_eq!(seen_by(&other, &[]), nothing);
    let elsewhere = bed.at("222233334444", "us-east-1");
    bed.ask(share(&id, "222233334444")).unwrap();
    assert_eq!(describe(&elsewhere, named(&id)), Err("InvalidAMIID.NotFound"));
}

#[test]
fn an_image_that_was_deregistered_is_seen_by_its_owner_for_a_while() {
    let (bed, id) = with_image();
    let other = bed.at("222233334444", "eu-west-1");
    bed.ask(share(&id, "222233334444")).unwrap();
    bed.ask(deregister(&id, false)).unwrap();
    assert_eq!(describe(&bed, own()), Ok(vec![id.clone()]));
    assert_eq!(describe(&other, named(&id)), Ok(Vec::new()));
}

#[test]
fn tags_and_attributes_of_a_shared_image_are_its_owners_own() {
    let (bed, id) = with_image();
    let now = bed.now();
    let tags = Tags::from([("team".to_owned(), "a".to_owned())]);
    bed.here(|it| it.ec2.images.change(&id, now, |it| it.tags = tags));
    bed.ask(share(&id, "222233334444")).unwrap();
    let other = bed.at("222233334444", "eu-west-1");
    let shown = other.ask(named(&id)).unwrap();
    assert_eq!(shown["imagesSet"][0]["tagSet"], Value::Null);
    let by_tag = DescribeImages {
        filter: vec![Filter { name: "tag:team".to_owned(), value: vec!["a".to_owned()] }],
        ..DescribeImages::default()
    };
    assert_eq!(describe(&other, by_tag.clone()), Ok(Vec::new()));
    assert_eq!(describe(&bed, by_tag), Ok(vec![id.clone()]));
    assert_eq!(other.ask(share(&id, "333344445555")), Err("AuthFailure"));
    assert_eq!(other.ask(deregister(&id, false)), Err("AuthFailure"));
}

#[test]
fn organizations_share_with_their_accounts() {
    let (bed, id) = with_image();
    let other = bed.at("222233334444", "eu-west-1");
    let arn = "arn:aws:organizations::111122223333:organization/o-abcdefghij";
    let to = |arn: &str| {
        let it = Requested { organization_arn: Some(arn.to_owned()), ..Requested::default() };
        change(&id, vec![it], Vec::new())
    };
    assert_eq!(bed.ask(to("o-abcdefghij")), Err("InvalidParameterValue"));
    bed.ask(to(arn)).unwrap();
    assert_eq!(seen_by(&other, &[]), Vec::<String>::new(), "it is another organization's");
    bed.cloud.look(|state, _| state.organization.id = Some("o-abcdefghij".to_owned()));
    assert_eq!(seen_by(&other, &["self"]), [id.as_str()]);
}

#[track_caller]
fn check_change(request: impl FnOnce(&str) -> ModifyImageAttribute, expected: Result<(), &str>) {
    let (bed, id) = with_image();
    assert_eq!(bed.ask(request(&id)).map(|_| ()), expected);
}

#[test]
fn one_attribute_is_changed_at_a_time_however_it_is_named() {
    let of = |id: &str| ModifyImageAttribute {
        image_id: id.to_owned(),
        ..ModifyImageAttribute::default()
    };
    let text = || Some(Valued { value: "text".to_owned() });
    let code = Err("InvalidParameterCombination");
    check_change(of, code);
    check_change(|id| ModifyImageAttribute { description: text(), ..of(id) }, Ok(()));
    check_change(
        |id| ModifyImageAttribute { description: text(), ..share(id, "222233334444") },
        code,
    );
    let listed = |id: &str, operation: Option<&str>, user: &str| ModifyImageAttribute {
        attribute: Some("launchPermission".to_owned()),
        operation_type: operation.map(str::to_owned),
        user_id: vec![user.to_owned()],
        ..of(id)
    };
    check_change(|id| listed(id, Some("add"), "222233334444"), Ok(()));
    check_change(|id| listed(id, Some("remove"), "222233334444"), Ok(()));
    check_change(|id| listed(id, None, "222233334444"), Err("InvalidParameterValue"));
    check_change(|id| listed(id, Some("add"), "bob"), Err("InvalidAMIAttributeItemValue"));
    check_change(|id| change(id, Vec::new(), Vec::new()), code);
    let two = Requested { group: Some("all".to_owned()), ..permission("222233334444") };
    check_change(|id| change(id, vec![two], Vec::new()), code);
    let both = || vec![permission("222233334444")];
    check_change(|id| change(id, both(), both()), code);
    check_change(|_| share("ami-999", "222233334444"), Err("InvalidAMIID.NotFound"));
}

#[test]
fn encrypted_images_are_shared_with_a_key_of_the_owner_only_and_never_with_all() {
    for (encrypted, key, group, expected) in [
        (false, None, true, Ok(())),
        (true, None, false, Err("InvalidParameter")),
        (true, Some("arn:aws:kms:eu-west-1:111122223333:key/1"), false, Ok(())),
        (true, Some("arn:aws:kms:eu-west-1:111122223333:key/1"), true, Err("InvalidParameter")),
    ] {
        let bed = place_with_instance();
        bed.here(|it| {
            let changed = volumes().map(|it| {
                let kms_key_id = key.map(Into::into);
                crate::ec2::volumes::Volume { encrypted, kms_key_id, ..it }
            });
            it.ec2.volumes.fill(changed.map(|it| (it.id.as_str().into(), it)));
        });
        let id = bed.ask(create("backup")).unwrap()["imageId"].as_str().unwrap().to_owned();
        bed.pass(300);
        let all = Requested { group: Some("all".to_owned()), ..Requested::default() };
        let to = if group { all } else { permission("222233334444") };
        let done = bed.ask(change(&id, vec![to], Vec::new()));
        assert_eq!(done.map(|_| ()), expected, "{encrypted} {key:?} {group}");
    }
}

#[test]
fn a_disabled_image_is_not_shared_and_shown_only_when_asked_for() {
    let (bed, id) = with_image();
    let other = bed.at("222233334444", "eu-west-1");
    bed.ask(share(&id, "222233334444")).unwrap();
    let disable = || DisableImage { image_id: id.clone() };
    bed.ask(disable()).unwrap();
    assert_eq!(bed.ask(disable()), Err("IncorrectState"));
    assert_eq!(describe(&bed, own()), Ok(Vec::new()));
    let all = DescribeImages { include_disabled: true, ..own() };
    assert_eq!(describe(&bed, all), Ok(vec![id.clone()]));
    assert_eq!(describe(&bed, named(&id)), Ok(vec![id.clone()]));
    assert_eq!(describe(&other, named(&id)), Ok(Vec::new()));
    assert_eq!(bed.ask(share(&id, "222233334444")), Err("IncorrectState"));
    bed.ask(EnableImage { image_id: id.clone() }).unwrap();
    assert_eq!(describe(&bed, own()), Ok(vec![id.clone()]));
    assert_eq!(seen_by(&other, &[]), Vec::<String>::new(), "it was shared before");
    let states: Vec<String> = events(&bed).into_iter().map(|(_, state)| state).collect();
    assert_eq!(states, ["available", "disabled", "available"]);
}

#[test]
fn a_deprecated_image_is_shown_to_its_owner_and_to_those_who_ask() {
    let (bed, id) = with_image();
    let other = bed.at("222233334444", "eu-west-1");
    bed.ask(share(&id, "222233334444")).unwrap();
    let at = |seconds| EnableImageDeprecation {
        image_id: id.clone(),
        deprecate_at: bed.now() + jiff::SignedDuration::from_secs(seconds),
    };
    assert_eq!(bed.ask(at(-1)).map(|_| ()), Err("InvalidParameterValue"));
    assert_eq!(bed.ask(at(11 * 365 * 86_400)).map(|_| ()), Err("InvalidParameterValue"));
    bed.ask(at(90)).unwrap();
    let shown = bed.ask(named(&id)).unwrap();
    assert_eq!(shown["imagesSet"][0]["deprecationTime"], "2026-03-02T02:07:00.000Z");
    assert_eq!(seen_by(&other, &[]), [id.as_str()]);
    bed.pass(120);
    assert_eq!(seen_by(&other, &[]), Vec::<String>::new());
    assert_eq!(describe(&other, named(&id)), Ok(vec![id.clone()]));
    let all = DescribeImages {
        include_deprecated: true,
        executable_by: vec!["self".to_owned()],
        ..DescribeImages::default()
    };
    assert_eq!(describe(&other, all), Ok(vec![id.clone()]));
    assert_eq!(describe(&bed, own()), Ok(vec![id.clone()]));
    bed.ask(DisableImageDeprecation { image_id: id.clone() }).unwrap();
    assert_eq!(seen_by(&other, &[]), [id.as_str()]);
}

#[test]
fn without_an_owner_everything_public_is_shown_too() {
    let (bed, id) = with_image();
    let amazon = DescribeImages { owner: vec!["amazon".to_owned()], ..DescribeImages::default() };
    let public = describe(&bed, amazon).unwrap();
    let all = describe(&bed, DescribeImages::default()).unwrap();
    assert_eq!((public.len(), all.len()), (3, 4));
    assert!(all.contains(&id) && !public.contains(&id));
    let unknown = DescribeImages { owner: vec!["bob".to_owned()], ..DescribeImages::default() };
    assert_eq!(describe(&bed, unknown), Err("InvalidUserID.Malformed"));
    assert_eq!(describe(&bed, named("ami-999")), Err("InvalidAMIID.NotFound"));
    let elsewhere = bed.at("111122223333", "us-east-1");
    let there = describe(&elsewhere, DescribeImages::default()).unwrap();
    assert!(there.iter().all(|it| !all.contains(it)), "each region has its own");
}

#[test]
fn images_are_listed_in_pages() {
    let bed = Bed::new();
    let owner = bed.place.account.clone();
    let image = |n: usize| {
        let (id, at) = (format!("ami-{n}"), jiff::Timestamp::UNIX_EPOCH);
        let arm = crate::ec2::instances::types::Architecture::Arm;
        let image = Image::available(owner.clone(), &id, &id, arm, at);
        (Box::from(id), image)
    };
    bed.here(|it| it.ec2.images.fill((1..=7).map(image)));
    let (mut pages, mut next_token) = (Vec::new(), None);
    loop {
        let request = DescribeImages { max_results: Some(5), next_token, ..own() };
        let page = bed.ask(request).unwrap();
        pages.push(page["imagesSet"].as_array().unwrap().len());
        next_token = page["nextToken"].as_str().map(str::to_owned);
        if next_token.is_none() {
            break;
        }
    }
    assert_eq!(pages, [5, 2]);
    let few = DescribeImages { max_results: Some(4), ..own() };
    assert_eq!(describe(&bed, few), Err("InvalidParameterValue"));
    let both = DescribeImages { max_results: Some(5), ..named("ami-1") };
    assert_eq!(describe(&bed, both), Err("InvalidParameterCombination"));
}
