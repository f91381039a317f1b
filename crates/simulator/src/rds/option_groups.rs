//! Option groups: what engines are extended by. `DescribeOptionGroups`.
//!
//! Source: RDS API Reference, `DescribeOptionGroups`, `OptionGroup` and `Option`; RDS User Guide,
//! "Working with option groups".

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::listing::{self, Filter, Page};
use crate::{
    arn,
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// What the names of groups begin with that every account has, without options.
const DEFAULT: &str = "default:";
/// Options that do not keep a snapshot from being shared, though they stay.
/// Source: RDS User Guide, "Sharing a DB snapshot for Amazon RDS", limitations.
const SHAREABLE: [&str; 2] = ["OLS", "Timezone"];

/// An option group that an account has made.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OptionGroup {
    /// The engine that it is for.
    pub(crate) engine: Box<str>,
    pub(crate) options: Vec<GroupOption>,
}

/// An option in a group.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GroupOption {
    pub(crate) name: Box<str>,
    /// It cannot be taken out of a group while an instance is in the group.
    pub(crate) persistent: bool,
    /// It cannot be taken out of a group at all.
    pub(crate) permanent: bool,
}

impl OptionGroup {
    /// One for an engine, without options.
    pub(crate) fn new(engine: &str) -> OptionGroup {
        OptionGroup { engine: engine.into(), options: Vec::new() }
    }

    /// An option that keeps a snapshot from being shared.
    pub(crate) fn unshareable(&self) -> Option<&GroupOption> {
        let stays = |it: &&GroupOption| it.persistent || it.permanent;
        self.options.iter().filter(stays).find(|it| !SHAREABLE.contains(&&*it.name))
    }
}

/// Whether a group is one that every account has.
pub(crate) fn is_default(name: &str) -> bool {
    name.starts_with(DEFAULT)
}

/// There is no such group.
pub(crate) fn missing(name: &str) -> Refusal {
    let message = format!("Specified OptionGroupName: {name} not found.");
    Refusal::new("OptionGroupNotFoundFault", message).status(404)
}

/// `DescribeOptionGroups`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct DescribeOptionGroups {
    #[serde(rename = "OptionGroupName")]
    pub(crate) name: Option<String>,
    pub(crate) engine_name: Option<String>,
    pub(crate) filters: Vec<Filter>,
    pub(crate) max_records: Option<u32>,
    pub(crate) marker: Option<String>,
}

/// What `DescribeOptionGroups` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Groups {
    #[serde(rename = "OptionGroupsList")]
    pub(crate) groups: Vec<Shown>,
    marker: Option<String>,
}

/// A group in an answer.
#[derive(Clone, Debug, Serialize)]
#[serde(rename = "OptionGroup", rename_all = "PascalCase")]
pub(crate) struct Shown {
    option_group_name: String,
    option_group_description: &'static str,
    pub(crate) engine_name: Box<str>,
    pub(crate) options: Vec<ShownOption>,
    allows_vpc_and_non_vpc_instance_memberships: bool,
    option_group_arn: String,
}

/// An option in an answer.
#[derive(Clone, Debug, Serialize)]
#[serde(rename = "Option", rename_all = "PascalCase")]
pub(crate) struct ShownOption {
    pub(crate) option_name: Box<str>,
    pub(crate) persistent: bool,
    pub(crate) permanent: bool,
}

impl Operation for DescribeOptionGroups {
    const SPEC: Spec = super::spec("DescribeOptionGroups", Access::Reads);

    type Answer<'s> = Groups;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let name = self.name.as_deref().unwrap_or("*");
        vec![Need::on("rds:DescribeOptionGroups", arn_of(cx, name))]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Groups, Refusal> {
        let cx = &*cx;
        if self.name.is_some() && self.engine_name.is_some() {
            let message = "OptionGroupName and EngineName cannot be used together.";
            return Err(Refusal::new("InvalidParameterCombination", message));
        }
        listing::check_filters(&self.filters, &[])?;
        let own = cx.here().rds.option_groups.iter();
        let mut all: BTreeMap<String, Shown> =
            own.map(|(name, it)| (name.to_string(), shown(cx, name, it))).collect();
        if let Some(name) = &self.name {
            let name = name.to_ascii_lowercase();
            if let Some(engine) = default_engine(&name) {
                all.insert(name.clone(), shown(cx, &name, &OptionGroup::new(engine)));
            }
            let one = all.remove(&name).ok_or_else(|| missing(&name))?;
            all = BTreeMap::from([(name, one)]);
        }
        let engine = self.engine_name.as_deref();
        let page = Page { max_records: self.max_records, marker: self.marker.as_deref() };
        let asked = (Self::SPEC.name, &(&self.name, &self.engine_name));
        let shows =
            |it: &Shown| engine.is_none_or(|engine| *engine == *it.engine_name).then(|| it.clone());
        let (groups, marker) = page.of(cx, asked, &all, shows)?;
        Ok(Groups { groups, marker })
    }
}

