//! The sections: the figures of each question, from the sums of a campaign.

use jiff::tz::TimeZone;

use super::channels::channels;
use super::document::{CampaignSums, Cohort, Delays, Document, Frequency, Split};
use super::messages::messages;
use super::quantile::quantile;
use super::report::{Cell, Row, Section, Table};
use crate::domain::{Money, ParticipantKey, Scalar, Time, Week};

/// Days of a ripe week after its end.
const SHORT: i64 = 7;
const LONG: i64 = 28;

/// Returns the sections of a campaign.
pub fn sections(campaign: &str, sums: &CampaignSums, document: &Document) -> Vec<Section> {
    let ripeness = Ripeness::of(document);
    vec![
        funnel(sums, &ripeness),
        delay(sums, &ripeness),
        channels(&sums.channels),
        frequency(&sums.frequency),
        activity(sums, &ripeness),
        referrers(campaign, sums),
        messages(sums, document),
    ]
}

/// The age of weeks at the time of the document.
struct Ripeness {
    now: Time,
    zone: TimeZone,
}

impl Ripeness {
    fn of(document: &Document) -> Self {
        let zone = TimeZone::get(&document.time_zone).unwrap_or(TimeZone::UTC);
        Self { now: document.as_of, zone }
    }

    /// True if everyone of a week has had so many days.
    fn has_had(&self, week: Week, days: i64) -> bool {
        let end = week.plus(1).start(&self.zone);
        end.is_some_and(|end| end.seconds() + days * 24 * 60 * 60 <= self.now.seconds())
    }
}

/// The cohorts of a campaign, and the ripe ones of them.
struct Cohorts {
    all: Split,
    ripe_7: Split,
    ripe_28: Split,
}

impl Cohorts {
    fn of(sums: &CampaignSums, ripeness: &Ripeness) -> Self {
        let ripe = |days| {
            let ripe = sums.cohorts.iter().filter(|(week, _)| ripeness.has_had(**week, days));
            ripe.map(|(_, split)| *split).fold(sums.earlier, plus)
        };
        let weeks = sums.cohorts.values().copied();
        let all = weeks.fold(plus(sums.earlier, sums.undated), plus);
        Self { all, ripe_7: ripe(SHORT), ripe_28: ripe(LONG) }
    }
}

fn plus(a: Split, b: Split) -> Split {
    Split { organic: a.organic.plus(b.organic), referred: a.referred.plus(b.referred) }
}

fn funnel(sums: &CampaignSums, ripeness: &Ripeness) -> Section {
    let cohorts = Cohorts::of(sums, ripeness);
    let group = |name: &str, of: fn(Split) -> Cohort| {
        let [all, ripe_7, ripe_28] = [cohorts.all, cohorts.ripe_7, cohorts.ripe_28].map(of);
        Row::new(vec![
            Cell::text(name),
            Cell::count(all.joined),
            Cell::per_100(all.shared.ever, all.joined),
            Cell::per_100(all.friend.ever, all.joined),
            Cell::per_100(all.converted.ever, all.joined),
            Cell::per_100(ripe_7.shared.within_7, ripe_7.joined),
            Cell::per_100(ripe_7.friend.within_7, ripe_7.joined),
            Cell::per_100(ripe_7.converted.within_7, ripe_7.joined),
            Cell::per_100(ripe_28.shared.within_28, ripe_28.joined),
            Cell::per_100(ripe_28.friend.within_28, ripe_28.joined),
            Cell::per_100(ripe_28.converted.within_28, ripe_28.joined),
        ])
    };
    let groups = Table {
        id: "groups",
        caption: "Participants who reached each stage, in percent",
        columns: vec![
            "participants",
            "joined",
            "shared_percent",
            "friend_percent",
            "converted_percent",
            "shared_within_7_days_percent",
            "friend_within_7_days_percent",
            "converted_within_7_days_percent",
            "shared_within_28_days_percent",
            "friend_within_28_days_percent",
            "converted_within_28_days_percent",
        ],
        rows: vec![
            group("all", Split::all),
            group("organic", |split| split.organic),
            group("referred", |split| split.referred),
        ],
        drawn: &[],
    };
    let row = |name: String, split: Split, is_unripe| {
        let all = split.all();
        let stages = [all.shared, all.friend, all.converted];
        let stages = stages.iter().flat_map(|it| [it.ever, it.within_7, it.within_28]);
        let counts = [all.joined, split.organic.joined, split.referred.joined];
        let cells = counts.into_iter().chain(stages).map(Cell::count);
        let cells = std::iter::once(Cell::Text(name)).chain(cells).collect();
        Row { is_unripe, ..Row::new(cells) }
    };
    let mut rows = Vec::new();
    if sums.undated.all().joined > 0 {
        rows.push(row("unknown".to_owned(), sums.undated, false));
    }
    if sums.earlier.all().joined > 0 {
        rows.push(row("earlier".to_owned(), sums.earlier, false));
    }
    rows.extend(
        sums.cohorts
            .iter()
            .map(|(week, split)| row(week.to_string(), *split, !ripeness.has_had(*week, LONG))),
    );
    let weeks = Table {
        id: "weeks",
        caption: "Participants by week of joining",
        columns: vec![
            "week",
            "joined",
            "organic",
            "referred",
            "shared",
            "shared_within_7_days",
            "shared_within_28_days",
            "friend",
            "friend_within_7_days",
            "friend_within_28_days",
            "converted",
            "converted_within_7_days",
            "converted_within_28_days",
        ],
        rows,
        drawn: &["organic", "referred"],
    };
    Section {
        id: "funnel",
        title: "Funnel",
        definition: "Of the participants who joined: those who ever, within 7 and within 28 days shared, had a \
            friend sign up, and had a friend convert. A stage counts who reached it or a later one. The figures \
            within 7 and 28 days are of weeks in which everyone has had that time; younger weeks are hatched. \
            Referred participants joined as a friend, the others are organic.",
        sentences: Vec::new(),
        tables: vec![groups, weeks],
    }
}

