//! A few things that many threads borrow, one each. Used by `detector` for its networks.

use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

pub(super) struct Pool<T> {
    free: Mutex<Vec<T>>,
    returned: Condvar,
}

impl<T> Pool<T> {
    pub fn new(items: Vec<T>) -> Self {
        Self { free: Mutex::new(items), returned: Condvar::new() }
    }

    /// Borrows one; None when none came back within `wait`.
    pub fn borrow(&self, wait: Duration) -> Option<Borrowed<'_, T>> {
        // A list of free items is whole after any panic of a borrower.
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut free, _) = self
            .returned
            .wait_timeout_while(free, wait, |free| free.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        free.pop().map(|item| Borrowed { item: Some(item), pool: self })
    }
}

/// Goes back when dropped.
pub(super) struct Borrowed<'a, T> {
    /// Some until dropped.
    item: Option<T>,
    pool: &'a Pool<T>,
}

impl<T> Deref for Borrowed<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // Invariant: taken only by drop.
        self.item.as_ref().expect("borrowed until dropped")
    }
}

impl<T> DerefMut for Borrowed<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // Invariant: taken only by drop.
        self.item.as_mut().expect("borrowed until dropped")
    }
}

impl<T> Drop for Borrowed<'_, T> {
    fn drop(&mut self) {
        self.pool.free.lock().unwrap_or_else(PoisonError::into_inner).extend(self.item.take());
        self.pool.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_borrowed_comes_back() {
        let pool = Pool::new(vec![1, 2]);
        let (mut a, b) = (pool.borrow(Duration::ZERO).unwrap(), pool.borrow(Duration::ZERO).unwrap());
        assert_eq!(*a + *b, 3);
        *a += 10;
        assert!(pool.borrow(Duration::from_millis(1)).is_none(), "the wait is bounded");
        drop(a);
        assert!(*pool.borrow(Duration::ZERO).unwrap() > 10);
    }

    #[test]
    fn a_waiting_thread_gets_what_another_returns() {
        let pool = Pool::new(vec![7]);
        let held = pool.borrow(Duration::ZERO).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| pool.borrow(Duration::from_secs(60)).map(|item| *item));
            drop(held);
            assert_eq!(waiting.join().unwrap(), Some(7));
        });
    }

    #[test]
    fn a_panic_gives_it_back() {
        let pool = Pool::new(vec![7]);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _held = pool.borrow(Duration::ZERO);
            panic!("a model call that panics");
        }));
        assert!(panicked.is_err());
        assert!(pool.borrow(Duration::ZERO).is_some());
    }
}
