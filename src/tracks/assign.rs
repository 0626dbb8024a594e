//! Which face continues which track. In: a table of how well each fits each. Out: pairs. Pure; used by the tracker.
//!
//! As many pairs as can be, and of those the best sum, by the Hungarian method (Kuhn 1955; shortest augmenting paths
//! with prices). Best pair first was tried: in a crowd it lost tracks that could have been kept.

/// A pair counts for more than any difference of fits, which lie within -1 to 1.
const PAIR: f64 = 1000.0;

/// Above any sum of costs.
const NEVER: f64 = 1e9;

/// Pairs (row, column) of `fit`, each row and each column once at most; None: cannot be a pair.
pub(super) fn assign(fit: &[Vec<Option<f32>>]) -> Vec<(usize, usize)> {
    let (rows, faces) = (fit.len(), fit.first().map_or(0, Vec::len));
    // Behind the faces each row has a column of its own, for staying alone.
    let columns = faces + rows;
    let cost = |row: usize, column: usize| match fit[row].get(column) {
        Some(Some(fit)) => -PAIR - f64::from(*fit),
        None if column - faces == row => 0.0,
        _ => NEVER,
    };
    let mut owner: Vec<Option<usize>> = vec![None; columns];
    let mut row_price = vec![0.0; rows];
    let mut column_price = vec![0.0; columns];
    for start in 0..rows {
        // The cheapest chain of changes that gives `start` a column: `from` is the column before in the chain.
        let mut distance = vec![f64::INFINITY; columns];
        let mut from: Vec<Option<usize>> = vec![None; columns];
        let mut done = vec![false; columns];
        let (mut row, mut reached, mut last) = (start, 0.0, None);
        let end = loop {
            for column in (0..columns).filter(|&c| !done[c]) {
                let through = reached + cost(row, column) - row_price[row] - column_price[column];
                if through < distance[column] {
                    (distance[column], from[column]) = (through, last);
                }
            }
            let nearest = (0..columns).filter(|&c| !done[c]).min_by(|&a, &b| distance[a].total_cmp(&distance[b]));
            // Invariant: the row's own column is always among them.
            let Some(column) = nearest else { return Vec::new() };
            (done[column], reached, last) = (true, distance[column], Some(column));
            match owner[column] {
                Some(next) => row = next,
                None => break column,
            }
        };
        row_price[start] += reached;
        for column in (0..columns).filter(|&c| done[c] && c != end) {
            let saved = reached - distance[column];
            column_price[column] -= saved;
            if let Some(row) = owner[column] {
                row_price[row] += saved;
            }
        }
        let mut column = end;
        while let Some(before) = from[column] {
            owner[column] = owner[before];
            column = before;
        }
        owner[column] = Some(start);
    }
    owner.iter().take(faces).enumerate().filter_map(|(column, row)| Some(((*row)?, column))).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sum(fit: &[Vec<Option<f32>>], pairs: &[(usize, usize)]) -> f64 {
        pairs.iter().map(|&(row, column)| PAIR + f64::from(fit[row][column].unwrap())).sum()
    }

    /// By trying all.
    fn best(fit: &[Vec<Option<f32>>], row: usize, taken: &mut Vec<bool>) -> f64 {
        let Some(columns) = fit.get(row) else { return 0.0 };
        let mut most = best(fit, row + 1, taken);
        for (column, value) in columns.iter().enumerate() {
            if let (Some(value), false) = (value, taken[column]) {
                taken[column] = true;
                most = most.max(PAIR + f64::from(*value) + best(fit, row + 1, taken));
                taken[column] = false;
            }
        }
        most
    }

    proptest! {
        #[test]
        fn no_other_pairs_are_better(
            rows in 0..6usize, columns in 0..6usize,
            values in proptest::collection::vec(proptest::option::weighted(0.6, -1f32..1.0), 36),
        ) {
            let fit: Vec<Vec<_>> = (0..rows).map(|r| values[r * 6..][..columns].to_vec()).collect();
            let pairs = assign(&fit);
            for (n, (row, column)) in pairs.iter().enumerate() {
                prop_assert!(fit[*row][*column].is_some());
                prop_assert!(pairs[..n].iter().all(|(r, c)| r != row && c != column), "each once");
            }
            let most = best(&fit, 0, &mut vec![false; columns]);
            prop_assert!((sum(&fit, &pairs) - most).abs() < 1e-3, "{pairs:?} gives {}, best {most}", sum(&fit, &pairs));
        }
    }
}
