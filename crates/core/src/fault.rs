//! The one error type of everything that can fail while a job runs.

use std::{error::Error, fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// What the engine should do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// AWS asked us to slow down. Tried again until the job's deadline; spends no attempt.
    Throttled,
    /// May work if tried again: time-outs, 5xx, not visible yet. Tried again while attempts remain.
    Transient,
    /// The role lacks a permission, or cannot be assumed. Not tried again.
    Permission,
    /// The task's parameters or the configuration cannot work. Not tried again.
    Config,
    /// A guard of the task forbids it, or the target changed since the plan. Not tried again.
    Refused,
    /// Anything else: gone, impossible state, deadline passed. Not tried again.
    Permanent,
}

/// An error with a kind that decides what the engine does about it.
///
/// `Display` says what was being done; the cause is in [`source`](Error::source) and is
/// printed once, at the top, by [`Fault::chain`].
#[derive(Debug)]
pub struct Fault {
    /// What to do about it.
    pub kind: FaultKind,
    /// The AWS error code, such as `RequestLimitExceeded`, when AWS gave one.
    pub code: Option<String>,
    /// The least time to wait before the next try, when somebody knows it.
    pub retry_after: Option<Duration>,
    /// Whether it is certain that the step had no effect.
    pub nothing_tried: bool,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Fault {
    /// A fault of this kind. The message says what was being done: lower case, no period.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Fault {
        Fault {
            kind,
            code: None,
            retry_after: None,
            nothing_tried: false,
            message: message.into(),
            source: None,
        }
    }

    /// A [`FaultKind::Transient`] fault.
    pub fn transient(message: impl Into<String>) -> Fault {
        Fault::new(FaultKind::Transient, message)
    }

    /// A [`FaultKind::Config`] fault.
    pub fn config(message: impl Into<String>) -> Fault {
        Fault::new(FaultKind::Config, message)
    }

    /// A [`FaultKind::Refused`] fault.
    pub fn refused(message: impl Into<String>) -> Fault {
        Fault::new(FaultKind::Refused, message)
    }

    /// A [`FaultKind::Permanent`] fault.
    pub fn permanent(message: impl Into<String>) -> Fault {
        Fault::new(FaultKind::Permanent, message)
    }

    /// The same fault with AWS's error code.
    pub fn with_code(self, code: impl Into<String>) -> Fault {
        Fault { code: Some(code.into()), ..self }
    }

    /// The same fault, not to be tried again before `wait` has passed.
    pub fn retry_after(self, wait: Duration) -> Fault {
        Fault { retry_after: Some(wait), ..self }
    }

    /// The same fault, where it is certain that the step had no effect: then the next try need
    /// not look for what this one may have made.
    pub fn nothing_tried(self) -> Fault {
        Fault { nothing_tried: true, ..self }
    }

    /// The same fault with its cause.
    pub fn caused_by(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Fault {
        Fault { source: Some(source.into()), ..self }
    }

    /// The message and every cause below it: `doing this: because of that: at the bottom`.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut next = self.source();
        while let Some(cause) = next {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            next = cause.source();
        }
        text
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// The answer, unless AWS says with one of these codes that what was asked for is not there.
pub fn if_there<T>(answer: Result<T, Fault>, codes: &[&str]) -> Result<Option<T>, Fault> {
    match answer {
        Err(fault) if fault.code.as_deref().is_some_and(|code| codes.contains(&code)) => Ok(None),
        answer => answer.map(Some),
    }
}

/// A text of at most so many bytes, and a mark where it was cut: it may quote what others have
/// written.
pub fn shortened(text: impl fmt::Display, most: usize) -> String {
    let mut text = text.to_string();
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push('…');
    }
    text
}

/// Adds what was being done to a fault, and keeps its kind.
pub trait Doing<T> {
    /// Wraps the fault: `doing("copying `snap-1`")`.
    fn doing(self, what: impl Into<String>) -> Result<T, Fault>;
}

impl<T> Doing<T> for Result<T, Fault> {
    fn doing(self, what: impl Into<String>) -> Result<T, Fault> {
        self.map_err(|fault| Fault {
            kind: fault.kind,
            code: fault.code.clone(),
            retry_after: fault.retry_after,
            nothing_tried: fault.nothing_tried,
            message: what.into(),
            source: Some(Box::new(fault)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_a_character() {
        assert_eq!(shortened("añb", 4), "añb");
        assert_eq!(shortened("añb", 3), "añ…");
        assert_eq!(shortened("añb", 2), "a…");
    }

    #[test]
    fn doing_adds_words_and_keeps_the_kind() {
        let fault = Err::<(), _>(
            Fault::new(FaultKind::Throttled, "slow down").with_code("RequestLimitExceeded"),
        )
        .doing("listing volumes")
        .unwrap_err();
        assert_eq!(fault.kind, FaultKind::Throttled);
        assert_eq!(fault.code.as_deref(), Some("RequestLimitExceeded"));
        assert_eq!(fault.to_string(), "listing volumes");
        assert_eq!(fault.chain(), "listing volumes: slow down");
    }
}
