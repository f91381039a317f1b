//! The texts that a configuration is read from.

use crate::Problem;

/// Most bytes of one file, YAML or iCalendar: more is no configuration that people wrote.
pub const FILE_MAX: usize = 1024 * 1024;
/// Most bytes of all YAML files together.
pub const TOTAL_MAX: usize = 10 * 1024 * 1024;

/// A YAML file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What it is called in messages.
    pub path: String,
    /// What is in it.
    pub text: String,
}

impl Source {
    /// A file with these bytes; a byte order mark at the start is dropped. A problem when they
    /// are not UTF-8.
    pub fn from_bytes(path: impl Into<String>, bytes: Vec<u8>) -> Result<Source, Problem> {
        let path = path.into();
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Source::new(path, text)),
            Err(error) => {
                let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let line_start =
                    good.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
                Err(Problem {
                    file: path,
                    line: good.iter().filter(|byte| **byte == b'\n').count() + 1,
                    column: String::from_utf8_lossy(&good[line_start..]).chars().count() + 1,
                    message: "the file is not UTF-8".to_owned(),
                    hint: Some("save it as UTF-8".to_owned()),
                    length: 0,
                })
            }
        }
    }

    /// A file with this text; a byte order mark at the start is dropped.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Source {
        let text: String = text.into();
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        Source { path: path.into(), text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_are_a_problem_with_a_place() {
        let bytes = b"tasks:\n  caf\xc3\xa9: \xff".to_vec();
        let problem = Source::from_bytes("a.yaml", bytes).unwrap_err();
        assert_eq!(
            (problem.file.as_str(), problem.line, problem.column),
            ("a.yaml", 2, 9),
            "{}",
            problem.message
        );
    }

    #[test]
    fn a_byte_order_mark_is_dropped() {
        let source = Source::from_bytes("a.yaml", b"\xef\xbb\xbftasks: {}".to_vec()).unwrap();
        assert_eq!(source.text, "tasks: {}");
    }
}
