//! What a request says about itself: who sends it, and which operation it calls.
//!
//! Signatures are not verified: whoever names an access key is taken for its owner. That is a
//! known difference from AWS, which answers `SignatureDoesNotMatch`.

use std::fmt::{self, Display};

use bytes::Bytes;
use hyper::{
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap},
    http::request::Parts,
};
use serde::de::DeserializeOwned;

use super::query::{self, BadRequest, Form};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SCOPE_END: &str = "aws4_request";
const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/x-amz-json-";

/// One request.
#[derive(Debug)]
pub(crate) struct Request {
    /// Who sends it, to which service of which region.
    pub(crate) credential: Result<Credential, Unsigned>,
    /// What it calls.
    pub(crate) call: Result<Call, NotACall>,
}

impl Request {
    /// Reads what HTTP brought.
    pub(crate) fn read(parts: &Parts, body: Bytes) -> Self {
        let query = parts.uri.query().unwrap_or_default();
        Self {
            credential: Credential::read(&parts.headers, query),
            call: Call::read(&parts.headers, query, body),
        }
    }
}

/// Who sends a request, and the scope of the signature.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credential {
    /// The access key's id, `AKIA…`, or `ASIA…` for a session's.
    pub(crate) access_key: String,
    /// The region's code.
    pub(crate) region: String,
    /// The service's name in signatures, `ec2`.
    pub(crate) service: String,
    /// What belongs to the access key of a session.
    pub(crate) session_token: Option<String>,
}

/// Why nobody is known to have sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsigned {
    /// There is no signature at all.
    Missing,
    /// There is one, with parts missing or unreadable.
    Incomplete,
}

impl Unsigned {
    /// AWS's error code for it.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Missing => "MissingAuthenticationToken",
            Self::Incomplete => "IncompleteSignature",
        }
    }
}

impl Display for Unsigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "Request is missing Authentication Token",
            Self::Incomplete => "The request signature does not conform to AWS standards",
        })
    }
}

impl std::error::Error for Unsigned {}

impl Credential {
    fn read(headers: &HeaderMap, query: &str) -> Result<Self, Unsigned> {
        let Some(authorization) = headers.get(AUTHORIZATION) else {
            return Self::presigned(query);
        };
        let text = authorization.to_str().map_err(|_| Unsigned::Incomplete)?;
        let (algorithm, fields) = text.split_once(' ').ok_or(Unsigned::Incomplete)?;
        if algorithm != ALGORITHM {
            return Err(Unsigned::Incomplete);
        }
        let field = |name: &str| {
            fields
                .split(',')
                .filter_map(|field| field.trim().split_once('='))
                .find_map(|(key, value)| (key == name && !value.is_empty()).then_some(value))
                .ok_or(Unsigned::Incomplete)
        };
        field("SignedHeaders")?;
        field("Signature")?;
        let token = text_of(headers, "x-amz-security-token").map(str::to_owned);
        Self::scoped(field("Credential")?, token)
    }

    fn presigned(query: &str) -> Result<Self, Unsigned> {
        let parameter = |name: &str| {
            form_urlencoded::parse(query.as_bytes())
                .find_map(|(key, value)| (key == name).then(|| value.into_owned()))
        };
        let Some(credential) = parameter("X-Amz-Credential") else {
            return Err(Unsigned::Missing);
        };
        let signed = ["X-Amz-SignedHeaders", "X-Amz-Signature"]
            .iter()
            .all(|name| parameter(name).is_some_and(|value| !value.is_empty()));
        if !signed || parameter("X-Amz-Algorithm").as_deref() != Some(ALGORITHM) {
            return Err(Unsigned::Incomplete);
        }
        Self::scoped(&credential, parameter("X-Amz-Security-Token"))
    }

    /// Reads `AKIA…/20260101/eu-west-1/ec2/aws4_request`.
    fn scoped(credential: &str, session_token: Option<String>) -> Result<Self, Unsigned> {
        let parts: Vec<&str> = credential.split('/').collect();
        let &[access_key, date, region, service, SCOPE_END] = parts.as_slice() else {
            return Err(Unsigned::Incomplete);
        };
        let dated = date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit());
        if !dated || access_key.is_empty() || region.is_empty() || service.is_empty() {
            return Err(Unsigned::Incomplete);
        }
        Ok(Self {
            access_key: access_key.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            session_token,
        })
    }
}

/// What a request calls, by protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// EC2 and query: the operation is the form's action.
    Form(Form),
    /// AWS JSON.
    Json(JsonCall),
}

/// A call by AWS JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JsonCall {
    /// The API and mostly its version, `DynamoDB_20120810`.
    pub(crate) prefix: String,
    /// The operation, `DescribeTable`.
    pub(crate) operation: String,
    body: Bytes,
}

