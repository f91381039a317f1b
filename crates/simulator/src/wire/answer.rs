//! The envelopes of answers and errors, for each protocol.
//!
//! EC2: <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-error-codes.html>, query:
//! <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>, JSON:
//! <https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html>.

use std::{
    borrow::Cow,
    fmt::{self, Display},
};

use bytes::Bytes;
use hyper::{
    Response, StatusCode,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};
use serde::{Serialize, ser::Error as _};

use super::xml::{self, ListStyle, NotXml};

/// An answer as it is sent.
pub(crate) type Answer = Response<Bytes>;

/// How an API writes its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    /// The EC2 protocol.
    Ec2 {
        /// The namespace of answers. Errors have none.
        xmlns: &'static str,
    },
    /// The query protocol.
    Query {
        /// The namespace of answers and errors.
        xmlns: &'static str,
        /// What elements of lists are called.
        lists: ListStyle,
    },
    /// AWS JSON.
    Json {
        /// `application/x-amz-json-1.0` or `-1.1`.
        content_type: &'static str,
        /// What stands before an error's name, `com.amazonaws.sqs#`, if anything does.
        namespace: &'static str,
    },
}

/// EC2, 2016-11-15.
pub(crate) const EC2: Api = Api::Ec2 { xmlns: "http://ec2.amazonaws.com/doc/2016-11-15/" };
/// RDS, 2014-10-31.
pub(crate) const RDS: Api =
    Api::Query { xmlns: "http://rds.amazonaws.com/doc/2014-10-31/", lists: ListStyle::TypeName };
/// STS, 2011-06-15.
pub(crate) const STS: Api =
    Api::Query { xmlns: "https://sts.amazonaws.com/doc/2011-06-15/", lists: ListStyle::Member };
/// DynamoDB, 2012-08-10.
pub(crate) const DYNAMODB: Api = Api::Json {
    content_type: "application/x-amz-json-1.0",
    namespace: "com.amazonaws.dynamodb.v20120810#",
};
/// KMS, 2014-11-01.
pub(crate) const KMS: Api = Api::Json { content_type: "application/x-amz-json-1.1", namespace: "" };
/// SQS, 2012-11-05. Its errors need a [`Failure::query_code`].
pub(crate) const SQS: Api =
    Api::Json { content_type: "application/x-amz-json-1.0", namespace: "com.amazonaws.sqs#" };

const XML_CONTENT_TYPE: &str = "text/xml;charset=UTF-8";
const DECLARATION: &str = r#"<?xml version="1.0" encoding="UTF-8"?>"#;
/// Room for what most answers say, in bytes.
const BODY: usize = 1024;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const QUERY_ERROR: HeaderName = HeaderName::from_static("x-amzn-query-error");

/// What a request is known by: written as a UUID, as most services do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestId(pub(crate) u128);

impl Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = self.0;
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            bits >> 96,
            bits >> 80 & 0xffff,
            bits >> 64 & 0xffff,
            bits >> 48 & 0xffff,
            bits & 0xffff_ffff_ffff
        )
    }
}

/// An error as AWS answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The HTTP status: 4xx is the caller's fault, 5xx is the service's.
    pub(crate) status: StatusCode,
    /// The code on the wire, `InvalidVolume.NotFound`.
    pub(crate) code: Cow<'static, str>,
    /// The words.
    pub(crate) message: String,
    /// The code that the query protocol had for it, for services that left it and promise their
    /// old clients the same codes: `AWS.SimpleQueueService.NonExistentQueue`.
    pub(crate) query_code: Option<&'static str>,
    /// What JSON errors say beside the message.
    pub(crate) members: Vec<(&'static str, serde_json::Value)>,
}

impl Failure {
    /// An error that is the caller's fault: status 400.
    #[cfg(test)]
    pub(crate) fn sender(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: code.into(),
            message: message.into(),
            query_code: None,
            members: Vec::new(),
        }
    }

    fn who(&self) -> &'static str {
        if self.status.is_server_error() { "Receiver" } else { "Sender" }
    }
}

/// How what is answered is written. The types know it, so that no answer is compiled for a
/// protocol that its service does not speak.
pub(crate) trait Format {
    /// Adds the fields of a value to a text. Fails only if the value's type has no form. A value
    /// without fields is `()`.
    fn write<T: Serialize>(out: &mut String, lists: ListStyle, value: &T) -> Result<(), NotXml>;
}

/// The format of EC2's protocol and of the query protocol.
pub(crate) enum Xml {}

/// The format of AWS JSON, which has but one style of lists.
pub(crate) enum Json {}

impl Format for Xml {
    fn write<T: Serialize>(out: &mut String, lists: ListStyle, value: &T) -> Result<(), NotXml> {
        xml::write_fields(out, lists, value)
    }
}

impl Format for Json {
    fn write<T: Serialize>(out: &mut String, _: ListStyle, value: &T) -> Result<(), NotXml> {
        let text = serde_json::to_string(value).map_err(NotXml::custom)?;
        out.push_str(if text == "null" { "{}" } else { &text });
        Ok(())
    }
}

