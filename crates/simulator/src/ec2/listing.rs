//! What describes have in common: ids, filters, and pages.

use std::hash::Hash;

use crate::{
    ec2::filter::{self, Filter, Filtered},
    operation::Cx,
    pages::{self, Paged},
    refusal::Refusal,
    shelf::Shelf,
};

/// The most that a page may be asked to have, for most describes.
pub(crate) const MOST: u32 = 1000;
/// The least that a page may be asked to have.
const LEAST: u32 = 5;
/// Explicit ids of one call. Source: EC2 Developer Guide, "Pagination".
const MOST_IDS: usize = 1000;
/// How many times its length a page looks at when its filter leaves most out.
const LOOKS: usize = 20;

/// What a describe is asked for.
pub(crate) struct Question<'q> {
    /// The operation's name.
    pub(crate) operation: &'static str,
    pub(crate) filters: &'q [Filter],
    /// Explicit ids. Empty: all.
    pub(crate) ids: &'q [String],
    /// Which code one of them gives that is not there.
    pub(crate) not_found: &'static str,
    /// The length of a page. `None`: everything at once.
    pub(crate) max_results: Option<u32>,
    pub(crate) next_token: Option<&'q str>,
}

/// Answers a describe. `shows` turns an id and what it was at the instant that is shown into
/// what the caller may see of it; ids that it does not show are left out, ids that do not exist
/// fail the whole call. Source: EC2 API, `DescribeSnapshots`.
pub(crate) fn answer<'a, T: Filtered + Clone, U>(
    cx: &'a Cx<'_>,
    question: &Question<'_>,
    shelf: &'a Shelf<T>,
    shows: impl FnMut(&'a str, &'a T) -> Option<U>,
) -> Result<Paged<U>, Refusal> {
    if question.ids.is_empty() {
        return paged(cx, question, &(), |after| shelf.after(after, cx.seen), shows);
    }
    let find = |id: &str| {
        // The id that lives as long as the shelf: the caller's own may go before the answer.
        let found = shelf.key(id).and_then(|key| Some((key, shelf.get_at(id, cx.seen)?)));
        found.ok_or_else(|| Refusal::new(question.not_found, format!("'{id}' does not exist.")))
    };
    Ok((by_ids(question, find, shows)?, None))
}

/// Answers a describe of explicit ids. `find` finds one of them, as it was at the instant that is
/// shown.
pub(crate) fn by_ids<'a, T: Filtered + 'a, U>(
    question: &Question<'_>,
    find: impl Fn(&str) -> Result<(&'a str, &'a T), Refusal>,
    mut shows: impl FnMut(&'a str, &'a T) -> Option<U>,
) -> Result<Vec<U>, Refusal> {
    let Question { filters, ids, max_results, .. } = *question;
    filter::check::<T>(filters)?;
    if ids.len() > MOST_IDS {
        let message = format!("{} ids are more than {MOST_IDS}", ids.len());
        return Err(Refusal::new("InvalidParameterValue", message));
    }
    if max_results.is_some() {
        let message = "The parameter MaxResults cannot be used with explicit ids";
        return Err(Refusal::new("InvalidParameterCombination", message));
    }
    let mut shown = Vec::new();
    for id in ids {
        let (id, item) = find(id)?;
        if filter::admits(filters, item) {
            shown.extend(shows(id, item));
        }
    }
    Ok(shown)
}

/// Answers a describe in pages. `items` gives all from after an id on, in the order of
/// [`Shelf::after`]; `also` is what else the question says: a token is good for the same one.
pub(crate) fn paged<'a, T: Filtered + 'a, U, I: Iterator<Item = (&'a str, &'a T)>>(
    cx: &'a Cx<'_>,
    question: &Question<'_>,
    also: &impl Hash,
    items: impl FnOnce(Option<&str>) -> I,
    mut shows: impl FnMut(&'a str, &'a T) -> Option<U>,
) -> Result<Paged<U>, Refusal> {
    let Question { operation, filters, max_results, next_token, .. } = *question;
    filter::check::<T>(filters)?;
    let most = page_length(max_results)?;
    let listing = pages::listing(cx.place, operation, &(Asked(filters, max_results), also));
    let after = pages::after(listing, next_token)?;
    let looks = match (cx.state.dials.page_size, max_results) {
        (_, None) => usize::MAX,
        (Some(looks), _) => looks,
        (None, Some(_)) => most * LOOKS,
    };
    let filtered =
        |id: &'a str, it: &'a T| filter::admits(filters, it).then(|| shows(id, it)).flatten();
    Ok(pages::page(listing, items(after.as_deref()), most, looks, filtered))
}

/// What a token is good for.
#[derive(Hash)]
struct Asked<'q>(&'q [Filter], Option<u32>);

/// How long a page may be.
pub(crate) fn page_length(max_results: Option<u32>) -> Result<usize, Refusal> {
    match max_results {
        None => Ok(usize::MAX),
        Some(few @ ..LEAST) => {
            let message = format!(
                "Value ( {few} ) for parameter maxResults is invalid. Expecting a value greater \
                 than or equal to {LEAST}."
            );
            Err(Refusal::new("InvalidParameterValue", message))
        }
        Some(many) => Ok(many.min(MOST) as usize),
    }
}
