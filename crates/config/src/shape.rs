//! The keys of a configuration file, as types with nothing but a schema. What `read` looks for and
//! what editors are told both come from here.

#![expect(dead_code, reason = "only the schemas of these types are used")]

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

use lamplighter_core::{
    events::Name,
    schedule::Cron,
    select::{Condition, TagPatterns},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use crate::trigger;

/// One file of a Lamplighter configuration. A configuration is all the files of a directory; a
/// name may be defined in one of them only.
#[derive(JsonSchema)]
#[schemars(rename = "file", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct File {
    /// The AWS accounts, by the names that tasks use.
    accounts: Option<BTreeMap<String, Account>>,
    /// Sets of days, by the names that schedules use.
    calendars: Option<BTreeMap<String, Calendar>>,
    /// What to do, by name.
    tasks: Option<BTreeMap<String, Task>>,
    /// How fast AWS is called. One file may say so.
    pacing: Option<Pacing>,
}

/// How fast AWS is called.
#[derive(JsonSchema)]
#[schemars(rename = "pacing", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Pacing {
    /// How much one process takes of the calls that AWS allows in each account and region; 70% by
    /// default. The rest is for the account's other users.
    share: Option<SomePercent>,
}

/// An AWS account, or the accounts of a part of an AWS Organization.
#[derive(JsonSchema)]
#[schemars(
    rename = "account",
    rename_all = "kebab-case",
    deny_unknown_fields,
    extend("oneOf" = [{ "required": ["id"] }, { "required": ["organization"] }])
)]
pub(crate) struct Account {
    /// Its 12-digit id.
    id: Option<AccountId>,
    /// Instead of an id: all accounts of a part of the organization, whichever these are when a
    /// run starts. Accounts that have an entry of their own are left out.
    organization: Option<Organization>,
    /// The role to assume there: a name, with its path if it has one, or an ARN. Without one the
    /// process's own credentials are used.
    role: Option<String>,
    /// The external id that the role asks for.
    external_id: Option<Written>,
    /// The regions of tasks that name none: a list, or `all` for every region that is enabled
    /// in the account.
    regions: Regions,
    /// Labels by which tasks choose accounts.
    labels: Option<Labels>,
}

/// A part of an AWS Organization.
#[derive(JsonSchema)]
#[schemars(rename = "organization", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Organization {
    /// Ids of organizational units, or of the root, with all accounts below at any depth.
    units: AtLeastOne<String>,
    /// Ids of accounts and organizational units that are left out, whatever `units` says.
    exclude: Option<AtLeastOne<Written>>,
}

/// A set of days.
#[derive(JsonSchema)]
#[schemars(
    rename = "calendar",
    rename_all = "kebab-case",
    deny_unknown_fields,
    extend("minProperties" = 1)
)]
pub(crate) struct Calendar {
    /// Days, such as `2026-12-25`.
    dates: Option<AtLeastOne<Date>>,
    /// iCalendar files, relative to the directory of the configuration. Each day on which an
    /// event takes place, in the event's own time, is in the calendar.
    files: Option<AtLeastOne<String>>,
}

/// What to do, when, where and on what.
#[derive(JsonSchema)]
#[schemars(rename = "task", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Task {
    /// One line for people.
    description: Option<String>,
    /// The action, such as `ebs.snapshot.create`. `lamplighter actions` lists them.
    action: String,
    /// Whether the task does anything at all; `true` by default.
    enabled: Option<bool>,
    /// `act`, the default, or `observe`: it plans and records at its time, and never acts.
    mode: Option<ModeName>,
    /// When it runs by itself.
    schedule: Option<Schedule>,
    /// The events that trigger it, each for what it is about. Without a schedule and without
    /// these it runs only when asked to.
    on: Option<AtLeastOne<Trigger>>,
    /// Where it runs: account names and labels, or `all`.
    accounts: Accounts,
    /// The regions; by default each account's own list. `all` is every region that is enabled
    /// in the account.
    regions: Option<Regions>,
    /// Which resources; all by default.
    select: Option<Select>,
    /// Resources that a deleting action may touch although Lamplighter did not make them.
    adopt: Option<Adopt>,
    /// The parameters of the action.
    with: Option<With>,
    /// Most open jobs of this task in one place.
    max_concurrent: Option<Count>,
    /// How long the work on one target may take; by default as long as the action says.
    timeout: Option<Duration>,
    /// When to give up the rest of a run.
    stop_after: Option<StopAfter>,
}

