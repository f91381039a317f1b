//! Which resources: `select` and `adopt`.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use lamplighter_core::{
    AnyAction,
    select::{Condition, ConditionError, Fields, Selection, TagPattern, TagPatterns},
    task::Guards,
};

use crate::{
    account::read_if_there,
    node::{Entry, Kind, Node, Span},
    object::{Object, mapping},
    report::Report,
    shape, value,
};

/// The fields of the targets of actions, each worked out once.
#[derive(Default)]
pub(crate) struct TargetFields(RefCell<HashMap<&'static str, Rc<Fields>>>);

impl TargetFields {
    /// The fields of an action's targets.
    pub(crate) fn of(&self, action: &dyn AnyAction) -> Rc<Fields> {
        let mut known = self.0.borrow_mut();
        let fields = known
            .entry(action.spec().name)
            .or_insert_with(|| Rc::new(Fields::from_schema(&action.target_schema())));
        Rc::clone(fields)
    }
}

/// Reads `select`. The fields are those of the action's targets, if it is known.
pub(crate) fn read_select(
    node: &Node,
    at: Span,
    fields: Option<&Fields>,
    report: &mut Report<'_>,
) -> Option<(Selection, Guards)> {
    let object = Object::read::<shape::Select>(node, "`select`", at, report)?;
    let selection = read_selection(&object, fields, report);
    let expect = read_if_there(object.get("expect"), |node| value::count(node, "`expect`", report));
    let limit = read_if_there(object.get("limit"), |node| {
        read_limit(node, object.key_span("limit"), report)
    });
    let guards = Guards { expect: expect?.map(u32::from), ..limit?.unwrap_or_default() };
    Some((selection?, guards))
}

/// Reads `adopt`.
pub(crate) fn read_adopt(
    node: &Node,
    at: Span,
    fields: Option<&Fields>,
    report: &mut Report<'_>,
) -> Option<Selection> {
    let object = Object::read::<shape::Adopt>(node, "`adopt`", at, report)?;
    if object.get("tags").is_none() && object.get("where").is_none() {
        report.error(at, "`adopt` needs `tags` or `where`: without one it is every resource");
        return None;
    }
    read_selection(&object, fields, report)
}

fn read_selection(
    object: &Object<'_>,
    fields: Option<&Fields>,
    report: &mut Report<'_>,
) -> Option<Selection> {
    let tags = read_if_there(object.get("tags"), |node| read_tags(node, report));
    let condition = read_if_there(object.get("where"), |node| read_condition(node, fields, report));
    Some(Selection { tags: tags?.unwrap_or_default(), condition: condition? })
}

fn read_limit(node: &Node, at: Span, report: &mut Report<'_>) -> Option<Guards> {
    let object = Object::read::<shape::Limit>(node, "`limit`", at, report)?;
    let (targets, percent) = (object.get("targets"), object.get("percent"));
    if targets.is_none() && percent.is_none() {
        report.error(at, "`limit` needs `targets` or `percent`");
        return None;
    }
    let targets = read_if_there(targets, |node| value::count(node, "`targets`", report));
    let percent = read_if_there(percent, |node| value::percent(node, "`percent`", 1, report));
    Some(Guards { expect: None, limit_targets: targets?.map(u32::from), limit_percent: percent? })
}

fn read_tags(node: &Node, report: &mut Report<'_>) -> Option<TagPatterns> {
    let entries = mapping(node, "`tags`", report)?;
    if entries.is_empty() {
        report.error(node.span, "`tags` has at least one tag");
        return None;
    }
    let mut patterns = Vec::new();
    let mut good = true;
    for entry in entries {
        match read_tag(entry, report) {
            Some(pattern) => patterns.push((entry.key.clone(), pattern)),
            None => good = false,
        }
    }
    if !good {
        return None;
    }
    TagPatterns::new(patterns).map_err(|error| report.error(node.span, error)).ok()
}

fn read_tag(entry: &Entry, report: &mut Report<'_>) -> Option<TagPattern> {
    let items = match &entry.value.kind {
        Kind::List(items) => items.as_slice(),
        _ => std::slice::from_ref(&entry.value),
    };
    let mut texts = Vec::new();
    let mut good = true;
    for item in items {
        if matches!(item.kind, Kind::Null) {
            texts.push(None);
        } else {
            let text = value::text(item, "a tag's value, unless it is `null`,", report);
            good &= text.is_some();
            texts.push(text);
        }
    }
    if !good {
        return None;
    }
    let pattern = TagPattern::any_of(texts);
    let pattern = pattern.map_err(|error| report.error(entry.value.span, error)).ok()?;
    // The key is checked here, where its place is known.
    let alone = TagPatterns::new([(entry.key.clone(), pattern.clone())]);
    alone.map_err(|error| report.error(entry.key_span, error)).ok().map(|_| pattern)
}

fn read_condition(
    node: &Node,
    fields: Option<&Fields>,
    report: &mut Report<'_>,
) -> Option<Condition> {
    let text = value::text(node, "`where`", report)?;
    let condition = Condition::parse(text).and_then(|condition| {
        fields.map_or(Ok(()), |fields| condition.check(fields))?;
        Ok(condition)
    });
    condition.map_err(|error| report_condition(node, &error, report)).ok()
}

fn report_condition(node: &Node, error: &ConditionError, report: &mut Report<'_>) {
    let place = error.offset.and_then(|offset| value::place_of_char(node, offset, report));
    let message = match (error.offset, place) {
        (Some(offset), None) => format!("{} (character {})", error.message, offset + 1),
        _ => error.message.clone(),
    };
    let at = place.unwrap_or(node.span);
    match &error.hint {
        Some(hint) => report.hint(at, message, hint),
        None => report.error(at, message),
    }
}
