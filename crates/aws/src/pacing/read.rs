//! What a request asks for and why an answer refuses it, as it stands on the wire.

use std::str::from_utf8;

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use lamplighter_core::pace::Call;

/// What a signed request calls.
pub(super) fn call(request: &HttpRequest) -> Option<Call> {
    let headers = request.headers();
    let service = service(headers.get("authorization")?)?;
    let body = from_utf8(request.body().bytes()?).ok()?;
    match headers.get("x-amz-target") {
        Some(target) => Some(Call::new(service, target.rsplit('.').next()?, 0)),
        None => form(service, body),
    }
}

/// The service that a request was signed for.
/// Source: IAM User Guide, "Elements of an AWS API request signature".
fn service(authorization: &str) -> Option<&str> {
    let (_, scope) = authorization.split_once("Credential=")?;
    scope.split(',').next()?.split('/').nth_back(1)
}

/// A request of a query protocol: the operation, and the instances that it names.
fn form(service: &str, body: &str) -> Option<Call> {
    let operation = body.split('&').find_map(|pair| pair.strip_prefix("Action="))?;
    let instances = body.split('&').filter(|pair| pair.starts_with("InstanceId."));
    Some(Call::new(service, operation, u32::try_from(instances.count()).ok()?))
}

/// The error code of an answer: in a header or the body of the JSON protocols, as
/// `service#Code:where`, or in the XML of the query protocols.
pub(super) fn error_code(header: Option<&str>, body: &[u8]) -> Option<String> {
    let bare = |code: &str| {
        let code = code.split(':').next().unwrap_or_default();
        code.rsplit('#').next().unwrap_or_default().to_owned()
    };
    if let Some(code) = header {
        return Some(bare(code));
    }
    if let Ok(json) = serde_json::from_slice::<serde_json::Value>(body) {
        return json.get("__type")?.as_str().map(bare);
    }
    let (_, code) = from_utf8(body).ok()?.split_once("<Code>")?;
    code.split_once("</Code>").map(|(code, _)| code.to_owned())
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::body::SdkBody;

    use super::*;

    const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=AKIA1/20261123/eu-west-1/ec2/aws4_request, \
                          SignedHeaders=host, Signature=00";

    #[track_caller]
    fn check(headers: &[(&'static str, &'static str)], body: &str, expected: Option<Call>) {
        let mut request = HttpRequest::new(SdkBody::from(body));
        for (name, value) in headers {
            request.headers_mut().insert(*name, *value);
        }
        assert_eq!(call(&request), expected);
    }

    #[test]
    fn a_request_says_what_it_calls() {
        let form = "Action=StopInstances&Version=2016-11-15&InstanceId.1=i-1&InstanceId.2=i-2";
        check(&[("authorization", SIGNED)], form, Some(Call::new("ec2", "StopInstances", 2)));
        let kms = [
            ("authorization", "AWS4-HMAC-SHA256 Credential=A/1/r/kms/aws4_request,Signature=0"),
            ("x-amz-target", "TrentService.DescribeKey"),
        ];
        check(&kms, "{}", Some(Call::new("kms", "DescribeKey", 0)));
        check(&[], form, None);
        check(&[("authorization", SIGNED)], "", None);
    }

    #[test]
    fn an_answer_says_why_it_refuses() {
        let check = |header, body: &str, expected: Option<&str>| {
            assert_eq!(error_code(header, body.as_bytes()).as_deref(), expected);
        };
        let xml = "<Response><Errors><Error><Code>RequestLimitExceeded</Code></Error></Errors>";
        check(None, xml, Some("RequestLimitExceeded"));
        let json = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException"}"#;
        check(None, json, Some("ThrottlingException"));
        check(Some("ThrottlingException:http://internal/"), "", Some("ThrottlingException"));
        check(None, "<html>", None);
        check(None, "", None);
    }
}
