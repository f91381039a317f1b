//! Texts of a policy that stand for other texts: with wildcards, and with variables that the
//! request fills in. <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>

use std::borrow::Cow;

use super::context::{Context, Entry};
use super::truth::{self, Truth};

/// A text, cut up once so that a comparison only walks along it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pattern {
    symbols: Vec<Symbol>,
    case: Case,
}

/// Six patterns, one for each part of an ARN: no wildcard reaches over a colon, except in the
/// last part, where colons belong to the resource's name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ArnPattern([Pattern; 6]);

/// The version of the policy language. Variables exist in the newer one only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Version {
    #[default]
    V2008,
    V2012,
}

/// Whether `*` and `?` in a text are wildcards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wildcards {
    Match,
    Literal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    Sensitive,
    Ignored,
}

#[derive(Clone, Debug, PartialEq)]
enum Symbol {
    Char(char),
    /// `?`: any one character.
    One,
    /// `*`: any characters, none too.
    Many,
    Variable(Box<Variable>),
}

#[derive(Clone, Debug, PartialEq)]
struct Variable {
    /// In lower case.
    key: String,
    default: Option<String>,
}

impl Pattern {
    /// Cuts up `text`. The error says what is wrong with a variable in it.
    pub(super) fn parse(
        text: &str,
        wildcards: Wildcards,
        version: Version,
        case: Case,
    ) -> Result<Pattern, String> {
        let mut symbols = Vec::with_capacity(text.len());
        let mut rest = text.chars();
        while let Some(next) = rest.next() {
            symbols.push(match (next, wildcards) {
                ('*', Wildcards::Match) if symbols.last() == Some(&Symbol::Many) => continue,
                ('*', Wildcards::Match) => Symbol::Many,
                ('?', Wildcards::Match) => Symbol::One,
                ('$', _) if version == Version::V2012 && rest.as_str().starts_with('{') => {
                    let Some((inner, after)) = rest.as_str()[1..].split_once('}') else {
                        return Err(format!("`{text}` has a `${{` without its `}}`"));
                    };
                    rest = after.chars();
                    variable(inner).ok_or_else(|| {
                        format!("`${{{inner}}}` in `{text}` is not a policy variable")
                    })?
                }
                (literal, _) => Symbol::Char(literal),
            });
        }
        Ok(Pattern { symbols, case })
    }

    /// Whether `text` is one that the pattern stands for; unknown if the request has no value
    /// for one of its variables. In the time of their lengths' product at worst.
    pub(super) fn matches(&self, text: &str, context: &Context) -> Truth {
        Some(matches(&self.filled_in(context)?, self.case, text))
    }

    /// Whether all that it stands for starts with these characters.
    pub(super) fn starts_with(&self, start: &str) -> bool {
        let mut symbols = self.symbols.iter();
        start.chars().all(|wanted| match symbols.next() {
            Some(symbol @ Symbol::Char(_)) => symbol.fits(wanted, self.case),
            _ => false,
        })
    }

    fn filled_in(&self, context: &Context) -> Option<Cow<'_, [Symbol]>> {
        if !self.symbols.iter().any(|symbol| matches!(symbol, Symbol::Variable(_))) {
            return Some(Cow::Borrowed(&self.symbols));
        }
        let mut filled = Vec::with_capacity(self.symbols.len());
        for symbol in &self.symbols {
            match symbol {
                // What the request says is a text: its `*` is no wildcard.
                Symbol::Variable(variable) => {
                    filled.extend(variable.value(context)?.chars().map(Symbol::Char));
                }
                symbol => filled.push(symbol.clone()),
            }
        }
        Some(Cow::Owned(filled))
    }
}

impl ArnPattern {
    /// Cuts up `text`. The error says that it is no ARN.
    pub(super) fn parse(text: &str, version: Version) -> Result<ArnPattern, String> {
        let whole = Pattern::parse(text, Wildcards::Match, version, Case::Sensitive)?;
        let parts: Vec<Pattern> = whole
            .symbols
            .splitn(6, |symbol| *symbol == Symbol::Char(':'))
            .map(|symbols| Pattern { symbols: symbols.to_vec(), case: whole.case })
            .collect();
        match parts.try_into() {
            Ok(parts) => Ok(ArnPattern(parts)),
            Err(_) => Err(format!("`{text}` is not an ARN: it needs six parts between colons")),
        }
    }

    /// Whether `text` is an ARN that the pattern stands for.
    pub(super) fn matches(&self, text: &str, context: &Context) -> Truth {
        if text.bytes().filter(|byte| *byte == b':').count() < 5 {
            return Some(false);
        }
        truth::all(
            self.0.iter().zip(text.splitn(6, ':')).map(|(part, text)| part.matches(text, context)),
        )
    }
}

