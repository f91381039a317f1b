//! What went wrong in a call, in words and with a kind. Texts of AWS are data: they come out
//! bounded, and without control characters.

use std::{error::Error, iter::from_fn, sync::Arc};

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::{
    client::{
        orchestrator::HttpResponse,
        result::{ConnectorError, SdkError},
    },
    http::StatusCode,
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use lamplighter_core::{Fault, FaultKind, classify};
use tracing::debug;

/// Longest text of AWS, in characters, that is kept.
const TEXT_MAX: usize = 1_000;

/// A call to AWS, as messages tell of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    /// `listing volumes`.
    pub(crate) doing: &'a str,
    /// The IAM action it needs.
    pub(crate) action: &'static str,
    /// Who needs it and where: ``role `arn:…` in 222233334444/eu-west-1``.
    pub(crate) whom: &'a str,
    /// What to do about `AccessDenied`, where more can be said than what holds for every action.
    pub(crate) cure: Option<&'a str>,
}

impl Call<'_> {
    /// The SDK's answer as ours. Leaves a line in the debug log.
    pub(crate) fn answer<T, E>(
        &self,
        result: Result<T, SdkError<E, HttpResponse>>,
    ) -> Result<T, Fault>
    where
        T: RequestId,
        E: ProvideErrorMetadata + Error + 'static,
    {
        let (code, request_id) = match &result {
            Ok(_) => (None, result.request_id()),
            Err(error) => (error.code(), error.request_id()),
        };
        debug!(call = self.action, whom = self.whom, code, request_id, "AWS answered");
        result.map_err(|error| fault(&error, self))
    }

    /// A fault because the answer lacks what it must have. A resource without an id is not left
    /// out in silence.
    pub(crate) fn unreadable(&self, what: &str, answer: &impl RequestId) -> Fault {
        Fault::permanent(self.doing).caused_by(format!("AWS named {what}{}", request(answer)))
    }
}

/// What an error of the SDK means.
pub(crate) fn fault<E>(error: &SdkError<E, HttpResponse>, call: &Call<'_>) -> Fault
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let (kind, cause) = match error {
        SdkError::ServiceError(_) | SdkError::ResponseError(_) => return answered(error, call),
        _ => match unsent(error) {
            Some(Unsent::Fault(fault)) => return shared(call.doing, fault),
            Some(Unsent::Because(kind, cause)) => (kind, cause),
            None if is_our_mistake(error) => (FaultKind::Config, causes(error)),
            // Nobody knows whether AWS saw the request.
            None => (FaultKind::Transient, causes(error)),
        },
    };
    Fault::new(kind, call.doing).caused_by(cause)
}

/// The fault of another one's try that we waited for, told as ours.
pub(crate) fn shared(doing: &str, fault: &Arc<Fault>) -> Fault {
    let mut told = Fault::new(fault.kind, doing).caused_by(fault.clone());
    told.code.clone_from(&fault.code);
    told.retry_after = fault.retry_after;
    told
}

/// The part of `text` that may be shown: at most 1,000 characters, none of them a control
/// character.
pub(crate) fn plain(text: &str) -> String {
    let shown = |it: char| if it.is_control() { ' ' } else { it };
    let mut plain: String = text.chars().take(TEXT_MAX).map(shown).collect();
    if text.chars().nth(TEXT_MAX).is_some() {
        plain.push('…');
    }
    plain
}

