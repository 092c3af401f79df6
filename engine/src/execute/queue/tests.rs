//! Who gets a place, and when.

use std::collections::HashMap;

use datafusion::common::runtime::SpawnedTask;
use futures::future::join_all;
use tokio::task::yield_now;

use super::*;

fn places(places_max: usize, principal_places_max: usize, waiting_max: usize) -> Places {
    let timeout = Duration::from_secs(3600);
    Places::new(QueueConfig { places_max, principal_places_max, waiting_max, timeout })
}

fn named(name: &str) -> Principal {
    match name {
        "anonymous" => Principal::anonymous(),
        name => Principal::user(name),
    }
}

/// Lets somebody wait; the name is noted when the place is there, and the place given back then.
fn wait(
    places: &Places,
    name: &'static str,
    served: &Arc<Mutex<Vec<&'static str>>>,
) -> SpawnedTask<Result<()>> {
    let (places, served) = (places.clone(), Arc::clone(served));
    SpawnedTask::spawn(async move {
        let place = places.take(&named(name)).await?;
        served.lock().push(name);
        drop(place);
        Ok(())
    })
}

async fn all(waiting: Vec<SpawnedTask<Result<()>>>) -> Vec<Result<()>> {
    let ended = join_all(waiting.into_iter().map(SpawnedTask::join)).await;
    ended.into_iter().map(Result::unwrap).collect()
}

async fn until_waiting(places: &Places, count: usize) {
    while places.load().1 != count {
        yield_now().await;
    }
}

#[tokio::test]
async fn principals_take_turns_and_the_queries_of_one_keep_their_order() {
    let places = places(1, 1, 1000);
    let first = places.take(&named("anna")).await.unwrap();
    let served = Arc::new(Mutex::new(Vec::new()));
    let mut waiting = Vec::new();
    for (count, name) in
        ["anna", "anna", "anna", "anna", "bo", "bo", "cleo"].into_iter().enumerate()
    {
        waiting.push(wait(&places, name, &served));
        until_waiting(&places, count + 1).await;
    }
    drop(first);
    assert!(all(waiting).await.iter().all(Result::is_ok));
    assert_eq!(*served.lock(), ["anna", "bo", "cleo", "anna", "bo", "anna", "anna"]);
    assert_eq!(places.load(), (0, 0));
    assert!(places.state.lock().lines.is_empty());
}

#[tokio::test]
async fn free_place_goes_to_whoever_holds_the_fewest() {
    let places = places(3, 3, 1000);
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(places.take(&named("anna")).await.unwrap());
    }
    let served = Arc::new(Mutex::new(Vec::new()));
    let greedy = wait(&places, "anna", &served);
    until_waiting(&places, 1).await;
    let modest = wait(&places, "bo", &served);
    until_waiting(&places, 2).await;
    held.pop();
    modest.join().await.unwrap().unwrap();
    greedy.join().await.unwrap().unwrap();
    assert_eq!(*served.lock(), ["bo", "anna"]);
}

#[tokio::test]
async fn principal_that_asks_a_thousand_times_does_not_keep_another_waiting() {
    let places = places(4, 4, 2000);
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(places.take(&named("anna")).await.unwrap());
    }
    let served = Arc::new(Mutex::new(Vec::new()));
    let mut waiting: Vec<_> = (0..1000).map(|_| wait(&places, "anna", &served)).collect();
    until_waiting(&places, 1000).await;
    waiting.extend((0..10).map(|_| wait(&places, "bo", &served)));
    until_waiting(&places, 1010).await;
    drop(held);
    assert!(all(waiting).await.iter().all(Result::is_ok));
    let served = served.lock();
    let last = served.iter().rposition(|name| *name == "bo").unwrap();
    assert!(last < 30, "the last of ten came after {last} others");
    assert_eq!(places.load(), (0, 0));
}

#[tokio::test]
async fn nobody_has_more_than_its_share_but_those_who_are_not_logged_in() {
    let places = places(4, 2, 1000);
    let first = places.try_take(&named("anna")).unwrap();
    let _second = places.try_take(&named("anna")).unwrap();
    assert!(places.try_take(&named("anna")).is_none());
    let served = Arc::new(Mutex::new(Vec::new()));
    let third = wait(&places, "anna", &served);
    until_waiting(&places, 1).await;
    let others: Vec<Place> =
        (0..2).map(|_| places.try_take(&named("anonymous")).unwrap()).collect();
    assert!(places.try_take(&named("anonymous")).is_none());
    drop(others);
    yield_now().await;
    assert!(served.lock().is_empty(), "places are free, but not for anna");
    drop(first);
    third.join().await.unwrap().unwrap();
}

#[tokio::test]
async fn full_queue_sheds_the_newcomer_or_the_last_of_the_longest_line() {
    let places = places(1, 1, 4);
    let held = places.take(&named("anna")).await.unwrap();
    let served = Arc::new(Mutex::new(Vec::new()));
    let mut waiting: Vec<_> = (0..4).map(|_| wait(&places, "anna", &served)).collect();
    until_waiting(&places, 4).await;
    let refusal = places.take(&named("anna")).await.err().unwrap();
    assert_eq!(refusal.kind(), ErrorKind::Overloaded);
    assert!(refusal.to_line().contains("too many queries are waiting"), "{refusal:?}");
    for _ in 0..2 {
        waiting.push(wait(&places, "bo", &served));
        yield_now().await;
    }
    let refusal = places.take(&named("bo")).await.err().unwrap();
    assert_eq!(refusal.kind(), ErrorKind::Overloaded, "lines of two and two");
    drop(held);
    let mut kinds: HashMap<bool, usize> = HashMap::new();
    for ended in all(waiting).await {
        *kinds.entry(ended.is_ok()).or_default() += 1;
    }
    assert_eq!(kinds, HashMap::from([(true, 4), (false, 2)]));
    assert_eq!(served.lock().iter().filter(|name| **name == "bo").count(), 2);
}

#[tokio::test]
async fn whoever_stops_waiting_leaves_the_queue_and_no_place_is_lost() {
    let places = places(1, 1, 1000);
    let held = places.take(&named("anna")).await.unwrap();
    let served = Arc::new(Mutex::new(Vec::new()));
    let gone = wait(&places, "bo", &served);
    until_waiting(&places, 1).await;
    let stays = wait(&places, "cleo", &served);
    until_waiting(&places, 2).await;
    drop(gone);
    until_waiting(&places, 1).await;
    drop(held);
    stays.join().await.unwrap().unwrap();
    assert_eq!(places.load(), (0, 0));
    for _ in 0..100 {
        // The place is handed over in the moment in which nobody wants it any more.
        let held = places.take(&named("anna")).await.unwrap();
        let gone = wait(&places, "bo", &served);
        until_waiting(&places, 1).await;
        drop(held);
        drop(gone);
        while places.load() != (0, 0) {
            yield_now().await;
        }
    }
}

#[tokio::test]
async fn wait_has_an_end_that_names_who_is_at_fault() {
    for (principal_places_max, message) in
        [(2, "too many queries are running"), (1, "too many queries of yours are running")]
    {
        let mut places = places(2, principal_places_max, 10);
        places.config.timeout = Duration::from_millis(1);
        let own = places.take(&named("anna")).await.unwrap();
        let other = places.take(&named("bo")).await.unwrap();
        let refusal = places.take(&named("anna")).await.err().unwrap();
        assert_eq!(refusal.kind(), ErrorKind::Overloaded);
        assert_eq!(refusal.message(), message);
        assert_eq!(places.load().1, 0);
        drop((own, other));
    }
}
