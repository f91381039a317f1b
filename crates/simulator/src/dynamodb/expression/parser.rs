//! What all expressions are parsed with.

use super::{
    Placeholders,
    path::{Path, Step},
    token::{Token, is_reserved, tokens, unexpected},
};
use crate::dynamodb::value::Value;

/// An expression that is being understood.
pub(super) struct Parser<'p> {
    tokens: Vec<Token>,
    at: usize,
    placeholders: &'p Placeholders<'p>,
}

impl<'p> Parser<'p> {
    pub(super) fn new(
        text: &str,
        placeholders: &'p Placeholders<'p>,
    ) -> Result<Parser<'p>, String> {
        Ok(Parser { tokens: tokens(text)?, at: 0, placeholders })
    }

    pub(super) fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    /// Takes a sign, if it is the next.
    pub(super) fn takes(&mut self, sign: &str) -> bool {
        let is = matches!(self.peek(), Some(Token::Sign(it)) if *it == sign);
        self.at += usize::from(is);
        is
    }

    /// Takes a word of the language in whichever case, if it is the next.
    pub(super) fn takes_word(&mut self, word: &str) -> bool {
        let is = matches!(self.peek(), Some(Token::Word(it)) if it.eq_ignore_ascii_case(word));
        self.at += usize::from(is);
        is
    }

    pub(super) fn expect(&mut self, sign: &str) -> Result<(), String> {
        match self.takes(sign) {
            true => Ok(()),
            false => Err(self.unexpected()),
        }
    }

    pub(super) fn expect_word(&mut self, word: &str) -> Result<(), String> {
        match self.takes_word(word) {
            true => Ok(()),
            false => Err(self.unexpected()),
        }
    }

    /// The name of the function that is called next.
    pub(super) fn function(&mut self) -> Option<String> {
        let name = match (self.peek(), self.tokens.get(self.at + 1)) {
            (Some(Token::Word(name)), Some(Token::Sign("("))) => name.clone(),
            _ => return None,
        };
        self.at += 2;
        Some(name)
    }

    /// The value of a placeholder, if one is the next.
    pub(super) fn value(&mut self) -> Result<Option<Value>, String> {
        let Some(Token::Value(placeholder)) = self.peek() else { return Ok(None) };
        let value = self.placeholders.value(placeholder)?;
        self.at += 1;
        Ok(Some(value))
    }

    /// A path: `a`, `#a.b[2]`.
    pub(super) fn path(&mut self) -> Result<Path, String> {
        let mut steps = vec![Step::Name(self.name()?)];
        loop {
            if self.takes(".") {
                steps.push(Step::Name(self.name()?));
            } else if self.takes("[") {
                let Some(Token::Index(index)) = self.peek() else { return Err(self.unexpected()) };
                steps.push(Step::Index(*index));
                self.at += 1;
                self.expect("]")?;
            } else {
                return Ok(Path(steps));
            }
        }
    }

    fn name(&mut self) -> Result<String, String> {
        let name = match self.peek() {
            Some(Token::Name(placeholder)) => self.placeholders.name(placeholder)?,
            Some(Token::Word(word)) if is_reserved(word) => {
                return Err(format!(
                    "Attribute name is a reserved keyword; reserved keyword: {word}"
                ));
            }
            Some(Token::Word(word)) if word.starts_with(|it: char| it.is_ascii_alphabetic()) => {
                word.clone()
            }
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(name)
    }

    /// Refuses what is left over.
    pub(super) fn end(&self) -> Result<(), String> {
        if self.at == self.tokens.len() { Ok(()) } else { Err(self.unexpected()) }
    }

    pub(super) fn unexpected(&self) -> String {
        match self.peek() {
            None => unexpected("<EOF>"),
            Some(Token::Word(it) | Token::Name(it) | Token::Value(it)) => unexpected(it),
            Some(Token::Index(it)) => unexpected(&it.to_string()),
            Some(Token::Sign(it)) => unexpected(it),
        }
    }
}
