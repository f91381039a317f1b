//! What describes have in common: filters and pages.
//!
//! Source: RDS API Reference, `Filter`, and `MaxRecords` and `Marker` of each describe.

use std::{collections::BTreeMap, hash::Hash};

use serde::Deserialize;

use crate::{
    operation::Cx,
    pages::{self, Paged},
    refusal::Refusal,
};

/// What a page has when nobody says how long it is to be, and the most.
const MOST: u32 = 100;
/// The least that a page may be asked to have.
const LEAST: u32 = 20;

/// One filter of a request. Any of its values may match, without wildcards.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct Filter {
    pub(crate) name: String,
    pub(crate) values: Vec<String>,
}

/// Refuses filters that a describe does not have.
pub(crate) fn check_filters(filters: &[Filter], names: &[&str]) -> Result<(), Refusal> {
    for Filter { name, values } in filters {
        if !names.contains(&name.as_str()) {
            let message = format!("Unrecognized filter name: {name}");
            return Err(Refusal::new("InvalidParameterValue", message));
        }
        if values.is_empty() {
            let message = format!("The filter {name} has no values.");
            return Err(Refusal::new("InvalidParameterValue", message));
        }
    }
    Ok(())
}

/// Whether all filters admit what has these texts for each name.
pub(crate) fn admits(
    filters: &[Filter],
    texts: impl Fn(&str, &dyn Fn(&str) -> bool) -> bool,
) -> bool {
    filters.iter().all(|filter| {
        texts(&filter.name, &|text| filter.values.iter().any(|it| it.eq_ignore_ascii_case(text)))
    })
}

/// Which page is asked for.
#[derive(Clone, Copy, Debug, Hash)]
pub(crate) struct Page<'q> {
    pub(crate) max_records: Option<u32>,
    pub(crate) marker: Option<&'q str>,
}

impl Page<'_> {
    /// The page of what `shows` lets be seen, in the order of the keys. `asked` is all of the
    /// question but the page.
    pub(crate) fn of<'i, T, U>(
        self,
        cx: &Cx<'_>,
        asked: (&'static str, &impl Hash),
        items: &'i BTreeMap<String, T>,
        mut shows: impl FnMut(&'i T) -> Option<U>,
    ) -> Result<Paged<U>, Refusal> {
        let most = self.max_records.unwrap_or(MOST);
        if !(LEAST..=MOST).contains(&most) {
            let message =
                format!("Invalid value {most} for MaxRecords. Must be between {LEAST} and {MOST}");
            return Err(Refusal::new("InvalidParameterValue", message));
        }
        let listing = pages::listing(cx.place, asked.0, &(asked.1, self.max_records));
        let after = pages::after(listing, self.marker).map_err(|_| {
            Refusal::new("InvalidParameterValue", "The value of Marker is invalid.")
        })?;
        let looks = cx.state.dials.page_size.unwrap_or(usize::MAX);
        let from = match &after {
            None => std::ops::Bound::Unbounded,
            Some(after) => std::ops::Bound::Excluded(after.as_str()),
        };
        let rest = items.range::<str, _>((from, std::ops::Bound::Unbounded));
        let rest = rest.map(|(key, item)| (key.as_str(), item));
        Ok(pages::page(listing, rest, most as usize, looks, |_, item| shows(item)))
    }
}
