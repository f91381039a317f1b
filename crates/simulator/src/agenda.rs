//! What happens by itself later: a snapshot completes, an instance has started.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// What happens when, in the order in which it was planned for the same instant.
#[derive(Debug)]
pub(crate) struct Agenda<H> {
    planned: BTreeMap<(Timestamp, u64), H>,
    count: u64,
}

impl<H> Default for Agenda<H> {
    fn default() -> Agenda<H> {
        Agenda { planned: BTreeMap::new(), count: 0 }
    }
}

impl<H> Agenda<H> {
    /// Plans something.
    pub(crate) fn plan(&mut self, at: Timestamp, happening: H) {
        self.count += 1;
        self.planned.insert((at, self.count), happening);
    }

    /// The next that has happened by now, with its time. Those may plan others.
    pub(crate) fn next(&mut self, now: Timestamp) -> Option<(Timestamp, H)> {
        let first = self.planned.first_entry()?;
        if first.key().0 > now {
            return None;
        }
        let ((at, _), happening) = first.remove_entry();
        Some((at, happening))
    }

    /// When something happens next.
    #[cfg(test)]
    fn when(&self) -> Option<Timestamp> {
        self.planned.first_key_value().map(|((at, _), _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn happens_in_order_and_not_before_its_time() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut agenda = Agenda::default();
        for (second, what) in [(5, 'c'), (3, 'a'), (3, 'b'), (9, 'd')] {
            agenda.plan(at(second), what);
        }
        let mut seen = Vec::new();
        while let Some(next) = agenda.next(at(5)) {
            seen.push(next);
        }
        assert_eq!(seen, [(at(3), 'a'), (at(3), 'b'), (at(5), 'c')]);
        assert_eq!(agenda.when(), Some(at(9)));
    }
}
