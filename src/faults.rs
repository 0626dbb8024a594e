//! What is wrong with a table of settings. In: values with their bounds. Out: a key and a message for each fault, which
//! `config` reports all at once. Called by every room's `Config::check`.

use std::fmt::Display;

/// (key within the table, message).
pub type Faults = Vec<(String, String)>;

/// Adds a fault unless the value is `low`-`high`; NaN is not.
pub fn range<T: Copy + PartialOrd + Display>(faults: &mut Faults, key: &str, value: T, low: T, high: T) {
    if !(low..=high).contains(&value) {
        faults.push((key.into(), format!("must be {low}-{high}, got {value}")));
    }
}
