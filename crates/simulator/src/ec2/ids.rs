//! Ids in requests: what is none is refused before anything is looked up.

use crate::{operation::Cx, refusal::Refusal};

/// Refuses ids that are none: `kind`, such as `i`, and 8 or 17 hexadecimal digits. Where ids
/// count from one they may be shorter, and what a fleet calls something is its id.
/// Source: EC2 User Guide, "Resource IDs".
pub(crate) fn check(
    cx: &Cx<'_>,
    kind: &str,
    code: &'static str,
    ids: &[String],
) -> Result<(), Refusal> {
    let short = cx.state.dials.short_ids;
    let good = |id: &str| {
        let digits = id.strip_prefix(kind).and_then(|rest| rest.strip_prefix('-'));
        digits.is_some_and(|digits| {
            let length = short && !digits.is_empty() || matches!(digits.len(), 8 | 17);
            length && digits.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
        })
    };
    let ec2 = &cx.here().ec2;
    let there = |id: &str| ec2.instances.get(id).is_some() || ec2.images.get(id).is_some();
    match ids.iter().find(|id| !good(id) && !there(id)) {
        Some(id) => Err(Refusal::new(code, format!("Invalid id: \"{id}\""))),
        None => Ok(()),
    }
}
