//! Filters of describes.
//!
//! Source: EC2 User Guide, "Filter your resources": values are compared with wildcards and
//! case-sensitively; any value of a filter may match, and all filters must.

use lamplighter_core::{Tags, select::ServerFilter};
use serde::Deserialize;

use crate::{refusal::Refusal, wildcard};

/// Values in all filters of one request. Source: EC2 Developer Guide, `FilterLimitExceeded`.
const MOST_VALUES: usize = 200;

/// One filter of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct Filter {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) value: Vec<String>,
}

/// A resource that filters look at.
pub(crate) trait Filtered {
    /// The names of its filters, without those for tags.
    const FILTERS: &'static [&'static str];

    /// Whether any value of this name passes the test. `name` is one of [`FILTERS`].
    ///
    /// [`FILTERS`]: Filtered::FILTERS
    fn any(&self, name: &str, test: &dyn Fn(&str) -> bool) -> bool;

    /// Its tags.
    fn tags(&self) -> &Tags;
}

/// Refuses filters that there are not.
pub(crate) fn check<T: Filtered>(filters: &[Filter]) -> Result<(), Refusal> {
    for filter in filters {
        let name = filter.name.as_str();
        let tag = name.starts_with("tag:") || name == "tag-key" || name == "tag-value";
        if !tag && !T::FILTERS.contains(&name) {
            let message = format!("The filter '{name}' is invalid");
            return Err(Refusal::new("InvalidParameterValue", message));
        }
        if filter.value.is_empty() {
            let message = format!("The filter '{name}' has no values");
            return Err(Refusal::new("InvalidParameterValue", message));
        }
    }
    if filters.iter().map(|it| it.value.len()).sum::<usize>() > MOST_VALUES {
        let message = format!("The maximum number of filter values ({MOST_VALUES}) is exceeded");
        return Err(Refusal::new("FilterLimitExceeded", message));
    }
    Ok(())
}

/// Whether all filters admit a resource.
pub(crate) fn admits<T: Filtered>(filters: &[Filter], item: &T) -> bool {
    filters.iter().all(|filter| {
        let test = |text: &str| filter.value.iter().any(|it| wildcard::matches(it, text));
        match filter.name.as_str() {
            "tag-key" => item.tags().keys().any(|key| test(key)),
            "tag-value" => item.tags().values().any(|value| test(value)),
            name => match name.strip_prefix("tag:") {
                Some(key) => item.tags().get(key).is_some_and(|value| test(value)),
                None => item.any(name, &test),
            },
        }
    })
}

/// The filters of the core, as a request has them. That for ids has a name for each kind of
/// resource.
pub(crate) fn of_core(filter: &ServerFilter, ids: &str) -> Vec<Filter> {
    let one = |it: &lamplighter_core::select::TagFilter| Filter {
        name: it.name.clone(),
        value: it.values.clone(),
    };
    let ids = filter.ids.clone().map(|value| Filter { name: ids.to_owned(), value });
    filter.tags.iter().map(one).chain(ids).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Disk(Tags);

    impl Filtered for Disk {
        const FILTERS: &'static [&'static str] = &["size"];

        fn any(&self, _: &str, test: &dyn Fn(&str) -> bool) -> bool {
            test("8")
        }

        fn tags(&self) -> &Tags {
            &self.0
        }
    }

    fn filter(name: &str, values: &[&str]) -> Filter {
        Filter { name: name.to_owned(), value: values.iter().map(|it| (*it).to_owned()).collect() }
    }

    #[track_caller]
    fn check_one(name: &str, values: &[&str], expected: Result<bool, &str>) {
        let tags = [("backup", "daily"), ("team", "")];
        let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let filters = [filter(name, values)];
        let found = check::<Disk>(&filters).map(|()| admits(&filters, &Disk(Tags::from(tags))));
        assert_eq!(found.map_err(|it| it.code), expected, "{name} {values:?}");
    }

    #[test]
    fn any_value_of_each_filter_must_match() {
        check_one("tag:backup", &["weekly", "da*"], Ok(true));
        check_one("tag:backup", &["Daily"], Ok(false));
        check_one("tag:Backup", &["daily"], Ok(false));
        check_one("tag:team", &[""], Ok(true));
        check_one("tag-key", &["t?am"], Ok(true));
        check_one("tag-key", &["owner"], Ok(false));
        check_one("tag-value", &["daily"], Ok(true));
        check_one("size", &["8"], Ok(true));
        check_one("size", &["9"], Ok(false));
        let both = |size| [filter("size", &[size]), filter("tag-key", &["backup"])];
        let disk = Disk(Tags::from([("backup".to_owned(), "daily".to_owned())]));
        assert!(admits(&both("8"), &disk) && !admits(&both("9"), &disk));
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        check_one("colour", &["red"], Err("InvalidParameterValue"));
        check_one("size", &[], Err("InvalidParameterValue"));
        check_one("size", &["8"; 200], Ok(true));
        check_one("size", &["8"; 201], Err("FilterLimitExceeded"));
    }
}
