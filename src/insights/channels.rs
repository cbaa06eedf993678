//! Channels: sharers by their methods, and the comparison of e-mail with social networks.

use std::collections::BTreeMap;

use super::document::{Channel, ChannelSums};
use super::interval::{Difference, Interval, Proportion};
use super::report::{Cell, Row, Section, Table};
use crate::domain::Labelled;

/// The fewest sharers of a channel that is compared.
const ENOUGH: u64 = 30;

/// Returns the section about sharers by their methods.
pub fn channels(sums: &BTreeMap<Channel, ChannelSums>) -> Section {
    let row = |(channel, it): (&Channel, &ChannelSums)| {
        let interval = it.proportion().wilson();
        let bound = |of: fn(Interval) -> f64| {
            interval.map_or(Cell::None, |interval| Cell::Decimal(tenth(of(interval) * 100.0)))
        };
        Row::new(vec![
            Cell::text(channel.label()),
            Cell::count(it.sharers),
            Cell::count(it.converting),
            Cell::per_100(it.converting, it.sharers),
            bound(|interval| interval.low),
            bound(|interval| interval.high),
            Cell::per_100(it.conversions, it.sharers),
        ])
    };
    let of = |channel| sums.get(&channel).copied().unwrap_or_default();
    Section {
        id: "channels",
        title: "Channels",
        definition: "People by the methods that they ever used: how many, how many of them had at least one \
            friend convert with Wilson's 95 % interval, and conversions of their friends per 100 sharers. The \
            difference has Newcombe's 95 % interval.",
        sentences: vec![
            comparison(of(Channel::Email), of(Channel::Social)),
            "This compares people who chose a way to share. It doesn't prove that the way caused the \
             conversions."
                .to_owned(),
        ],
        tables: vec![Table {
            id: "channels",
            caption: "People who shared, and their converted friends",
            columns: vec![
                "methods",
                "sharers",
                "converting",
                "converting_percent",
                "low_percent",
                "high_percent",
                "conversions_per_100",
            ],
            rows: sums.iter().map(row).collect(),
            drawn: &["sharers"],
        }],
    }
}

impl ChannelSums {
    fn proportion(self) -> Proportion {
        Proportion { successes: self.converting, total: self.sharers }
    }
}

/// Returns the answer to the question if sharers by e-mail convert more than those on social networks.
fn comparison(email: ChannelSums, social: ChannelSums) -> String {
    let (own, other) = (email.proportion(), social.proportion());
    let is_enough = own.total >= ENOUGH && other.total >= ENOUGH;
    let Some(difference) = own.minus(other).filter(|_| is_enough) else {
        return format!(
            "E-mail or social: too few. By e-mail only: {}, by social only: {}; a comparison needs \
             {ENOUGH} of each.",
            own.total, other.total
        );
    };
    let rate = |it: Proportion| {
        let (estimate, interval) = (it.estimate().unwrap_or(0.0), it.wilson());
        let Interval { low, high } = interval.unwrap_or(Interval { low: 0.0, high: 1.0 });
        format!("{:.1} % ({:.1} to {:.1})", estimate * 100.0, low * 100.0, high * 100.0)
    };
    let Difference { estimate, interval: Interval { low, high } } = difference;
    let [points, low, high] = [estimate, low, high].map(|it| tenth(it * 100.0));
    let points = format!("{points:+.1} points ({low:.1} to {high:.1})");
    let verdict =
        if difference.is_clear() { points } else { format!("no clear difference, {points}") };
    format!("E-mail sharers {}, social {}: {verdict}.", rate(own), rate(other))
}

/// Rounds to one decimal digit. No sign is left of zero.
fn tenth(number: f64) -> f64 {
    (number * 10.0).round() / 10.0 + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(converting: u64, sharers: u64) -> ChannelSums {
        ChannelSums { sharers, converting, conversions: converting }
    }

    #[test]
    fn channels_are_compared_in_a_sentence() {
        for (email, social, expected) in [
            (
                sums(29, 30),
                sums(1, 29),
                "E-mail or social: too few. By e-mail only: 30, by social only: 29; a comparison needs \
                 30 of each.",
            ),
            (
                sums(56, 70),
                sums(48, 80),
                "E-mail sharers 80.0 % (69.2 to 87.7), social 60.0 % (49.0 to 70.0): +20.0 points (5.2 to 33.4).",
            ),
            (
                sums(48, 80),
                sums(56, 70),
                "E-mail sharers 60.0 % (49.0 to 70.0), social 80.0 % (69.2 to 87.7): -20.0 points (-33.4 to -5.2).",
            ),
            (
                sums(10, 40),
                sums(10, 40),
                "E-mail sharers 25.0 % (14.2 to 40.2), social 25.0 % (14.2 to 40.2): no clear difference, +0.0 \
                 points (-18.6 to 18.6).",
            ),
        ] {
            assert_eq!(comparison(email, social), expected);
        }
    }
}
