//! Whether an instance can be of a type, as far as AWS tells before.
//!
//! Source: EC2 User Guide, "Compatibility for changing the instance type" and "Amazon EBS volume
//! limits for Amazon EC2 instances".

use std::collections::BTreeSet;

use lamplighter_core::{
    action::BadParams,
    cloud::instances::{Instance, InstanceType},
};

/// Says why an instance cannot be of a type. `known` are the types of the region.
pub(crate) fn fits(it: &Instance, name: &str, known: &[InstanceType]) -> Result<(), String> {
    let new = known
        .iter()
        .find(|known| known.name == name)
        .ok_or_else(|| "there is no such type in the region".to_owned())?;
    if !new.architectures.contains(&it.architecture) {
        let theirs = new.architectures.join(", ");
        return Err(format!("it is made for `{}`, and not for {theirs}", it.architecture));
    }
    if !new.virtualizations.contains(&it.virtualization) {
        return Err(format!("its virtualization is `{}`", it.virtualization));
    }
    if let Some(mode) = &it.boot_mode
        && !new.boot_modes.is_empty()
        && !new.boot_modes.contains(mode)
    {
        return Err(format!("it boots as `{mode}`"));
    }
    if new.requires_ena && !it.ena {
        return Err("it has no driver for Elastic Network Adapters (ENA)".to_owned());
    }
    if it.hibernation && !new.hibernation {
        return Err("it can hibernate, and that type cannot".to_owned());
    }
    if it.network_interfaces > new.network_interfaces {
        let (has, most) = (it.network_interfaces, new.network_interfaces);
        return Err(format!("it has {has} network interfaces, and that type at most {most}"));
    }
    let has = u32::try_from(it.volumes.len()).unwrap_or(u32::MAX);
    let others = it.network_interfaces.saturating_sub(1);
    let taken = has.saturating_add(if new.shares_volumes { others } else { 0 });
    match new.volumes {
        Some(most) if taken > most => {
            Err(format!("it has {has} volumes, and that type has room for {most} attachments"))
        }
        _ => Ok(()),
    }
}

/// Refuses names of types that cannot be, and those that are there twice.
pub(crate) fn check_names(path: &str, names: &[String]) -> Result<(), BadParams> {
    let mut seen = BTreeSet::new();
    for (index, name) in names.iter().enumerate() {
        let bad = |message: String| BadParams { path: format!("{path}[{index}]"), message };
        let is_word = |it: &str| {
            !it.is_empty() && it.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-')
        };
        if !name.split_once('.').is_some_and(|(family, size)| is_word(family) && is_word(size)) {
            return Err(bad(format!("`{name}` is not an instance type, such as `m5.large`")));
        }
        if !seen.insert(name) {
            return Err(bad(format!("`{name}` is here twice")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
