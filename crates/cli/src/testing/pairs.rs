//! Pairs what was expected with what was found, when one thing may be several others.

/// For each of `wanted` things the one of `found` that it is paired with: as many pairs as can be,
/// no thing in two of them. Takes at most `wanted` times `wanted` times `found` questions.
pub(crate) fn pair(
    wanted: usize,
    found: usize,
    fits: impl Fn(usize, usize) -> bool,
) -> Vec<Option<usize>> {
    // Whom each thing that was found is paired with.
    let mut owners: Vec<Option<usize>> = vec![None; found];
    for first in 0..wanted {
        // Looks for something free; what is taken is free when its owner takes something else.
        // `came_from` is how each thing was reached.
        let mut came_from: Vec<Option<(usize, Option<usize>)>> = vec![None; found];
        let mut waiting = vec![(first, None)];
        while let Some((who, from)) = waiting.pop() {
            let reached = (0..found).filter(|at| came_from[*at].is_none() && fits(who, *at));
            let reached: Vec<usize> = reached.collect();
            let mut end = None;
            for at in reached {
                came_from[at] = Some((who, from));
                match owners[at] {
                    Some(owner) => waiting.push((owner, Some(at))),
                    None => end = end.or(Some(at)),
                }
            }
            let Some(mut at) = end else { continue };
            while let Some((who, from)) = came_from[at] {
                owners[at] = Some(who);
                let Some(before) = from else { break };
                at = before;
            }
            break;
        }
    }
    let mut pairs = vec![None; wanted];
    for (at, owner) in owners.iter().enumerate() {
        if let Some(owner) = owner {
            pairs[*owner] = Some(at);
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each row is what one wanted thing may be.
    #[track_caller]
    fn check(may_be: &[&[usize]], found: usize, pairs: usize) {
        let paired = pair(may_be.len(), found, |who, at| may_be[who].contains(&at));
        let mut taken: Vec<usize> = paired.iter().flatten().copied().collect();
        assert_eq!(taken.len(), pairs, "{paired:?}");
        for (who, at) in paired.iter().enumerate() {
            assert!(at.is_none_or(|at| may_be[who].contains(&at)), "{paired:?}");
        }
        taken.sort_unstable();
        taken.dedup();
        assert_eq!(taken.len(), pairs, "in two pairs: {paired:?}");
    }

    #[test]
    fn as_many_are_paired_as_can_be() {
        check(&[], 2, 0);
        check(&[&[0]], 0, 0);
        check(&[&[0], &[0]], 1, 1);
        // The first one could take what the second one needs.
        check(&[&[0, 1], &[0]], 2, 2);
        check(&[&[0, 1], &[0, 1], &[0, 2], &[0]], 3, 3);
        check(&[&[0, 1], &[1, 2], &[2, 3], &[0]], 4, 4);
        check(&[&[0], &[1], &[1], &[3]], 4, 3);
    }
}
