//! Shared intermediate results: looked up by key, whoever computed them.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

/// A map from keys to values. The value depends on the key alone, so results do not depend on which thread came first.
///
/// Nothing is locked while a value is computed: computing may run in parallel, and a thread that waits for the parts may take up other work
/// that asks for the same key. It then computes the value too; the first one to finish is kept.
pub struct Memo<K, V> {
    values: Mutex<HashMap<K, V>>,
}

impl<K: Eq + Hash, V: Clone> Memo<K, V> {
    /// A map without values.
    pub fn new() -> Self {
        Memo {
            values: Mutex::new(HashMap::new()),
        }
    }

    /// The value of `key`, computing it with `make` if nobody has.
    pub fn get(&self, key: K, make: impl FnOnce() -> V) -> V {
        let lock = || self.values.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lock().get(&key).cloned();
        match known {
            Some(value) => value,
            None => {
                let value = make();
                lock().entry(key).or_insert(value).clone()
            }
        }
    }
}

impl<K: Eq + Hash, V: Clone> Default for Memo<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rayon::prelude::*;

    /// A thread that waits for parallel parts of a value takes up work that asks for the value again: a lock held meanwhile would stop it
    /// for ever. Here the work is done in `make` itself, so that it happens every time.
    #[test]
    fn a_value_may_be_asked_for_while_it_is_computed() {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(8)
            .build()
            .unwrap();
        let memo = Memo::new();
        let sum = |n: u64| (0..n).into_par_iter().sum::<u64>();
        let nested = || memo.get(3, || sum(1000));
        let values: Vec<u64> = pool.install(|| {
            let all = (0..64).into_par_iter();
            all.map(|k| memo.get(k % 4, || sum(1000) + nested() - nested()))
                .collect()
        });
        assert!(values.iter().all(|v| *v == 499_500));
    }
}
