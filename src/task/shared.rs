//! What several tasks of one sweep share: read and prepared once, dropped with its last user.

use crate::error::Result;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Values by the content that they are made of.
pub(super) struct Shared<T>(Mutex<BTreeMap<String, Weak<T>>>);

impl<T> Shared<T> {
    pub const fn new() -> Self {
        Shared(Mutex::new(BTreeMap::new()))
    }

    /// The living value of this key, or the one that `make` makes; the key must tell everything that `make` depends on. Nothing is
    /// locked meanwhile, for `make` may run in parallel.
    pub fn get(&self, key: String, make: impl FnOnce() -> Result<T>) -> Result<Arc<T>> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let living = lock().get(&key).and_then(Weak::upgrade);
        if let Some(value) = living {
            return Ok(value);
        }
        let made = Arc::new(make()?);
        let mut values = lock();
        values.retain(|_, value| value.strong_count() > 0);
        if let Some(value) = values.get(&key).and_then(Weak::upgrade) {
            return Ok(value);
        }
        values.insert(key, Arc::downgrade(&made));
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn a_value_lives_as_long_as_its_users() {
        let shared = Shared::new();
        let first = shared.get("a".into(), || Ok(1)).unwrap();
        assert_eq!(*shared.get("a".into(), || Ok(2)).unwrap(), 1);
        assert_eq!(*shared.get("b".into(), || Ok(3)).unwrap(), 3);
        drop(first);
        assert_eq!(*shared.get("a".into(), || Ok(2)).unwrap(), 2);
        assert!(shared.get("c".into(), || Err(Error::bug("", ""))).is_err());
    }
}
