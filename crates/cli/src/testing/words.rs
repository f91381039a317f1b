//! A file of task tests, as it is written.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use lamplighter_core::{
    TaskName,
    events::{self, BadEvent, CloudEvent},
};
use lamplighter_simulator::{
    Fleet, Rule,
    words::{Instant, OneOrMore, Pattern, Range, Time},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::{Value, json};

/// Tests of tasks. Each has a simulated organization of its own, lets the engine work in it in
/// virtual time, and says what is expected of it.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct File {
    /// What is in the organization, for the tests that do not say it themselves: the words of a
    /// fleet file, or the path of one. Without `accounts`, they are those of the configuration.
    pub(crate) fleet: Option<FleetWords>,
    /// The tests, by what they show.
    pub(crate) tests: BTreeMap<String, Test>,
}

/// One test. It does one of three things: `plan`, `run` or `until`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Test {
    /// What is in the organization, in place of what the file says.
    pub(crate) fleet: Option<FleetWords>,
    /// What goes wrong: the rules of a fault file. A rule that strikes no call fails the test.
    #[serde(default)]
    pub(crate) faults: Vec<Rule>,
    /// When it begins. By default when the fleet does, or on Monday, 2026-03-02, at 00:00 UTC.
    pub(crate) begin: Option<Instant>,
    /// Only plans this task.
    pub(crate) plan: Option<TaskName>,
    /// Runs this task, or these one after the other, each to its end. Nothing is started by a
    /// schedule.
    pub(crate) run: Option<OneOrMore<TaskName>>,
    /// Serves all tasks by their schedules until this instant.
    pub(crate) until: Option<Instant>,
    /// What happens in AWS beside what the tasks do there, for tasks with `on`.
    #[serde(default)]
    pub(crate) events: Vec<Happening>,
    /// When the worker is killed and started again, one after the other.
    #[serde(default)]
    pub(crate) crash: Vec<Crash>,
    /// What is expected. What is not mentioned is not judged; but in the end no job may be open,
    /// and no law broken.
    pub(crate) expect: Expect,
}

/// An event of AWS, in the words of EventBridge.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Happening {
    /// How long after the beginning; by default at once.
    pub(crate) after: Option<Time>,
    /// Such as `aws.tag`.
    pub(crate) source: String,
    /// Such as `Tag Change on Resource`.
    pub(crate) detail_type: String,
    /// The account in which it happens.
    pub(crate) account: String,
    /// The region in which it happens.
    pub(crate) region: String,
    /// What it is about, as ARNs.
    #[serde(default)]
    pub(crate) resources: Vec<String>,
    /// The rest.
    #[serde(default)]
    pub(crate) detail: serde_json::Map<String, Value>,
}

impl Happening {
    /// The event, in a test that begins then. Each has a number of its own there.
    pub(crate) fn event(&self, begin: Timestamp, number: usize) -> Result<CloudEvent, BadEvent> {
        let at = begin + self.after.map(|it| it.0).unwrap_or_default();
        events::parse(&json!({
            "version": "0",
            "id": format!("00000000-0000-4000-8000-{number:012}"),
            "detail-type": self.detail_type,
            "source": self.source,
            "account": self.account,
            "time": at,
            "region": self.region,
            "resources": self.resources,
            "detail": self.detail,
        }))
    }
}

/// The death of the worker: at a time, or right after a call of AWS, of which nobody hears then.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct Crash {
    /// How long after the beginning.
    pub(crate) after: Option<Time>,
    /// The call, such as `ec2:CreateSnapshot`: the first one since the crash before.
    pub(crate) call: Option<String>,
    /// How long nobody works then; by default a new worker is there at once.
    #[serde(rename = "for")]
    pub(crate) lasts: Option<Time>,
}

