//! Shared intermediate results: looked up by their content, whoever computed them, within a budget of memory.

use crate::error::Result;
use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Values by the content that they are made of. A value depends on its key alone, so results do not depend on which
/// thread came first, nor on what was dropped.
///
/// Nothing is locked while a value is computed: computing may run in parallel, and a thread that waits for the parts may
/// take up other work that asks for the same key. It then computes the value too; the first one to finish is kept.
///
/// ```
/// use saddlepoint::numerics::memo::Memo;
/// let memo = Memo::new(1 << 20);
/// let squares = || Ok((0..10).map(|k| (k * k) as f64).collect::<Vec<f64>>());
/// let first = memo.get("squares below 10", |v| 8 * v.len() as u64, squares)?;
/// let again = memo.get("squares below 10", |v: &Vec<f64>| 8 * v.len() as u64, || unreachable!())?;
/// assert!(first[3] == 9.0 && again[9] == 81.0);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub struct Memo {
    budget: u64,
    kept: Mutex<Values>,
}

#[derive(Default)]
struct Values {
    values: HashMap<(TypeId, String), Entry>,
    bytes: u64,
    clock: u64,
}

struct Entry {
    value: Arc<dyn Any + Send + Sync>,
    bytes: u64,
    /// When it was asked for last.
    used: u64,
}

/// What a solve or a recorder leaves in the memo for others; for the estimate of memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// The same text for the same value, whoever asks for it.
    pub content: String,
    /// Its size.
    pub bytes: u64,
}

impl Memo {
    /// Keeps at most `budget` bytes; what was not asked for longest is dropped first.
    pub fn new(budget: u64) -> Self {
        Memo {
            budget,
            kept: Mutex::default(),
        }
    }

    /// The value of `key`, made with `make` if nobody has. The key tells everything that the value depends on; values of
    /// different types do not meet. `bytes` is what the value occupies; one above the whole budget is not kept.
    ///
    /// Errors: those of `make`, which are not kept.
    pub fn get<T: Any + Send + Sync>(
        &self,
        key: &str,
        bytes: impl FnOnce(&T) -> u64,
        make: impl FnOnce() -> Result<T>,
    ) -> Result<Arc<T>> {
        let key = (TypeId::of::<T>(), key.to_string());
        if let Some(value) = self.lock().find(&key) {
            return Ok(value);
        }
        let made = Arc::new(make()?);
        let bytes = bytes(&made);
        let mut kept = self.lock();
        match kept.find(&key) {
            Some(value) => Ok(value),
            None => {
                if bytes <= self.budget {
                    kept.insert(key, made.clone(), bytes, self.budget);
                }
                Ok(made)
            }
        }
    }

    /// Bytes that are kept now.
    pub fn bytes(&self) -> u64 {
        self.lock().bytes
    }

    fn lock(&self) -> MutexGuard<'_, Values> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Values {
    fn find<T: Any + Send + Sync>(&mut self, key: &(TypeId, String)) -> Option<Arc<T>> {
        self.clock += 1;
        let entry = self.values.get_mut(key)?;
        entry.used = self.clock;
        entry.value.clone().downcast().ok()
    }

    fn insert(
        &mut self,
        key: (TypeId, String),
        value: Arc<dyn Any + Send + Sync>,
        bytes: u64,
        budget: u64,
    ) {
        while self.bytes + bytes > budget {
            let oldest = self.values.iter().min_by_key(|(_, entry)| entry.used);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else {
                break;
            };
            self.bytes -= self.values.remove(&oldest).map_or(0, |entry| entry.bytes);
        }
        self.bytes += bytes;
        let used = self.clock;
        self.values.insert(key, Entry { value, bytes, used });
    }
}

impl fmt::Debug for Memo {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Memo of {} bytes", self.budget)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use rayon::prelude::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// A thread that waits for parallel parts of a value takes up work that asks for the value again: a lock held meanwhile
    /// would stop it for ever. Here the work is done in `make` itself, so that it happens every time.
    #[test]
    fn a_value_may_be_asked_for_while_it_is_computed() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(8).build();
        let memo = Memo::new(1 << 10);
        let sum = |n: u64| (0..n).into_par_iter().sum::<u64>();
        let eight = |_: &u64| 8;
        let nested = || *memo.get("3", eight, || Ok(sum(1000))).unwrap();
        let values: Vec<u64> = pool.unwrap().install(|| {
            let all = (0..64).into_par_iter();
            all.map(|k| {
                let made = || Ok(sum(1000) + nested() - nested());
                *memo.get(&(k % 4).to_string(), eight, made).unwrap()
            })
            .collect()
        });
        assert!(values.iter().all(|v| *v == 499_500));
    }

    #[test]
    fn the_budget_holds_and_what_was_not_asked_for_goes_first() {
        let memo = Memo::new(30);
        let made = AtomicUsize::new(0);
        let get = |key: &str, bytes: u64| {
            let make = || {
                made.fetch_add(1, Ordering::Relaxed);
                Ok(key.to_string())
            };
            assert_eq!(*memo.get(key, |_| bytes, make).unwrap(), key);
            assert!(memo.bytes() <= 30);
            made.load(Ordering::Relaxed)
        };
        assert_eq!([get("a", 10), get("b", 10), get("c", 10)], [1, 2, 3]);
        assert_eq!([get("a", 10), get("d", 10)], [3, 4]);
        assert_eq!([get("a", 10), get("c", 10), get("b", 10)], [4, 4, 5]);
        assert_eq!([get("too large", 31), get("too large", 31)], [6, 7]);
        assert_eq!(memo.bytes(), 30);
    }

    #[test]
    fn types_and_errors_are_kept_apart() {
        let memo = Memo::new(100);
        let failed = memo.get("a", |_: &u64| 8, || Err(Error::bug("", "")));
        assert!(failed.is_err());
        assert_eq!(*memo.get("a", |_| 8, || Ok(1u64)).unwrap(), 1);
        assert_eq!(*memo.get("a", |_| 8, || Ok(2u32)).unwrap(), 2);
    }
}
