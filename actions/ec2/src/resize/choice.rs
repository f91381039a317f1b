//! Which types an instance should get, in which order, and why not.

use lamplighter_core::{
    Verdict,
    action::BadParams,
    cloud::instances::{Instance, InstanceType},
    select::TagPatterns,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Params;
use crate::{
    bounds::out_of_bounds,
    fit::{check_names, fits},
    stop::cannot_stop,
};

/// Types from small to large, and what asks for the next one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Steps {
    /// The types, from small to large.
    sizes: Vec<String>,
    /// The tags of instances that get the next larger type. All must hold. They are taken off
    /// when that has happened.
    #[serde(default)]
    up: TagPatterns,
    /// The tags of instances that get the next smaller type, in the same way.
    #[serde(default)]
    down: TagPatterns,
    /// The type that instances are taken for whose type is not among `sizes`. Without it they are
    /// left alone.
    assume: Option<String>,
    /// Whether a type that does not fit, or for which there is no capacity, is passed over for
    /// the one after it.
    #[serde(default = "yes")]
    pass_over: bool,
}

fn yes() -> bool {
    true
}

impl Params {
    pub(super) fn check_choice(&self) -> Result<(), BadParams> {
        let bad = |path: &str, message: &str| {
            Err(BadParams { path: path.to_owned(), message: message.to_owned() })
        };
        check_names("types", &self.types)?;
        let Some(steps) = &self.steps else {
            return match self.types.is_empty() {
                true => bad("", "`types` or `steps` must say what to change to"),
                false => Ok(()),
            };
        };
        if !self.types.is_empty() {
            return bad("steps", "`types` and `steps` exclude each other");
        }
        check_names("steps.sizes", &steps.sizes)?;
        if steps.sizes.len() < 2 {
            return bad("steps.sizes", "a step needs two types, one smaller than the other");
        }
        if steps.up.is_empty() && steps.down.is_empty() {
            return bad("steps", "`up` or `down` must say which instances take a step");
        }
        match &steps.assume {
            Some(it) if !steps.sizes.contains(it) => {
                bad("steps.assume", "`assume` is one of `sizes`")
            }
            _ => Ok(()),
        }
    }

    /// All types that are named.
    pub(super) fn named(&self) -> impl Iterator<Item = &String> {
        self.types.iter().chain(self.steps.iter().flat_map(|it| &it.sizes))
    }

    /// The tags that have asked for a step.
    pub(super) fn step_tags(&self) -> impl Iterator<Item = &str> {
        let steps = self.steps.iter();
        steps.flat_map(|it| it.up.iter().chain(it.down.iter())).map(|(key, _)| key)
    }

    pub(super) fn judge(&self, it: &Instance, known: &[InstanceType]) -> Verdict {
        let leave = |reason: String| Verdict::Leave { reason };
        let spot = || {
            let reason = "AWS does not change the type of a Spot Instance";
            (it.lifecycle == "spot").then(|| reason.to_owned())
        };
        if let Some(reason) = out_of_bounds(it).or_else(|| cannot_stop(it)).or_else(spot) {
            return leave(reason);
        }
        let meanwhile = match it.state.as_str() {
            "running" => ", and stop it meanwhile",
            "stopped" if it.state_reason.as_deref() == Some("Client.UserInitiatedHibernate") => {
                return leave("it is hibernated, and keeps its type".to_owned());
            }
            "stopped" => "",
            state => return leave(format!("it is `{state}`")),
        };
        let types = match self.choose(it, known) {
            Ok(types) => types,
            Err(reason) => return leave(reason),
        };
        let find = |name: &str| known.iter().find(|it| it.name == name);
        let mut notes = Vec::new();
        if types.len() > 1 {
            let others: Vec<String> = types[1..].iter().map(|it| format!("`{it}`")).collect();
            notes.push(format!("without capacity to {}", others.join(", ")));
        }
        let own = find(&it.instance_type);
        if it.state == "running" && own.is_some_and(|it| it.instance_store) {
            notes.push("what is on its instance store is lost".to_owned());
        }
        let nvme = |it: Option<&InstanceType>| it.is_some_and(|it| it.requires_nvme);
        if !nvme(own) && nvme(find(&types[0])) {
            notes.push("its operating system needs a driver for NVMe volumes".to_owned());
        }
        Verdict::Act {
            effect: format!("resize from `{}` to `{}`{meanwhile}", it.instance_type, types[0]),
            reason: (!notes.is_empty()).then(|| notes.join("; ")),
        }
    }

    /// The types for an instance, the best first, or why there is none.
    pub(super) fn choose(
        &self,
        it: &Instance,
        known: &[InstanceType],
    ) -> Result<Vec<String>, String> {
        let wanted = match &self.steps {
            Some(steps) => steps.wanted(it)?,
            None => self.wanted(it)?.iter().collect(),
        };
        let mut chosen = Vec::new();
        let mut reasons = Vec::new();
        for name in wanted {
            match fits(it, name, known) {
                Ok(()) => chosen.push(name.clone()),
                Err(why) => reasons.push(format!("not `{name}`: {why}")),
            }
        }
        if chosen.is_empty() { Err(reasons.join("; ")) } else { Ok(chosen) }
    }

    /// Those of the list that are better than the type that the instance has.
    fn wanted(&self, it: &Instance) -> Result<&[String], String> {
        let own = self.types.iter().position(|name| *name == it.instance_type);
        match own {
            Some(0) => Err(format!("it is a `{}`", it.instance_type)),
            Some(index) => Ok(&self.types[..index]),
            None => Ok(&self.types),
        }
    }
}

impl Steps {
    fn wanted<'s>(&'s self, it: &Instance) -> Result<Vec<&'s String>, String> {
        let asks = |patterns: &TagPatterns| !patterns.is_empty() && patterns.selects(&it.tags);
        let (up, down) = (asks(&self.up), asks(&self.down));
        let place = |name: &String| self.sizes.iter().position(|size| size == name);
        let own = place(&it.instance_type).or_else(|| place(self.assume.as_ref()?));
        let most = if self.pass_over { self.sizes.len() } else { 1 };
        let wanted: Vec<&String> = match (up, down, own) {
            (false, false, _) => return Err("its tags ask for no step".to_owned()),
            (true, true, _) => return Err("its tags ask for a step up and for one down".to_owned()),
            (_, _, None) => {
                return Err(format!("`{}` is not among the sizes", it.instance_type));
            }
            (true, false, Some(own)) => self.sizes[own + 1..].iter().take(most).collect(),
            (false, true, Some(own)) => self.sizes[..own].iter().rev().take(most).collect(),
        };
        match (wanted.is_empty(), up) {
            (true, true) => Err(format!("`{}` is the largest size", it.instance_type)),
            (true, false) => Err(format!("`{}` is the smallest size", it.instance_type)),
            (false, _) => Ok(wanted),
        }
    }
}
