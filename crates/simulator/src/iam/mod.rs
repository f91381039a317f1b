//! Who may do what: policies as IAM evaluates them.

mod context;

pub(crate) use context::Context;

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy;

/// What a call needs: one action on one resource.
#[derive(Clone, Debug)]
pub(crate) struct Need {
    /// The IAM action, such as `ec2:CreateSnapshot`.
    pub(crate) action: &'static str,
    /// The resource's ARN, or `*` for actions that are about none.
    pub(crate) resource: String,
    /// What conditions may ask for.
    pub(crate) context: Context,
}

impl Need {
    /// An action that is not about a resource.
    pub(crate) fn anywhere(action: &'static str) -> Need {
        Need::on(action, "*")
    }

    /// An action on a resource.
    pub(crate) fn on(action: &'static str, resource: impl Into<String>) -> Need {
        Need { action, resource: resource.into(), context: Context::default() }
    }

    /// The same with what conditions may ask for.
    pub(crate) fn with(self, context: Context) -> Need {
        Need { context, ..self }
    }
}
