use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::{task::JoinSet, time::sleep};

use super::*;

type Answers = BTreeMap<String, Result<(), &'static str>>;

const WINDOW: Duration = Duration::from_millis(50);

/// The other side: refuses as `refuse` says, and keeps the calls.
#[derive(Clone)]
struct Cloud {
    calls: Arc<Mutex<Vec<String>>>,
    refuse: fn(&[String]) -> Result<(), Refused<&'static str>>,
}

impl Cloud {
    fn new(refuse: fn(&[String]) -> Result<(), Refused<&'static str>>) -> Cloud {
        Cloud { calls: Arc::default(), refuse }
    }

    async fn call(&self, ids: Vec<String>) -> Result<(), Refused<&'static str>> {
        lock(&self.calls).push(ids.join(" "));
        // A call takes a while.
        sleep(Duration::from_millis(300)).await;
        (self.refuse)(&ids)
    }

    fn calls(&self) -> Vec<String> {
        lock(&self.calls).clone()
    }
}

/// Asks for ids at the same time; what each is told.
async fn asked(cloud: &Cloud, most: usize, ids: &[&str]) -> Answers {
    let desk = Arc::new(Desk::new(WINDOW, most));
    let mut asking = JoinSet::new();
    for id in ids {
        let (desk, cloud, id) = (desk.clone(), cloud.clone(), (*id).to_owned());
        asking.spawn(async move {
            let answer = desk.join("here", &id, |ids| cloud.call(ids)).await;
            (id, answer)
        });
    }
    let answers = asking.join_all().await.into_iter().collect();
    assert!(lock(&desk.open).is_empty(), "nobody waits any longer");
    answers
}