/// The fault for an answer that is an error, or that cannot be read.
fn answered<E>(error: &SdkError<E, HttpResponse>, call: &Call<'_>) -> Fault
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let status = error.raw_response().map(HttpResponse::status);
    let code = error.code().map(plain);
    let kind = match (&code, status) {
        // Cut off or not from AWS. Whether a change took effect is unknown.
        (None, Some(status)) if status.is_success() => FaultKind::Transient,
        _ => classify::classify(code.as_deref(), status.map(StatusCode::as_u16)),
    };
    let mut cause = match (&code, error.message()) {
        (Some(code), Some(message)) => format!("`{code}`: {}", plain(message)),
        (Some(code), None) => format!("`{code}`"),
        (None, _) => {
            let status =
                status.map_or_else(String::new, |it| format!(" with HTTP {}", it.as_u16()));
            format!("an answer{status} that cannot be read")
        }
    };
    cause.push_str(&request(error));
    let cure = match code.as_deref() {
        // The first is what the XML protocols say, the second JSON's.
        Some("AccessDenied" | "AccessDeniedException") if call.cure.is_some() => call.cure,
        code => code.and_then(classify::cure),
    };
    let cause = match (kind, cure) {
        (FaultKind::Permission, cure) => {
            let cure = cure.map_or_else(String::new, |cure| format!("{cure}: "));
            format!("`{}` denied for {}: {cure}{cause}", call.action, call.whom)
        }
        (_, Some(cure)) => format!("{cause}: {cure}"),
        (_, None) => cause,
    };
    let mut fault = Fault::new(kind, call.doing).caused_by(cause);
    fault.retry_after = code.as_deref().and_then(classify::minimum_wait);
    fault.code = code;
    fault
}

fn request(answer: &impl RequestId) -> String {
    answer.request_id().map_or_else(String::new, |id| format!(" (request {})", plain(id)))
}

/// Why a request was not sent.
enum Unsent<'a> {
    /// One of our roles could not be assumed, or too many calls wait for their turn.
    Fault(&'a Arc<Fault>),
    /// The process's own credentials could not be had.
    Because(FaultKind, String),
}

fn unsent<'a>(error: &'a (dyn Error + 'static)) -> Option<Unsent<'a>> {
    if let Some(fault) = chain(error).find_map(|it| it.downcast_ref::<Arc<Fault>>()) {
        return Some(Unsent::Fault(fault));
    }
    let found = chain(error).find_map(|it| it.downcast_ref::<CredentialsError>())?;
    let unreachable = || chain(found).any(|it| it.is::<ConnectorError>());
    Some(match found {
        CredentialsError::CredentialsNotLoaded(_) => {
            let cause = format!(
                "no AWS credentials found ({}): set `AWS_PROFILE` or `AWS_ACCESS_KEY_ID`, or run \
                 where a role is attached",
                causes(found)
            );
            Unsent::Because(FaultKind::Config, cause)
        }
        CredentialsError::InvalidConfiguration(_) => {
            let cause = format!("{}: correct the profile in the AWS files", causes(found));
            Unsent::Because(FaultKind::Config, cause)
        }
        CredentialsError::ProviderTimedOut(_) => {
            Unsent::Because(FaultKind::Transient, plain(&found.to_string()))
        }
        _ if unreachable() => Unsent::Because(FaultKind::Transient, causes(found)),
        _ => {
            let cause = format!(
                "the process's own credentials cannot be had: {}: sign in again, such as with \
                 `aws sso login`, or check the profile",
                causes(found)
            );
            Unsent::Because(FaultKind::Permission, cause)
        }
    })
}

/// Whether the request could not even be made, such as for an endpoint that is not a URL.
fn is_our_mistake<E>(error: &SdkError<E, HttpResponse>) -> bool {
    match error {
        SdkError::ConstructionFailure(_) => true,
        SdkError::DispatchFailure(failure) => failure.is_user(),
        _ => false,
    }
}

/// The causes of an error, without its own words where it has a cause.
fn causes(error: &(dyn Error + 'static)) -> String {
    // The SDK tells of a bad endpoint by printing the whole request, external id and all.
    let prints_request = |words: &String| words.contains("Request {");
    let words: Vec<String> =
        chain(error).skip(1).map(ToString::to_string).filter(|it| !prints_request(it)).collect();
    if words.is_empty() { plain(&error.to_string()) } else { plain(&words.join(": ")) }
}

/// The error and its causes, from the top.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_sts::operation::assume_role::AssumeRoleError;
    use aws_smithy_runtime_api::client::result::ConnectorError;

    use super::*;

    #[test]
    fn a_request_that_an_error_prints_is_not_told() {
        let printed = r#"failed to apply endpoint to `Request { body: "ExternalId=7f3c" }`"#;
        let error = ConnectorError::other(printed.into(), None);
        let call = Call { doing: "calling", action: "sts:AssumeRole", whom: "x", cure: None };
        let fault = fault(&SdkError::<AssumeRoleError, _>::dispatch_failure(error), &call);
        assert_eq!(fault.chain(), "calling: other");
    }
}
