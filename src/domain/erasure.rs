//! Erasure: the person to erase, and everything that names them.
//!
//! What belongs here: the person's values, finding them in a text or body, and cutting them out of others'
//! free text. What doesn't: where a store looks for them, and tombstones.
//!
//! Others' calls and records refer to a person and hold no value of theirs. Free text is left: a body that
//! names them is dropped whole, and so is a text in another's record or call.

mod encodings;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde::de::IgnoredAny;

use super::{
    AnonymousId, Call, Email, Facts, Identifier, LaneKey, Link, Participant, ParticipantKey,
    Person, Scalar, Snapshot,
};
use encodings::{decode, is_apart, is_in_body, is_in_link, unfold};

/// A person to erase, by everything that names them.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct ErasureSubject {
    /// The addresses.
    pub emails: BTreeSet<Email>,
    /// The participants, by GrowSurf's ids.
    pub participants: BTreeSet<ParticipantKey>,
    /// The claimed anonymous ids.
    pub visitors: BTreeSet<AnonymousId>,
    /// The codes of the links.
    pub links: BTreeSet<Link>,
}

/// Key of a tombstone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ErasureKey {
    /// A participant, erased for ever.
    Participant(ParticipantKey),
    /// An address. A participant who joins with it later is another person.
    Address(Email),
}

/// Result of a search for a person in a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BodySearch {
    /// The body names them.
    Named,
    /// The body doesn't name them.
    NotNamed,
    /// The body isn't JSON and may name them in another form.
    Unreadable,
}

impl ErasureSubject {
    /// Returns the person with an address.
    pub fn with_address(email: Email) -> Self {
        Self { emails: [email].into(), ..Self::default() }
    }

    /// True if there is nobody to erase.
    pub fn is_empty(&self) -> bool {
        self.emails.is_empty() && self.participants.is_empty()
    }

    /// True if a record is the person's: by a present or former address, as a visitor, or as a participant at
    /// GrowSurf.
    pub fn is_about(&self, person: &Person) -> bool {
        let is_theirs = |it: &Identifier| it.email().is_some_and(|it| self.emails.contains(it));
        let owns_lane = match &person.key {
            LaneKey::Person(identifier) => is_theirs(identifier),
            LaneKey::Visitor(id) => self.visitors.contains(id),
            LaneKey::Participant(key) => {
                self.participants.contains(key) || self.is_addressed_in(&key.participant)
            }
        };
        let has_address =
            |it: &Participant| it.facts.email().is_some_and(|it| self.emails.contains(&it));
        owns_lane
            || person.former.iter().any(is_theirs)
            || person.participants.iter().any(has_address)
    }

    /// Adds everything in a record that names its person.
    pub fn add_identifiers_of(&mut self, person: &Person) {
        let identifiers = person.former.iter().chain(person.key.identifier());
        self.emails.extend(identifiers.filter_map(Identifier::email).cloned());
        self.participants.extend(person.keys());
        for participant in &person.participants {
            self.emails.extend(participant.facts.email());
            self.visitors.extend(participant.claim.as_ref().map(|claim| claim.id.clone()));
            self.links.extend(participant.links());
            let codes = [Facts::VANITY_KEY, Facts::REFERRAL_CODE];
            let codes = codes.into_iter().filter_map(|name| participant.facts.text(name));
            let campaign = &participant.campaign;
            let link = |code: &str| Link { campaign: campaign.clone(), code: code.to_owned() };
            self.links.extend(codes.map(link));
        }
    }

    /// Adds the id and address of a snapshot.
    pub fn add_snapshot(&mut self, snapshot: &Snapshot, campaign: &str) {
        self.emails.extend(snapshot.email.clone().ok());
        self.participants.extend(snapshot.id.as_ref().map(|id| ParticipantKey::new(campaign, id)));
    }

    /// Returns lower-case parts; every text that names the person contains one, in any encoding.
    pub fn parts(&self) -> BTreeSet<String> {
        let longest = |email: &Email| {
            let words = email.as_str().split(|it: char| !it.is_alphanumeric());
            words.max_by_key(|word| word.len()).unwrap_or_default().to_owned()
        };
        let names = self.names(None).map(|(name, _)| name);
        let names = names.chain(self.visitors.iter().map(AnonymousId::as_str));
        names.map(str::to_lowercase).chain(self.emails.iter().map(longest)).collect()
    }

    /// True if a text is, or contains, one of the addresses in any encoding. A longer address that contains
    /// one is another's.
    pub fn is_addressed_in(&self, text: &str) -> bool {
        match Email::parse(text) {
            Ok(email) if has_plain_host(&email) => self.emails.contains(&email),
            _ => self.has_address_in(text, &unfold(text)),
        }
    }

    /// True if an address is in a text, or in its decoded form, delimited on both sides.
    fn has_address_in(&self, text: &str, unfolded: &str) -> bool {
        let texts = [text.to_lowercase(), unfolded.to_lowercase()];
        let stands = |(email, text): (&Email, &String)| {
            let mut places = text.match_indices(email.as_str());
            places.any(|(start, part)| is_apart(text, start, start + part.len()))
        };
        self.emails.iter().flat_map(|email| texts.iter().map(move |text| (email, text))).any(stands)
    }

