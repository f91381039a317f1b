//! What the batches of SQS have in common: entries with ids, of which some may fail.

use serde::Serialize;

use crate::refusal::Refusal;

/// Entries of a batch.
const MOST: usize = 10;
/// Characters of an entry's id.
const LONGEST_ID: usize = 80;

/// What a batch answers: HTTP 200, whatever failed.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Results<T> {
    successful: Vec<T>,
    failed: Vec<Failed>,
}

/// An entry that failed.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Failed {
    id: String,
    sender_fault: bool,
    code: &'static str,
    message: String,
}

/// An entry that was done.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Done {
    pub(crate) id: String,
}

/// Refuses a batch whose entries cannot be told apart, or are none or too many.
pub(crate) fn check<'i>(
    ids: impl ExactSizeIterator<Item = &'i str> + Clone,
) -> Result<(), Refusal> {
    let count = ids.len();
    if count == 0 {
        let message = "There should be at least one entry in the request.";
        return Err(Refusal::new("EmptyBatchRequest", message));
    }
    if count > MOST {
        let message =
            format!("Maximum number of entries per request are {MOST}. You have sent {count}.");
        return Err(Refusal::new("TooManyEntriesInBatchRequest", message));
    }
    let allowed = |it: u8| it.is_ascii_alphanumeric() || b"-_".contains(&it);
    for (at, id) in ids.clone().enumerate() {
        if !(1..=LONGEST_ID).contains(&id.len()) || !id.bytes().all(allowed) {
            let message = "A batch entry id can only contain alphanumeric characters, hyphens and \
                           underscores. It can be at most 80 letters long.";
            return Err(Refusal::new("InvalidBatchEntryId", message));
        }
        if ids.clone().take(at).any(|it| it == id) {
            let message = format!("Id {id} repeated.");
            return Err(Refusal::new("BatchEntryIdsNotDistinct", message));
        }
    }
    Ok(())
}

impl<T> Results<T> {
    /// Does one entry after the other.
    pub(crate) fn of<E>(
        entries: Vec<E>,
        id: impl Fn(&E) -> String,
        mut run: impl FnMut(E) -> Result<T, Refusal>,
    ) -> Results<T> {
        let mut results = Results { successful: Vec::new(), failed: Vec::new() };
        for entry in entries {
            let id = id(&entry);
            match run(entry) {
                Ok(done) => results.successful.push(done),
                Err(Refusal { code, message, status, .. }) => {
                    results.failed.push(Failed { id, sender_fault: status < 500, code, message });
                }
            }
        }
        results
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn code(ids: &[&str], expected: Result<(), &str>) {
        assert_eq!(check(ids.iter().copied()).map_err(|it| it.code), expected, "{ids:?}");
    }

    #[test]
    fn a_batch_has_one_to_ten_entries_that_differ() {
        let ids: Vec<String> = (0..11).map(|it| it.to_string()).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        code(&ids[..10], Ok(()));
        code(&ids, Err("TooManyEntriesInBatchRequest"));
        code(&[], Err("EmptyBatchRequest"));
        code(&["a", "b", "a"], Err("BatchEntryIdsNotDistinct"));
        code(&["a b"], Err("InvalidBatchEntryId"));
        code(&[""], Err("InvalidBatchEntryId"));
        code(&[&"x".repeat(81)], Err("InvalidBatchEntryId"));
        code(&["-_aZ9"], Ok(()));
    }
}
