//! Patterns of AWS's filters: `*` is any text, `?` one character, `\` takes the next literally.

/// Whether the whole text matches. Takes at most pattern length times text length steps.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    // Where to go on when the last `*` takes one character more.
    let mut retry = None;
    loop {
        match pattern.next() {
            Some('*') => {
                retry = Some((pattern.clone(), text.clone()));
                continue;
            }
            Some(wanted) => {
                let literal = match wanted {
                    '\\' => pattern.next().or(Some('\\')),
                    '?' => None,
                    other => Some(other),
                };
                if let Some(found) = text.next()
                    && literal.is_none_or(|it| it == found)
                {
                    continue;
                }
            }
            None if text.clone().next().is_none() => return true,
            None => {}
        }
        let Some((after, mut from)) = retry.take() else { return false };
        if from.next().is_none() {
            return false;
        }
        (pattern, text) = (after.clone(), from.clone());
        retry = Some((after, from));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stars_questions_and_escapes() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("a", "a", true),
            ("a", "A", false),
            ("plat*", "platform", true),
            ("*form", "platform", true),
            ("*a*b", "abab", true),
            ("?", "é", true),
            ("?", "", false),
            ("a?c", "ac", false),
            (r"a\*", "a*", true),
            (r"a\*", "ab", false),
            ("*", "", true),
            ("a*", "b", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "`{pattern}` on `{text}`");
        }
        assert!(!matches(&("*a".repeat(100) + "*b"), &"a".repeat(256)));
    }

    /// Matching as the definition says it.
    fn defined(pattern: &[char], text: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['*', rest @ ..] => (0..=text.len()).any(|n| defined(rest, &text[n..])),
            ['\\', literal, rest @ ..] => {
                text.first() == Some(literal) && defined(rest, &text[1..])
            }
            ['?', rest @ ..] => !text.is_empty() && defined(rest, &text[1..]),
            [literal, rest @ ..] => text.first() == Some(literal) && defined(rest, &text[1..]),
        }
    }

    proptest! {
        #[test]
        fn matches_what_the_definition_matches(pattern in r"[ab*?\\]{0,6}", text in r"[ab*]{0,6}") {
            let letters: Vec<char> = pattern.chars().collect();
            let expected = defined(&letters, &text.chars().collect::<Vec<_>>());
            prop_assert_eq!(matches(&pattern, &text), expected);
        }
    }
}
