//! What it costs to write a page of 500 volumes as EC2 does.

#[expect(dead_code, unused_imports, reason = "only writing is of interest, no tests")]
#[path = "../src/wire/time.rs"]
mod time;
#[expect(dead_code, unused_imports, reason = "only writing is of interest, no tests")]
#[path = "../src/wire/xml.rs"]
mod xml;

use divan::{Bencher, black_box, counter::BytesCount};
use serde::Serialize;
use time::IsoMillis;
use xml::ListStyle;

fn main() {
    divan::main();
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    request_id: String,
    volume_set: Vec<Volume>,
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Volume {
    volume_id: String,
    size: i32,
    snapshot_id: String,
    availability_zone: String,
    status: Status,
    create_time: IsoMillis,
    attachment_set: Vec<Attachment>,
    tag_set: Vec<Tag>,
    volume_type: String,
    iops: Option<i32>,
    throughput: Option<i32>,
    encrypted: bool,
    kms_key_id: Option<String>,
    multi_attach_enabled: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Status {
    InUse,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Attachment {
    volume_id: String,
    instance_id: String,
    device: String,
    attach_time: IsoMillis,
    delete_on_termination: bool,
}

#[derive(Serialize)]
struct Tag {
    key: String,
    value: String,
}

fn volume(number: u64) -> Volume {
    let at = IsoMillis("2026-03-27T02:00:00.123Z".parse().expect("a time"));
    let tags = [("Name", "database-7"), ("backup", "daily"), ("team", "platform")];
    Volume {
        volume_id: format!("vol-{number:017x}"),
        size: 100,
        snapshot_id: String::new(),
        availability_zone: "eu-west-1a".to_owned(),
        status: Status::InUse,
        create_time: at,
        attachment_set: vec![Attachment {
            volume_id: format!("vol-{number:017x}"),
            instance_id: format!("i-{number:017x}"),
            device: "/dev/sda1".to_owned(),
            attach_time: at,
            delete_on_termination: true,
        }],
        tag_set: tags
            .map(|(key, value)| Tag { key: key.to_owned(), value: value.to_owned() })
            .into(),
        volume_type: "gp3".to_owned(),
        iops: Some(3000),
        throughput: Some(125),
        encrypted: false,
        kms_key_id: None,
        multi_attach_enabled: false,
    }
}

#[divan::bench]
fn volumes(bencher: Bencher<'_, '_>) {
    let page = Page {
        request_id: "11112222-3333-4444-5555-666677778888".to_owned(),
        volume_set: (0..500).map(volume).collect(),
        next_token: Some("token".to_owned()),
    };
    let write = |out: &mut String| {
        let xmlns = "http://ec2.amazonaws.com/doc/2016-11-15/";
        xml::write(out, ListStyle::Item, "DescribeVolumesResponse", xmlns, black_box(&page))
            .expect("volumes have a form in XML");
    };
    let mut out = String::new();
    write(&mut out);
    bencher.counter(BytesCount::of_str(&out)).bench_local(|| {
        // As in an answer, each page has an allocation of its own.
        let mut out = String::with_capacity(out.len());
        write(&mut out);
        out
    });
}
