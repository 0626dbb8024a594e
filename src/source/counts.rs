//! Frames that were lost before anyone looked at them. In: what the pad counted and what was taken. Out: differences
//! since the last question. Kept by `connection`, told by `stream`.

/// Frames since the last call of `Source::take_counts`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Decoded frames that reached the slot.
    pub arrived: u64,
    /// Of those, replaced by a newer one before they were taken (live only).
    pub overwritten: u64,
    /// Taken, but no picture that can be read.
    pub damaged: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        self.arrived += more.arrived;
        self.overwritten += more.overwritten;
        self.damaged += more.damaged;
    }
}

/// Totals of one connection, and what was told of them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub taken: u64,
    pub damaged: u64,
    told: Counts,
}

impl Tally {
    /// `arrived`: all that the pad has counted; `waiting`: as many of those may still be taken. A frame may move between the two
    /// numbers while they are read, so losses are told when they are certain and never taken back.
    pub fn since(&mut self, arrived: u64, waiting: u64) -> Counts {
        let overwritten = arrived.saturating_sub(self.taken).saturating_sub(waiting).max(self.told.overwritten);
        let total = Counts { arrived, overwritten, damaged: self.damaged };
        let counts = Counts {
            arrived: total.arrived - self.told.arrived,
            overwritten: total.overwritten - self.told.overwritten,
            damaged: total.damaged - self.told.damaged,
        };
        self.told = total;
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrived_was_taken_waits_or_is_lost() {
        let mut tally = Tally { taken: 4, ..Tally::default() };
        assert_eq!(tally.since(10, 1), Counts { arrived: 10, overwritten: 5, damaged: 0 });
        assert_eq!(tally.since(10, 1), Counts::default());
        tally.taken = 6;
        tally.damaged = 1;
        assert_eq!(tally.since(12, 1), Counts { arrived: 2, overwritten: 0, damaged: 1 });
        assert_eq!(tally.since(13, 0), Counts { arrived: 1, overwritten: 2, damaged: 0 });
    }
}