impl Variable {
    fn value<'a>(&'a self, context: &'a Context) -> Option<&'a str> {
        match context.get(&self.key) {
            Some(Entry::One(value)) => Some(value),
            // Keys with several values are no variables.
            Some(Entry::Several(_)) => None,
            None => self.default.as_deref(),
        }
    }
}

/// What stands between `${` and `}`: an escaped sign, a key, or a key and `, 'default'`.
fn variable(inner: &str) -> Option<Symbol> {
    if let "*" | "?" | "$" = inner {
        return inner.chars().next().map(Symbol::Char);
    }
    let (key, default) = match inner.split_once(',') {
        None => (inner, None),
        Some((key, default)) => {
            let quoted = default.trim_start().strip_prefix('\'')?.strip_suffix('\'')?;
            (key, Some(quoted.to_owned()))
        }
    };
    let (service, name) = key.split_once(':')?;
    (!service.is_empty() && !name.is_empty())
        .then(|| Symbol::Variable(Box::new(Variable { key: key.to_ascii_lowercase(), default })))
}

/// Walks both along. Where they part, the last `*` takes one character more; earlier ones need
/// no second try, so this is never exponential.
fn matches(pattern: &[Symbol], case: Case, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.iter(), text.chars());
    let mut last_many = None;
    loop {
        match pattern.next() {
            Some(Symbol::Many) => {
                last_many = Some((pattern.clone(), text.clone()));
                continue;
            }
            Some(symbol) => match text.next() {
                Some(next) if symbol.fits(next, case) => continue,
                Some(_) => {}
                None => return false,
            },
            None if text.as_str().is_empty() => return true,
            None => {}
        }
        let Some((after, rest)) = &mut last_many else { return false };
        if after.as_slice().is_empty() {
            return true;
        }
        if rest.next().is_none() {
            return false;
        }
        (pattern, text) = (after.clone(), rest.clone());
    }
}