impl Api {
    /// The answer to a request that was served: `write` adds what it says, in the
    /// [`Format`] of the API. Not generic, since every operation comes through here.
    pub(crate) fn answer(
        self,
        operation: &str,
        id: RequestId,
        write: &mut dyn FnMut(&mut String, ListStyle) -> Result<(), NotXml>,
    ) -> Result<Answer, NotXml> {
        let id_text = id.to_string();
        let mut body = String::with_capacity(BODY);
        match self {
            Self::Ec2 { xmlns } => {
                let root = format!("{operation}Response");
                body.push_str(DECLARATION);
                xml::open_root(&mut body, &root, xmlns);
                xml::element(&mut body, "requestId", &id_text);
                write(&mut body, ListStyle::Item)?;
                xml::close(&mut body, &root);
            }
            Self::Query { xmlns, lists } => {
                let root = format!("{operation}Response");
                let result = format!("{operation}Result");
                xml::open_root(&mut body, &root, xmlns);
                xml::open(&mut body, &result);
                write(&mut body, lists)?;
                xml::close(&mut body, &result);
                xml::open(&mut body, "ResponseMetadata");
                xml::element(&mut body, "RequestId", &id_text);
                xml::close(&mut body, "ResponseMetadata");
                xml::close(&mut body, &root);
            }
            Self::Json { .. } => write(&mut body, ListStyle::Item)?,
        }
        Ok(self.response(StatusCode::OK, &id_text, body))
    }

    /// The answer to a request that was refused or failed.
    pub(crate) fn failure(self, id: RequestId, failure: &Failure) -> Answer {
        let id_text = id.to_string();
        let mut body = String::new();
        match self {
            Self::Ec2 { .. } => {
                body.push_str(DECLARATION);
                xml::open(&mut body, "Response");
                xml::open(&mut body, "Errors");
                xml::open(&mut body, "Error");
                xml::element(&mut body, "Code", &failure.code);
                xml::element(&mut body, "Message", &failure.message);
                xml::close(&mut body, "Error");
                xml::close(&mut body, "Errors");
                xml::element(&mut body, "RequestID", &id_text);
                xml::close(&mut body, "Response");
            }
            Self::Query { xmlns, .. } => {
                xml::open_root(&mut body, "ErrorResponse", xmlns);
                xml::open(&mut body, "Error");
                xml::element(&mut body, "Type", failure.who());
                xml::element(&mut body, "Code", &failure.code);
                xml::element(&mut body, "Message", &failure.message);
                xml::close(&mut body, "Error");
                xml::element(&mut body, "RequestId", &id_text);
                xml::close(&mut body, "ErrorResponse");
            }
            Self::Json { namespace, .. } => {
                let mut error = serde_json::json!({
                    "__type": format!("{namespace}{}", failure.code),
                    "message": failure.message,
                });
                for (name, value) in &failure.members {
                    error[*name] = value.clone();
                }
                body = error.to_string();
            }
        }
        let mut answer = self.response(failure.status, &id_text, body);
        if let (Self::Json { .. }, Some(code)) = (self, failure.query_code) {
            let value = HeaderValue::try_from(format!("{code};{}", failure.who()));
            answer.headers_mut().insert(QUERY_ERROR, value.expect("codes are visible ASCII"));
        }
        answer
    }

