//! A program of the workspace, run from outside: what users type, what they read, and how it exits.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// A directory for one test, and a program in it.
pub struct Here {
    dir: TempDir,
    program: &'static str,
    /// Environment variables of the program, beside those of this process.
    pub variables: Vec<(String, String)>,
}

/// What a command left.
pub struct Ended {
    /// How it exited; nothing when a signal ended it.
    pub code: Option<i32>,
    /// What it printed to standard output.
    pub stdout: String,
    /// What it printed to standard error.
    pub stderr: String,
}

impl Here {
    /// An empty directory, for the program at this path: `env!("CARGO_BIN_EXE_…")`.
    pub fn new(program: &'static str) -> Here {
        Here { dir: tempfile::tempdir().unwrap(), program, variables: Vec::new() }
    }

    /// A file of the test.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file of the test.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The program with these arguments, ready to start. It sees no AWS variables but the test's.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.program);
        for (name, _) in std::env::vars().filter(|(name, _)| is_ours(name)) {
            command.env_remove(name);
        }
        command
            .args(args)
            .current_dir(self.dir.path())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .env("NO_PROXY", "127.0.0.1")
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, args: &[&str]) -> Ended {
        let Output { status, stdout, stderr } = self.command(args).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }

    /// Runs the program, and reads what it prints as JSON.
    #[track_caller]
    pub fn json(&self, args: &[&str], code: i32) -> Value {
        let ended = self.run(&[args, &["--json"]].concat());
        assert_eq!(ended.code, Some(code), "{args:?}: {}", ended.stderr);
        serde_json::from_str(&ended.stdout)
            .unwrap_or_else(|error| panic!("{args:?}: {error} in {}", ended.stdout))
    }

    /// Runs a command that cannot be, and looks for words in its error.
    #[track_caller]
    pub fn refused(&self, args: &[&str], code: i32, words: &[&str]) {
        let ended = self.run(args);
        assert_eq!(ended.code, Some(code), "{args:?}: {}{}", ended.stdout, ended.stderr);
        assert_eq!(ended.stdout, "", "errors go to standard error");
        for word in words {
            assert!(ended.stderr.contains(word), "{args:?}: no `{word}` in: {}", ended.stderr);
        }
    }
}

fn is_ours(name: &str) -> bool {
    name.starts_with("AWS_") || name.starts_with("LAMPLIGHTER_")
}
