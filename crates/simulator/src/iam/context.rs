//! What a request says about itself, for the conditions of policies: keys with values.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html>

use std::collections::BTreeMap;

use lamplighter_core::Tags;

/// Condition keys with their values. Keys are case-insensitive, tag keys in them too; values are
/// not. A key that is not in here is missing from the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Context(BTreeMap<String, Entry>);

/// What a condition key holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A key that has at most one value, such as `ec2:CreateAction`.
    One(String),
    /// A key that can have several, such as `aws:TagKeys`, however many it has now. Conditions
    /// ask for it with `ForAllValues:` or `ForAnyValue:`.
    Several(Vec<String>),
}

impl Context {
    /// Adds a key that has one value. Given again, the key is one that no plain condition can
    /// match: AWS says so of two tags whose keys differ in case only.
    pub(crate) fn with(mut self, key: &str, value: impl Into<String>) -> Context {
        self.add(key.to_ascii_lowercase(), value.into());
        self
    }

    /// Adds a key that can have several values. Without any, the key is missing.
    pub(crate) fn with_all<V: Into<String>>(
        mut self,
        key: &str,
        values: impl IntoIterator<Item = V>,
    ) -> Context {
        let values: Vec<String> = values.into_iter().map(Into::into).collect();
        if !values.is_empty() {
            self.0.insert(key.to_ascii_lowercase(), Entry::Several(values));
        }
        self
    }

    /// Adds each tag as `<prefix>/<tag key>`, such as `aws:ResourceTag/Name`.
    pub(crate) fn with_tags(mut self, prefix: &str, tags: &Tags) -> Context {
        for (key, value) in tags {
            self.add(format!("{prefix}/{key}").to_ascii_lowercase(), value.clone());
        }
        self
    }

    /// Adds the tags that a request sends: `aws:RequestTag/…` and `aws:TagKeys`.
    pub(crate) fn with_request_tags(self, tags: &Tags) -> Context {
        self.with_tags("aws:RequestTag", tags).with_all("aws:TagKeys", tags.keys().cloned())
    }

    /// Both, which say different things.
    pub(crate) fn and(mut self, other: Context) -> Context {
        self.0.extend(other.0);
        self
    }

    /// What `key`, in lower case, holds.
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        self.0.get(key)
    }

    fn add(&mut self, key: String, value: String) {
        let entry = match self.0.remove(&key) {
            None => Entry::One(value),
            Some(Entry::One(first)) => Entry::Several(vec![first, value]),
            Some(Entry::Several(mut values)) => {
                values.push(value);
                Entry::Several(values)
            }
        };
        self.0.insert(key, entry);
    }
}

impl Entry {
    pub(super) fn values(&self) -> &[String] {
        match self {
            Entry::One(value) => std::slice::from_ref(value),
            Entry::Several(values) => values,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
    }

    #[test]
    fn keys_are_in_lower_case_and_values_as_given() {
        let context = Context::default()
            .with("ec2:CreateAction", "CreateSnapshot")
            .with_request_tags(&tags(&[("Owner", "Ann"), ("Stage", "Prod")]));
        for (key, wanted) in [
            ("ec2:createaction", Entry::One("CreateSnapshot".into())),
            ("aws:requesttag/owner", Entry::One("Ann".into())),
            ("aws:requesttag/stage", Entry::One("Prod".into())),
            ("aws:tagkeys", Entry::Several(vec!["Owner".into(), "Stage".into()])),
        ] {
            assert_eq!(context.get(key), Some(&wanted), "{key}");
        }
    }

    #[test]
    fn a_request_without_tags_has_no_tag_keys() {
        assert_eq!(Context::default().with_request_tags(&Tags::new()), Context::default());
    }

    #[test]
    fn tags_that_differ_in_case_only_are_several_values() {
        let context = Context::default()
            .with_tags("aws:ResourceTag", &tags(&[("Owner", "Ann"), ("owner", "Bob")]));
        let wanted = Entry::Several(vec!["Ann".into(), "Bob".into()]);
        assert_eq!(context.get("aws:resourcetag/owner"), Some(&wanted));
    }
}
