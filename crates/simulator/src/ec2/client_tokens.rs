//! Client tokens: a call that is repeated is done once.
//! Source: EC2 Developer Guide, "Ensuring idempotency in Amazon EC2 API requests".

use std::{collections::BTreeMap, fmt::Debug};

use jiff::{SignedDuration, Timestamp};

use crate::refusal::Refusal;

/// Characters of a token.
const LONGEST: usize = 64;
/// How long a token is remembered.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// The tokens that were used in a place, by operation.
#[derive(Debug, Default)]
pub(crate) struct ClientTokens(BTreeMap<(&'static str, String), Used>);

/// What a token was used for.
#[derive(Debug)]
struct Used {
    at: Timestamp,
    request: String,
    /// The ids of what was made.
    made: Vec<Box<str>>,
}

impl ClientTokens {
    /// What an earlier call with this token has made. Refuses a token that another request was
    /// sent with.
    pub(crate) fn earlier(
        &self,
        operation: &'static str,
        token: Option<&str>,
        request: &impl Debug,
    ) -> Result<Option<&[Box<str>]>, Refusal> {
        let Some(token) = token else { return Ok(None) };
        if token.len() > LONGEST || !token.is_ascii() {
            let message = format!("A client token has at most {LONGEST} ASCII characters");
            return Err(Refusal::new("InvalidParameterValue", message));
        }
        match self.0.get(&(operation, token.to_owned())) {
            Some(used) if used.request == format!("{request:?}") => Ok(Some(&used.made)),
            Some(_) => {
                let message = format!("Client token '{token}' was used with other parameters");
                Err(Refusal::new("IdempotentParameterMismatch", message))
            }
            None => Ok(None),
        }
    }

    /// Remembers what a call with this token has made.
    pub(crate) fn remember(
        &mut self,
        operation: &'static str,
        token: Option<&str>,
        request: String,
        made: Vec<Box<str>>,
        now: Timestamp,
    ) {
        let Some(token) = token else { return };
        self.0.retain(|_, used| used.at + KEPT > now);
        self.0.insert((operation, token.to_owned()), Used { at: now, request, made });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_token_makes_the_same_thing_for_a_day() {
        let at = |hour: i64| Timestamp::from_second(hour * 3600).unwrap();
        let mut tokens = ClientTokens::default();
        let make = |tokens: &mut ClientTokens, token, hour| {
            let made = vec![Box::from("ami-1")];
            tokens.remember("CopyImage", Some(token), format!("{:?}", "a"), made, at(hour));
        };
        let ask = |tokens: &ClientTokens, token, request: &str| {
            let earlier = tokens.earlier("CopyImage", token, &request);
            earlier.map(|it| it.map(|it| it[0].to_string())).map_err(|it| it.code)
        };
        make(&mut tokens, "t", 0);
        assert_eq!(ask(&tokens, Some("t"), "a"), Ok(Some("ami-1".to_owned())));
        assert_eq!(ask(&tokens, Some("t"), "b"), Err("IdempotentParameterMismatch"));
        assert_eq!(ask(&tokens, Some("u"), "a"), Ok(None));
        assert_eq!(ask(&tokens, None, "a"), Ok(None));
        let long = "t".repeat(65);
        assert_eq!(ask(&tokens, Some(&long), "a"), Err("InvalidParameterValue"));
        assert_eq!(tokens.earlier("RunInstances", Some("t"), &"b"), Ok(None));
        make(&mut tokens, "u", 24);
        assert_eq!(ask(&tokens, Some("t"), "b"), Ok(None));
    }
}
