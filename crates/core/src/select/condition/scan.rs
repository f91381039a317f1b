//! A look at the text of a condition before the parser sees it.
//!
//! The parser recurses: some tens of brackets in each other overflow a thread's stack, and
//! that kills the process. After a character that starts no token it skips ahead and reads on,
//! perhaps in the middle of a text. So everything is bounded and every token known here.

use std::{iter::Peekable, str::CharIndices};

use super::ConditionError;

/// Longest condition, in bytes.
const LENGTH_MAX: usize = 4096;
/// Most tokens.
const TOKENS_MAX: usize = 500;
/// Most brackets open at one time. Each takes about 150 KiB of stack in a debug build.
const BRACKETS_MAX: usize = 8;

/// Operators and punctuation, longest first.
const SYMBOLS: [&str; 24] = [
    "&&", "||", "==", "!=", "<=", ">=", "(", ")", "[", "]", "{", "}", "<", ">", "!", "?", ":", ",",
    ".", "+", "-", "*", "/", "%",
];

/// Fails when the text is too long, too nested, or has something that is no token of CEL.
pub(super) fn scan(source: &str) -> Result<(), ConditionError> {
    if source.len() > LENGTH_MAX {
        return Err(ConditionError::new(format!(
            "a condition has at most {LENGTH_MAX} bytes, this one has {}",
            source.len()
        )));
    }
    let mut scanner = Scanner { source, rest: source.char_indices().peekable() };
    let mut tokens = 0;
    let mut open = 0_usize;
    while let Some((at, token)) = scanner.token()? {
        tokens += 1;
        if tokens > TOKENS_MAX {
            let message = format!("a condition has at most {TOKENS_MAX} words and signs");
            return Err(scanner.error(at, message));
        }
        match token {
            "(" | "[" | "{" => open += 1,
            ")" | "]" | "}" => open = open.saturating_sub(1),
            _ => {}
        }
        if open > BRACKETS_MAX {
            let message = format!("more than {BRACKETS_MAX} brackets are open here");
            return Err(scanner.error(at, message));
        }
    }
    Ok(())
}

struct Scanner<'s> {
    source: &'s str,
    rest: Peekable<CharIndices<'s>>,
}

impl<'s> Scanner<'s> {
    /// The next token with its place in bytes.
    fn token(&mut self) -> Result<Option<(usize, &'s str)>, ConditionError> {
        loop {
            let Some((at, letter)) = self.rest.next() else { return Ok(None) };
            let text = &self.source[at..];
            if matches!(letter, ' ' | '\t' | '\n' | '\r' | '\x0C') {
                continue;
            }
            if text.starts_with("//") {
                self.skip_while(|next| next != '\n');
                continue;
            }
            if letter.is_ascii_alphanumeric() || letter == '_' {
                return self.word(at).map(Some);
            }
            if matches!(letter, '"' | '\'') {
                self.quoted(at, at, false)?;
                return Ok(Some((at, self.since(at))));
            }
            let Some(symbol) = SYMBOLS.into_iter().find(|symbol| text.starts_with(symbol)) else {
                return Err(self.unknown(at, letter));
            };
            for _ in 1..symbol.len() {
                self.rest.next();
            }
            return Ok(Some((at, symbol)));
        }
    }

    /// A name or a number, or a text with a prefix.
    fn word(&mut self, at: usize) -> Result<(usize, &'s str), ConditionError> {
        self.skip_while(|next| next.is_ascii_alphanumeric() || next == '_');
        let word = self.since(at);
        if let Some(&(quote_at, '"' | '\'')) = self.rest.peek() {
            match word {
                "r" | "R" => {
                    self.rest.next();
                    self.quoted(at, quote_at, true)?;
                }
                "b" | "B" | "br" | "bR" | "Br" | "BR" | "rb" | "rB" | "Rb" | "RB" => {
                    return Err(self.error(at, "a condition has no use for bytes".to_owned()));
                }
                _ => {}
            }
        }
        Ok((at, self.since(at)))
    }

    /// The rest of a text whose first quote has been read.
    fn quoted(&mut self, at: usize, quote_at: usize, raw: bool) -> Result<(), ConditionError> {
        let mark = &self.source[quote_at..=quote_at];
        let triple = mark.repeat(3);
        let long = self.source[quote_at..].starts_with(&triple);
        if long {
            self.rest.next();
            self.rest.next();
        }
        while let Some((here, letter)) = self.rest.next() {
            match letter {
                '\\' if !raw => self.escape(here)?,
                '\n' | '\r' if !long => break,
                _ if long && self.source[here..].starts_with(&triple) => {
                    self.rest.next();
                    self.rest.next();
                    return Ok(());
                }
                _ if !long && self.source[here..].starts_with(mark) => return Ok(()),
                _ => {}
            }
        }
        Err(self.error(at, "the text that begins here has no end".to_owned()))
    }

    /// The rest of an escape whose `\` has been read.
    fn escape(&mut self, at: usize) -> Result<(), ConditionError> {
        let kind = self.rest.next().map(|(_, letter)| letter);
        let (digits, radix) = match kind {
            Some('a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v') => (0, 10),
            Some('\\' | '?' | '"' | '\'' | '`') => (0, 10),
            Some('x' | 'X') => (2, 16),
            Some('u') => (4, 16),
            Some('U') => (8, 16),
            Some('0'..='3') => (2, 8),
            _ => return Err(self.error(at, "`\\` here is no escape: write `\\\\`".to_owned())),
        };
        for _ in 0..digits {
            if self.rest.next_if(|(_, letter)| letter.is_digit(radix)).is_none() {
                return Err(self.error(at, format!("this escape needs {digits} digits")));
            }
        }
        Ok(())
    }

    fn unknown(&self, at: usize, letter: char) -> ConditionError {
        let error = self.error(at, format!("unexpected `{letter}`"));
        match letter {
            '=' => error.with_hint("`==` compares"),
            '&' => error.with_hint("`&&` is \"and\""),
            '|' => error.with_hint("`||` is \"or\""),
            '\u{201c}' | '\u{201d}' | '\u{2018}' | '\u{2019}' => {
                error.with_hint("texts are in straight quotes: `\"text\"`")
            }
            _ => error,
        }
    }

    fn skip_while(&mut self, more: impl Fn(char) -> bool) {
        while self.rest.next_if(|(_, letter)| more(*letter)).is_some() {}
    }

    fn since(&mut self, at: usize) -> &'s str {
        let end = self.rest.peek().map_or(self.source.len(), |(next, _)| *next);
        &self.source[at..end]
    }

    fn error(&self, at: usize, message: String) -> ConditionError {
        ConditionError::new(message).at_byte(self.source, at)
    }
}