impl JsonCall {
    /// The parameters as a value. AWS's code for an error is `SerializationException`.
    pub(crate) fn into<T: DeserializeOwned>(self) -> Result<T, serde_json::Error> {
        let body: &[u8] = if self.body.is_empty() { b"{}" } else { &self.body };
        serde_json::from_slice(body)
    }
}

/// Why a request calls nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotACall {
    /// Its form cannot be read.
    BadForm(BadRequest),
    /// It is JSON, and no operation's name is in `X-Amz-Target`.
    NoTarget,
    /// It is of a protocol that is not spoken here.
    OtherProtocol {
        /// The type of its body.
        content_type: String,
    },
}

impl NotACall {
    /// AWS's error code for it.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::BadForm(bad) => bad.code(),
            Self::NoTarget => "UnknownOperationException",
            Self::OtherProtocol { .. } => "UnsupportedProtocol",
        }
    }
}

impl Display for NotACall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadForm(bad) => bad.fmt(f),
            Self::NoTarget => f.write_str("The header X-Amz-Target names no operation"),
            Self::OtherProtocol { content_type } => {
                write!(f, "Requests of type `{content_type}` are not understood")
            }
        }
    }
}

impl std::error::Error for NotACall {}

impl Call {
    fn read(headers: &HeaderMap, query: &str, body: Bytes) -> Result<Self, NotACall> {
        let content_type = text_of(headers, CONTENT_TYPE.as_str()).unwrap_or_default();
        if content_type.starts_with(JSON) {
            let target = text_of(headers, "x-amz-target").unwrap_or_default();
            return match target.rsplit_once('.') {
                Some((prefix, operation)) if !prefix.is_empty() && !operation.is_empty() => {
                    Ok(Self::Json(JsonCall {
                        prefix: prefix.to_owned(),
                        operation: operation.to_owned(),
                        body,
                    }))
                }
                _ => Err(NotACall::NoTarget),
            };
        }
        // The type may have a character set behind it. A `GET` has none.
        let essence = content_type.split(';').next().unwrap_or_default().trim_end();
        if !essence.is_empty() && !essence.eq_ignore_ascii_case(FORM) {
            return Err(NotACall::OtherProtocol { content_type: content_type.to_owned() });
        }
        query::parse_all([query.as_bytes(), &body]).map(Self::Form).map_err(NotACall::BadForm)
    }
}

