use std::{
    future::Future,
    pin::pin,
    sync::Mutex,
    task::{Context, Poll, Waker},
};

use super::*;
use crate::{FaultKind, task::Regions};

/// Units with their parents, and accounts with theirs; one page for each, and an empty one first.
struct Tree {
    units: Vec<(&'static str, &'static str)>,
    accounts: Vec<(&'static str, &'static str, &'static str)>,
    /// Of what the accounts were asked for, once for each first page.
    asked: Mutex<Vec<String>>,
}

/// The page of a number: none of what is there on the first, and one thing on each other.
fn page_of<T: Clone>(all: &[T], page: Option<PageToken>) -> Page<T> {
    let number: usize = page.map_or(0, |it| it.0.parse().unwrap());
    let items = number.checked_sub(1).and_then(|it| all.get(it)).cloned();
    let next = (number < all.len()).then(|| PageToken((number + 1).to_string()));
    Page { items: items.into_iter().collect(), next }
}

#[async_trait]
impl Organizations for Tree {
    async fn accounts_of(
        &self,
        parent: &str,
        page: Option<PageToken>,
    ) -> Result<Page<Member>, Fault> {
        if parent == "ou-denied" {
            return Err(Fault::new(FaultKind::Permission, "denied"));
        }
        if page.is_none() {
            self.asked.lock().unwrap().push(parent.to_owned());
        }
        let here = self.accounts.iter().filter(|(_, of, _)| *of == parent);
        let member = |(id, _, state): &(&str, &str, &str)| Member {
            id: id.parse().unwrap(),
            state: (*state).to_owned(),
        };
        Ok(page_of(&here.map(member).collect::<Vec<_>>(), page))
    }

    async fn units_of(&self, parent: &str, page: Option<PageToken>) -> Result<Page<String>, Fault> {
        let here = self.units.iter().filter(|(_, of)| *of == parent);
        Ok(page_of(&here.map(|(unit, _)| (*unit).to_owned()).collect::<Vec<_>>(), page))
    }
}

const A: &str = "111122223333";
const B: &str = "222233334444";
const C: &str = "333344445555";
const D: &str = "444455556666";
const CLOSED: &str = "444455556666 SUSPENDED";

fn tree() -> Tree {
    Tree {
        units: vec![("ou-prod", "r-1"), ("ou-deep", "ou-prod"), ("ou-denied", "ou-closed")],
        accounts: vec![
            (A, "r-1", "ACTIVE"),
            (B, "ou-prod", "ACTIVE"),
            (C, "ou-deep", "ACTIVE"),
            (D, "ou-deep", "SUSPENDED"),
        ],
        asked: Mutex::default(),
    }
}

fn list(units: &[&str], exclude: &[&str]) -> Result<Vec<String>, String> {
    list_in(&tree(), units, exclude)
}

fn list_in(tree: &Tree, units: &[&str], exclude: &[&str]) -> Result<Vec<String>, String> {
    let texts = |texts: &[&str]| texts.iter().map(|&it| it.to_owned()).collect();
    let group = Group {
        name: "prod".to_owned(),
        units: texts(units),
        exclude: texts(exclude),
        regions: Regions::All,
    };
    let mut walk = pin!(members(tree, &group));
    // Nothing here waits.
    match walk.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(found)) => {
            let inactive = found.inactive.iter().map(|(id, state)| format!("{id} {state}"));
            Ok(found.active.iter().map(ToString::to_string).chain(inactive).collect())
        }
        Poll::Ready(Err(fault)) => Err(fault.chain()),
        Poll::Pending => panic!("a tree in memory does not wait"),
    }
}

#[track_caller]
fn check(units: &[&str], exclude: &[&str], expected: &[&str]) {
    assert_eq!(list(units, exclude).unwrap(), expected);
}

#[test]
fn units_are_walked_to_the_bottom_and_closed_accounts_stand_apart() {
    check(&["r-1"], &[], &[A, B, C, CLOSED]);
    check(&["ou-prod"], &[], &[B, C, CLOSED]);
    check(&["ou-deep"], &[], &[C, CLOSED]);
    check(&["ou-prod", "ou-deep"], &[], &[B, C, CLOSED]);
}

#[test]
fn a_unit_that_is_named_and_lies_below_another_is_listed_once() {
    let tree = tree();
    list_in(&tree, &["ou-deep", "ou-prod", "ou-prod"], &[]).unwrap();
    let mut asked = tree.asked.into_inner().unwrap();
    asked.sort_unstable();
    assert_eq!(asked, ["ou-deep", "ou-prod"]);
}

#[test]
fn exclusions_win_over_all_that_is_named() {
    check(&["r-1"], &[B], &[A, C, CLOSED]);
    check(&["r-1"], &[D], &[A, B, C]);
    check(&["r-1"], &["ou-deep"], &[A, B]);
    check(&["r-1", "ou-deep"], &["ou-prod"], &[A]);
}

#[test]
fn what_cannot_be_listed_is_a_fault_and_so_is_nothing_at_all() {
    for (units, exclude, part) in [
        (["ou-closed"], vec![], "denied"),
        (["r-1"], vec!["ou-closed"], "denied"),
        (["ou-nothing"], vec![], "no active account"),
        (["ou-deep"], vec![C], "no active account"),
    ] {
        let said = list(&units, &exclude).unwrap_err();
        assert!(said.contains(part) && said.contains("`prod`"), "{said}");
    }
}
