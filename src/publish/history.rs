//! The newest events, for clients that resume by sequence. Used by `board`.

use std::collections::VecDeque;
use std::sync::Arc;

/// A ring of serialised events with consecutive sequence numbers.
pub struct History {
    limit: usize,
    /// Sequence number of the newest event, 0 before the first.
    newest: u64,
    events: VecDeque<Arc<str>>,
}

impl History {
    /// Keeps at most `limit` events.
    pub fn new(limit: usize) -> Self {
        Self { limit, newest: 0, events: VecDeque::new() }
    }

    /// The number that the next event must carry.
    pub fn next(&self) -> u64 {
        self.newest + 1
    }

    pub fn newest(&self) -> u64 {
        self.newest
    }

    pub fn push(&mut self, event: Arc<str>) {
        self.newest += 1;
        self.events.push_back(event);
        if self.events.len() > self.limit {
            self.events.pop_front();
        }
    }

    /// Skips a number and forgets what is kept: whoever was here before needs a snapshot to go on.
    pub fn break_off(&mut self) {
        self.newest += 1;
        self.events.clear();
    }

    /// The events after number `seen`; None when some of them are gone, or when it was never given out.
    pub fn after(&self, seen: u64) -> Option<Vec<Arc<str>>> {
        let missing = usize::try_from(self.newest.checked_sub(seen)?).ok()?;
        let kept = self.events.len().checked_sub(missing)?;
        Some(self.events.range(kept..).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_can_be_resumed_and_nothing_else() {
        let mut history = History::new(3);
        assert_eq!(history.after(0), Some(vec![]));
        for number in 1..=5 {
            assert_eq!(history.next(), number);
            history.push(number.to_string().into());
        }
        let after = |seen| history.after(seen).map(|events| events.join(" "));
        assert_eq!(after(5).as_deref(), Some(""));
        assert_eq!(after(4).as_deref(), Some("5"));
        assert_eq!(after(2).as_deref(), Some("3 4 5"));
        assert_eq!(after(1), None);
        assert_eq!(after(6), None);
    }

    #[test]
    fn after_a_break_nobody_resumes_from_before_it() {
        let mut history = History::new(3);
        history.push("1".into());
        history.break_off();
        assert_eq!((history.newest(), history.after(1)), (2, None));
        assert_eq!(history.after(2), Some(vec![]));
        history.push("3".into());
        assert_eq!(history.after(1), None);
        assert_eq!(history.after(2).map(|events| events.len()), Some(1));
    }

    #[test]
    fn a_history_that_keeps_nothing_resumes_only_who_missed_nothing() {
        let mut history = History::new(0);
        history.push("1".into());
        assert_eq!(history.after(1), Some(vec![]));
        assert_eq!(history.after(0), None);
    }
}
