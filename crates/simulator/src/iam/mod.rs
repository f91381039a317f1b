//! Who may do what: policies as IAM evaluates them.

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy;

/// What a call needs.
#[derive(Clone, Debug)]
pub(crate) struct Need {
    pub(crate) action: &'static str,
    pub(crate) resource: String,
    pub(crate) context: Context,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Context;
impl Need {
    pub(crate) fn anywhere(action: &'static str) -> Need {
        Need::on(action, "*".to_owned())
    }
    pub(crate) fn on(action: &'static str, resource: String) -> Need {
        Need { action, resource, context: Context }
    }
}
