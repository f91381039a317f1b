//! Answers of which some are unknown. AWS leaves a few cases of a policy's evaluation open, such
//! as a variable without a value in `StringNotEquals`. There the answer is `None`, and the
//! statement takes the stricter side: it does not allow, and it does deny.

/// `Some` where AWS says what holds, `None` where it does not.
pub(super) type Truth = Option<bool>;

/// True if one is true; otherwise unknown if one is unknown.
pub(super) fn any(answers: impl IntoIterator<Item = Truth>) -> Truth {
    let mut so_far = Some(false);
    for answer in answers {
        match answer {
            Some(true) => return Some(true),
            Some(false) => {}
            None => so_far = None,
        }
    }
    so_far
}

/// False if one is false; otherwise unknown if one is unknown.
pub(super) fn all(answers: impl IntoIterator<Item = Truth>) -> Truth {
    not(any(answers.into_iter().map(not)))
}

/// The opposite of what is known.
pub(super) fn not(answer: Truth) -> Truth {
    answer.map(|it| !it)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_outweighs_what_is_not() {
        let (yes, no, open) = (Some(true), Some(false), None);
        for (answers, wanted_any, wanted_all) in [
            (vec![], no, yes),
            (vec![yes, yes], yes, yes),
            (vec![yes, no], yes, no),
            (vec![open, yes], yes, open),
            (vec![open, no], open, no),
            (vec![no, open], open, no),
            (vec![open], open, open),
        ] {
            assert_eq!(any(answers.clone()), wanted_any, "any of {answers:?}");
            assert_eq!(all(answers.clone()), wanted_all, "all of {answers:?}");
        }
    }
}
