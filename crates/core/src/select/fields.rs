//! What is known of a kind of resource: the fields that a condition may ask about.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value};

/// How deep types may be nested in each other. What is deeper is not described.
const DEPTH_MAX: usize = 8;

/// The fields of a resource, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields(BTreeMap<String, Field>);

/// One field.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// What its values are.
    pub kind: Kind,
    /// Whether it may be unknown (`null`, or not there).
    pub optional: bool,
    /// What it means, in one line; empty when nobody said.
    pub doc: String,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Any text.
    Text,
    /// One of these texts.
    Choice(Vec<String>),
    /// A whole number.
    Integer,
    /// A number, possibly with a fraction.
    Number,
    /// True or false.
    Bool,
    /// An instant: RFC 3339 in JSON, a timestamp in a condition.
    Time,
    /// A list of such values.
    List(Box<Kind>),
    /// Any text to such values.
    Map(Box<Kind>),
    /// A value with fields of its own.
    Record(Fields),
    /// Not described.
    Any,
}

impl Fields {
    /// The fields of a type.
    pub fn of<T: JsonSchema>() -> Fields {
        Fields::from_schema(&SchemaGenerator::default().into_root_schema_for::<T>())
    }

    /// The properties of a JSON Schema. `format: date-time` is a time, a type that allows
    /// `null` is optional, the first line of a description is the doc line.
    pub fn from_schema(schema: &Schema) -> Fields {
        let Some(root) = schema.as_object() else { return Fields::default() };
        Reader { definitions: root.get("$defs").and_then(Value::as_object) }.fields(root, 0)
    }

    /// The field of this name.
    pub fn get(&self, name: &str) -> Option<&Field> {
        self.0.get(name)
    }

    /// All fields, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Field)> {
        self.0.iter().map(|(name, field)| (name.as_str(), field))
    }
}

/// Reads a schema whose `$ref`s are to these definitions.
struct Reader<'s> {
    definitions: Option<&'s Map<String, Value>>,
}

impl<'s> Reader<'s> {
    fn fields(&self, schema: &'s Map<String, Value>, depth: usize) -> Fields {
        let required: Vec<&str> = array(schema, "required").filter_map(Value::as_str).collect();
        let properties = schema.get("properties").and_then(Value::as_object);
        let field = |(name, value): (&String, &'s Value)| {
            let (kind, nullable) = self.kind(value, depth + 1);
            let optional = nullable || !required.contains(&name.as_str());
            (name.clone(), Field { kind, optional, doc: self.doc(value) })
        };
        Fields(properties.into_iter().flatten().map(field).collect())
    }

    /// What a schema describes, and whether `null` is among it.
    fn kind(&self, schema: &'s Value, depth: usize) -> (Kind, bool) {
        let Some(schema) = schema.as_object().filter(|_| depth <= DEPTH_MAX) else {
            return (Kind::Any, true);
        };
        if let Some(target) = schema.get("$ref").and_then(|reference| self.definition(reference)) {
            return self.kind(target, depth + 1);
        }
        let choices: Vec<&Value> = array(schema, "anyOf").chain(array(schema, "oneOf")).collect();
        if !choices.is_empty() {
            return self.union(&choices, depth);
        }
        if let Some(text) = schema.get("const").and_then(Value::as_str) {
            return (Kind::Choice(vec![text.to_owned()]), false);
        }
        let nullable = types(schema).any(|name| name == "null");
        let mut names = types(schema).filter(|name| *name != "null");
        let kind = match (names.next(), names.next()) {
            (Some("string"), None) => text(schema),
            (Some("integer"), None) => Kind::Integer,
            (Some("number"), None) => Kind::Number,
            (Some("boolean"), None) => Kind::Bool,
            (Some("array"), None) => Kind::List(Box::new(self.entry(schema, "items", depth))),
            (Some("object"), None) if schema.contains_key("properties") => {
                Kind::Record(self.fields(schema, depth))
            }
            (Some("object"), None) => {
                Kind::Map(Box::new(self.entry(schema, "additionalProperties", depth)))
            }
            _ => Kind::Any,
        };
        (kind, nullable)
    }