impl Symbol {
    fn fits(&self, next: char, case: Case) -> bool {
        match (self, case) {
            (Symbol::One, _) => true,
            (Symbol::Char(wanted), Case::Sensitive) => *wanted == next,
            (Symbol::Char(wanted), Case::Ignored) => {
                *wanted == next || wanted.to_lowercase().eq(next.to_lowercase())
            }
            (Symbol::Many | Symbol::Variable(_), _) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(pattern: &str, text: &str, wanted: Truth) {
        let context = Context::default()
            .with("aws:username", "Ann")
            .with("aws:PrincipalTag/Team", "a*b:c")
            .with_all("aws:TagKeys", ["one"]);
        let parsed =
            Pattern::parse(pattern, Wildcards::Match, Version::V2012, Case::Sensitive).unwrap();
        assert_eq!(parsed.matches(text, &context), wanted, "`{pattern}` and `{text}`");
    }

    #[test]
    fn wildcards_stand_for_characters() {
        for (pattern, text, wanted) in [
            ("", "", true),
            ("", "a", false),
            ("a", "", false),
            ("*", "", true),
            ("*", "anything", true),
            ("a*", "a", true),
            ("a*b", "ab", true),
            ("a*b", "a/b:b", true),
            ("a*b", "a/b:c", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("?", "", false),
            ("?", "é", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*?", "", false),
            ("**", "ab", true),
            ("arn:aws:ec2:*::snapshot/*", "arn:aws:ec2:eu-west-1::snapshot/snap-1", true),
            ("arn:aws:ec2:*::snapshot/*", "arn:aws:ec2:eu-west-1:1:volume/vol-1", false),
            ("arn:aws:iam::*:role/a", "arn:aws:iam::1:role/b/c:role/a", true),
        ] {
            check(pattern, text, Some(wanted));
        }
    }

    #[test]
    fn variables_are_filled_in_from_the_request() {
        check("home/${aws:username}/*", "home/Ann/x", Some(true));
        check("home/${AWS:UserName}/*", "home/ann/x", Some(false));
        check("${aws:PrincipalTag/team}", "a*b:c", Some(true));
        check("${aws:PrincipalTag/team}", "axb:c", Some(false));
        check("${aws:userid, 'anonymous'}", "anonymous", Some(true));
        check("${aws:username, 'anonymous'}", "anonymous", Some(false));
        check("${aws:userid}", "", None);
        check("*${aws:userid}*", "x", None);
        check("${aws:TagKeys}", "one", None);
    }

    #[test]
    fn escaped_signs_stand_for_themselves() {
        check("a${*}", "a*", Some(true));
        check("a${*}", "ab", Some(false));
        check("a${?}", "a?", Some(true));
        check("a${?}", "ab", Some(false));
        check("${$}{aws:username}", "${aws:username}", Some(true));
        check("$a${$}", "$a$", Some(true));
    }

    #[test]
    fn a_variable_must_be_one() {
        let parse = |text| Pattern::parse(text, Wildcards::Match, Version::V2012, Case::Sensitive);
        let wrong =
            "`${aws:userid, anonymous}` in `${aws:userid, anonymous}` is not a policy variable";
        assert_eq!(parse("${aws:userid, anonymous}"), Err(wrong.to_owned()));
        for text in ["${}", "${username}", "${:x}", "${aws:}", "${aws:userid, 'a}", "${aws:a, '}"] {
            assert!(parse(text).unwrap_err().ends_with("is not a policy variable"), "{text}");
        }
        let open = "`a${aws:username` has a `${` without its `}`";
        assert_eq!(parse("a${aws:username"), Err(open.to_owned()));
    }

    #[test]
    fn the_old_language_has_no_variables() {
        let pattern =
            Pattern::parse("${aws:username}${", Wildcards::Match, Version::V2008, Case::Sensitive);
        let context = Context::default().with("aws:username", "Ann");
        let pattern = pattern.unwrap();
        assert_eq!(pattern.matches("${aws:username}${", &context), Some(true));
        assert_eq!(pattern.matches("Ann${", &context), Some(false));
    }

    #[test]
    fn case_counts_unless_ignored() {
        let pattern = |case| Pattern::parse("Straße?", Wildcards::Literal, Version::V2012, case);
        let context = Context::default();
        let (exact, ignoring) =
            (pattern(Case::Sensitive).unwrap(), pattern(Case::Ignored).unwrap());
        assert_eq!(exact.matches("Straße?", &context), Some(true));
        assert_eq!(exact.matches("straße?", &context), Some(false));
        assert_eq!(ignoring.matches("sTRAßE?", &context), Some(true));
        assert_eq!(ignoring.matches("straßen", &context), Some(false));
    }

    #[test]
    fn parts_of_an_arn_are_matched_one_by_one() {
        let check = |pattern: &str, text: &str, wanted| {
            let context = Context::default().with("aws:PrincipalTag/Team", "x:y");
            let parsed = ArnPattern::parse(pattern, Version::V2012).unwrap();
            assert_eq!(parsed.matches(text, &context), wanted, "`{pattern}` and `{text}`");
        };
        // The documentation's own example of what `StringLike` matches and `ArnLike` does not.
        let far = "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt";
        check("arn:aws:someservice:*:111122223333:finance/*", far, Some(false));
        let near = "arn:aws:someservice:us-east-2:111122223333:finance/document.txt";
        check("arn:aws:someservice:*:111122223333:finance/*", near, Some(true));
        check("arn:aws:rds:*:*:snapshot:*", "arn:aws:rds:r:1:snapshot:rds:x", Some(true));
        check("arn:aws:rds:*:*:*", "arn:aws:rds:r:1", Some(false));
        check("arn:aws:rds:*:*:${aws:PrincipalTag/Team}", "arn:aws:rds:r:1:x:y", Some(true));
        check("arn:aws:rds:${aws:userid}:*:x", "arn:aws:rds:r:1:x", None);
        check("arn:aws:rds:${aws:userid}:*:x", "arn:aws:rds:r:1:y", Some(false));
        assert_eq!(
            ArnPattern::parse("*", Version::V2012),
            Err("`*` is not an ARN: it needs six parts between colons".to_owned())
        );
    }

    #[test]
    fn many_wildcards_take_no_exponential_time() {
        let text = "a".repeat(10_000);
        check(&"a*".repeat(200), &text, Some(true));
        check(&("*a".repeat(200) + "b"), &text, Some(false));
    }

    /// The definition of the wildcards, word by word, and exponential.
    fn oracle(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], text) => text.is_empty(),
            (['*', rest @ ..], text) => (0..=text.len()).any(|taken| oracle(rest, &text[taken..])),
            (['?', rest @ ..], [_, others @ ..]) => oracle(rest, others),
            ([wanted, rest @ ..], [next, others @ ..]) => wanted == next && oracle(rest, others),
            (_, []) => false,
        }
    }

    proptest! {
        #[test]
        fn wildcards_match_as_defined(pattern in "[ab:é*?]{0,8}", text in "[ab:é]{0,10}") {
            let parsed =
                Pattern::parse(&pattern, Wildcards::Match, Version::V2012, Case::Sensitive);
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(
                parsed.unwrap().matches(&text, &Context::default()),
                Some(oracle(&chars(&pattern), &chars(&text)))
            );
        }

        #[test]
        fn a_literal_matches_itself_alone(one in "[aA*?$]{0,4}", other in "[aA*?$]{0,4}") {
            let parsed =
                Pattern::parse(&one, Wildcards::Literal, Version::V2012, Case::Sensitive).unwrap();
            prop_assert_eq!(parsed.matches(&other, &Context::default()), Some(one == other));
        }
    }
}
