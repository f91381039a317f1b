//! Guesses what was meant.

/// Longest text that is compared: what is longer is no slip of the finger.
const LENGTH_MAX: usize = 100;

/// The most similar of the known names, if one is similar enough that it was probably meant.
pub(crate) fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    if name.len() > LENGTH_MAX {
        return None;
    }
    let plain = |text: &str| text.to_lowercase().replace(['_', ' '], "-");
    let written = plain(name);
    known
        .into_iter()
        .filter(|it| it.len() <= LENGTH_MAX)
        .map(|it| (strsim::damerau_levenshtein(&written, &plain(it)), it))
        .filter(|(edits, it)| *edits <= 1.max(it.len().min(name.len()) / 3))
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, it)| it)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognized_and_another_word_is_not() {
        let known = ["copy-tags", "description", "mode", "all"];
        for (written, meant) in [
            ("copy_tags", Some("copy-tags")),
            ("copytags", Some("copy-tags")),
            ("cpoy-tag", Some("copy-tags")),
            ("Description", Some("description")),
            ("mdoe", Some("mode")),
            ("al", Some("all")),
            ("node", Some("mode")),
            ("timeout", None),
            ("", None),
        ] {
            assert_eq!(nearest(written, known), meant, "{written}");
        }
    }
}
