//! Charts: numbers become rectangles, which a template draws as SVG.
//!
//! What belongs here: geometry. What doesn't: colours, which are classes of the style sheet, and the table behind a
//! chart, which is its template's.

use crate::domain::Time;
use crate::inspect::Series;

/// The size of a chart in its own units.
const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 80.0;

/// The part of an hour's place that its bar fills.
const FILLED: f64 = 0.8;

/// Bars of a series, each a stack of its numbers.
pub struct Bars {
    pub width: f64,
    pub height: f64,
    /// The largest sum of one bar.
    pub most: i64,
    pub rectangles: Vec<Rectangle>,
}

/// A part of a bar.
pub struct Rectangle {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
    /// The place of its number among those of the bar, which selects its colour.
    pub place: usize,
    /// The hour, the outcome and the number, for who points at it.
    pub hour: Time,
    pub outcome: String,
    pub number: i64,
}

impl Bars {
    /// Makes the bars of a series.
    pub fn of(series: &Series) -> Self {
        let sums = series.hours.iter().map(|hour| hour.numbers.iter().sum::<i64>());
        let most = sums.max().unwrap_or(0);
        let place = WIDTH / as_f64(i64::try_from(series.hours.len().max(1)).unwrap_or(1));
        let unit = HEIGHT / as_f64(most.max(1));
        let mut rectangles = Vec::new();
        for (column, hour) in (0_i64..).zip(&series.hours) {
            let mut y = HEIGHT;
            for (place_of, (number, outcome)) in
                hour.numbers.iter().zip(&series.outcomes).enumerate()
            {
                if *number <= 0 {
                    continue;
                }
                let height = unit * as_f64(*number);
                y -= height;
                rectangles.push(Rectangle {
                    x: rounded(place * as_f64(column)),
                    y: rounded(y),
                    width: rounded(place * FILLED),
                    height: rounded(height),
                    place: place_of,
                    hour: hour.hour,
                    outcome: outcome.clone(),
                    number: *number,
                });
            }
        }
        Self { width: WIDTH, height: HEIGHT, most, rectangles }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a picture shows no more digits")]
fn as_f64(number: i64) -> f64 {
    number as f64
}

/// Returns a length with two digits, which is less than a point on any screen.
fn rounded(length: f64) -> f64 {
    (length * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::Hour;

    #[test]
    fn numbers_are_stacked_and_the_highest_bar_fills_the_height() {
        let hour = |seconds, numbers: &[i64]| Hour {
            hour: Time::from_seconds(seconds),
            numbers: numbers.to_vec(),
        };
        let outcomes = vec!["accepted".to_owned(), "parked".to_owned()];
        let series = Series { outcomes, hours: vec![hour(0, &[3, 1]), hour(3_600, &[0, 2])] };
        let bars = Bars::of(&series);
        assert_eq!(bars.most, 4);
        let drawn: Vec<(f64, f64, f64, usize)> =
            bars.rectangles.iter().map(|it| (it.x, it.y, it.height, it.place)).collect();
        assert_eq!(drawn, [(0.0, 20.0, 60.0, 0), (0.0, 0.0, 20.0, 1), (240.0, 40.0, 40.0, 1)]);
        let empty = Bars::of(&Series { outcomes: Vec::new(), hours: Vec::new() });
        assert_eq!((empty.most, empty.rectangles.len()), (0, 0));
    }
}
