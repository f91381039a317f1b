//! How images go from state to state, by themselves and by `DisableImage` and `EnableImage`.
//!
//! Source: EC2 User Guide, "Monitor AMI events using Amazon EventBridge" and "Disable an AMI".

use jiff::Timestamp;
use lamplighter_core::Place;
use serde::Deserialize;
use serde_json::json;

use super::{Image, State, backing, backing::Progress, need, visible};
use crate::{
    cloud,
    ec2::{self, bucket, snapshot_delete::Done, snapshots::Snapshot},
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// What happens to an image by itself.
#[derive(Debug)]
pub(crate) enum Happening {
    /// Nobody sees it any longer.
    Vanishes { id: Box<str> },
}

/// Lets something happen to an image.
pub(crate) fn happen(state: &mut cloud::State, place: &Place, happening: Happening, at: Timestamp) {
    match happening {
        Happening::Vanishes { id } => {
            state.services_mut(place).ec2.images.remove(&id, at);
        }
    }
}

/// Takes an image away, which is shown for a while yet.
pub(super) fn end(state: &mut cloud::State, place: &Place, id: &str, at: Timestamp) {
    enter(state, place, id, State::Deregistered, at);
    let seen_until = at + state.dials.times.deregistered_seen;
    state.agenda.plan(seen_until, wrap(place, Happening::Vanishes { id: id.into() }));
}

/// A snapshot has ended, well or not, that an image is made of. The image is available when all
/// its snapshots are complete; one that was deregistered while it was pending stays so.
pub(crate) fn snapshot_ended(
    state: &mut cloud::State,
    place: &Place,
    snapshot: &Snapshot,
    at: Timestamp,
) {
    for id in &snapshot.images {
        mature(state, place, id, at);
    }
}

fn mature(state: &mut cloud::State, place: &Place, id: &str, at: Timestamp) {
    let image = state.services(place).ec2.images.get(id);
    let Some(image) = image.filter(|it| it.state == State::Pending) else { return };
    match backing::progress(state, place, image) {
        Progress::Pending => {}
        Progress::Completed => enter(state, place, id, State::Available, at),
        Progress::Failed(why) => {
            let images = &mut state.services_mut(place).ec2.images;
            images.change(id, at, |it| it.failure = Some(why));
            enter(state, place, id, State::Failed, at);
        }
    }
}

/// Sends an image into a state, and says so in an event.
fn enter(state: &mut cloud::State, place: &Place, id: &str, to: State, at: Timestamp) {
    let images = &mut state.services_mut(place).ec2.images;
    let failure = images.change(id, at, |it| {
        it.state = to;
        it.failure.clone()
    });
    let detail = json!({
        "RequestId": state.request_id(),
        "ImageId": id,
        "State": to.as_str(),
        "ErrorMessage": failure.flatten().unwrap_or_default(),
    });
    let resources = vec![Image::arn(place, id)];
    state.events.emit(place, at, "aws.ec2", "EC2 AMI State Change", resources, detail);
}

fn wrap(place: &Place, happening: Happening) -> cloud::Happening {
    cloud::Happening::Ec2(place.clone(), ec2::Happening::Image(happening))
}

/// `DisableImage`. The image is shared with nobody after that.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct DisableImage {
    pub(crate) image_id: String,
}

/// `EnableImage`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct EnableImage {
    pub(crate) image_id: String,
}

impl Operation for DisableImage {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "DisableImage",
        access: Access::Writes,
        bucket: bucket::WRITES,
    };

    type Answer<'s> = Done;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![need(cx, "ec2:DisableImage", &self.image_id)]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Done, Refusal> {
        turn(cx, &self.image_id, State::Available, State::Disabled)
    }
}

impl Operation for EnableImage {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "EnableImage",
        access: Access::Writes,
        bucket: bucket::WRITES,
    };

    type Answer<'s> = Done;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![need(cx, "ec2:EnableImage", &self.image_id)]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Done, Refusal> {
        turn(cx, &self.image_id, State::Disabled, State::Available)
    }
}

/// Turns an image of one state into one of another.
fn turn(cx: &mut Cx<'_>, id: &str, from: State, to: State) -> Result<Done, Refusal> {
    let image = visible::own(cx, id)?;
    if image.state != from {
        let message = format!("The image '{id}' is {}.", image.state.as_str());
        return Err(Refusal::new("IncorrectState", message));
    }
    super::change(cx, id, |it| it.permissions.clear());
    enter(cx.state, cx.place, id, to, cx.now);
    Ok(Done::DONE)
}
