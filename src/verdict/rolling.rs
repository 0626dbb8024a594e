//! The rolling average of one face. In: log-odds of windows, or the size of the face in them, with a weight and their
//! pts. Out: a probability, or a mean.
//! Called by `face`.

use std::time::Duration;

/// A weighted exponential average over irregular times,
/// `sum(w_i exp(-(t - t_i)/tau) x_i) / sum(w_i exp(-(t - t_i)/tau))`: the exponential moving average of A. Eckner,
/// "Algorithms for Unevenly Spaced Time Series" (2012), divided by its own total weight so that the first windows
/// need no starting value (as the bias correction of Kingma and Ba's Adam does, 2015).
#[derive(Clone, Debug, Default)]
pub struct Rolling {
    sum: f64,
    weight: f64,
    at: Duration,
}

impl Rolling {
    /// Takes one window in. `weight` above 0; `time_constant` in seconds, above 0. A pts before the last one counts
    /// as the last one.
    pub fn add(&mut self, pts: Duration, value: f64, weight: f64, time_constant: f64) {
        let decay = (-pts.saturating_sub(self.at).as_secs_f64() / time_constant).exp();
        self.sum = self.sum * decay + weight * value;
        self.weight = self.weight * decay + weight;
        self.at = self.at.max(pts);
    }

    /// None before the first window.
    pub fn mean(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.sum / self.weight)
    }

    /// The average as a probability.
    pub fn probability(&self) -> Option<f32> {
        self.mean().map(|log_odds| sigmoid(log_odds) as f32)
    }
}

/// Log-odds to probability.
pub fn sigmoid(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_windows_average_to_themselves_whatever_their_times_and_weights() {
        let mut rolling = Rolling::default();
        assert_eq!(rolling.probability(), None);
        for (ms, weight) in [(0, 0.1), (125, 1.0), (900, 0.5), (60_000, 0.2)] {
            rolling.add(Duration::from_millis(ms), 1.5, weight, 3.0);
            assert!((rolling.probability().unwrap() - sigmoid(1.5) as f32).abs() < 1e-6);
        }
    }

    #[test]
    fn weights_and_time_count_as_the_formula_says() {
        let mut rolling = Rolling::default();
        rolling.add(Duration::ZERO, 2.0, 0.5, 3.0);
        rolling.add(Duration::from_secs(3), -1.0, 1.0, 3.0);
        let old = 0.5 * (-1.0f64).exp();
        let expected = sigmoid((old * 2.0 - 1.0) / (old + 1.0)) as f32;
        assert!((rolling.probability().unwrap() - expected).abs() < 1e-6);
    }

    #[test]
    fn after_a_very_long_time_only_the_new_window_counts() {
        let mut rolling = Rolling::default();
        rolling.add(Duration::ZERO, 4.0, 1.0, 0.1);
        rolling.add(Duration::from_secs(1_000_000), -4.0, 1.0, 0.1);
        assert!((rolling.probability().unwrap() - sigmoid(-4.0) as f32).abs() < 1e-6);
    }
}
