//! A histogram of latencies between two moments, and its percentiles. In: cumulative buckets as Prometheus counts them.
//! Out: milliseconds. Made by `metrics`, read by `vitals`.

/// Cumulative counts by upper bound in seconds; the last bound is infinite.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Latency {
    pub(super) buckets: Vec<(f64, u64)>,
}

impl Latency {
    pub fn count(&self) -> u64 {
        self.buckets.last().map_or(0, |(_, count)| *count)
    }

    /// What came since `earlier`, a snapshot of the same histogram.
    pub fn since(&self, earlier: Option<&Self>) -> Self {
        let before = |at: usize| earlier.and_then(|earlier| earlier.buckets.get(at)).map_or(0, |(_, count)| *count);
        let buckets = self.buckets.iter().enumerate();
        Self { buckets: buckets.map(|(at, (bound, count))| (*bound, count.saturating_sub(before(at)))).collect() }
    }

    /// The sum of two histograms with the same bounds.
    pub(super) fn add(&mut self, other: &[(f64, u64)]) {
        if self.buckets.is_empty() {
            self.buckets = other.to_vec();
            return;
        }
        for ((_, sum), (_, count)) in self.buckets.iter_mut().zip(other) {
            *sum += count;
        }
    }

    /// The `share`-quantile in ms, taken evenly within its bucket as Prometheus does; what lies beyond the last finite
    /// bound counts as that bound. None without a value.
    pub fn quantile_ms(&self, share: f64) -> Option<f64> {
        let rank = share * self.count() as f64;
        if self.count() == 0 {
            return None;
        }
        let (mut low, mut below) = (0.0, 0);
        for (bound, count) in &self.buckets {
            if *count as f64 >= rank && *count > below {
                let high = if bound.is_finite() { *bound } else { low };
                return Some((low + (high - low) * (rank - below as f64) / (count - below) as f64) * 1e3);
            }
            if bound.is_finite() {
                (low, below) = (*bound, *count);
            }
        }
        Some(low * 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_lie_within_their_bucket() {
        let whole = Latency { buckets: vec![(0.01, 50), (0.02, 90), (0.1, 100), (f64::INFINITY, 100)] };
        assert_eq!(whole.quantile_ms(0.5), Some(10.0));
        assert!((whole.quantile_ms(0.95).unwrap() - 60.0).abs() < 1e-9);
        assert_eq!(whole.count(), 100);
        let later = Latency { buckets: vec![(0.01, 50), (0.02, 90), (0.1, 110), (f64::INFINITY, 120)] };
        let between = later.since(Some(&whole));
        assert_eq!((between.count(), between.quantile_ms(0.99)), (20, Some(100.0)));
        assert_eq!(whole.since(Some(&whole)).quantile_ms(0.5), None);
        assert_eq!(Latency::default().quantile_ms(0.5), None);
    }
}
