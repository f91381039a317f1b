//! Patterns over texts.

use std::{convert::Infallible, fmt, str::FromStr};

use super::scalar::scalar;
use crate::wildcard;

/// A pattern that a whole text fits: `*` is any text, `?` one character, and `\` takes the next
/// one literally.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern(String);

impl Pattern {
    /// Whether the whole text fits.
    pub fn fits(&self, text: &str) -> bool {
        wildcard::matches(&self.0, text)
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Pattern {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Pattern, Infallible> {
        Ok(Pattern(text.to_owned()))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

scalar!(Pattern, "a text, in which `*` stands for any", { "type": "string" });
