//! An emulator with three accounts in it, and the program beside it.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use lamplighter_tests::{Here, Running, root};
use serde_json::Value;

/// The program.
pub(crate) const LAMPLIGHTER: &str = env!("CARGO_BIN_EXE_lamplighter");

/// The occurrence that tests run.
pub(crate) const AT: &str = "2026-03-29T02:00:00Z";

/// A snapshot, as the emulator has it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Snapshot {
    pub(crate) id: String,
    pub(crate) volume: String,
    pub(crate) tags: std::collections::BTreeMap<String, String>,
}

/// An emulator with three accounts and two regions in it, and a test's directory with the
/// configuration that goes with them.
pub(crate) struct Bed {
    pub(crate) here: Here,
    python: PathBuf,
    /// Dropped last of all: killed.
    _moto: Running,
}

impl Bed {
    pub(crate) fn start() -> Bed {
        let server = std::env::var_os("LAMPLIGHTER_MOTO").map(PathBuf::from).expect(
            "this test needs the emulator: `scripts/test` installs it and names it in \
             LAMPLIGHTER_MOTO",
        );
        let python = server.with_file_name("python");
        let mut child = Command::new(&python)
            .arg(root().join("tests/emulator/server.py"))
            .args(["-H", "127.0.0.1", "-p", "0"])
            .env("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
            .env("PYTHONUNBUFFERED", "1")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let moto = Running(child);
        let mut lines = log.lines();
        let url = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once("Running on ")?.1.trim().to_owned()))
            .expect("the emulator says where it listens");
        // Somebody must read on, or the emulator stops when the pipe is full.
        std::thread::spawn(move || lines.for_each(drop));
        let mut here = Here::new(LAMPLIGHTER);
        here.variables = vec![
            ("AWS_ENDPOINT_URL".to_owned(), url),
            ("AWS_REGION".to_owned(), "eu-west-1".to_owned()),
        ];
        copy(&root().join("tests/emulator/config"), &here.path("config"));
        let mut bed = Bed { here, python, _moto: moto };
        bed.seed(&["--today", "2026-03-29"]);
        for line in bed.seed(&["--credentials"]).lines() {
            let (name, value) = line.split_once('=').unwrap();
            bed.here.variables.push((name.to_owned(), value.to_owned()));
        }
        bed
    }

    fn seed(&self, args: &[&str]) -> String {
        let script = root().join("tests/emulator/seed.py").display().to_string();
        self.python(&[&[script.as_str()], args].concat())
    }

    /// Runs Python with boto3 beside the emulator.
    pub(crate) fn python(&self, args: &[&str]) -> String {
        let output = Command::new(&self.python)
            .args(args)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .envs(self.here.variables.iter().cloned())
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Everything in all six places.
    pub(crate) fn audit(&self) -> Value {
        serde_json::from_str(&self.seed(&["--audit"])).unwrap()
    }

    /// All snapshots in all places, in the order of their ids.
    pub(crate) fn snapshots(&self) -> Vec<Snapshot> {
        let audit = self.audit();
        let mut all: Vec<Snapshot> = Vec::new();
        for place in places(&audit) {
            for it in place["snapshots"].as_array().unwrap() {
                let text = |key: &str| it[key].as_str().unwrap().to_owned();
                let tags = serde_json::from_value(it["tags"].clone()).unwrap();
                all.push(Snapshot { id: text("id"), volume: text("volume"), tags });
            }
        }
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    }

    /// The ids of the volumes that `nightly-backup` is about, by their tags alone.
    pub(crate) fn backed_up(&self) -> Vec<String> {
        let audit = self.audit();
        let mut all = Vec::new();
        for place in places(&audit) {
            for it in place["volumes"].as_array().unwrap() {
                let tag = |key: &str| it["tags"][key].as_str();
                if tag("backup") == Some("daily")
                    && matches!(tag("stage"), Some("prod" | "preprod"))
                    && tag("ignore").is_none()
                {
                    all.push(it["id"].as_str().unwrap().to_owned());
                }
            }
        }
        all.sort();
        assert!(!all.is_empty(), "nothing is to be backed up: the test tests nothing");
        all
    }

    /// The volumes that have a snapshot of this occurrence, one entry for each snapshot.
    pub(crate) fn made(&self, occurrence: &str) -> Vec<String> {
        let run = format!("nightly-backup@{occurrence}/");
        let snapshots = self.snapshots();
        let ours = snapshots
            .iter()
            .filter(|it| it.tags.get("lamplighter:job").is_some_and(|job| job.starts_with(&run)));
        let mut volumes: Vec<String> = ours.map(|it| it.volume.clone()).collect();
        volumes.sort();
        volumes
    }
}

fn places(audit: &Value) -> Vec<&Value> {
    match audit {
        Value::Array(places) => places.iter().collect(),
        Value::Object(_) => audit["places"].as_array().unwrap().iter().collect(),
        other => panic!("not an audit: {other}"),
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}