#[track_caller]
fn check(answers: &Answers, refused: &[(&str, &'static str)]) {
    for (id, answer) in answers {
        let why = refused.iter().find(|(it, _)| it == id).map(|(_, why)| *why);
        assert_eq!(*answer, why.map_or(Ok(()), Err), "{id}");
    }
    assert!(refused.iter().all(|(id, _)| answers.contains_key(*id)));
}

#[tokio::test(start_paused = true)]
async fn calls_within_the_window_are_one_call() {
    let cloud = Cloud::new(|_| Ok(()));
    check(&asked(&cloud, 50, &["a", "b", "c"]).await, &[]);
    assert_eq!(cloud.calls(), ["a b c"]);
}

#[tokio::test(start_paused = true)]
async fn two_who_ask_for_the_same_are_both_told() {
    let cloud = Cloud::new(|_| Err(Refused::Everyone("no")));
    let desk = Desk::new(WINDOW, 50);
    let ask = || desk.join("here", "a", |ids| cloud.call(ids));
    assert_eq!(tokio::join!(ask(), ask()), (Err("no"), Err("no")));
    assert_eq!(cloud.calls(), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_full_call_is_made_at_once_and_the_others_wait_for_the_next() {
    let cloud = Cloud::new(|_| Ok(()));
    let begun = tokio::time::Instant::now();
    check(&asked(&cloud, 2, &["a", "b", "c", "d", "e"]).await, &[]);
    let mut sizes: Vec<usize> = cloud.calls().iter().map(|it| it.split(' ').count()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 2, 2]);
    assert_eq!(begun.elapsed(), WINDOW + Duration::from_millis(300));
    let alone = Cloud::new(|_| Ok(()));
    let begun = tokio::time::Instant::now();
    check(&asked(&alone, 1, &["a"]).await, &[]);
    assert_eq!(begun.elapsed(), Duration::from_millis(300), "nobody else fits in");
}

#[tokio::test(start_paused = true)]
async fn those_with_another_key_or_later_have_a_call_of_their_own() {
    let cloud = Cloud::new(|_| Ok(()));
    let desk = Desk::new(WINDOW, 50);
    let ask = |key: &'static str, id: &'static str, after: u64| {
        let (desk, cloud) = (&desk, &cloud);
        async move {
            sleep(Duration::from_millis(after)).await;
            desk.join(key, id, |ids| cloud.call(ids)).await
        }
    };
    let answers = tokio::join!(
        ask("here", "a", 0),
        ask("there", "b", 1),
        ask("here", "c", 49),
        ask("here", "d", 51)
    );
    assert_eq!(answers, (Ok(()), Ok(()), Ok(()), Ok(())));
    assert_eq!(cloud.calls(), ["a c", "b", "d"]);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_named_is_left_out_and_the_others_are_done() {
    let cloud = Cloud::new(|ids| match ids.iter().any(|id| id == "b") {
        true => Err(Refused::Named { ids: vec!["b".to_owned()], why: "gone" }),
        false => Ok(()),
    });
    check(&asked(&cloud, 50, &["a", "b", "c"]).await, &[("b", "gone")]);
    assert_eq!(cloud.calls(), ["a b c", "a c"]);
}

#[tokio::test(start_paused = true)]
async fn those_at_fault_are_found_by_halves() {
    let cloud = Cloud::new(|ids| match ids.iter().any(|id| id == "c" || id == "h") {
        true => Err(Refused::Someone("protected")),
        false => Ok(()),
    });
    let ids = ["a", "b", "c", "d", "e", "f", "g", "h"];
    check(&asked(&cloud, 50, &ids).await, &[("c", "protected"), ("h", "protected")]);
    let calls =
        ["a b c d e f g h", "a b c d", "a b", "c d", "c", "d", "e f g h", "e f", "g h", "g", "h"];
    assert_eq!(cloud.calls(), calls);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_nobody_has_asked_for_is_no_name() {
    let cloud = Cloud::new(|ids| match ids.iter().any(|id| id == "b") {
        true => Err(Refused::Named { ids: vec!["x".to_owned()], why: "gone" }),
        false => Ok(()),
    });
    check(&asked(&cloud, 50, &["a", "b"]).await, &[("b", "gone")]);
    assert_eq!(cloud.calls(), ["a b", "a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_nobodys_fault_is_told_to_all_who_have_no_answer_yet() {
    let cloud = Cloud::new(|ids| match ids.join(" ").as_str() {
        "a b c d" => Err(Refused::Someone("who?")),
        "a b" => Ok(()),
        _ => Err(Refused::Everyone("slow down")),
    });
    let refused = [("c", "slow down"), ("d", "slow down")];
    check(&asked(&cloud, 50, &["a", "b", "c", "d"]).await, &refused);
    assert_eq!(cloud.calls(), ["a b c d", "a b", "c d"]);
}

#[tokio::test(start_paused = true)]
async fn when_the_one_who_calls_gives_up_another_one_does() {
    // Before the call, and in the middle of it.
    for gives_up_after in [20, 200] {
        let cloud = Cloud::new(|_| Ok(()));
        let desk: Desk<&str, &str> = Desk::new(WINDOW, 50);
        let first = timeout(
            Duration::from_millis(gives_up_after),
            desk.join("here", "a", |ids| cloud.call(ids)),
        );
        let second = async {
            sleep(Duration::from_millis(10)).await;
            desk.join("here", "b", |ids| cloud.call(ids)).await
        };
        let (first, second) = tokio::join!(first, second);
        assert!(first.is_err());
        assert_eq!(second, Ok(()));
        assert_eq!(cloud.calls().last().unwrap(), "b");
        assert!(lock(&desk.open).is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn everybody_has_their_own_answer_however_many_there_are() {
    static BAD: AtomicUsize = AtomicUsize::new(0);
    for bad in [0, 1, 7, 49, 119] {
        BAD.store(bad, Ordering::Relaxed);
        let cloud = Cloud::new(|ids| {
            let bad = format!("i-{:03}", BAD.load(Ordering::Relaxed));
            match ids.contains(&bad) {
                true => Err(Refused::Someone("bad")),
                false => Ok(()),
            }
        });
        let ids: Vec<String> = (0..120).map(|it| format!("i-{it:03}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        check(&asked(&cloud, 50, &ids).await, &[(ids[bad], "bad")]);
        // Three calls, and two for each halving of one of them.
        assert!(cloud.calls().len() <= 3 + 2 * 6, "{:?}", cloud.calls());
    }
}
