//! What an instance with Windows does when it is to take snapshots of itself: it holds its
//! applications still by VSS and calls `CreateSnapshots` in its own name. What its profile may do is
//! not simulated.
//!
//! Source: EC2 User Guide, "Use Systems Manager command documents to create VSS based snapshots":
//! the parameters, the tags that are reserved, and those that are set.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lamplighter_core::{Place, Tags};

use crate::{
    cloud::State,
    ec2::{
        snapshot_create_many::{CreateSnapshots, InstanceSpecification},
        tags::TagSpecification,
    },
    operation::{Cx, Operation},
    organization::Caller,
};

/// Tags that nobody may ask for.
const RESERVED: [&str; 3] = ["AppConsistent", "AwsVssConfig", "Device"];

/// Snapshots that an instance is to take.
#[derive(Clone, Debug)]
pub(crate) struct Shadows {
    /// The command's key.
    command: Box<str>,
    instance: Box<str>,
    /// Who has sent it.
    caller: Caller,
    without_root: bool,
    description: String,
    tags: String,
}

impl Shadows {
    pub(super) fn new(
        command: Box<str>,
        instance: &str,
        parameters: &BTreeMap<String, Vec<String>>,
        caller: &Caller,
    ) -> Shadows {
        let value =
            |name| parameters.get(name).and_then(|it| it.first()).cloned().unwrap_or_default();
        Shadows {
            command,
            instance: instance.into(),
            caller: caller.clone(),
            without_root: value("ExcludeBootVolume") == "True",
            description: value("description"),
            tags: value("tags"),
        }
    }
}

/// Takes them, or has the command fail.
pub(crate) fn take(state: &mut State, place: &Place, it: Shadows, at: Timestamp) {
    let is_held = !state.services(place).ssm.restless.contains(&it.instance);
    let taken = tags(&it.tags, is_held).and_then(|tags| {
        let request = CreateSnapshots {
            description: it.description,
            instance_specification: InstanceSpecification {
                instance_id: it.instance.to_string(),
                exclude_boot_volume: it.without_root,
                ..InstanceSpecification::default()
            },
            tag_specification: TagSpecification::of("snapshot", &tags),
            copy_tags_from_source: None,
        };
        let (caller, now) = (&it.caller, at);
        let mut cx = Cx { state: &mut *state, caller, place, now, seen: now, retry_until: None };
        let made: Vec<String> = match request.run(&mut cx) {
            Ok(answer) => answer.ids().map(str::to_owned).collect(),
            Err(refusal) => return Err(refusal.message),
        };
        made.iter().for_each(|id| tell_device(state, place, (&it.instance, id), at));
        Ok(())
    });
    let restless = Err("VSS could not hold all writers still".to_owned());
    let ended = if is_held { taken } else { taken.and(restless) };
    let command = state.services_mut(place).ssm.commands.get_mut(&it.command);
    if let (Some(command), Err(why)) = (command, ended) {
        (command.exit_code, command.errors) = (1, why.into());
    }
}

/// Says of a snapshot from which device it was taken.
fn tell_device(state: &mut State, place: &Place, (instance, id): (&str, &str), at: Timestamp) {
    let ec2 = &mut state.services_mut(place).ec2;
    let volume = ec2.snapshots.get(id).map(|it| it.volume_id.clone());
    let devices = ec2.instances.get(instance).map_or(&[][..], |it| &it.devices);
    let device = devices.iter().find(|it| Some(&it.volume_id) == volume.as_ref());
    let Some(name) = device.map(|it| it.name.to_string()) else { return };
    ec2.snapshots.change(id, at, |it| drop(it.tags.insert("Device".to_owned(), name)));
}

/// The tags that the snapshots get.
fn tags(text: &str, is_held: bool) -> Result<Tags, String> {
    let mut tags = Tags::from([("Name".to_owned(), String::new())]);
    for one in text.split(';').filter(|it| !it.is_empty()) {
        let both = one.strip_prefix("Key=").and_then(|it| it.split_once(",Value="));
        let is_plain = |it: &str| !it.contains([',', ';', '=']);
        let Some((key, value)) = both.filter(|(key, value)| is_plain(key) && is_plain(value))
        else {
            return Err(format!("`{one}` is no tag"));
        };
        if RESERVED.contains(&key) {
            return Err(format!("the tag `{key}` is reserved"));
        }
        tags.insert(key.to_owned(), value.to_owned());
    }
    tags.insert("AwsVssConfig".to_owned(), "AwsVssComponents=2.5.0".to_owned());
    if is_held {
        tags.insert("AppConsistent".to_owned(), "True".to_owned());
    }
    Ok(tags)
}