/// What is expected.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct Expect {
    /// What a plan says of targets, such as `vol-1: act`, `"leave: *managed*"` or
    /// `not selected`. A target is an id, an id with its place,
    /// `111122223333/eu-west-1/vol-1`, or a pattern such as `db-*`; a place or an account alone
    /// stands for what could not be planned there: `"problem: *denied*"`.
    pub(crate) verdicts: BTreeMap<String, Pattern>,
    /// How the jobs on targets ended, such as `vol-1: succeeded`, `"failed: *denied*"` or
    /// `no job`. A list is one job after the other. A place alone stands for the listing there,
    /// and a task for the start of its runs.
    pub(crate) jobs: BTreeMap<String, OneOrMore<Pattern>>,
    /// The occurrences of tasks that ran: how many, or each.
    pub(crate) runs: BTreeMap<TaskName, Amount<Pattern>>,
    /// The occurrences that nobody was there to run: how many, or each, such as
    /// `nightly-backup@2026-03-04T02:00:00Z`.
    pub(crate) missed: Option<Amount<Pattern>>,
    /// The snapshots that are there in the end and were not at the beginning: how many, or each.
    pub(crate) created: Option<Amount<Made>>,
    /// The snapshots that were there at the beginning and are not in the end: how many, or the id
    /// of each.
    pub(crate) deleted: Option<Amount<Pattern>>,
    /// The snapshots that there are of a volume or a database in the end: how many, or each, by its
    /// id, its date or its time.
    pub(crate) kept: BTreeMap<String, Amount<Pattern>>,
    /// How often AWS was called, such as `ec2:CreateSnapshot: 3` or `"ec2:Delete*": 0`.
    pub(crate) calls: BTreeMap<String, Range<u32>>,
}

/// A snapshot that was made.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct Made {
    /// The volume or database.
    pub(crate) of: Option<Pattern>,
    /// The place, such as `111122223333/eu-west-1`.
    #[serde(rename = "in")]
    pub(crate) place: Option<Pattern>,
    /// Its description.
    pub(crate) description: Option<Pattern>,
    /// Some of its tags; `null` is no such tag.
    pub(crate) tags: BTreeMap<String, Option<Pattern>>,
}

/// How many there are, such as `7` or `"1..3"`, or a list of all, in any order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Amount<T> {
    /// How many.
    Count(Range<u32>),
    /// Each.
    Each(Vec<T>),
}

/// A fleet, or the path of a file with one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FleetWords {
    /// Beside the file that names it.
    Path(String),
    /// What is in the organization.
    Here(Box<Fleet>),
}

impl Expect {
    /// Whether it says nothing.
    pub(crate) fn is_empty(&self) -> bool {
        let Expect { verdicts, jobs, runs, missed, created, deleted, kept, calls } = self;
        verdicts.is_empty()
            && jobs.is_empty()
            && runs.is_empty()
            && missed.is_none()
            && created.is_none()
            && deleted.is_none()
            && kept.is_empty()
            && calls.is_empty()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Amount<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Amount<T>, D::Error> {
        deserializer.deserialize_any(AmountVisitor(std::marker::PhantomData))
    }
}

struct AmountVisitor<T>(std::marker::PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for AmountVisitor<T> {
    type Value = Amount<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, a range such as `1..3`, or a list")
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Amount<T>, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Amount<T>, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Amount<T>, E> {
        text.parse().map(Amount::Count).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Amount<T>, A::Error> {
        let mut each = Vec::new();
        while let Some(item) = list.next_element()? {
            each.push(item);
        }
        Ok(Amount::Each(each))
    }
}

impl<T: JsonSchema> JsonSchema for Amount<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("number or list of {}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let count = generator.subschema_for::<Range<u32>>();
        let item = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [count, { "type": "array", "items": item }] })
    }
}

impl<'de> Deserialize<'de> for FleetWords {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<FleetWords, D::Error> {
        deserializer.deserialize_any(FleetVisitor)
    }
}

struct FleetVisitor;

impl<'de> Visitor<'de> for FleetVisitor {
    type Value = FleetWords;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the path of a fleet file, or a fleet")
    }

    fn visit_str<E: de::Error>(self, path: &str) -> Result<FleetWords, E> {
        Ok(FleetWords::Path(path.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<FleetWords, A::Error> {
        Fleet::deserialize(MapAccessDeserializer::new(map)).map(Box::new).map(FleetWords::Here)
    }
}

impl JsonSchema for FleetWords {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "fleet or path".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let fleet = generator.subschema_for::<Fleet>();
        json_schema!({ "anyOf": [{ "type": "string" }, fleet] })
    }
}