    fn response(self, status: StatusCode, id: &str, body: String) -> Answer {
        let content_type = match self {
            Self::Ec2 { .. } | Self::Query { .. } => XML_CONTENT_TYPE,
            Self::Json { content_type, .. } => content_type,
        };
        let mut answer = Response::new(Bytes::from(body));
        *answer.status_mut() = status;
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        let id = HeaderValue::from_str(id).expect("digits and dashes are visible ASCII");
        headers.insert(REQUEST_ID, id);
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: RequestId = RequestId(0x0123_4567_89ab_cdef_0011_2233_4455_6677);

    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Identity {
        account: &'static str,
        parts: Vec<Part>,
    }

    #[derive(Serialize)]
    struct Part(u8);

    fn identity() -> Identity {
        Identity { account: "111122223333", parts: vec![Part(1)] }
    }

    /// An answer as text: status, headers in the order of their names, body.
    fn text(answer: &Answer) -> String {
        let mut headers: Vec<String> = answer
            .headers()
            .iter()
            .map(|(name, value)| format!("{name}: {}\n", value.to_str().expect("ASCII")))
            .collect();
        headers.sort();
        let body = std::str::from_utf8(answer.body()).expect("UTF-8");
        format!("{}\n{}{body}", answer.status().as_u16(), headers.concat())
    }

    #[track_caller]
    fn check<T: Serialize>(api: Api, value: &T, expected: &str) {
        let write: fn(&mut String, ListStyle, &T) -> Result<(), NotXml> = match api {
            Api::Json { .. } => Json::write,
            _ => Xml::write,
        };
        let answer = api.answer("GetIdentity", ID, &mut |out, lists| write(out, lists, value));
        assert_eq!(text(&answer.expect("an answer")), expected);
    }

    #[track_caller]
    fn check_failure(api: Api, failure: Failure, expected: &str) {
        assert_eq!(text(&api.failure(ID, &failure)), expected);
    }

    const XML_HEADERS: &str = "content-type: text/xml;charset=UTF-8\n\
        x-amzn-requestid: 01234567-89ab-cdef-0011-223344556677\n";

    #[test]
    fn wraps_answers_of_ec2() {
        check(
            EC2,
            &identity(),
            &format!(
                "200\n{XML_HEADERS}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
                 <GetIdentityResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
                 <requestId>01234567-89ab-cdef-0011-223344556677</requestId>\
                 <Account>111122223333</Account><Parts><item>1</item></Parts>\
                 </GetIdentityResponse>"
            ),
        );
    }

    #[test]
    fn wraps_answers_of_the_query_protocol() {
        let expected = |xmlns: &str, part: &str| {
            format!(
                "200\n{XML_HEADERS}<GetIdentityResponse xmlns=\"{xmlns}\"><GetIdentityResult>\
                 <Account>111122223333</Account><Parts><{part}>1</{part}></Parts>\
                 </GetIdentityResult><ResponseMetadata>\
                 <RequestId>01234567-89ab-cdef-0011-223344556677</RequestId></ResponseMetadata>\
                 </GetIdentityResponse>"
            )
        };
        check(STS, &identity(), &expected("https://sts.amazonaws.com/doc/2011-06-15/", "member"));
        check(RDS, &identity(), &expected("http://rds.amazonaws.com/doc/2014-10-31/", "Part"));
    }

    #[test]
    fn answers_json_as_it_is() {
        let headers = |version| {
            format!(
                "200\ncontent-type: application/x-amz-json-{version}\n\
                 x-amzn-requestid: 01234567-89ab-cdef-0011-223344556677\n"
            )
        };
        let body = r#"{"Account":"111122223333","Parts":[1]}"#;
        check(DYNAMODB, &identity(), &format!("{}{body}", headers("1.0")));
        check(KMS, &identity(), &format!("{}{body}", headers("1.1")));
        check(SQS, &(), &format!("{}{{}}", headers("1.0")));
    }

    #[test]
    fn wraps_errors_of_ec2() {
        check_failure(
            EC2,
            Failure::sender("InvalidVolume.NotFound", "no volume `<a&b>`"),
            &format!(
                "400\n{XML_HEADERS}<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Errors>\
                 <Error><Code>InvalidVolume.NotFound</Code>\
                 <Message>no volume `&lt;a&amp;b&gt;`</Message></Error></Errors>\
                 <RequestID>01234567-89ab-cdef-0011-223344556677</RequestID></Response>"
            ),
        );
    }

    #[test]
    fn wraps_errors_of_the_query_protocol_and_says_whose_fault_they_are() {
        let expected = |status: u16, who: &str| {
            format!(
                "{status}\n{XML_HEADERS}\
                 <ErrorResponse xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\"><Error>\
                 <Type>{who}</Type><Code>Odd</Code><Message>so</Message></Error>\
                 <RequestId>01234567-89ab-cdef-0011-223344556677</RequestId></ErrorResponse>"
            )
        };
        let failure = |status| Failure { status, ..Failure::sender("Odd", "so") };
        check_failure(RDS, failure(StatusCode::NOT_FOUND), &expected(404, "Sender"));
        check_failure(RDS, failure(StatusCode::SERVICE_UNAVAILABLE), &expected(503, "Receiver"));
    }

    #[test]
    fn names_errors_of_json() {
        check_failure(
            DYNAMODB,
            Failure::sender("ResourceInUseException", "table `a\"b`"),
            "400\ncontent-type: application/x-amz-json-1.0\n\
             x-amzn-requestid: 01234567-89ab-cdef-0011-223344556677\n\
             {\"__type\":\"com.amazonaws.dynamodb.v20120810#ResourceInUseException\",\
             \"message\":\"table `a\\\"b`\"}",
        );
    }

    #[test]
    fn keeps_the_old_codes_of_sqs() {
        check_failure(
            SQS,
            Failure {
                query_code: Some("AWS.SimpleQueueService.NonExistentQueue"),
                ..Failure::sender("QueueDoesNotExist", "gone")
            },
            "400\ncontent-type: application/x-amz-json-1.0\n\
             x-amzn-query-error: AWS.SimpleQueueService.NonExistentQueue;Sender\n\
             x-amzn-requestid: 01234567-89ab-cdef-0011-223344556677\n\
             {\"__type\":\"com.amazonaws.sqs#QueueDoesNotExist\",\"message\":\"gone\"}",
        );
    }

    #[test]
    fn says_that_a_type_has_no_form() {
        assert!(Xml::write(&mut String::new(), ListStyle::Item, &"text").is_err());
        let odd = std::collections::BTreeMap::from([((), 1)]);
        assert!(Json::write(&mut String::new(), ListStyle::Item, &odd).is_err());
        assert!(EC2.answer("X", ID, &mut |out, lists| Xml::write(out, lists, &odd)).is_err());
    }
}
