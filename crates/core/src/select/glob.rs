//! Glob patterns over short texts: `*`, `?` and `\` as an escape.
//!
//! Matching takes at most pattern length times text length steps, whatever the two say.

use std::fmt;

/// One element of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Piece {
    /// This character, case-sensitively.
    Char(char),
    /// Exactly one character.
    One,
    /// One character or none.
    OneOrNone,
    /// Any text, also none.
    Any,
}

/// A pattern that is matched against a whole text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Glob(Vec<Piece>);

/// A `\` before anything but `*`, `?` and `\`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadEscape;

impl Glob {
    /// The pattern of these pieces. Repeated [`Piece::Any`] count once.
    pub(crate) fn new(mut pieces: Vec<Piece>) -> Glob {
        pieces.dedup_by(|next, piece| (*next, *piece) == (Piece::Any, Piece::Any));
        Glob(pieces)
    }

    /// Reads `*` as any text, `?` as one character, and `\*`, `\?` and `\\` as themselves.
    pub(super) fn parse(text: &str) -> Result<Glob, BadEscape> {
        let mut pieces = Vec::new();
        let mut rest = text.chars();
        while let Some(next) = rest.next() {
            pieces.push(match next {
                '*' => Piece::Any,
                '?' => Piece::One,
                '\\' => match rest.next() {
                    Some(escaped @ ('*' | '?' | '\\')) => Piece::Char(escaped),
                    _ => return Err(BadEscape),
                },
                literal => Piece::Char(literal),
            });
        }
        Ok(Glob::new(pieces))
    }

    /// The one text that the pattern matches, when it has no wildcard.
    pub(super) fn exact(&self) -> Option<String> {
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Char(literal) => Some(*literal),
                _ => None,
            })
            .collect()
    }

    /// One of the shortest texts that match.
    pub(super) fn example(&self) -> String {
        let pieces = self.0.iter().filter_map(|piece| match piece {
            Piece::Char(literal) => Some(*literal),
            Piece::One => Some('x'),
            Piece::OneOrNone | Piece::Any => None,
        });
        pieces.collect()
    }

    /// The fewest characters that a matching text has.
    pub(super) fn shortest_match(&self) -> usize {
        self.0.iter().filter(|piece| matches!(piece, Piece::Char(_) | Piece::One)).count()
    }

    /// Whether the whole text matches.
    pub(crate) fn matches(&self, text: &str) -> bool {
        // Most patterns are plain texts, or begin like one.
        let mut rest = text.chars();
        let mut pieces = self.0.as_slice();
        while let [Piece::Char(literal), others @ ..] = pieces {
            if rest.next() != Some(*literal) {
                return false;
            }
            pieces = others;
        }
        if pieces.is_empty() {
            return rest.next().is_none();
        }
        let text: Vec<char> = rest.collect();
        // `reach[n]`: the pieces so far match the first `n` characters of the rest.
        let mut reach = vec![false; text.len() + 1];
        reach[0] = true;
        for piece in pieces {
            match piece {
                Piece::Any => {
                    let first = reach.iter().position(|reached| *reached);
                    reach[first.unwrap_or(text.len() + 1)..].fill(true);
                }
                Piece::OneOrNone => {
                    for n in (0..text.len()).rev() {
                        reach[n + 1] |= reach[n];
                    }
                }
                Piece::One => {
                    reach.rotate_right(1);
                    reach[0] = false;
                }
                Piece::Char(literal) => {
                    for n in (0..text.len()).rev() {
                        reach[n + 1] = reach[n] && text[n] == *literal;
                    }
                    reach[0] = false;
                }
            }
        }
        reach[text.len()]
    }
}

/// The text that [`Glob::parse`] reads as this pattern.
impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.0 {
            match piece {
                Piece::Any => f.write_str("*")?,
                Piece::One | Piece::OneOrNone => f.write_str("?")?,
                Piece::Char(literal @ ('*' | '?' | '\\')) => write!(f, "\\{literal}")?,
                Piece::Char(literal) => write!(f, "{literal}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(pattern: &str, matching: &[&str], other: &[&str]) {
        let glob = Glob::parse(pattern).unwrap();
        for text in matching {
            assert!(glob.matches(text), "`{pattern}` should match `{text}`");
        }
        for text in other {
            assert!(!glob.matches(text), "`{pattern}` should not match `{text}`");
        }
    }

    #[test]
    fn a_text_without_wildcards_matches_itself_alone() {
        check("daily", &["daily"], &["", "Daily", "dail", "dailyy", "xdaily"]);
        check("", &[""], &["a"]);
    }

    #[test]
    fn a_star_is_any_text_and_a_question_mark_one_character() {
        check("plat*", &["plat", "platform"], &["pla", "xplat"]);
        check("*a*b", &["ab", "xaxxb", "abab"], &["aba", "b"]);
        check("*", &["", "anything"], &[]);
        check("?", &["a", "é", "🦀"], &["", "ab"]);
        check("a?c*", &["abc", "abcd"], &["ac", "a"]);
    }

    #[test]
    fn an_escape_takes_the_wildcard_literally() {
        check(r"\*", &["*"], &["", "a", r"\*"]);
        check(r"a\?\\*", &[r"a?\", r"a?\x"], &["ab", r"ab\"]);
        assert_eq!(Glob::parse(r"C:\data"), Err(BadEscape));
        assert_eq!(Glob::parse("ends\\"), Err(BadEscape));
    }

    #[test]
    fn hostile_patterns_take_no_longer() {
        let glob = Glob::parse(&("*a".repeat(250) + "*b")).unwrap();
        assert!(!glob.matches(&"a".repeat(256)));
        assert_eq!(Glob::parse(&"*".repeat(10_000)).unwrap(), Glob::new(vec![Piece::Any]));
    }

    /// Matching as the definition says it, without a thought for time.
    fn defined(pieces: &[Piece], text: &[char]) -> bool {
        match pieces.split_first() {
            None => text.is_empty(),
            Some((Piece::Any, rest)) => (0..=text.len()).any(|n| defined(rest, &text[n..])),
            Some((Piece::OneOrNone, rest)) => {
                defined(rest, text) || (!text.is_empty() && defined(rest, &text[1..]))
            }
            Some((Piece::One, rest)) => !text.is_empty() && defined(rest, &text[1..]),
            Some((Piece::Char(literal), rest)) => {
                text.first() == Some(literal) && defined(rest, &text[1..])
            }
        }
    }

    fn piece() -> impl Strategy<Value = Piece> {
        prop_oneof![
            prop::sample::select(vec!['a', 'b', '*', '\\']).prop_map(Piece::Char),
            Just(Piece::One),
            Just(Piece::OneOrNone),
            Just(Piece::Any),
        ]
    }

    proptest! {
        #[test]
        fn matches_what_the_definition_matches(
            pieces in prop::collection::vec(piece(), 0..6),
            text in r"[ab*\\]{0,6}",
        ) {
            let letters: Vec<char> = text.chars().collect();
            prop_assert_eq!(Glob::new(pieces.clone()).matches(&text), defined(&pieces, &letters));
        }

        #[test]
        fn matches_its_example(pieces in prop::collection::vec(piece(), 0..6)) {
            let glob = Glob::new(pieces);
            let example = glob.example();
            prop_assert!(glob.matches(&example));
            prop_assert_eq!(example.chars().count(), glob.shortest_match());
        }

        #[test]
        fn reads_what_it_writes(text in r"[ab*?\\é]{0,8}") {
            if let Ok(glob) = Glob::parse(&text) {
                prop_assert_eq!(Glob::parse(&glob.to_string()), Ok(glob));
            }
        }
    }
}
