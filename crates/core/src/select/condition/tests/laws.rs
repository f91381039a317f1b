//! What holds for every condition.

use proptest::prelude::*;

use super::*;

/// Pieces of conditions, good and bad.
fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "target",
        ".size_gib",
        "tags",
        "[\"team\"]",
        "now",
        "1",
        "2.5",
        "3u",
        "\"x\"",
        "'é'",
        "true",
        "null",
        " == ",
        " < ",
        " - ",
        " && ",
        " ? ",
        " : ",
        " in ",
        "!",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ".",
        "has(",
        ".exists(it, ",
        "size(",
        "\n",
        "//",
        "\"",
        "\\",
        "$",
        "r'",
        "0x",
        "1e",
        "é",
    ])
}

/// Conditions that parse, whose types may or may not fit.
fn expression() -> impl Strategy<Value = String> {
    let atom = prop::sample::select(vec![
        "target.size_gib",
        "target.throughput",
        "target.id",
        "target.state",
        "target.started_at",
        "target.attachments",
        "target.names",
        "target.labels",
        "target.main",
        "target.iops",
        "tags",
        "tags.team",
        "tags.nope",
        "now",
        "region",
        "1",
        "2.5",
        "3u",
        "\"in-use\"",
        "true",
        "null",
        "[1, 2]",
        "[]",
        "{\"a\": 1}",
        "duration(\"1h\")",
    ]);
    let sign = prop::sample::select(vec![
        "==", "!=", "<", ">=", "+", "-", "*", "/", "%", "&&", "||", "in",
    ]);
    let function = prop::sample::select(vec![
        "size",
        "int",
        "uint",
        "double",
        "string",
        "bool",
        "timestamp",
        "duration",
        "dyn",
        "-",
        "!",
    ]);
    let method = prop::sample::select(vec![
        "size()",
        "getHours()",
        "startsWith(\"x\")",
        "matches(\"x\")",
        "exists(it, it == \"x\")",
        "all(it, it.device != \"\")",
        "map(it, [it])",
        "filter(it, it < now)",
        "device",
    ]);
    atom.prop_map(str::to_owned).prop_recursive(3, 8, 2, move |inner| {
        prop_oneof![
            4 => (inner.clone(), sign.clone(), inner.clone())
                .prop_map(|(one, sign, other)| format!("({one} {sign} {other})")),
            2 => (function.clone(), inner.clone()).prop_map(|(name, it)| format!("{name}({it})")),
            2 => (inner.clone(), method.clone()).prop_map(|(it, method)| format!("{it}.{method}")),
            1 => (inner.clone(), inner.clone()).prop_map(|(it, at)| format!("{it}[{at}]")),
            1 => (inner.clone(), inner.clone(), inner)
                .prop_map(|(it, yes, no)| format!("({it} ? {yes} : {no})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn no_sequence_of_tokens_panics(pieces in prop::collection::vec(piece(), 0..10)) {
        if let Ok(condition) = Condition::parse(pieces.concat()) {
            let _ = condition.check(&Fields::of::<Disk>());
            answer(condition.as_str(), Some(&tags()));
        }
    }

    #[test]
    fn no_text_panics(text in r#"[a-z0-9"'(){}\[\].,:?!<>=&|+*/%\\ -]{0,40}"#) {
        let _ = Condition::parse(text);
    }

    #[test]
    fn what_passes_the_check_has_types_that_fit(source in expression()) {
        let Ok(condition) = Condition::parse(source.as_str()) else { return Ok(()) };
        if condition.check(&Fields::of::<Disk>()).is_ok()
            && !source.contains("dyn(")
            && let Selected::Unknown(reason) = answer(&source, Some(&tags()))
        {
            for misfit in ["overload", "Undeclared", "Unsupported", "compared", "Unexpected type", "Cannot use"] {
                prop_assert!(!reason.contains(misfit), "{}: {}", source, reason);
            }
        }
    }
}