/// When a task runs: `cron` or `every`, and the rest.
#[derive(JsonSchema)]
#[schemars(
    rename = "schedule",
    rename_all = "kebab-case",
    deny_unknown_fields,
    extend("oneOf" = [{ "required": ["cron"] }, { "required": ["every"] }])
)]
pub(crate) struct Schedule {
    /// Five fields: minute, hour, day of month, month, day of week.
    cron: Option<Cron>,
    /// An interval from one minute to 366 days, counted from 1970-01-01T00:00:00Z.
    every: Option<Duration>,
    /// The time zone by its IANA name; UTC by default.
    time_zone: Option<ZoneName>,
    /// The window over which places start, each at its own stable offset.
    spread: Option<Duration>,
    /// What becomes of occurrences that nothing was there to run; `latest` by default.
    missed: Option<MissedName>,
    /// How late an occurrence may start at most.
    within: Option<Duration>,
    /// Calendars with days without occurrences.
    except: Option<AtLeastOne<String>>,
    /// Calendars with the only days that have occurrences.
    only: Option<AtLeastOne<String>>,
}

/// An event that triggers a task.
#[derive(JsonSchema)]
#[schemars(
    rename = "trigger",
    rename_all = "kebab-case",
    deny_unknown_fields,
    extend("allOf" = trigger::schema_rules())
)]
pub(crate) struct Trigger {
    /// The event, such as `tags.changed`.
    event: EventName,
    /// For `ec2.instance.state`: the states that instances enter.
    states: Option<AtLeastOne<StateName>>,
    /// For `tags.changed`: the keys of the tags.
    keys: Option<AtLeastOne<String>>,
    /// For `custom`: an event pattern of EventBridge.
    pattern: Option<With>,
    /// For `custom`: the JSON pointer to the id or ARN of the resource in the event, such as
    /// `/detail/volume-id`, or to a list of them.
    target: Option<PointerText>,
}

/// Which resources, and how many there should be.
#[derive(JsonSchema)]
#[schemars(rename = "select", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Select {
    /// The tags that a resource must have.
    tags: Option<TagPatterns>,
    /// A condition in CEL that must hold.
    r#where: Option<Condition>,
    /// Fewer targets than this in a place is a failure.
    expect: Option<Count>,
    /// More targets than this in a place: none is acted on, and the place fails.
    limit: Option<Limit>,
}

/// The most targets that are acted on in one place.
#[derive(JsonSchema)]
#[schemars(
    rename = "limit",
    rename_all = "kebab-case",
    deny_unknown_fields,
    extend("minProperties" = 1)
)]
pub(crate) struct Limit {
    /// As a number.
    targets: Option<Count>,
    /// As a share of the place's resources of this kind.
    percent: Option<SomePercent>,
}

/// Resources that a deleting action may touch although Lamplighter did not make them.
#[derive(JsonSchema)]
#[schemars(
    rename = "adopt",
    rename_all = "kebab-case",
    deny_unknown_fields,
    extend("minProperties" = 1)
)]
pub(crate) struct Adopt {
    /// The tags that a resource must have.
    tags: Option<TagPatterns>,
    /// A condition in CEL that must hold.
    r#where: Option<Condition>,
}

/// When to give up the rest of a run.
#[derive(JsonSchema)]
#[schemars(rename = "stop-after", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct StopAfter {
    /// A number of failed targets, or a share of the run's targets such as `20%`.
    failed: Failed,
}

/// Accounts with these labels.
#[derive(JsonSchema)]
#[schemars(rename = "labelled", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Labelled {
    /// The labels. All must be there.
    labels: Labels,
}

