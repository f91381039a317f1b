//! No text makes the reader panic or work for long.

mod support;

use lamplighter_config::{FILE_MAX, Problem, Source, Style, TOTAL_MAX, load, render, to_json};
use proptest::prelude::*;

use support::{ACTIONS, DESIGN, load_one, read_file};

#[track_caller]
fn refused(text: &str) -> Vec<Problem> {
    let problems = load_one(text).expect_err("problems");
    let sources = [Source::new("lamplighter.yaml", text)];
    assert!(!render(&problems, &sources, Style::Coloured).is_empty());
    problems
}

#[track_caller]
fn check_refused(text: &str, part: &str) {
    let problems = refused(text);
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert!(problems[0].message.contains(part), "{problems:#?}");
}

#[test]
fn what_is_too_large_is_refused() {
    check_refused(&"#".repeat(FILE_MAX + 1), "at most 1048576 are read");
    check_refused(&format!("a: [{}]", "1,".repeat(120_000)), "too large");
    check_refused(&"[".repeat(20_000), "too large");
    check_refused(&"{a: ".repeat(20_000), "too large");
    let block: String = (0..300).map(|depth| " ".repeat(depth) + "a:\n").collect();
    check_refused(&block, "too large");
}

#[test]
fn what_is_behind_aliases_is_bounded() {
    let mut text = String::from("l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let aliases = vec![format!("*l{}", level - 1); 10].join(", ");
        text += &format!("l{level}: &l{level} [{aliases}]\n");
    }
    check_refused(&text, "too large");
}

#[test]
fn aliases_do_not_nest_deeper_than_anything_else() {
    let mut text = String::from("l0: &l0 []\n");
    for level in 1..500 {
        let (open, close) = ("[".repeat(20), "]".repeat(20));
        text += &format!("l{level}: &l{level} {open}*l{}{close}\n", level - 1);
    }
    check_refused(&text, "too large");
}

#[test]
fn all_files_together_are_bounded() {
    let start = "tasks: {} ";
    let text = start.to_owned() + &"#".repeat(FILE_MAX - start.len());
    let count = TOTAL_MAX / FILE_MAX + 1;
    let sources: Vec<Source> =
        (0..count).map(|index| Source::new(format!("{index:02}.yaml"), text.clone())).collect();
    let problems = load(&sources, ACTIONS, &read_file).unwrap_err();
    assert_eq!((problems.len(), problems[0].file.as_str()), (1, "10.yaml"));
}

#[test]
fn many_mistakes_are_all_reported() {
    let tasks: String = (0..3000).map(|it| format!("  t{it}: {{ actoin: x }}\n")).collect();
    assert_eq!(refused(&format!("tasks:\n{tasks}")).len(), 9000);
}

#[test]
fn a_long_value_does_not_make_a_long_message() {
    let long = "x".repeat(500_000);
    let problems = refused(&format!("tasks: {{ it: {{ action: {long}, mode: {long} }} }}"));
    assert!(problems.iter().all(|it| it.message.len() < 1000));
}

/// A configuration with a part taken out, doubled or replaced.
fn damaged() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "", " ", "\n", "\t", ":", "-", "{", "}", "[", "]", "&a ", "*a", "<<: ", "\"", "'", "|",
        ">", "null", "~", "0", "1e9", "!!str ", "!x ", "---\n", "é", "\u{feff}", "\r", "\0", "%",
        "all",
    ]);
    (0..DESIGN.len(), 0..40_usize, pieces).prop_map(|(at, length, piece)| {
        let start = DESIGN.floor_char_boundary(at);
        let end = DESIGN.floor_char_boundary((at + length).min(DESIGN.len()));
        format!("{}{piece}{}", &DESIGN[..start], &DESIGN[end.max(start)..])
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic(text in prop_oneof![any::<String>(), "[a-z:{}\\[\\], \n*&|>'\"!-]{0,200}", damaged()]) {
        if let Err(problems) = load_one(&text) {
            let sources = [Source::new("lamplighter.yaml", text.as_str())];
            prop_assert!(!problems.is_empty());
            for problem in &problems {
                let line = sources[0].text.split('\n').nth(problem.line - 1);
                prop_assert!(line.is_some_and(|it| problem.column <= it.chars().count() + 1), "{problem:?}");
            }
            prop_assert!(problems.is_sorted_by_key(|it| (it.line, it.column)));
            render(&problems, &sources, Style::Plain);
            to_json(&problems);
        }
    }

    #[test]
    fn no_calendar_file_makes_it_panic(text in prop_oneof![
        any::<String>(),
        "(BEGIN:(VEVENT|VCALENDAR|X)\n|END:(VEVENT|VCALENDAR)\n|DTSTART:2026[01][0-9][0-3][0-9]\n|[A-Z]{1,3}[;:=]?[^\n]{0,9}\n){0,12}",
        "(FREQ|COUNT|INTERVAL|UNTIL|BYDAY|;|=|[0-9]{1,5}|YEARLY|DAILY|MO){0,12}".prop_map(|rule| {
            support::HOLIDAYS.replace("UID:1", &format!("RRULE:FREQ=WEEKLY;{rule}"))
        }),
    ]) {
        let source = Source::new("a.yaml", "calendars: { x: { files: [x.ics] } }");
        let _ = load(&[source], ACTIONS, &|_| Ok(text.clone()));
    }
}
