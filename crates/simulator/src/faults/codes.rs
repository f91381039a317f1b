//! What AWS says with an error code when a rule does not say it.

/// What is said with a code that is not in the table.
const ASKED_FOR: &str = "The simulation was asked to refuse this call.";

/// Codes with a status other than 400, or with words that are always the same.
/// Sources: EC2 API, "Error codes"; the common errors and the models of the other services.
const KNOWN: [(&str, u16, &str); 25] = [
    ("AccessDenied", 403, "Access Denied"),
    ("AuthFailure", 401, "AWS was not able to validate the provided access credentials"),
    (
        "DependencyTimeoutException",
        503,
        "The system timed out while trying to fulfill the request.",
    ),
    ("ExpiredToken", 403, "The security token included in the request is expired"),
    ("InsufficientDBInstanceCapacity", 400, "There is not enough capacity."),
    ("InsufficientHostCapacity", 500, "There is not enough capacity to fulfill the request."),
    ("InsufficientInstanceCapacity", 500, "There is not enough capacity to fulfill the request."),
    ("InsufficientVolumeCapacity", 500, "There is not enough capacity to fulfill the request."),
    ("InternalError", 500, "An internal error has occurred"),
    ("InternalFailure", 500, "The request processing has failed because of an unknown error."),
    ("InternalServerError", 500, "The server encountered an internal error."),
    ("InvalidClientTokenId", 403, "The security token included in the request is invalid."),
    ("KMSInternalException", 500, "The request was rejected because of an internal exception."),
    ("MissingAuthenticationToken", 403, "Request is missing Authentication Token"),
    ("OptInRequired", 403, "The AWS Access Key Id needs a subscription for the service"),
    ("RequestLimitExceeded", 503, "Request limit exceeded."),
    ("RequestThrottled", 403, "Request is throttled."),
    ("ServiceUnavailable", 503, "The request has failed due to a temporary failure of the server."),
    ("SignatureDoesNotMatch", 403, "The request signature does not match."),
    ("Throttling", 400, "Rate exceeded"),
    ("ThrottlingException", 400, "Rate exceeded"),
    ("Unavailable", 503, "The server is overloaded and can't handle the request."),
    ("UnauthorizedOperation", 403, "You are not authorized to perform this operation."),
    ("RegionDisabledException", 403, "The region is not enabled in the account."),
    ("LimitExceededException", 400, "Too many operations at a time."),
];

/// The HTTP status that AWS gives with a code, and what it says with it.
pub(super) fn known(code: &str) -> (u16, &'static str) {
    let known = KNOWN.iter().find(|(known, ..)| *known == code);
    known.map_or((400, ASKED_FOR), |(_, status, message)| (*status, message))
}
