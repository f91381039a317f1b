//! What goes wrong, by rule and by luck from a seed.

use jiff::SignedDuration;

use crate::{random::Random, refusal::Refusal, trail::Call};

/// What goes wrong with one call.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Mishap {
    /// How long the answer takes.
    pub(crate) delay: SignedDuration,
    /// What else.
    pub(crate) kind: Option<MishapKind>,
}

/// What goes wrong with one call, beside its delay.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum MishapKind {
    /// It is refused, without an effect.
    Refuse(Refusal),
    /// The connection is closed before it takes effect.
    Drop,
    /// It takes effect, and the connection is closed without an answer.
    LoseAnswer,
}

/// The rules that decide it.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    random: Random,
}

impl Faults {
    /// What goes wrong with this call.
    pub(crate) fn strike(&mut self, _call: &Call) -> Mishap {
        let _ = &mut self.random;
        Mishap::default()
    }
}
