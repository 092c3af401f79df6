//! What stays in the table, and for whom there is room.

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

fn anna() -> Principal {
    Principal::user("anna")
}

#[test]
fn thing_ends_with_its_lifetime() {
    let table = Expiring::new("things", 2, Share::percent(100));
    table.insert(&anna(), (1, Arc::new("a")), Duration::ZERO, |_| false).unwrap();
    table.insert(&anna(), (2, Arc::new("b")), HOUR, |_| false).unwrap();
    assert!(table.get(&1).is_none());
    assert_eq!(table.get(&2).as_deref(), Some(&"b"));
    table.end_in(&2, Duration::ZERO);
    assert!(table.get(&2).is_none());
    table.sweep();
    assert!(table.remove(&2).is_none());
}

#[test]
fn full_table_drops_the_spare_and_refuses_the_rest() {
    let table = Expiring::new("things", 2, Share::percent(100));
    for (key, value) in [(1, "spare"), (2, "used"), (3, "used")] {
        table.insert(&anna(), (key, Arc::new(value)), HOUR, |value| *value == "spare").unwrap();
    }
    assert!(table.get(&1).is_none());
    let refusal = table.insert(&anna(), (4, Arc::new("used")), HOUR, |_| false);
    assert_eq!(refusal.map_err(|error| error.kind()), Err(ErrorKind::Overloaded));
}

#[test]
fn full_table_drops_the_oldest_that_it_can_spare_and_no_more() {
    let table = Arc::new(Expiring::new("things", 3, Share::percent(100)));
    let insert =
        |key| table.insert(&anna(), (key, Arc::new(key)), HOUR, |value| *value != 1).unwrap();
    let there = || (1..=6).filter(|key| table.get(key).is_some()).collect::<Vec<_>>();
    [1, 2, 3].into_iter().for_each(insert);
    let hold = table.hold(2, HOUR).unwrap();
    insert(4);
    assert_eq!(there(), [1, 2, 4]);
    drop(hold);
    insert(5);
    assert_eq!(there().len(), 3);
    assert!(there().contains(&1) && there().contains(&5), "{:?}", there());
}

#[test]
fn keys_of_what_is_gone_are_forgotten() {
    let table = Expiring::new("things", 3, Share::percent(100));
    for key in 0..1000 {
        table.insert(&anna(), (key, Arc::new(key)), HOUR, |_| false).unwrap();
        table.remove(&key);
    }
    assert!(
        table.entries.lock().owners.get("anna").map_or(0, |owned| owned.order.len())
            <= GONE_KEYS_MAX + 1
    );
}

#[test]
fn thing_that_is_held_does_not_end() {
    let table = Arc::new(Expiring::new("things", 1, Share::percent(100)));
    table.insert(&anna(), (1, Arc::new("a")), HOUR, |_| false).unwrap();
    let first = table.hold(1, HOUR).unwrap();
    let second = table.hold(1, Duration::ZERO).unwrap();
    table.end_in(&1, Duration::ZERO);
    drop(first);
    table.end_in(&1, Duration::ZERO);
    table.sweep();
    assert!(table.insert(&anna(), (2, Arc::new("b")), HOUR, |_| true).is_err());
    assert!(table.get(&1).is_some());
    drop(second);
    assert!(table.get(&1).is_none());
    assert!(table.hold(1, HOUR).is_none());
}

#[test]
fn principal_with_its_share_is_refused_and_others_are_not() {
    let table = Expiring::new("things", 8, Share::percent(25));
    let insert = |principal: &Principal, key| {
        let inserted = table.insert(principal, (key, Arc::new(key)), HOUR, |_| false);
        inserted.map_err(|error| error.to_line())
    };
    insert(&anna(), 1).unwrap();
    insert(&anna(), 2).unwrap();
    let refusal = insert(&anna(), 3).err().unwrap();
    assert!(refusal.starts_with("you have too many things at once: the server keeps at most 2"));
    insert(&Principal::user("bo"), 4).unwrap();
    table.remove(&1);
    insert(&anna(), 5).unwrap();
    let nobody = Principal::anonymous();
    (6..11).for_each(|key| insert(&nobody, key).unwrap());
    let refusal = insert(&Principal::user("cleo"), 11).err().unwrap();
    assert!(refusal.starts_with("there are too many things at once"), "{refusal}");
    for key in [2, 4, 5, 6, 7, 8, 9, 10] {
        table.end_in(&key, Duration::ZERO);
    }
    table.sweep();
    assert!(table.entries.lock().owners.is_empty());
}

#[test]
fn own_spare_things_make_room_before_those_of_others() {
    let table = Expiring::new("things", 4, Share::percent(50));
    let bo = Principal::user("bo");
    let insert = |principal: &Principal, key: i32| {
        table.insert(principal, (key, Arc::new(key)), HOUR, |_| true).unwrap();
    };
    let there = || (1..=7).filter(|key| table.get(key).is_some()).collect::<Vec<_>>();
    for (who, key) in [(&bo, 1), (&bo, 2), (&anna(), 3), (&anna(), 4), (&anna(), 5)] {
        insert(who, key);
    }
    assert_eq!(there(), [1, 2, 4, 5]);
    insert(&Principal::user("cleo"), 6);
    assert_eq!(there().len(), 4, "{:?}", there());
    assert!(there().contains(&6));
}
