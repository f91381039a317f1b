//! Which images an account sees, and where they are.
//!
//! Source: EC2 User Guide, "Share an AMI with specific AWS accounts"; EC2 API, `DescribeImages`.

use std::borrow::Cow;

use jiff::Timestamp;
use lamplighter_core::{AccountId, Place, Region};

use super::{
    image::{Image, State},
    public,
};
use crate::{cloud, ec2::ids, operation::Cx, refusal::Refusal};

/// All images of a region as they were at an instant, by their ids, backwards; from after an id
/// on.
pub(super) fn all<'s>(
    state: &'s cloud::State,
    region: &Region,
    after: Option<&str>,
    at: Timestamp,
) -> Vec<Cow<'s, Image>> {
    let of_account = |account: &AccountId| {
        let place = Place { account: account.clone(), region: region.clone() };
        let images = &state.services_of(&place)?.ec2.images;
        Some(images.after(after, at).map(|(_, it)| Cow::Borrowed(it)))
    };
    let accounts = state.organization.accounts.keys().filter_map(of_account).flatten();
    let public = public::in_region(region).into_iter();
    let public = public.filter(|it| after.is_none_or(|after| *it.id < *after));
    let mut all: Vec<Cow<'s, Image>> = accounts.chain(public.map(Cow::Owned)).collect();
    all.sort_by(|a, b| b.id.cmp(&a.id));
    all
}

/// An image of a region as it was at an instant, whoever owns it.
pub(super) fn find<'s>(
    state: &'s cloud::State,
    region: &Region,
    id: &str,
    at: Timestamp,
) -> Option<Cow<'s, Image>> {
    let of_account = |account: &AccountId| {
        let place = Place { account: account.clone(), region: region.clone() };
        state.services_of(&place)?.ec2.images.get_at(id, at).map(Cow::Borrowed)
    };
    let public = || public::in_region(region).into_iter().find(|it| *it.id == *id);
    state.organization.accounts.keys().find_map(of_account).or_else(|| public().map(Cow::Owned))
}

/// Whether an account sees an image at all: its own, and of the others those that it may launch
/// and that are there to be launched.
pub(super) fn sees(state: &cloud::State, account: &AccountId, image: &Image) -> bool {
    image.owner == *account
        || image.state == State::Available && image.is_open_to(account, &state.organization)
}

/// An image that the caller can launch instances from, or copy.
pub(crate) fn usable<'s>(
    cx: &'s Cx<'_>,
    region: &Region,
    id: &str,
) -> Result<Cow<'s, Image>, Refusal> {
    ids::check(cx, "ami", "InvalidAMIID.Malformed", std::slice::from_ref(&id.to_owned()))?;
    let seen = find(cx.state, region, id, cx.seen).is_some();
    let image = find(cx.state, region, id, cx.now).filter(|_| seen).ok_or_else(|| not_found(id))?;
    if !image.is_open_to(&cx.place.account, &cx.state.organization) {
        let message = format!("Not authorized for images: [{id}]");
        return Err(Refusal::new("AuthFailure", message));
    }
    if image.state != State::Available {
        return Err(unavailable(id));
    }
    Ok(image)
}

/// Refuses to change an image that is not there, that is somebody else's, or that was
/// deregistered.
pub(super) fn own<'s>(cx: &'s Cx<'_>, id: &str) -> Result<&'s Image, Refusal> {
    ids::check(cx, "ami", "InvalidAMIID.Malformed", std::slice::from_ref(&id.to_owned()))?;
    let shelf = &cx.here().ec2.images;
    let image = shelf.get_at(id, cx.seen).and_then(|_| shelf.get(id));
    let Some(image) = image else {
        let there = find(cx.state, &cx.place.region, id, cx.seen);
        return Err(match there.filter(|it| sees(cx.state, &cx.place.account, it)) {
            None => not_found(id),
            Some(_) => Refusal::new("AuthFailure", format!("Not authorized for image:{id}")),
        });
    };
    if image.state == State::Deregistered {
        return Err(unavailable(id));
    }
    Ok(image)
}

pub(super) fn not_found(id: &str) -> Refusal {
    Refusal::new("InvalidAMIID.NotFound", format!("The image id '[{id}]' does not exist"))
}

pub(super) fn unavailable(id: &str) -> Refusal {
    let message = format!("The image ID '{id}' is no longer available");
    Refusal::new("InvalidAMIID.Unavailable", message)
}
