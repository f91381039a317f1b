//! The parameters of an action as a flat list, read from their JSON Schema.

use serde_json::Value;

/// How deep parameters may be nested in each other. What is deeper is not described.
const DEPTH_MAX: usize = 12;

/// One parameter.
pub(crate) struct Parameter {
    /// Its dotted path: `keep.last`, `share[].account`, `tags.*`.
    pub(crate) path: String,
    /// What its values are, in words.
    pub(crate) kind: String,
    /// Whether it must be given, where what it is nested in is.
    pub(crate) required: bool,
    /// What it is when it is not given.
    pub(crate) default: Option<Value>,
    /// Its doc comment.
    pub(crate) doc: String,
    /// The words it may be, with the doc comment of each.
    pub(crate) words: Vec<(String, String)>,
}

/// The parameters that a schema describes, each followed by what is nested in it.
pub(crate) fn parameters(schema: &Value) -> Vec<Parameter> {
    let mut reader = Reader { root: schema, list: Vec::new() };
    reader.mapping("", schema, 0);
    reader.list
}

struct Reader<'s> {
    root: &'s Value,
    list: Vec<Parameter>,
}

impl<'s> Reader<'s> {
    /// Adds the parameters of a mapping.
    fn mapping(&mut self, path: &str, schema: &'s Value, depth: usize) {
        let required: Vec<&str> = list(&schema["required"]).filter_map(Value::as_str).collect();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let doc = self.doc(property, 0);
            self.parameter(path, property, doc, required.contains(&name.as_str()), depth + 1);
        }
    }

    /// Adds a parameter and what is nested in it.
    fn parameter(
        &mut self,
        path: String,
        schema: &'s Value,
        doc: String,
        required: bool,
        depth: usize,
    ) {
        let choices = self.choices(schema, 0);
        let kinds = choices.iter().filter_map(|it| self.kind(it, 0)).collect();
        let words = choices.iter().filter_map(|it| {
            let word = it["const"].as_str()?.to_owned();
            let doc = it["description"].as_str().filter(|doc| !doc.is_empty())?;
            Some((word, doc.to_owned()))
        });
        let default = schema.get("default").filter(|it| !it.is_null()).cloned();
        let words = words.collect();
        let kind = either(kinds);
        self.list.push(Parameter { path: path.clone(), kind, required, default, doc, words });
        let is_alternative = choices.len() > 1;
        for choice in choices {
            match only_property(choice).filter(|_| is_alternative) {
                // A word of an `enum` that has parameters of its own.
                Some((word, value)) => {
                    let path = format!("{path}.{word}");
                    let doc = choice["description"].as_str().unwrap_or_default().to_owned();
                    self.parameter(path, value, doc, false, depth + 1);
                }
                None => self.nested(&path, choice, depth),
            }
        }
    }

    /// Adds what is nested in a value.
    fn nested(&mut self, path: &str, schema: &'s Value, depth: usize) {
        if depth > DEPTH_MAX {
            return;
        }
        if schema["properties"].is_object() {
            self.mapping(path, schema, depth);
        } else if schema["additionalProperties"].is_object() {
            for entry in self.choices(&schema["additionalProperties"], 0) {
                self.nested(&format!("{path}.*"), entry, depth + 1);
            }
        } else if schema["items"].is_object() {
            for item in self.choices(&schema["items"], 0) {
                self.nested(&format!("{path}[]"), item, depth + 1);
            }
        }
    }

    /// The schemas of which a value fits one, without references and `null`.
    fn choices(&self, schema: &'s Value, depth: usize) -> Vec<&'s Value> {
        if depth > DEPTH_MAX {
            return Vec::new();
        }
        if let Some(target) = self.target(schema) {
            return self.choices(target, depth + 1);
        }
        let parts: Vec<&Value> = list(&schema["anyOf"]).chain(list(&schema["oneOf"])).collect();
        if parts.is_empty() {
            let is_null = schema["type"] == "null";
            return if is_null { Vec::new() } else { vec![schema] };
        }
        parts.into_iter().flat_map(|part| self.choices(part, depth + 1)).collect()
    }

    /// What the values of a schema without choices are.
    fn kind(&self, schema: &'s Value, depth: usize) -> Option<String> {
        if let Some(word) = schema.get("const") {
            return Some(format!("`{}`", text(word)));
        }
        let words: Vec<String> =
            list(&schema["enum"]).map(|word| format!("`{}`", text(word))).collect();
        if !words.is_empty() {
            return Some(either(words));
        }
        let types = schema["type"].as_str().into_iter();
        let types = types.chain(list(&schema["type"]).filter_map(Value::as_str));
        let kinds = types.filter_map(|name| {
            Some(match name {
                "null" => return None,
                "string" => "text".to_owned(),
                "boolean" => "`true` or `false`".to_owned(),
                "integer" => "whole number".to_owned() + &bounds(schema),
                "number" => "number".to_owned() + &bounds(schema),
                "array" => format!("list of {}", self.entries(&schema["items"], depth)),
                "object" if schema["properties"].is_object() => "mapping".to_owned(),
                "object" => {
                    format!("mapping to {}", self.entries(&schema["additionalProperties"], depth))
                }
                other => other.to_owned(),
            })
        });
        Some(either(kinds.collect()))
    }

    fn entries(&self, schema: &'s Value, depth: usize) -> String {
        if depth > DEPTH_MAX {
            return "anything".to_owned();
        }
        let choices = self.choices(schema, 0);
        let kinds = choices.iter().filter_map(|it| self.kind(it, depth + 1));
        either(kinds.map(plural).collect())
    }

    /// The doc comment of a parameter, or else of its type.
    fn doc(&self, schema: &'s Value, depth: usize) -> String {
        if let Some(doc) = schema["description"].as_str() {
            return doc.to_owned();
        }
        let parts = list(&schema["anyOf"]).filter(|part| part["type"] != "null");
        let mut types = self.target(schema).into_iter().chain(parts);
        match types.next() {
            Some(only) if depth <= DEPTH_MAX => self.doc(only, depth + 1),
            _ => String::new(),
        }
    }

    fn target(&self, schema: &'s Value) -> Option<&'s Value> {
        self.root.pointer(schema["$ref"].as_str()?.strip_prefix('#')?)
    }
}

/// The only property of a mapping that has one.
fn only_property(schema: &Value) -> Option<(&String, &Value)> {
    let properties = schema["properties"].as_object()?;
    properties.iter().next().filter(|_| properties.len() == 1)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A value as it is written in YAML.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn bounds(schema: &Value) -> String {
    // A minimum of 0 and the maximum of a type say nothing to people.
    let least = schema["minimum"].as_i64().filter(|it| *it != 0);
    match (least, schema["maximum"].as_i64()) {
        (Some(least), Some(most)) => format!(" from {least} to {most}"),
        (Some(least), None) => format!(" from {least}"),
        (None, Some(most)) => format!(" up to {most}"),
        (None, None) => String::new(),
    }
}

/// The same of several values.
pub(crate) fn plural(kind: String) -> String {
    match kind.as_str() {
        "text" | "number" | "whole number" | "mapping" => kind + "s",
        _ => kind,
    }
}

/// `a, b or c`, each once.
fn either(mut kinds: Vec<String>) -> String {
    let mut seen = std::collections::BTreeSet::new();
    kinds.retain(|it| seen.insert(it.clone()));
    match kinds.split_last() {
        None => "anything".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}
