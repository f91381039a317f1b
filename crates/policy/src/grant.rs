//! Single permissions, and how they become the statements of a policy.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::resource::{Form, Resource};

/// An operator and a key, with values of which one must match. All keys must hold.
pub(crate) type Conditions = BTreeMap<(&'static str, String), BTreeSet<String>>;

/// One action on one kind of resources, under conditions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Grant {
    pub(crate) action: &'static str,
    pub(crate) resource: Resource,
    pub(crate) conditions: Conditions,
    /// What the statement with it is called, in letters and digits.
    pub(crate) name: String,
}

/// Actions on the same resources, under the same conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    name: String,
    actions: BTreeSet<&'static str>,
    resources: BTreeSet<Resource>,
    conditions: Conditions,
}

impl Grant {
    /// The same grant on any of two sets of values, when nothing else tells the two apart.
    fn joined(&self, other: &Grant) -> Option<Grant> {
        let alike = self.action == other.action
            && self.resource == other.resource
            && self.conditions.keys().eq(other.conditions.keys());
        let mut differing =
            self.conditions.iter().filter(|(key, it)| other.conditions[*key] != **it);
        let (key, values) = alike.then(|| differing.next()).flatten()?;
        if differing.next().is_some() {
            return None;
        }
        let mut joined = self.clone();
        joined.conditions.insert(key.clone(), values | &other.conditions[key]);
        Some(joined)
    }

    /// Whether all that it allows is allowed by `other`.
    fn is_within(&self, other: &Grant) -> bool {
        self.action == other.action
            && self.resource == other.resource
            && other
                .conditions
                .iter()
                .all(|(key, wide)| self.conditions.get(key).is_some_and(|it| it.is_subset(wide)))
    }
}

/// The fewest statements that allow exactly these.
pub(crate) fn statements(grants: impl IntoIterator<Item = Grant>) -> Vec<Statement> {
    // The name tells nothing apart: of two, the first is kept.
    let mut distinct: Vec<Grant> = Vec::new();
    for grant in grants.into_iter().collect::<BTreeSet<_>>() {
        add(&mut distinct, grant);
    }
    let mut by_conditions: BTreeMap<_, (BTreeSet<Resource>, String)> = BTreeMap::new();
    for Grant { action, resource, conditions, name } in distinct {
        let (resources, _) =
            by_conditions.entry((action, conditions)).or_insert_with(|| (BTreeSet::new(), name));
        resources.insert(resource);
    }
    let mut found: Vec<Statement> = Vec::new();
    for ((action, conditions), (resources, name)) in by_conditions {
        let same =
            found.iter_mut().find(|it| it.resources == resources && it.conditions == conditions);
        match same {
            Some(statement) => _ = statement.actions.insert(action),
            None => {
                let actions = BTreeSet::from([action]);
                found.push(Statement { name, actions, resources, conditions });
            }
        }
    }
    number(&mut found);
    found
}

/// Adds a grant to others of which none is within another, and no two can be joined.
fn add(all: &mut Vec<Grant>, new: Grant) {
    if all.iter().any(|it| new.is_within(it)) {
        return;
    }
    all.retain(|it| !it.is_within(&new));
    match all.iter().enumerate().find_map(|(index, it)| Some((index, it.joined(&new)?))) {
        Some((index, joined)) => {
            all.swap_remove(index);
            add(all, joined);
        }
        None => all.push(new),
    }
}

/// Names are unique in a policy.
fn number(statements: &mut [Statement]) {
    let mut times: BTreeMap<String, u32> = BTreeMap::new();
    for statement in statements {
        let times = times.entry(statement.name.clone()).or_default();
        *times += 1;
        if *times > 1 {
            statement.name.push_str(&times.to_string());
        }
    }
}

impl Statement {
    pub(crate) fn render(&self, form: Form<'_>) -> Value {
        let resources: Vec<Value> = self.resources.iter().map(|it| it.render(form)).collect();
        let mut rendered = json!({
            "Sid": self.name,
            "Effect": "Allow",
            "Action": self.actions,
            "Resource": resources,
        });
        if !self.conditions.is_empty() {
            rendered["Condition"] = render_conditions(&self.conditions);
        }
        rendered
    }
}

/// By operator and key. A single value stands alone, as AWS shows it.
pub(crate) fn render_conditions(conditions: &Conditions) -> Value {
    let mut operators: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for ((operator, key), values) in conditions {
        let value = match values.first() {
            Some(only) if values.len() == 1 => json!(only),
            _ => json!(values),
        };
        operators.entry(operator).or_default().insert(key.clone(), value);
    }
    json!(operators)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(action: &'static str, conditions: &[(&str, &[&str])]) -> Grant {
        let entry = |(key, values): &(&str, &[&str])| {
            (("StringEquals", (*key).to_owned()), values.iter().map(|&it| it.to_owned()).collect())
        };
        let conditions = conditions.iter().map(entry).collect();
        Grant { action, resource: Resource::Any, conditions, name: "Any".to_owned() }
    }

    #[track_caller]
    fn check(grants: &[Grant], expected: &[(&str, &[&str], Value)]) {
        let form = Form::Json { partition: "aws", account: None };
        let expected: Vec<Value> = expected
            .iter()
            .map(|(name, actions, condition)| {
                let mut it = json!({
                    "Sid": name, "Effect": "Allow", "Action": actions, "Resource": ["*"],
                });
                if !condition.is_null() {
                    it["Condition"] = condition.clone();
                }
                it
            })
            .collect();
        let all = statements(grants.to_vec());
        assert_eq!(all.iter().map(|it| it.render(form)).collect::<Vec<_>>(), expected);
        let reversed = statements(grants.iter().rev().cloned());
        assert_eq!(reversed, all, "the order matters");
    }

    #[test]
    fn actions_under_the_same_conditions_are_one_statement() {
        let (a, b) = (grant("s:A", &[("k", &["x"])]), grant("s:B", &[("k", &["x"])]));
        check(&[a, b], &[("Any", &["s:A", "s:B"], json!({"StringEquals": {"k": "x"}}))]);
    }

    #[test]
    fn what_is_within_something_wider_is_left_out() {
        let (wide, narrow) = (grant("s:A", &[]), grant("s:A", &[("k", &["x"])]));
        check(&[narrow, wide], &[("Any", &["s:A"], Value::Null)]);
        let wide = grant("s:A", &[("k", &["x", "y"])]);
        let narrow = grant("s:A", &[("k", &["x"]), ("l", &["z"])]);
        check(&[narrow, wide], &[("Any", &["s:A"], json!({"StringEquals": {"k": ["x", "y"]}}))]);
    }

    #[test]
    fn values_of_one_key_are_joined_and_of_two_keys_are_not() {
        let one = |value| grant("s:A", &[("k", &[value]), ("l", &["z"])]);
        let joined = json!({"StringEquals": {"k": ["x", "y"], "l": "z"}});
        check(&[one("x"), one("y")], &[("Any", &["s:A"], joined)]);
        let two = grant("s:A", &[("k", &["y"]), ("l", &["other"])]);
        check(
            &[one("x"), two],
            &[
                ("Any", &["s:A"], json!({"StringEquals": {"k": "x", "l": "z"}})),
                ("Any2", &["s:A"], json!({"StringEquals": {"k": "y", "l": "other"}})),
            ],
        );
    }
}