    /// One of several schemas: `null` beside one other, or the texts of an `enum`.
    fn union(&self, choices: &[&'s Value], depth: usize) -> (Kind, bool) {
        let is_null = |value: &Value| value.get("type").and_then(Value::as_str) == Some("null");
        let nullable = choices.iter().any(|choice| is_null(choice));
        let mut union: Option<Kind> = None;
        for choice in choices.iter().filter(|choice| !is_null(choice)) {
            union = Some(match (union, self.kind(choice, depth + 1).0) {
                (None, kind) => kind,
                (Some(Kind::Choice(mut texts)), Kind::Choice(more)) => {
                    texts.extend(more);
                    Kind::Choice(texts)
                }
                (Some(kind), other) if kind == other => kind,
                _ => Kind::Any,
            });
        }
        (union.unwrap_or(Kind::Any), nullable)
    }

    /// The kind of what is in a list or a map.
    fn entry(&self, schema: &'s Map<String, Value>, key: &str, depth: usize) -> Kind {
        schema.get(key).map_or(Kind::Any, |entry| self.kind(entry, depth + 1).0)
    }

    fn doc(&self, schema: &'s Value) -> String {
        let target = schema.get("$ref").and_then(|reference| self.definition(reference));
        let doc = [Some(schema), target].into_iter().flatten().find_map(|it| it.get("description"));
        let line = doc.and_then(Value::as_str).and_then(|text| text.lines().next());
        line.unwrap_or_default().to_owned()
    }

    fn definition(&self, reference: &Value) -> Option<&'s Value> {
        self.definitions?.get(reference.as_str()?.strip_prefix("#/$defs/")?)
    }
}

fn array<'s>(schema: &'s Map<String, Value>, key: &str) -> impl Iterator<Item = &'s Value> {
    schema.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// The names under `type`, which is one name or a list of them.
fn types(schema: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let one = schema.get("type").and_then(Value::as_str);
    one.into_iter().chain(array(schema, "type").filter_map(Value::as_str))
}

fn text(schema: &Map<String, Value>) -> Kind {
    let choices: Vec<String> =
        array(schema, "enum").filter_map(Value::as_str).map(str::to_owned).collect();
    if schema.get("format").and_then(Value::as_str) == Some("date-time") {
        Kind::Time
    } else if choices.is_empty() {
        Kind::Text
    } else {
        Kind::Choice(choices)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    /// How a disk is used.
    #[derive(JsonSchema)]
    #[serde(rename_all = "kebab-case")]
    #[expect(dead_code, reason = "only the schema is of interest")]
    enum State {
        /// Attached.
        InUse,
        /// Free.
        Available,
    }

    #[derive(JsonSchema)]
    #[serde(rename_all = "lowercase")]
    #[expect(dead_code, reason = "only the schema is of interest")]
    enum Tier {
        Standard,
        Archive,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only the schema is of interest")]
    struct Attachment {
        device: Option<String>,
        since: Timestamp,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only the schema is of interest")]
    struct Disk {
        /// The id of the disk,
        /// such as `vol-1`.
        id: String,
        /// Its size.
        size_gib: u32,
        throughput: Option<f64>,
        encrypted: bool,
        /// When it was made.
        created_at: Timestamp,
        detached_at: Option<Timestamp>,
        state: State,
        tier: Option<Tier>,
        attachments: Vec<Attachment>,
        labels: BTreeMap<String, i64>,
        main: Option<Attachment>,
        whatever: Value,
        parents: Vec<Disk>,
    }

    fn attachment() -> Fields {
        Fields(BTreeMap::from([
            ("device".to_owned(), field(Kind::Text, true, "")),
            ("since".to_owned(), field(Kind::Time, false, "")),
        ]))
    }

    fn field(kind: Kind, optional: bool, doc: &str) -> Field {
        Field { kind, optional, doc: doc.to_owned() }
    }

    fn choice(texts: [&str; 2]) -> Kind {
        Kind::Choice(texts.map(str::to_owned).to_vec())
    }

    #[test]
    fn a_type_describes_its_fields() {
        let fields = Fields::of::<Disk>();
        let expected = [
            ("attachments", field(Kind::List(Box::new(Kind::Record(attachment()))), false, "")),
            ("created_at", field(Kind::Time, false, "When it was made.")),
            ("detached_at", field(Kind::Time, true, "")),
            ("encrypted", field(Kind::Bool, false, "")),
            ("id", field(Kind::Text, false, "The id of the disk,")),
            ("labels", field(Kind::Map(Box::new(Kind::Integer)), false, "")),
            ("main", field(Kind::Record(attachment()), true, "")),
            ("size_gib", field(Kind::Integer, false, "Its size.")),
            ("state", field(choice(["in-use", "available"]), false, "How a disk is used.")),
            ("throughput", field(Kind::Number, true, "")),
            ("tier", field(choice(["standard", "archive"]), true, "")),
            ("whatever", field(Kind::Any, true, "")),
        ];
        for (name, field) in &expected {
            assert_eq!(fields.get(name), Some(field), "{name}");
        }
        let names: Vec<&str> = fields.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), expected.len() + 1, "and the recursive one: {names:?}");
        assert_eq!(fields.get("nope"), None);
    }

    #[test]
    fn a_schema_that_is_no_object_has_no_fields() {
        assert_eq!(Fields::of::<String>(), Fields::default());
        assert_eq!(Fields::of::<Value>(), Fields::default());
    }
}