    /// True if a text names the person: by address, id, code or link. `None` stands for all campaigns.
    pub fn is_named_in(&self, campaign: Option<&str>, text: &str) -> bool {
        let is_it = |name: &str| text.trim() == name;
        self.names(campaign).any(|(name, _)| is_it(name) || is_in_link(text, name))
            || self.visitors.iter().any(|id| is_it(id.as_str()))
            || self.is_addressed_in(text)
    }

    /// Returns ids and codes in one campaign, or in all; true for an id.
    fn names(&self, campaign: Option<&str>) -> impl Iterator<Item = (&str, bool)> {
        let is_here = move |own: &str| campaign.is_none_or(|campaign| own == campaign);
        let ids = self.participants.iter().filter(move |it| is_here(&it.campaign));
        let codes = self.links.iter().filter(move |it| is_here(&it.campaign));
        let ids = ids.map(|it| (it.participant.as_str(), true));
        ids.chain(codes.map(|it| (it.code.as_str(), false)))
    }

    /// Searches a body for addresses in any encoding, for ids in quotes or references, and for links.
    ///
    /// `owner` is the sender's verified campaign. A body that names another campaign has other participants.
    pub fn search(&self, owner: Option<&str>, body: &[u8]) -> BodySearch {
        let text = decode(body);
        let unfolded = unfold(&text);
        let is_of = |campaign: &str| match owner {
            Some(owner) => owner == campaign,
            None => {
                let names_one =
                    ["\"campaign\"", "\"campaignId\""].iter().any(|it| text.contains(it));
                !names_one || text.contains(&format!("\"{campaign}\""))
            }
        };
        let campaigns = self.participants.iter().map(|it| &it.campaign);
        let campaigns: BTreeSet<&String> =
            campaigns.chain(self.links.iter().map(|it| &it.campaign)).collect();
        let mut names = campaigns
            .into_iter()
            .filter(|campaign| is_of(campaign))
            .flat_map(|campaign| self.names(Some(campaign)));
        let quoted = |id: &AnonymousId| unfolded.contains(&format!("\"{}\"", id.as_str()));
        if names.any(|(name, is_id)| is_in_body(&unfolded, name, is_id))
            || self.visitors.iter().any(quoted)
            || self.has_address_in(&text, &unfolded)
        {
            BodySearch::Named
        } else if serde_json::from_str::<IgnoredAny>(text.trim_start_matches('\u{feff}')).is_err() {
            BodySearch::Unreadable
        } else {
            BodySearch::NotNamed
        }
    }

    /// Removes facts that name the person from another's record; true if there were any.
    pub fn cut_facts(&self, person: &mut Person) -> bool {
        let mut cut = false;
        for Participant { campaign, facts, .. } in &mut person.participants {
            let referrer = facts.get(Facts::REFERRER_ID).map(|fact| fact.as_of);
            cut |= facts.retain(|name, fact| {
                let named = |text: &str| self.is_named_in(Some(campaign), text);
                !fact.value.as_text().is_some_and(named) && !self.is_addressed_in(plain_name(name))
            });
            if let Some(as_of) = referrer.filter(|_| facts.get(Facts::REFERRER_ID).is_none()) {
                facts.merge(Facts::IS_REFERRED, Scalar::Boolean(true), as_of);
            }
        }
        cut
    }

    /// Removes references to the person, and texts that name them, from another's call; true if there were
    /// any.
    pub fn cut_call(&self, call: &mut Call) -> bool {
        let named = |value: &Scalar| match value {
            Scalar::Reference(reference) => {
                let ParticipantKey { campaign, participant } = &reference.of;
                self.names(Some(campaign)).any(|(name, _)| name == participant)
            }
            value => value.as_text().is_some_and(|text| self.is_named_in(None, text)),
        };
        let mut cut = false;
        let mut keep = |is_named: bool| {
            cut |= is_named;
            !is_named
        };
        match call {
            Call::Identify { attributes: data } | Call::Track { data, .. } => {
                data.retain(|_, value| keep(named(value)));
            }
            Call::AddParticipant { referred_by, metadata, .. } => {
                metadata.retain(|_, value| keep(named(value)));
                referred_by.take_if(|referrer| !keep(self.is_named_in(None, referrer)));
            }
            Call::UpdateParticipant { update, .. } => {
                update.metadata.retain(|_, value| keep(value.as_ref().is_some_and(named)));
            }
            // These hold nobody but the lane's own person.
            Call::TriggerReferral { .. }
            | Call::Merge { .. }
            | Call::Unsubscribe { .. }
            | Call::Join { .. } => {}
        }
        cut
    }
}

/// Returns a metadata fact's name without the prefix.
fn plain_name(name: &str) -> &str {
    name.strip_prefix(Facts::METADATA).unwrap_or(name)
}

/// True if only a host is behind the `@`: no closing quote, no rest of a query.
fn has_plain_host(email: &Email) -> bool {
    let host = email.as_str().split('@').nth(1).unwrap_or_default();
    host.chars().all(|character| character.is_alphanumeric() || ".-".contains(character))
}