fn delay(sums: &CampaignSums, ripeness: &Ripeness) -> Section {
    let Cohorts { ripe_7, ripe_28, .. } = Cohorts::of(sums, ripeness);
    let Delays { days, undated, never } = &sums.delays;
    let quartile = |part| {
        let days = quantile(days, part, 4);
        days.map_or(Cell::None, |days| Cell::Count(i64::from(days)))
    };
    let (short, long) = (ripe_7.all(), ripe_28.all());
    let figures = [
        ("first quartile in days", quartile(1)),
        ("median in days", quartile(2)),
        ("third quartile in days", quartile(3)),
        ("within 7 days in percent", Cell::per_100(short.friend.within_7, short.joined)),
        ("within 28 days in percent", Cell::per_100(long.friend.within_28, long.joined)),
        ("never yet", Cell::count(*never)),
        ("time unknown", Cell::count(*undated)),
    ];
    let row = |(name, cell)| Row::new(vec![Cell::text(name), cell]);
    let spans = [(0, 0), (1, 1), (2, 3), (4, 7), (8, 14), (15, 28), (29, 56), (57, 112)];
    let spans = spans.into_iter().chain([(113, u32::MAX)]);
    let bars = spans.map(|(first, last)| {
        let name = match last {
            u32::MAX => format!("{first} or more"),
            last if last == first => first.to_string(),
            last => format!("{first} to {last}"),
        };
        let participants = days.range(first..=last).map(|(_, count)| count).sum();
        Row::new(vec![Cell::Text(name), Cell::count(participants)])
    });
    Section {
        id: "time_to_first_referral",
        title: "Time to first referral",
        definition: "The first friend's sign-up minus the participant's joining, in whole days. Half of the \
            participants with a friend took at most the median, a quarter at most the first quartile. The \
            percentages are of all participants in weeks in which everyone has had that time.",
        sentences: Vec::new(),
        tables: vec![
            Table {
                id: "figures",
                caption: "Time to the first friend's sign-up",
                columns: vec!["figure", "value"],
                rows: figures.into_iter().map(row).collect(),
                drawn: &[],
            },
            Table {
                id: "days",
                caption: "Participants by days to their first friend",
                columns: vec!["days", "participants"],
                rows: bars.collect(),
                drawn: &["participants"],
            },
        ],
    }
}

