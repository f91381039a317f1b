//! From a request on the wire to the operation that it calls, and back.

use hyper::StatusCode;
use lamplighter_core::Place;
use serde::de::DeserializeOwned;
use std::time::Duration;

use jiff::Timestamp;

use super::{
    answer::{self, Answer, Api, Failure, Format, Json, RequestId, Xml},
    query::Form,
    request::{Call, Credential, JsonCall, Request},
    server::{Outcome, Reply},
    xml::NotXml,
};
use crate::{
    cloud::{Cloud, Performed},
    operation::Operation,
    organization::{Caller, Stranger},
    refusal::Refusal,
    sqs,
    table::{self, Entry},
};

/// Between two questions of a caller that waits for something.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// How an operation is called.
#[derive(Clone, Copy)]
pub(crate) enum Serve {
    /// By a form.
    Form(fn(&Cloud, &Asked<'_>, Form) -> Answered),
    /// By JSON.
    Json(fn(&Cloud, &Asked<'_>, JsonCall) -> Answered),
}

/// A request whose caller is known.
pub(crate) struct Asked<'a> {
    caller: &'a Caller,
    place: &'a Place,
    api: Api,
    id: RequestId,
    turn: Turn,
}

/// How often a request was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    First,
    /// There was nothing yet, and the caller waits.
    Again,
}

/// An answer, and until when the caller would rather wait for another one.
pub(crate) struct Answered {
    reply: Reply,
    retry_until: Option<Timestamp>,
}

impl From<Reply> for Answered {
    fn from(reply: Reply) -> Answered {
        Answered { reply, retry_until: None }
    }
}

/// Answers one request. One that waits for something, such as SQS's long polling, is asked
/// again until there is something, or its time is up.
pub(crate) async fn answer(cloud: &Cloud, request: Request) -> Reply {
    let id = cloud.request_id();
    let service = request.credential.as_ref().map_or("", |it| it.service.as_str());
    let api = api(service, &request.call);
    let refused = |refusal: &Refusal| Reply::from(api.failure(id, &failure(api, refusal)));
    let credential = match &request.credential {
        Ok(credential) => credential,
        Err(unsigned) => {
            return refused(&Refusal::new(unsigned.code(), unsigned.to_string()).status(403));
        }
    };
    let call = match request.call {
        Ok(call) => call,
        Err(none) => return refused(&Refusal::new(none.code(), none.to_string())),
    };
    let operation = match &call {
        Call::Form(form) => form.action().unwrap_or_default(),
        Call::Json(json) => json.operation.as_str(),
    };
    let Some(entry) = table::find(service, operation) else {
        return refused(&unknown(service, operation, &call));
    };
    let (caller, place) = match enter(cloud, credential, entry) {
        Ok(entered) => entered,
        Err(refusal) => return refused(&refusal),
    };
    let mut asked = Asked { caller: &caller, place: &place, api, id, turn: Turn::First };
    let (mut until, mut delay) = (None, None);
    loop {
        let Answered { reply, retry_until } = match (entry.serve, &call) {
            (Serve::Form(serve), Call::Form(form)) => serve(cloud, &asked, form.clone()),
            (Serve::Json(serve), Call::Json(json)) => serve(cloud, &asked, json.clone()),
            (_, call) => return refused(&unknown(service, entry.spec.name, call)),
        };
        // What the call was told to take, it takes once.
        let delay = *delay.get_or_insert(reply.delay);
        let reply = reply.after(delay);
        let Some(retry_until) = retry_until else { return reply };
        if *until.get_or_insert(retry_until) <= cloud.now() {
            return reply;
        }
        asked.turn = Turn::Again;
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

/// Serves an operation that is called by a form.
pub(crate) fn form<O: Operation + DeserializeOwned>(
    cloud: &Cloud,
    asked: &Asked<'_>,
    mut form: Form,
) -> Answered {
    let read = form.take_flag("DryRun").and_then(|dry| Ok((dry, form.into::<O>()?)));
    match read {
        Ok((dry_run, operation)) => perform::<O, Xml>(cloud, asked, operation, dry_run),
        Err(bad) => asked.refuse(&Refusal::new(bad.code(), bad.to_string())).into(),
    }
}

/// Serves an operation that is called by JSON.
pub(crate) fn json<O: Operation + DeserializeOwned>(
    cloud: &Cloud,
    asked: &Asked<'_>,
    call: JsonCall,
) -> Answered {
    match call.into::<O>() {
        Ok(operation) => perform::<O, Json>(cloud, asked, operation, false),
        Err(error) => {
            asked.refuse(&Refusal::new("SerializationException", error.to_string())).into()
        }
    }
}

fn perform<O: Operation, F: Format>(
    cloud: &Cloud,
    asked: &Asked<'_>,
    operation: O,
    dry_run: bool,
) -> Answered {
    let Asked { caller, place, api, id, turn } = *asked;
    let write = |answer: O::Answer<'_>| {
        api.answer(O::SPEC.name, id, &mut |out, lists| F::write(out, lists, &answer))
    };
    let performed = match turn {
        Turn::First => cloud.perform(caller, place, operation, dry_run, write),
        Turn::Again => cloud.ask_again(caller, place, operation, write),
    };
    asked.answered(O::SPEC.name, performed)
}

impl Asked<'_> {
    /// What goes over the wire for what came of the call.
    fn answered(&self, operation: &str, performed: Performed<Result<Answer, NotXml>>) -> Answered {
        let Performed { delay, retry_until, answer } = performed;
        let reply = match answer {
            None => Reply::from(Outcome::Close),
            Some(Ok(Ok(answer))) => Reply::from(answer),
            Some(Ok(Err(not_xml))) => {
                let message = format!("the answer of {operation} has no form: {not_xml}");
                self.refuse(&Refusal::new("InternalFailure", message).status(500))
            }
            Some(Err(refusal)) => self.refuse(&refusal),
        };
        Answered { reply: reply.after(Duration::try_from(delay).unwrap_or_default()), retry_until }
    }

    fn refuse(&self, refusal: &Refusal) -> Reply {
        Reply::from(self.failure(refusal))
    }

    fn failure(&self, refusal: &Refusal) -> Answer {
        self.api.failure(self.id, &failure(self.api, refusal))
    }
}

/// Who calls, and where. The account is the caller's own.
fn enter(
    cloud: &Cloud,
    credential: &Credential,
    entry: &Entry,
) -> Result<(Caller, Place), Refusal> {
    let service = entry.spec.service;
    let caller = cloud
        .caller(&credential.access_key, credential.session_token.as_deref())
        .map_err(|it| it.refusal(service))?;
    // Credentials mean nothing to a region that the account has not enabled, or that is none.
    let elsewhere = || Stranger::Unknown.refusal(service);
    let region = credential.region.parse().map_err(|_| elsewhere())?;
    let place = Place { account: caller.account.clone(), region };
    // These answer in every region: STS, the question which regions are enabled, and the one end
    // point of the organization.
    let anywhere =
        ["sts", "organizations"].contains(&service) || entry.spec.name == "DescribeRegions";
    match anywhere || cloud.is_open(&place) {
        true => Ok((caller, place)),
        false => Err(elsewhere()),
    }
}

/// How the service talks; of one that is not here, how the request did.
fn api(service: &str, call: &Result<Call, impl Sized>) -> Api {
    match (service, call) {
        ("ec2", _) => answer::EC2,
        ("rds", _) => answer::RDS,
        ("sts", _) => answer::STS,
        ("dynamodb", _) => answer::DYNAMODB,
        ("sqs", _) => answer::SQS,
        ("kms" | "events" | "application-autoscaling" | "ssm", _) | (_, Ok(Call::Json(_))) => {
            answer::KMS
        }
        _ => answer::STS,
    }
}

/// An operation that is not here.
fn unknown(service: &str, operation: &str, call: &Call) -> Refusal {
    let message = format!(
        "The action {operation} of the service '{service}' is not simulated; docs/simulator.md \
         lists those that are"
    );
    match call {
        Call::Form(_) => Refusal::new("InvalidAction", message),
        Call::Json(_) => Refusal::new("UnknownOperationException", message),
    }
}

fn failure(api: Api, refusal: &Refusal) -> Failure {
    let status = StatusCode::from_u16(refusal.status);
    Failure {
        status: status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        code: refusal.code.into(),
        message: refusal.message.clone(),
        query_code: (api == answer::SQS).then(|| sqs::query_code(refusal.code)),
        members: refusal.members.clone(),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use hyper::Request as HttpRequest;

    use serde_json::json;

    use super::*;
    use crate::{
        bed::Bed,
        sqs::{queues::CreateQueue, send::SendMessage},
    };

    fn request(service: &str, headers: &[(&str, &str)], body: &'static str) -> Request {
        let scope = format!("111122223333/20260302/eu-west-1/{service}/aws4_request");
        let signature = "SignedHeaders=host, Signature=abc";
        let mut request = HttpRequest::builder()
            .header("authorization", format!("AWS4-HMAC-SHA256 Credential={scope}, {signature}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        Request::read(&parts, Bytes::from_static(body.as_bytes()))
    }

    /// The status of an answer, and its code for clients that speak the query protocol still.
    async fn ask(service: &str, headers: &[(&str, &str)], body: &'static str) -> (u16, String) {
        let reply = answer(&Bed::new().cloud, request(service, headers, body)).await;
        let Outcome::Answer(answer) = reply.outcome else { panic!("{:?}", reply.outcome) };
        let code = answer.headers().get("x-amzn-query-error");
        let code = code.map(|it| it.to_str().unwrap().to_owned());
        (answer.status().as_u16(), code.unwrap_or_default())
    }

    #[tokio::test]
    async fn errors_of_sqs_have_their_old_codes_too() {
        let json = ("content-type", "application/x-amz-json-1.0");
        let target = ("x-amz-target", "AmazonSQS.GetQueueUrl");
        let found = ask("sqs", &[json, target], r#"{"QueueName": "nothing"}"#).await;
        let code = "AWS.SimpleQueueService.NonExistentQueue;Sender";
        assert_eq!(found, (400, code.to_owned()));
        let target = ("x-amz-target", "DynamoDB_20120810.DescribeTable");
        let found = ask("dynamodb", &[json, target], r#"{"TableName": "nothing"}"#).await;
        assert_eq!(found, (400, String::new()));
    }

    const URL: &str = "https://sqs.eu-west-1.amazonaws.com/111122223333/work";

    /// Waits for a message of a queue to which one is sent after so many milliseconds. What the
    /// caller gets, and how often it has called.
    async fn wait_for_message(bed: &Bed, after: u64) -> (Outcome, usize) {
        let queue = json!({ "QueueName": "work" });
        bed.ask::<CreateQueue>(serde_json::from_value(queue).unwrap()).unwrap();
        let json = ("content-type", "application/x-amz-json-1.0");
        let target = ("x-amz-target", "AmazonSQS.ReceiveMessage");
        let body = r#"{"QueueUrl": "https://sqs.eu-west-1.amazonaws.com/111122223333/work",
            "WaitTimeSeconds": 20}"#;
        let send = async {
            tokio::time::sleep(Duration::from_millis(after)).await;
            let message = json!({ "QueueUrl": URL, "MessageBody": "hello" });
            bed.ask::<SendMessage>(serde_json::from_value(message).unwrap()).unwrap();
            bed.pass(20);
        };
        let receive = answer(&bed.cloud, request("sqs", &[json, target], body));
        let (reply, ()) = tokio::join!(receive, send);
        let calls = bed.cloud.calls();
        (reply.outcome, calls.iter().filter(|it| it.operation == "ReceiveMessage").count())
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_waits_is_one_call() {
        let bed = Bed::new();
        let (outcome, calls) = wait_for_message(&bed, 1000).await;
        let Outcome::Answer(answer) = outcome else { panic!("{outcome:?}") };
        assert!(String::from_utf8_lossy(answer.body()).contains("hello"));
        assert_eq!(calls, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_waits_loses_its_connection_at_once() {
        let bed = Bed::new();
        let lost = json!({ "faults": [{ "action": "ReceiveMessage", "lose-answer": true }] });
        bed.cloud.set_faults(serde_json::from_value(lost).unwrap()).unwrap();
        let (outcome, calls) = wait_for_message(&bed, 1000).await;
        assert!(matches!(outcome, Outcome::Close), "{outcome:?}");
        assert_eq!(calls, 1);
    }
}
