//! Listings in pages, with tokens that mean nothing to the caller and belong to their listing.

use std::hash::{DefaultHasher, Hash, Hasher};

use lamplighter_core::Place;

use crate::refusal::Refusal;

/// Room for what most pages have.
const ROOM: usize = 500;

/// A page and where the listing goes on.
pub(crate) type Paged<U> = (Vec<U>, Option<String>);

/// Looks at the next items of a listing and keeps those that `shows` turns into something, until
/// there are `most` or `looks` were looked at. `items` come in the order of their ids, from
/// after the one that the token names.
pub(crate) fn page<'a, T: 'a, U>(
    listing: u64,
    items: impl Iterator<Item = (&'a str, &'a T)>,
    most: usize,
    looks: usize,
    mut shows: impl FnMut(&'a str, &'a T) -> Option<U>,
) -> Paged<U> {
    let mut items = items.peekable();
    let mut shown = Vec::with_capacity(most.min(ROOM));
    let mut looked = 0;
    let mut last = None;
    while shown.len() < most
        && looked < looks
        && let Some((id, item)) = items.next()
    {
        looked += 1;
        last = Some(id);
        shown.extend(shows(id, item));
    }
    let next = match (items.peek(), last) {
        (Some(_), Some(last)) => Some(token(listing, last)),
        _ => None,
    };
    (shown, next)
}

/// What tells a listing from others: a token is good for the same question only.
pub(crate) fn listing(place: &Place, operation: &str, question: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&place.account, &place.region, operation).hash(&mut hasher);
    question.hash(&mut hasher);
    hasher.finish()
}

/// The id that a listing goes on after.
pub(crate) fn after(listing: u64, next: Option<&str>) -> Result<Option<String>, Refusal> {
    let Some(text) = next else { return Ok(None) };
    let read = || {
        let (seal, name) = text.split_at_checked(16)?;
        let bytes: Option<Vec<u8>> = (0..name.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(name.get(at..at + 2)?, 16).ok())
            .collect();
        let id = String::from_utf8(bytes?).ok()?;
        (seal == self::seal(listing, &id)).then_some(id)
    };
    read()
        .map(Some)
        .ok_or_else(|| Refusal::new("InvalidNextToken", format!("The token '{text}' is invalid")))
}

/// The token of the page after an id.
pub(crate) fn token(listing: u64, last: &str) -> String {
    let name: String = last.bytes().map(|byte| format!("{byte:02x}")).collect();
    seal(listing, last) + &name
}

/// Proves that a token was made here, for this listing.
fn seal(listing: u64, last: &str) -> String {
    let mut hasher = DefaultHasher::new();
    (0x001a_3b11_f7e5_u64, listing, last).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const WORDS: [(&str, u8); 5] = [("a", 1), ("b", 0), ("c", 0), ("d", 1), ("é", 1)];

    /// The pages of those that are 1.
    fn pages(most: usize, looks: usize) -> Vec<String> {
        let words = BTreeMap::from(WORDS);
        let (mut pages, mut next) = (Vec::new(), None);
        loop {
            let from = after(7, next.as_deref()).unwrap();
            let rest = words.iter().map(|(id, it)| (*id, it));
            let rest = rest.filter(|(id, _)| from.as_deref().is_none_or(|from| *id > from));
            let (shown, token) =
                page(7, rest, most, looks, |id, it| (*it == 1).then(|| id.to_owned()));
            pages.push(shown.concat());
            next = token;
            if next.is_none() {
                return pages;
            }
        }
    }

    #[test]
    fn pages_may_be_short_or_empty_and_not_the_last() {
        assert_eq!(pages(9, 9), ["adé"]);
        assert_eq!(pages(1, 9), ["a", "d", "é"]);
        assert_eq!(pages(9, 1), ["a", "", "", "d", "é"]);
        assert_eq!(pages(9, 2), ["a", "d", "é"]);
    }

    #[test]
    fn a_token_belongs_to_its_listing() {
        let token = token(7, "vol-1");
        assert_eq!(after(7, Some(&token)), Ok(Some("vol-1".to_owned())));
        assert_eq!(after(7, None), Ok(None));
        let forged = token.replace("31", "32");
        for (listing, token) in [(8, &*token), (7, "vol-1"), (7, ""), (7, &*forged), (7, "é")] {
            let code = after(listing, Some(token)).map_err(|it| it.code);
            assert_eq!(code, Err("InvalidNextToken"), "{token}");
        }
    }
}