fn frequency(sums: &Frequency) -> Section {
    let names = ["0", "1", "2", "3", "4 to 6", "7 or more"];
    let shares = names.into_iter().zip(sums.shares);
    let shares = shares.map(|(name, n)| Row::new(vec![Cell::text(name), Cell::count(n)]));
    let weeks = sums.weeks.iter().enumerate();
    let weeks = weeks.map(|(weeks, n)| Row::new(vec![Cell::text(weeks), Cell::count(*n)]));
    let figures = [("active", sums.active), ("fell silent", sums.silent)];
    let figures = figures.map(|(name, n)| Row::new(vec![Cell::text(name), Cell::count(n)]));
    let table = |id, caption, column, rows, drawn| Table {
        id,
        caption,
        columns: vec![column, "participants"],
        rows,
        drawn,
    };
    Section {
        id: "frequency",
        title: "Frequency",
        definition: "Active referrers shared, or had a friend sign up or convert, in the last four full weeks (28 \
            days). Of them: their shares in these weeks, and the weeks with a share of the last 12 full ones. Who \
            was active in the four weeks before and not in these fell silent.",
        sentences: Vec::new(),
        tables: vec![
            table("figures", "Active referrers", "figure", figures.into(), &[]),
            table("shares", "Shares in 28 days", "shares", shares.collect(), &["participants"]),
            table(
                "weeks",
                "Weeks with a share, of the last 12",
                "weeks",
                weeks.collect(),
                &["participants"],
            ),
        ],
    }
}

fn activity(sums: &CampaignSums, ripeness: &Ripeness) -> Section {
    let counts = |name: String, it: &super::document::WeekSums| {
        let counts = [it.joined, it.shares, it.friends, it.conversions].map(Cell::count);
        let values = it.values.iter().map(|(currency, minor)| value(*minor, currency));
        let values = Cell::Text(values.collect::<Vec<_>>().join(", "));
        [Cell::Text(name)].into_iter().chain(counts).chain([values]).collect()
    };
    let mut rows = vec![Row::new(counts("without a time".to_owned(), &sums.without_time))];
    rows.extend(sums.weeks.iter().map(|(week, it)| Row {
        is_unripe: !ripeness.has_had(*week, 0),
        ..Row::new(counts(week.to_string(), it))
    }));
    Section {
        id: "activity",
        title: "Activity",
        definition: "What happened in each week: participants who joined, shares, friends who signed up, friends \
            who converted, and the value of these conversions by currency. The present week is hatched. What was \
            counted without a time has no week.",
        sentences: Vec::new(),
        tables: vec![Table {
            id: "weeks",
            caption: "Events by week",
            columns: vec!["week", "joined", "shares", "friends", "conversions", "value"],
            rows,
            drawn: &["joined", "shares", "friends", "conversions"],
        }],
    }
}

/// Returns an amount for people, such as `12.50 EUR`.
fn value(minor: i64, currency: &str) -> String {
    let money = Money { minor, currency: currency.to_owned() };
    let number = match money.major() {
        Scalar::Integer(integer) => integer.to_string(),
        Scalar::Decimal(decimal) => decimal.to_string(),
        _ => String::new(),
    };
    if currency.is_empty() { number } else { format!("{number} {currency}") }
}

fn referrers(campaign: &str, sums: &CampaignSums) -> Section {
    let top = (1..).zip(&sums.referrers).map(|(place, it): (u64, _)| {
        let masked = |id: &String| ParticipantKey::new(campaign, id).masked();
        let participant = it.participant.as_ref().map_or("unknown".to_owned(), masked);
        let counts = [it.friends, it.conversions, it.shares].map(Cell::count);
        let cells = [Cell::count(place), Cell::Text(participant)].into_iter().chain(counts);
        Row { person: Some(it.person()), ..Row::new(cells.collect()) }
    });
    let tiers = sums.tiers.iter().map(|tier| {
        Row::new(vec![
            Cell::text(&tier.name),
            Cell::Count(tier.at_least),
            Cell::count(tier.participants),
            Cell::count(tier.one_short),
        ])
    });
    Section {
        id: "referrers",
        title: "Referrers and tiers",
        definition: "The 100 participants with most friends. Tiers go by GrowSurf's count of referrals, as the \
            attribute referral_tier does; who lacks one referral for a tier is one short of it.",
        sentences: Vec::new(),
        tables: vec![
            Table {
                id: "tiers",
                caption: "Participants by tier",
                columns: vec!["tier", "at_least", "participants", "one_short"],
                rows: tiers.collect(),
                drawn: &["participants"],
            },
            Table {
                id: "referrers",
                caption: "Participants with most friends",
                columns: vec!["place", "participant", "friends", "conversions", "shares"],
                rows: top.collect(),
                drawn: &[],
            },
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_with_their_currency() {
        assert_eq!(value(1_250, "EUR"), "12.5 EUR");
        assert_eq!(value(500, "JPY"), "500 JPY");
        assert_eq!(value(300, ""), "3");
    }
}
