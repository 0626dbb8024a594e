//! How much of a batch one call takes while memory is short. In: what did not fit, and what did. Out: rows a call. Kept by
//! `session`, one a graph.

/// After so many calls that fit, twice as much is tried: whoever took the memory may have given it back.
const PATIENCE: u32 = 256;

pub(super) struct Portion {
    most: usize,
    fitted: u32,
}

impl Portion {
    pub fn unlimited() -> Self {
        Self { most: usize::MAX, fitted: 0 }
    }

    /// Rows for the next call when so many are left.
    pub fn of(&self, rows: usize) -> usize {
        rows.min(self.most)
    }

    /// A call with so many rows, more than 1, found no memory.
    pub fn halve(&mut self, rows: usize) {
        *self = Self { most: rows.div_ceil(2), fitted: 0 };
    }

    pub fn fitted(&mut self) {
        self.fitted += 1;
        if self.fitted >= PATIENCE {
            *self = Self { most: self.most.saturating_mul(2), fitted: 0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_halved_until_it_does_and_grows_again_later() {
        let mut portion = Portion::unlimited();
        assert_eq!(portion.of(16), 16);
        let mut tried = Vec::new();
        while portion.of(16) > 3 {
            tried.push(portion.of(16));
            portion.halve(portion.of(16));
        }
        assert_eq!((tried, portion.of(16), portion.of(1)), (vec![16, 8, 4], 2, 1));
        (0..PATIENCE - 1).for_each(|_| portion.fitted());
        assert_eq!(portion.of(16), 2);
        (0..1 + 10 * PATIENCE).for_each(|_| portion.fitted());
        assert_eq!(portion.of(16), 16);
    }
}