/// Declares a type with a schema written by hand.
macro_rules! shape {
    ($name:ident, $schema:tt) => {
        pub(crate) struct $name;

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn inline_schema() -> bool {
                true
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

// An id without quotes is an integer to an editor, and one with leading zeros a smaller one.
shape!(AccountId, {
    "type": ["string", "integer"],
    "pattern": "^[0-9]{12}$",
    "minimum": 1,
    "maximum": 999_999_999_999_u64,
});
shape!(Labels, {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": { "type": ["string", "number", "boolean"] },
});
shape!(Written, { "type": ["string", "number", "boolean"] });
shape!(Date, { "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" });
shape!(Count, { "type": "integer", "minimum": 1, "maximum": u32::MAX });
shape!(Duration, {
    "type": "string",
    "pattern": "^[0-9]",
    "examples": ["90s", "15m", "6h", "1d", "1h30m"],
});
shape!(SomePercent, {
    "anyOf": [
        { "type": "integer", "minimum": 1, "maximum": 100 },
        { "type": "string", "pattern": "^0*([1-9][0-9]?|100)%?$" },
    ],
});
shape!(Failed, {
    "anyOf": [
        { "type": "integer", "minimum": 1, "maximum": u32::MAX },
        { "type": "string", "pattern": "^0*([0-9]{1,2}|100)%$" },
    ],
});
shape!(Regions, {
    "anyOf": [
        { "const": "all" },
        {
            "type": "array",
            "minItems": 1,
            "uniqueItems": true,
            "items": { "type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+){1,2}-[0-9]+$" },
        },
    ],
});
shape!(With, { "type": "object" });
shape!(ModeName, { "enum": ["act", "observe"] });
shape!(StateName, {
    "enum": ["pending", "running", "shutting-down", "stopped", "stopping", "terminated"],
});
shape!(PointerText, { "type": "string", "pattern": "^/." });
shape!(MissedName, { "enum": ["latest", "skip", "all"] });
shape!(ZoneName, { "type": "string", "examples": ["Europe/Madrid", "UTC"] });

/// The name of an event.
pub(crate) struct EventName;

impl JsonSchema for EventName {
    fn schema_name() -> Cow<'static, str> {
        "event".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let name = |it: &Name| json!({ "const": it.as_str(), "description": it.meaning() });
        json_schema!({ "oneOf": Name::ALL.iter().map(name).collect::<Vec<_>>() })
    }
}

/// `all`, or a list of names and labels.
pub(crate) struct Accounts;

impl JsonSchema for Accounts {
    fn schema_name() -> Cow<'static, str> {
        "accounts".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "const": "all" },
                {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "anyOf": [{ "type": "string" }, generator.subschema_for::<Labelled>()],
                    },
                },
            ],
        })
    }
}

/// A list with at least one entry.
pub(crate) struct AtLeastOne<T>(T);

impl<T: JsonSchema> JsonSchema for AtLeastOne<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("list of {}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "array",
            "minItems": 1,
            "items": generator.subschema_for::<T>(),
        })
    }
}

/// The keys of the shape `S`, sorted.
pub(crate) fn keys<S: JsonSchema>() -> &'static [String] {
    static KEYS: LazyLock<HashMap<String, Vec<String>>> = LazyLock::new(|| {
        let root = SchemaGenerator::default().into_root_schema_for::<File>().to_value();
        let definitions = root["$defs"].as_object().into_iter().flatten();
        let shapes = definitions.map(|(name, schema)| (name.clone(), property_names(schema)));
        shapes.chain([(File::schema_name().into_owned(), property_names(&root))]).collect()
    });
    KEYS.get(S::schema_name().as_ref()).map_or(&[], Vec::as_slice)
}

fn property_names(schema: &Value) -> Vec<String> {
    schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_has_its_keys() {
        assert_eq!(keys::<File>(), ["accounts", "calendars", "pacing", "tasks"]);
        assert_eq!(keys::<Organization>(), ["exclude", "units"]);
        assert_eq!(keys::<StopAfter>(), ["failed"]);
        assert_eq!(keys::<Adopt>(), ["tags", "where"]);
        assert_eq!(keys::<Trigger>(), ["event", "keys", "pattern", "states", "target"]);
        assert_eq!(keys::<Task>().len(), 14);
    }
}
