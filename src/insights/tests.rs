//! The fold: the same document in any order of people, with a list that doesn't grow.

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::{Document, Fold};
use crate::domain::{
    Counted, Facts, Identifier, Participant, Person, PersonId, Scalar, ShareMethod, Time, Week,
};
use crate::mapping::Rules;

const DAY: i64 = 86_400;
const NOW: Time = Time::from_seconds(20_500 * DAY);

fn person(number: i64, change: impl FnOnce(&mut Participant)) -> Person {
    let mut person = Person::new(Identifier::Id(format!("u{number}")));
    person.id = Some(PersonId(number));
    let mut participant =
        Participant::new("camp".to_owned(), format!("p{number}"), Some(format!("p{number}")));
    change(&mut participant);
    person.participants.push(participant);
    person
}

fn document(people: &[Person]) -> Document {
    let mut fold = Fold::new(NOW, TimeZone::UTC, Rules::standard().tiers);
    people.iter().for_each(|person| fold.add(person));
    fold.finish()
}

fn anybody(number: i64) -> impl Strategy<Value = Person> {
    let day = || proptest::option::of(0..20_500_i64);
    (day(), day(), day(), 0..5_i64, 0..3_u32, any::<bool>()).prop_map(
        move |(joined, friend, shared, friends, shares, is_email)| {
            let at = |day: Option<i64>| day.map(|day| Time::from_seconds(day * DAY));
            person(number, |it| {
                it.joined = at(joined);
                if let Some(first) = at(friend) {
                    (it.first_referral, it.friends) = (Some(first), friends + 1);
                    it.activity.weeks.add(Counted::Friend, Week::of(first, &TimeZone::UTC));
                }
                let method = if is_email { ShareMethod::Email } else { ShareMethod::Social };
                for _ in 0..shares {
                    if let Some(at) = at(shared) {
                        it.activity.share(method, at, Week::of(at, &TimeZone::UTC));
                    }
                }
                let count = Scalar::Integer(friends);
                it.facts.merge(Facts::REFERRAL_COUNT, count, Time::default());
            })
        },
    )
}

proptest! {
    #[test]
    fn any_order_of_people_makes_the_same_document(
        mut people in (0..20_i64).map(anybody).collect::<Vec<_>>(),
        seed in any::<u64>(),
    ) {
        let before = document(&people);
        let joined: u64 = {
            let sums = &before.campaigns["camp"];
            let weeks = sums.cohorts.values().copied().map(|it| it.all().joined);
            weeks.sum::<u64>() + sums.earlier.all().joined + sums.undated.all().joined
        };
        prop_assert_eq!(joined, 20);
        fastrand::Rng::with_seed(seed).shuffle(&mut people);
        prop_assert_eq!(document(&people), before.clone());
        let text = serde_json::to_string(&before).unwrap();
        prop_assert_eq!(serde_json::from_str::<Document>(&text).unwrap(), before);
    }
}

#[test]
fn of_many_referrers_a_hundred_are_listed() {
    let referrer = |number| person(number, |it| it.friends = number % 1_000);
    let people: Vec<Person> = (0..5_000).map(referrer).collect();
    let referrers = &document(&people).campaigns["camp"].referrers;
    assert_eq!(referrers.len(), 100);
    let places: Vec<(u64, i64)> = referrers.iter().map(|it| (it.friends, it.person)).collect();
    assert_eq!(places[..3], [(999, 999), (999, 1_999), (999, 2_999)], "the oldest first");
    assert_eq!(places[99].0, 980);
}

#[test]
fn what_was_counted_before_the_relay_came_is_in_ever_alone() {
    let early = person(1, |it| {
        it.joined = Some(NOW.minus(std::time::Duration::from_secs(100 * 86_400)));
        it.facts.merge(Facts::REFERRAL_COUNT, Scalar::Integer(3), NOW);
        it.activity.share_before(ShareMethod::Email, 4);
    });
    let document = document(&[early]);
    let sums = &document.campaigns["camp"];
    let cohort = sums.cohorts.values().next().unwrap().all();
    assert_eq!((cohort.shared.ever, cohort.friend.ever, cohort.converted.ever), (1, 1, 1));
    assert_eq!((cohort.shared.within_28, cohort.friend.within_28), (0, 0));
    assert_eq!(sums.delays.undated, 1);
    let rest = &sums.without_time;
    assert_eq!((rest.shares, rest.friends, rest.conversions), (4, 3, 3));
}