/// A header's text, unless it has none or one that is not visible ASCII.
fn text_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use hyper::Request as HttpRequest;

    use super::*;

    const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=AKIA1/20260101/eu-west-1/ec2/aws4_request, \
        SignedHeaders=host;x-amz-date, Signature=abc";
    const PRESIGNED: &str = "/?Action=GetCallerIdentity&X-Amz-Algorithm=AWS4-HMAC-SHA256\
        &X-Amz-Credential=AKIA1%2F20260101%2Fus-east-1%2Fsts%2Faws4_request\
        &X-Amz-SignedHeaders=host&X-Amz-Signature=abc";
    const FORM_TYPE: (&str, &str) =
        ("content-type", "application/x-www-form-urlencoded; charset=utf-8");

    fn read(uri: &str, headers: &[(&str, &str)], body: &'static str) -> Request {
        let mut request = HttpRequest::post(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Request::read(&request.body(()).expect("a request").into_parts().0, body.into())
    }

    fn json_call(target: &str, body: &'static str) -> JsonCall {
        let headers = [("content-type", "application/x-amz-json-1.0"), ("x-amz-target", target)];
        match read("/", &headers, body).call {
            Ok(Call::Json(call)) => call,
            other => panic!("{other:?}"),
        }
    }

    fn credential(region: &str, service: &str, token: Option<&str>) -> Credential {
        Credential {
            access_key: "AKIA1".to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            session_token: token.map(str::to_owned),
        }
    }

    #[track_caller]
    fn check_credential(
        uri: &str,
        headers: &[(&str, &str)],
        expected: Result<Credential, Unsigned>,
    ) {
        assert_eq!(read(uri, headers, "").credential, expected);
    }

    #[test]
    fn knows_who_sends_by_the_header() {
        let ec2 = |token| Ok(credential("eu-west-1", "ec2", token));
        check_credential("/", &[("authorization", SIGNED)], ec2(None));
        check_credential("/", &[("authorization", &SIGNED.replace(", ", ","))], ec2(None));
        let token = ("x-amz-security-token", "t/+=");
        check_credential("/", &[("authorization", SIGNED), token], ec2(Some("t/+=")));
    }

    #[test]
    fn knows_who_sends_by_the_url() {
        let sts = |token| Ok(credential("us-east-1", "sts", token));
        check_credential(PRESIGNED, &[], sts(None));
        let with_token = format!("{PRESIGNED}&X-Amz-Security-Token=t%2F%2B%3D");
        check_credential(&with_token, &[], sts(Some("t/+=")));
    }

    #[test]
    fn tells_no_signature_from_half_of_one() {
        check_credential("/", &[], Err(Unsigned::Missing));
        check_credential("/?Action=A", &[], Err(Unsigned::Missing));
        for (part, instead) in [
            ("AWS4-HMAC-SHA256 ", "AWS4-ECDSA-P256-SHA256 "),
            ("Credential", "Credentials"),
            ("Signature=abc", "Signature="),
            ("SignedHeaders=host;x-amz-date", ""),
            ("aws4_request", "aws3_request"),
            ("AKIA1/", "/"),
            ("AKIA1/", "AKIA1/x/"),
            ("20260101", "2026-101"),
            ("eu-west-1", ""),
            ("ec2", ""),
            ("/aws4_request", ""),
        ] {
            let broken = SIGNED.replace(part, instead);
            assert_ne!(broken, SIGNED);
            check_credential("/", &[("authorization", &broken)], Err(Unsigned::Incomplete));
        }
        for part in ["X-Amz-Algorithm", "X-Amz-SignedHeaders", "X-Amz-Signature"] {
            let broken = PRESIGNED.replace(part, "X-Amz-Other");
            check_credential(&broken, &[], Err(Unsigned::Incomplete));
        }
    }

    #[test]
    fn reads_forms_from_the_body_and_the_url() {
        let form = |uri, headers: &[_], body| match read(uri, headers, body).call {
            Ok(Call::Form(form)) => form,
            other => panic!("{other:?}"),
        };
        let body = form("/", &[FORM_TYPE], "Action=DescribeVolumes&VolumeId.1=v");
        assert_eq!(body, query::parse("Action=DescribeVolumes&VolumeId.1=v").expect("a form"));
        let url = form(PRESIGNED, &[], "");
        assert_eq!(url, query::parse("Action=GetCallerIdentity").expect("a form"));
        let both = form("/?Action=A", &[FORM_TYPE], "X=1");
        assert_eq!(both, query::parse("Action=A&X=1").expect("a form"));
    }

    #[test]
    fn splits_the_target_of_json() {
        let check = |target, prefix: &str, operation: &str| {
            let call = json_call(target, "");
            assert_eq!((call.prefix.as_str(), call.operation.as_str()), (prefix, operation));
        };
        check("DynamoDB_20120810.DescribeTable", "DynamoDB_20120810", "DescribeTable");
        check("com.amazonaws.sqs.SendMessage", "com.amazonaws.sqs", "SendMessage");
    }

    #[test]
    fn reads_json_and_takes_nothing_for_no_parameters() {
        let read = |body| json_call("AmazonSQS.SendMessage", body).into::<serde_json::Value>();
        assert_eq!(read(r#"{"a": 1}"#).expect("JSON"), serde_json::json!({ "a": 1 }));
        assert_eq!(read("").expect("JSON"), serde_json::json!({}));
        assert!(read("{").is_err());
    }

    #[test]
    fn has_codes_of_aws() {
        assert_eq!(Unsigned::Missing.code(), "MissingAuthenticationToken");
        assert_eq!(Unsigned::Incomplete.code(), "IncompleteSignature");
        assert_eq!(NotACall::NoTarget.code(), "UnknownOperationException");
        let bad = query::parse("A=1&A=2").expect_err("given twice");
        assert_eq!(NotACall::BadForm(bad).code(), "InvalidParameterValue");
    }

    #[test]
    fn says_why_a_request_calls_nothing() {
        let check = |headers: &[_], body, expected| {
            assert_eq!(read("/", headers, body).call, Err(expected));
        };
        let json = ("content-type", "application/x-amz-json-1.1");
        check(&[json], "{}", NotACall::NoTarget);
        for target in ["DescribeTable", ".DescribeTable", "DynamoDB_20120810."] {
            check(&[json, ("x-amz-target", target)], "{}", NotACall::NoTarget);
        }
        let content_type = "application/cbor".to_owned();
        check(
            &[("content-type", "application/cbor")],
            "",
            NotACall::OtherProtocol { content_type },
        );
        let bad = query::parse("A=1&A=2").expect_err("given twice");
        assert_eq!(NotACall::BadForm(bad.clone()).to_string(), bad.to_string());
        check(&[FORM_TYPE], "A=1&A=2", NotACall::BadForm(bad));
    }
}