/// The engine that a default group is for: of `default:mysql-8-0`, `mysql`.
fn default_engine(name: &str) -> Option<&str> {
    let name = name.strip_prefix(DEFAULT)?;
    let engine = name.trim_end_matches(|it: char| it.is_ascii_digit() || it == '-');
    (engine != name).then_some(engine)
}

fn arn_of(cx: &Cx<'_>, name: &str) -> String {
    arn::of("rds", cx.place, format_args!("og:{name}"))
}

fn shown(cx: &Cx<'_>, name: &str, it: &OptionGroup) -> Shown {
    let option = |it: &GroupOption| ShownOption {
        option_name: it.name.clone(),
        persistent: it.persistent,
        permanent: it.permanent,
    };
    Shown {
        option_group_name: name.to_owned(),
        option_group_description: "made by a test",
        engine_name: it.engine.clone(),
        options: it.options.iter().map(option).collect(),
        allows_vpc_and_non_vpc_instance_memberships: true,
        option_group_arn: arn_of(cx, name),
    }
}

/// Refuses a group that is not there, or is for another engine.
pub(crate) fn check(cx: &Cx<'_>, name: &str, engine: &str) -> Result<(), Refusal> {
    let own = cx.here().rds.option_groups.get(name).map(|it| &*it.engine);
    let of = own.or_else(|| default_engine(name)).ok_or_else(|| missing(name))?;
    if of == engine {
        return Ok(());
    }
    let message = format!("The option group {name} is for {of}, and not for {engine}.");
    Err(Refusal::new("InvalidParameterCombination", message))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::bed::Bed;

    fn bed() -> Bed {
        let bed = Bed::new();
        let tde = GroupOption { name: "TDE".into(), persistent: true, permanent: true };
        let group = OptionGroup { engine: "oracle-ee".into(), options: vec![tde] };
        bed.here(|it| {
            it.rds.option_groups.insert("safe".into(), group.clone());
            it.rds.option_groups.insert("other".into(), OptionGroup::new("mysql"));
        });
        bed
    }

    #[track_caller]
    fn check_names(request: DescribeOptionGroups, expected: Result<&[&str], &str>) {
        let found = bed().ask(request).map(|it| {
            let groups = it["OptionGroupsList"].as_array().unwrap().clone();
            groups.iter().map(|it| it["OptionGroupName"].as_str().unwrap().to_owned()).collect()
        });
        let expected = expected.map(|it| it.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>());
        assert_eq!(found, expected);
    }

    #[test]
    fn groups_are_found_by_name_or_engine_and_default_ones_by_name() {
        let named = |name: &str| DescribeOptionGroups {
            name: Some(name.into()),
            ..DescribeOptionGroups::default()
        };
        check_names(DescribeOptionGroups::default(), Ok(&["other", "safe"]));
        check_names(named("Safe"), Ok(&["safe"]));
        check_names(named("default:mysql-8-0"), Ok(&["default:mysql-8-0"]));
        check_names(named("default:db2-ae-11-5"), Ok(&["default:db2-ae-11-5"]));
        check_names(named("default:"), Err("OptionGroupNotFoundFault"));
        check_names(named("none"), Err("OptionGroupNotFoundFault"));
        let of = DescribeOptionGroups {
            engine_name: Some("mysql".into()),
            ..DescribeOptionGroups::default()
        };
        check_names(of.clone(), Ok(&["other"]));
        let both = DescribeOptionGroups { name: Some("safe".into()), ..of };
        check_names(both, Err("InvalidParameterCombination"));
    }

    #[test]
    fn options_say_whether_they_stay() {
        let shown = bed().ask(DescribeOptionGroups::default()).unwrap();
        assert_eq!(
            shown["OptionGroupsList"][1]["Options"],
            json!([{ "OptionName": "TDE", "Persistent": true, "Permanent": true }])
        );
    }
}
