//! The words of an expression.

/// Words that cannot be names of attributes.
/// Source: DynamoDB Developer Guide, "Reserved words in DynamoDB".
const RESERVED: &str = include_str!("reserved.txt");

/// A word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A name or a word of the language.
    Word(String),
    /// A placeholder of a name, with its `#`.
    Name(String),
    /// A placeholder of a value, with its `:`.
    Value(String),
    /// An index into a list.
    Index(usize),
    /// One of `( ) [ ] , . = < > + -` and of `<= >= <>`.
    Sign(&'static str),
}

const SIGNS: [&str; 14] = ["<=", ">=", "<>", "(", ")", "[", "]", ",", ".", "=", "<", ">", "+", "-"];

/// Takes a text apart.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let letter = |it: char| it.is_ascii_alphanumeric() || it == '_';
        let length = |from: &str| from.find(|it| !letter(it)).unwrap_or(from.len());
        let sign = SIGNS.iter().find(|it| rest.starts_with(**it));
        let (token, taken) = match (sign, first) {
            (Some(sign), _) => (Token::Sign(sign), sign.len()),
            (_, '#' | ':') => {
                let taken = 1 + length(&rest[1..]);
                let text = rest[..taken].to_owned();
                let token = if first == '#' { Token::Name(text) } else { Token::Value(text) };
                (token, taken)
            }
            (_, '0'..='9') => {
                let taken = length(rest);
                let number = rest[..taken].parse();
                let number = number.map_err(|_| unexpected(&rest[..taken]))?;
                (Token::Index(number), taken)
            }
            _ if letter(first) => {
                let taken = length(rest);
                (Token::Word(rest[..taken].to_owned()), taken)
            }
            _ => return Err(unexpected(&first.to_string())),
        };
        tokens.push(token);
        rest = rest[taken..].trim_start();
    }
    Ok(tokens)
}

/// Whether a word cannot be a name, in whichever case.
pub(super) fn is_reserved(word: &str) -> bool {
    RESERVED.lines().any(|it| it.eq_ignore_ascii_case(word))
}

pub(super) fn unexpected(text: &str) -> String {
    format!("Syntax error; token: \"{text}\"")
}
