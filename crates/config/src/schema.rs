//! The JSON Schema that editors use, generated from the shapes of the file and the parameters of
//! the actions.

use lamplighter_core::{Catalog, action::Effect, events::Name};
use schemars::{JsonSchema, Schema, generate::SchemaSettings, transform::transform_subschemas};
use serde_json::{Map, Value, json};

use crate::shape::{self, File};

/// A JSON Schema (draft 2020-12) of a type whose keys are left out rather than empty.
pub(crate) fn of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with_transform(required_values);
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// A JSON Schema (draft 2020-12) of configuration files with these actions.
///
/// It says less than `load`: what a text must be is not always in it, nor what names refer to.
pub fn schema(catalog: Catalog) -> Value {
    let mut root = of::<File>();
    root["title"] = "Lamplighter configuration".into();
    for section in shape::keys::<File>() {
        // A section without an entry is as good as none.
        root["properties"][section]["type"] = json!(["object", "null"]);
    }
    let definitions = &mut root["$defs"];
    let task = shape::Task::schema_name();
    let mut names = Vec::new();
    let mut by_action = Vec::new();
    for action in catalog {
        let spec = action.spec();
        names.push(json!({ "const": spec.name, "description": spec.summary }));
        let params = moved(action.params_schema(), spec.name);
        let mut rules = json!({
            "properties": { "with": { "$ref": format!("#/$defs/{}", spec.name) } },
        });
        if params["required"].as_array().is_some_and(|keys| !keys.is_empty()) {
            rules["required"] = json!(["with"]);
        }
        if spec.effect != Effect::Deletes {
            rules["properties"]["adopt"] = Value::Bool(false);
        }
        let events = Name::of(*action);
        rules["properties"]["on"] = match events.is_empty() {
            true => Value::Bool(false),
            false => {
                let names: Vec<&str> = events.into_iter().map(Name::as_str).collect();
                json!({ "items": { "properties": { "event": { "enum": names } } } })
            }
        };
        by_action.push(json!({
            "if": { "properties": { "action": { "const": spec.name } }, "required": ["action"] },
            "then": rules,
        }));
        definitions[spec.name] = params;
    }
    // A list of alternatives may not be empty.
    if !catalog.is_empty() {
        definitions[&*task]["properties"]["action"]["oneOf"] = names.into();
        definitions[&*task]["allOf"] = by_action.into();
    }
    root
}

/// No key of ours may be empty: an optional one is left out.
fn required_values(schema: &mut Schema) {
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for (_, property) in properties.into_iter().flatten() {
        without_null(property);
    }
    transform_subschemas(&mut required_values, schema);
}

fn without_null(schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else { return };
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|it| it != "null");
        if let [only] = types.as_slice() {
            schema["type"] = only.clone();
        }
    }
    if let Some(Value::Array(choices)) = schema.get_mut("anyOf") {
        choices.retain(|it| it["type"] != "null");
        if let [Value::Object(only)] = choices.as_slice() {
            let only: Map<String, Value> = only.clone();
            schema.remove("anyOf");
            for (key, value) in only {
                schema.entry(key).or_insert(value);
            }
        }
    }
}

/// The schema of an action's parameters, as a definition among others: its own definitions stay
/// in it, and its references go there.
fn moved(schema: Schema, action: &str) -> Value {
    fn redirect(value: &mut Value, action: &str) {
        match value {
            Value::Object(object) => {
                if let Some(Value::String(reference)) = object.get_mut("$ref")
                    && let Some(rest) = reference.strip_prefix("#")
                {
                    *reference = format!("#/$defs/{action}{rest}");
                }
                object.values_mut().for_each(|value| redirect(value, action));
            }
            Value::Array(items) => items.iter_mut().for_each(|value| redirect(value, action)),
            _ => {}
        }
    }
    let mut schema = schema.to_value();
    if let Some(object) = schema.as_object_mut() {
        object.remove("$schema");
        object.remove("title");
    }
    redirect(&mut schema, action);
    schema
}
