// SPDX-License-Identifier: MIT OR Apache-2.0
//! Breakers by name and by key.
use std::sync::Arc;

use trifuse::{CircuitBreaker, Config, KeyedBreakers, Preset, Registry};

// SEED-06
#[test]
fn each_name_has_its_own_breaker_and_configuration_to_iterate_over() {
    let registry = Registry::new();
    let payment = registry.breaker("payment", Config::preset(Preset::Payment)).unwrap();
    registry.breaker("user", Config::preset(Preset::User)).unwrap();
    payment.force_open();
    let seen: Vec<_> = registry
        .iter()
        .map(|b| (b.name().to_owned(), b.config().minimum_calls(), b.state().to_string()))
        .collect();
    let expected =
        [("payment".to_owned(), 5, "forced_open".to_owned()), ("user".to_owned(), 15, "closed".to_owned())];
    assert_eq!(seen, expected);
}

#[test]
fn the_same_configuration_shares_a_breaker_and_another_is_an_error_that_names_it() {
    let registry = Registry::new();
    let one = CircuitBreaker::builder("payments").minimum_calls(7).build_in(&registry).unwrap();
    let same = registry.breaker("payments", Config::DEFAULT.with_minimum_calls(7)).unwrap();
    assert!(one.same_as(&same));
    let error = registry.breaker("payments", Config::DEFAULT).unwrap_err();
    assert!(error.to_string().starts_with("name = \"payments\" is not allowed"), "{error}");
    assert!(registry.breaker("", Config::DEFAULT).is_err());
    assert!(registry.breaker("bad", Config::DEFAULT.with_minimum_calls(0)).is_err());
    assert_eq!(registry.len(), 1);
}

#[test]
fn threads_that_ask_for_one_name_at_once_get_one_breaker() {
    let registry = Registry::new();
    let all: Vec<_> = std::thread::scope(|scope| {
        let asked: Vec<_> =
            (0..16).map(|_| scope.spawn(|| registry.breaker("x", Config::DEFAULT).unwrap())).collect();
        asked.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(all.iter().all(|breaker| breaker.same_as(&all[0])));
}

fn keyed(capacity: usize) -> KeyedBreakers<u32> {
    KeyedBreakers::builder("db").capacity(capacity).build().unwrap()
}

#[test]
fn a_new_key_takes_the_place_of_one_that_was_not_asked_for_lately() {
    let shards = keyed(3);
    for key in 0..3 {
        shards.get(&key);
    }
    shards.get(&3);
    for key in [1, 2, 1, 2] {
        shards.get(&key);
    }
    shards.get(&4);
    let mut names: Vec<_> = shards.iter().map(|breaker| breaker.name().to_owned()).collect();
    names.sort();
    assert!(names.contains(&"db[4]".to_owned()) && names.len() == 3, "{names:?}");
    assert_eq!((shards.evicted(), shards.overflowed()), (2, 0));
}

#[test]
fn a_breaker_that_is_not_closed_held_or_in_use_is_never_evicted() {
    let shards = keyed(3);
    shards.get(&0).force_open();
    let held = shards.get(&1);
    let permit = shards.get(&2).try_acquire_owned().unwrap();
    let overflow = shards.get(&3);
    assert_eq!(overflow.name(), "db[overflow]");
    assert!(shards.get(&4).same_as(&overflow) && overflow.same_as(shards.overflow()));
    assert_eq!((shards.evicted(), shards.overflowed(), shards.len()), (0, 2, 3));
    permit.success();
    assert_eq!(shards.get(&5).name(), "db[5]");
    assert_eq!((shards.evicted(), shards.len()), (1, 3));
    assert_eq!(held.name(), "db[1]");
}

#[test]
fn memory_stays_bounded_under_a_storm_of_keys_from_many_threads() {
    let hosts = Arc::new(KeyedBreakers::<String>::builder("http").capacity(50).build().unwrap());
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let hosts = &hosts;
            scope.spawn(move || {
                for n in 0..2_000 {
                    let key = format!("host-{}", (n * 7 + thread * 13) % 500);
                    hosts.get(key.as_str()).call(|| Ok::<_, ()>(())).unwrap();
                }
            });
        }
    });
    assert_eq!(hosts.len(), 50);
    assert!(hosts.evicted() > 100);
    assert!(
        hosts.iter().all(|breaker| Arc::strong_count(&hosts) == 1 && breaker.name().starts_with("http["))
    );
}
