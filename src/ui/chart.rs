//! Charts: numbers become rectangles, which a template draws as SVG.
//!
//! What belongs here: geometry. What doesn't: colours, which are classes of the style sheet, and the table behind a
//! chart, which is its template's.

/// The size of a chart in its own units.
const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 80.0;

/// The part of a column's place that its bar fills.
const FILLED: f64 = 0.8;

/// The name of a column, true if its numbers can still grow, and the numbers that are stacked.
pub type Column = (String, bool, Vec<i64>);

/// Bars, each a stack of its numbers.
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
    /// The name of the column and the number, for who points at it.
    pub name: String,
    pub number: i64,
    /// True if its number can still grow.
    pub is_unripe: bool,
}

impl Bars {
    /// Makes the bars of columns.
    pub fn of(columns: Vec<Column>) -> Self {
        let sums = columns.iter().map(|(_, _, numbers)| numbers.iter().sum::<i64>());
        let most = sums.max().unwrap_or(0);
        let step = WIDTH / as_f64(i64::try_from(columns.len().max(1)).unwrap_or(1));
        let unit = HEIGHT / as_f64(most.max(1));
        let mut rectangles = Vec::new();
        for (column, (name, is_unripe, numbers)) in (0_i64..).zip(columns) {
            let mut y = HEIGHT;
            for (place, number) in numbers.into_iter().enumerate().filter(|(_, it)| *it > 0) {
                let height = unit * as_f64(number);
                y -= height;
                rectangles.push(Rectangle {
                    x: rounded(step * as_f64(column)),
                    y: rounded(y),
                    width: rounded(step * FILLED),
                    height: rounded(height),
                    place,
                    name: name.clone(),
                    number,
                    is_unripe,
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

    #[test]
    fn numbers_are_stacked_and_the_highest_bar_fills_the_height() {
        let bars = Bars::of(vec![
            ("one".to_owned(), false, vec![3, 1]),
            ("two".to_owned(), true, vec![0, 2]),
        ]);
        assert_eq!(bars.most, 4);
        let drawn: Vec<(f64, f64, f64, usize, bool)> = bars
            .rectangles
            .iter()
            .map(|it| (it.x, it.y, it.height, it.place, it.is_unripe))
            .collect();
        assert_eq!(
            drawn,
            [(0.0, 20.0, 60.0, 0, false), (0.0, 0.0, 20.0, 1, false), (240.0, 40.0, 40.0, 1, true)]
        );
        let empty = Bars::of(Vec::new());
        assert_eq!((empty.most, empty.rectangles.len()), (0, 0));
    }
}
