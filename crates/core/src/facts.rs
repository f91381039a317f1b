//! What is known of a resource, as the engine keeps it while a whole place is surveyed, and as jobs
//! and plans carry it along.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};

/// All that is known of a resource, as JSON. It is kept as its text, which takes a fraction of the
/// memory of a tree of values. The same facts have the same text, with sorted keys and no layout,
/// wherever they come from. Clones share it.
#[derive(Clone)]
pub struct Facts(Arc<RawValue>);

impl Facts {
    /// Their text.
    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// As a type. Fails when they are not of that type.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.text())
    }

    /// As a tree.
    pub fn value(&self) -> Value {
        // A text that was made from a tree is one again.
        self.read().unwrap_or_default()
    }
}

impl From<Value> for Facts {
    fn from(value: Value) -> Facts {
        // `Value` sorts the keys of objects, and its text is JSON.
        let text = RawValue::from_string(value.to_string());
        Facts(text.unwrap_or_else(|_| RawValue::NULL.to_owned()).into())
    }
}

impl PartialEq for Facts {
    fn eq(&self, other: &Facts) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Facts {}

impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl Serialize for Facts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Facts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Facts, D::Error> {
        Value::deserialize(deserializer).map(Facts::from)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Facts {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn order_and_layout_are_no_difference() {
        let facts = Facts::from(json!({ "b": null, "a": [1, "\n"] }));
        assert_eq!(facts.text(), r#"{"a":[1,"\n"],"b":null}"#);
        assert_eq!(read("{\"b\":null,\"a\":[1,\"\\n\"]}"), facts);
        assert_eq!(read("{ \"a\": [1,\r\n\t\"\\u000a\"], \"b\": null }\n"), facts);
        assert_ne!(read("{\"a\":[1,\"\\n\"]}"), facts);
    }

    #[test]
    fn values_are_kept_as_they_are_and_written_as_json_not_as_a_text() {
        let value = json!({ "big": u64::MAX, "half": 0.5, "odd": "\u{1f980}\u{0}\"" });
        let facts = Facts::from(value.clone());
        assert_eq!(facts.value(), value);
        assert_eq!(serde_json::to_string(&facts).unwrap(), value.to_string());
        assert_eq!(serde_json::to_value(&facts).unwrap(), value);
        assert_eq!(serde_json::from_value::<Facts>(value).unwrap(), facts);
    }

    #[test]
    fn what_is_not_of_a_type_is_not_read_as_one() {
        assert_eq!(read("[1, 2]").read::<Vec<u8>>().unwrap(), [1, 2]);
        read("[1, 256]").read::<Vec<u8>>().unwrap_err();
    }
}
