//! Statistics of many samples.

/// Returns the middle one; NaN if there is none.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Returns the value that this share of `sorted` has at most; NaN if there is none.
pub fn percentile<T: Copy + Into<f64>>(sorted: &[T], share: f64) -> f64 {
    let index = (sorted.len() as f64 * share) as usize;
    let last = sorted.len().saturating_sub(1);
    sorted.get(index.min(last)).map_or(f64::NAN, |&value| value.into())
}

/// Returns the least and the greatest, as `a to b`, with `digits` digits after the point.
pub fn range(values: impl IntoIterator<Item = f64>, digits: usize) -> String {
    let (least, greatest) =
        values.into_iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, greatest), value| {
            (least.min(value), greatest.max(value))
        });
    format!("{least:.digits$} to {greatest:.digits$}")
}
