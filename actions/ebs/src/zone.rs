//! Availability zones in parameters.

use lamplighter_core::Region;
use schemars::JsonSchema;
use serde::Deserialize;

/// What the name of a zone has after that of its region: `a`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(crate) struct ZoneLetter(char);

impl ZoneLetter {
    /// The zone of this letter in a region: `eu-west-1a`.
    pub(crate) fn of(&self, region: &Region) -> String {
        let ZoneLetter(letter) = self;
        format!("{region}{letter}")
    }
}

impl TryFrom<String> for ZoneLetter {
    type Error = String;

    fn try_from(text: String) -> Result<ZoneLetter, String> {
        let mut letters = text.chars();
        match (letters.next(), letters.next()) {
            (Some(it @ 'a'..='z'), None) => Ok(ZoneLetter(it)),
            _ => Err(format!("`{text}` is not the letter of a zone, such as `a` for `eu-west-1a`")),
        }
    }
}
