//! Listings in pages, with tokens that mean nothing to the caller.

use std::collections::BTreeMap;

use lamplighter_core::{
    Fault, Place,
    cloud::{Page, PageToken},
    select::ServerFilter,
};

use super::refusal;

/// The tokens that were handed out, each with the listing that it belongs to.
#[derive(Default)]
pub(super) struct Pages(BTreeMap<String, Bookmark>);

struct Bookmark {
    listing: Listing,
    /// The last item that was looked at.
    after: String,
}

/// What is listed.
#[derive(Clone, PartialEq)]
pub(super) struct Listing {
    pub(super) place: Place,
    pub(super) api: &'static str,
    pub(super) filter: ServerFilter,
}

impl Pages {
    /// One page: looks at the next `size` of `items`, which are sorted by key, and keeps those
    /// that `shows` turns into something.
    pub(super) fn page<'a, T: 'a, U>(
        &mut self,
        listing: &Listing,
        token: Option<&PageToken>,
        size: usize,
        items: impl Iterator<Item = (&'a String, &'a T)>,
        shows: impl Fn(&T) -> Option<U>,
    ) -> Result<Page<U>, Fault> {
        let after = match token {
            None => None,
            Some(PageToken(token)) => match self.0.get(token) {
                Some(mark) if mark.listing == *listing => Some(mark.after.clone()),
                _ => {
                    let message = format!("`{token}` is no token of this listing");
                    return Err(refusal("InvalidNextToken", message));
                }
            },
        };
        // Backwards, because AWS promises no order and ids in tests grow with time.
        let mut rest = items.filter(|(id, _)| after.as_ref().is_none_or(|after| *id < after));
        let looked_at: Vec<(&String, &T)> = rest.by_ref().take(size).collect();
        let next = match (rest.next(), looked_at.last()) {
            (Some(_), Some((last, _))) => {
                let token = format!("token-{:x}", (self.0.len() as u64 + 1) * 0x9e37_79b9);
                let mark = Bookmark { listing: listing.clone(), after: (*last).clone() };
                self.0.insert(token.clone(), mark);
                Some(PageToken(token))
            }
            _ => None,
        };
        Ok(Page {
            items: looked_at.into_iter().filter_map(|(_, item)| shows(item)).collect(),
            next,
        })
    }
}
