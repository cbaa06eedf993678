//! Clicks on referral links in messages: an event, and a count at GrowSurf.

use std::collections::BTreeSet;

use super::super::effects;
use super::super::people::{Slot, participant};
use super::super::rules::events;
use super::super::tracks::{participant_data, put};
use super::{FeedbackContext, lane, raised, stamp};
use crate::domain::{
    Attributes, Call, Click, Facts, Link, Participant, ParticipantKey, ParticipantUpdate, Plan,
    PlannedCall, ReadKey, Scalar,
};

/// Returns the plan of a click; empty if the link is nobody's.
pub fn plan(click: &Click, context: FeedbackContext<'_>) -> Plan {
    let FeedbackContext { rules, feedback, received_at, .. } = context;
    let effect = effects::link_clicked(&click.report);
    let id = effect.event_id();
    let Some(place) = owner(click, context).filter(|_| !context.is_done(id)) else {
        return Plan::default();
    };
    let names = Names::of(click.channel);
    let before = context.participant(place);
    // The lane isn't read if only the reader's campaign identifies the link's owner. The next click
    // writes the same absolute count.
    let is_counted = |key: &ParticipantKey| {
        rules.feedback.clicks
            && rules.can_write(&key.campaign)
            && context.known.contains(&FeedbackContext::growsurf_lane(key))
    };
    let key = before.growsurf_key().filter(is_counted);

    let mut person = context.person(place.person).clone();
    let now = &mut person.participants[place.participant];
    let counted = now.growsurf_counters.clicks.get(click.channel).copied();
    let counter = raised(counted, before, &names.count, feedback.at);
    now.growsurf_counters.clicks.insert(click.channel.to_owned(), counter);

    let mut plan = Plan { has_changes: true, ..Plan::default() };
    let track = rules.events.get(events::LINK_CLICKED).map(|name| PlannedCall {
        call: Call::Track {
            name: name.clone(),
            event_id: id,
            at: feedback.at,
            data: data(click, before, context),
        },
        effect: Some(effect.clone()),
    });
    if track.is_none() {
        plan.disabled_events.insert(events::LINK_CLICKED);
        plan.ledger_only.push(id);
    }
    plan.lanes = context.person_lane(person, track.into_iter().collect());
    if let Some(key) = key {
        let update = ParticipantUpdate {
            metadata: [
                (names.count, Some(Scalar::Integer(counter.count))),
                (names.last, Some(stamp(counter.last))),
            ]
            .into(),
            ..ParticipantUpdate::default()
        };
        let call = Call::UpdateParticipant { at: received_at, update };
        plan.lanes.push(lane(context.growsurf_record(&key), call, effect));
    }
    plan
}

/// Returns the owner of a link: the reader, or else the participant whom it names.
fn owner(click: &Click, context: FeedbackContext<'_>) -> Option<Slot> {
    // A code doesn't name its campaign: it may be any writable one, or one of the reader's.
    let readers =
        context.subject().into_iter().flat_map(|index| &context.person(index).participants);
    let campaigns: BTreeSet<&String> =
        readers.map(|it| &it.campaign).chain(&context.rules.writable_campaigns).collect();
    let of = |person: usize, is_theirs: &dyn Fn(&Participant) -> bool| {
        let participant = context.person(person).participants.iter().position(is_theirs)?;
        Some(Slot { person, participant })
    };
    let own = context.subject().and_then(|person| of(person, &|it| is_link_of(click, it)));
    own.or_else(|| {
        owners(click, campaigns).find_map(|key| {
            let person = context.known.person(&key)?;
            of(person, &|it| match &key {
                ReadKey::Participant(key) => it.growsurf_key().as_ref() == Some(key),
                ReadKey::Link(link) => it.links().any(|own| own == *link),
                _ => false,
            })
        })
    })
}

/// Returns the keys of the possible owners of a link in each campaign.
pub fn owners<'a>(
    click: &'a Click,
    campaigns: impl IntoIterator<Item = &'a String>,
) -> impl Iterator<Item = ReadKey> {
    let code = click.grsf.as_deref();
    let keys = campaigns.into_iter().filter_map(move |campaign| {
        let link = Link { campaign: campaign.clone(), code: code?.to_owned() };
        Some([participant(campaign, code?), ReadKey::Link(link)])
    });
    keys.flatten()
}

/// True if the link is the participant's own.
fn is_link_of(click: &Click, participant: &Participant) -> bool {
    let fact = |name| participant.facts.text(name);
    let codes =
        [participant.growsurf_id.as_deref(), fact(Facts::REFERRAL_CODE), fact(Facts::VANITY_KEY)];
    let is_code =
        |grsf| codes.contains(&Some(grsf)) || participant.link_codes().any(|it| it == grsf);
    let is_named = click.grsf.as_deref().is_some_and(is_code);
    is_named || fact(Facts::SHARE_URL).is_some_and(|link| is_same(&click.href, link))
}

/// True if `href` is the link, perhaps with parameters that mail programs and Customer.io add.
fn is_same(href: &str, link: &str) -> bool {
    let bare = |text: &str| text.split('#').next().unwrap_or_default().to_owned();
    let (href, link) = (bare(href), bare(link));
    let (href, link) = (href.trim(), link.trim().trim_end_matches('/'));
    let rest = if link.is_empty() { None } else { href.strip_prefix(link) };
    rest.is_some_and(|rest| {
        matches!(rest.trim_start_matches('/').chars().next(), None | Some('?' | '&'))
    })
}

/// The metadata keys of clicks at GrowSurf.
struct Names {
    count: String,
    last: String,
}

impl Names {
    fn of(channel: &str) -> Self {
        let (first, rest) = channel.split_at(channel.len().min(1));
        let capital = first.to_ascii_uppercase() + rest;
        let count = format!("{channel}ReferralClicks");
        Self { count, last: format!("last{capital}ReferralClickAt") }
    }
}

fn data(click: &Click, participant: &Participant, context: FeedbackContext<'_>) -> Attributes {
    let mut data = participant_data(participant, context.received_at);
    put(&mut data, "channel", Some(click.channel));
    put(&mut data, "delivery_id", click.delivery.as_deref());
    if let Some((kind, id)) = &click.sender {
        put(&mut data, "message_source", Some(*kind));
        put(&mut data, "message_source_id", Some(id.as_str()));
    }
    data
}
