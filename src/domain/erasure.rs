//! Erasing: who is to be erased, and what names them.
//!
//! What belongs here: the values of a person, finding them in a text or a body, and cutting them out of
//! others' free texts. What doesn't: where a store looks for them, and what remembers an erasure.
//!
//! Others' calls and records refer to a person and hold no value of theirs. What is left is free text: a
//! body that names them is dropped whole, and a text of somebody else's record or call that does is left out.

#[cfg(test)]
mod tests;
mod writings;

use std::collections::BTreeSet;

use serde::de::IgnoredAny;

use super::{
    AnonymousId, Call, Email, Facts, Identifier, Link, Participant, ParticipantKey, Person, Scalar,
    Snapshot,
};
use writings::{decode, is_apart, is_in_body, is_in_link, unfold};

/// Somebody who is to be erased, by everything that names them.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct ErasureSubject {
    /// Their addresses.
    pub emails: BTreeSet<Email>,
    /// Their participants, as GrowSurf names them.
    pub participants: BTreeSet<ParticipantKey>,
    /// The ids that pages know them by, where they claimed one.
    pub visitors: BTreeSet<AnonymousId>,
    /// The codes of their links.
    pub links: BTreeSet<Link>,
}

/// Key of a tombstone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ErasureKey {
    /// A participant: erased for ever.
    Participant(ParticipantKey),
    /// An address: whoever joins with it later is somebody new.
    Address(Email),
}

/// The result of looking for somebody in a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BodySearch {
    /// It names them.
    Named,
    /// It doesn't.
    NotNamed,
    /// It isn't JSON, so they may be in it in another form.
    Unreadable,
}

impl ErasureSubject {
    /// Returns whoever has an address.
    pub fn with_address(email: Email) -> Self {
        Self { emails: [email].into(), ..Self::default() }
    }

    /// True if nobody is to be erased.
    pub fn is_empty(&self) -> bool {
        self.emails.is_empty() && self.participants.is_empty()
    }

    /// True if a record is theirs: of one of their addresses, also a former one, or of what they have beside
    /// it as a visitor or as an addressee at GrowSurf.
    pub fn is_about(&self, person: &Person) -> bool {
        let is_theirs = |identifier: &Identifier| match identifier {
            Identifier::Email(email) => self.emails.contains(email),
            Identifier::Id(_) => false,
            Identifier::Anonymous(id) => self.visitors.contains(id),
            Identifier::Participant(key) => {
                self.participants.contains(key) || self.is_addressed_in(&key.participant)
            }
        };
        let has_address =
            |it: &Participant| address(&it.facts).is_some_and(|it| self.emails.contains(&it));
        is_theirs(&person.identifier)
            || person.former.iter().any(|it| matches!(it, Identifier::Email(_)) && is_theirs(it))
            || person.participants.iter().any(has_address)
    }

    /// Adds everything that names the person of a record.
    pub fn add_identifiers_of(&mut self, person: &Person) {
        for identifier in person.former.iter().chain([&person.identifier]) {
            if let Identifier::Email(email) = identifier {
                self.emails.insert(email.clone());
            }
        }
        self.participants.extend(person.keys());
        for participant in &person.participants {
            self.emails.extend(address(&participant.facts));
            self.visitors.extend(participant.claim.as_ref().map(|claim| claim.id.clone()));
            self.links.extend(participant.links());
            let code = |name| Some(participant.facts.get(name)?.value.as_text()?.to_owned());
            let codes = [Facts::VANITY_KEY, Facts::REFERRAL_CODE].into_iter().filter_map(code);
            let campaign = &participant.campaign;
            self.links.extend(codes.map(|code| Link { campaign: campaign.clone(), code }));
        }
    }

    /// Adds everything that names somebody of whom a source tells.
    pub fn add_snapshot(&mut self, snapshot: &Snapshot, campaign: &str) {
        self.emails.extend(snapshot.email.clone().ok());
        let key = |participant| ParticipantKey { campaign: campaign.to_owned(), participant };
        self.participants.extend(snapshot.id.clone().map(key));
    }

    /// Returns parts, in lower case, of which a text that names them has at least one, in whatever writing.
    pub fn parts(&self) -> BTreeSet<String> {
        let longest = |email: &Email| {
            let words = email.as_str().split(|it: char| !it.is_alphanumeric());
            words.max_by_key(|word| word.len()).unwrap_or_default().to_owned()
        };
        let names = self.names(None).map(|(name, _)| name);
        let names = names.chain(self.visitors.iter().map(AnonymousId::as_str));
        names.map(str::to_lowercase).chain(self.emails.iter().map(longest)).collect()
    }

    /// True if a text is one of their addresses or holds one, in whatever writing. An address of which
    /// theirs is only a part is somebody else's.
    pub fn is_addressed_in(&self, text: &str) -> bool {
        match Email::parse(text) {
            Ok(email) if has_plain_host(&email) => self.emails.contains(&email),
            _ => self.has_address_in(text, &unfold(text)),
        }
    }

    /// True if their address stands in a text, or in the same without escapes, at a place of its own.
    fn has_address_in(&self, text: &str, unfolded: &str) -> bool {
        let texts = [text.to_lowercase(), unfolded.to_lowercase()];
        let stands = |(email, text): (&Email, &String)| {
            let mut places = text.match_indices(email.as_str());
            places.any(|(start, part)| is_apart(text, start, start + part.len()))
        };
        self.emails.iter().flat_map(|email| texts.iter().map(move |text| (email, text))).any(stands)
    }

    /// True if a text of one campaign, or of any, names them: by an address, an id, a code or a link.
    pub fn is_named_in(&self, campaign: Option<&str>, text: &str) -> bool {
        let is_it = |name: &str| text.trim() == name;
        self.names(campaign).any(|(name, _)| is_it(name) || is_in_link(text, name))
            || self.visitors.iter().any(|id| is_it(id.as_str()))
            || self.is_addressed_in(text)
    }

    /// Their ids and codes in one campaign, or in all; true for an id.
    fn names(&self, campaign: Option<&str>) -> impl Iterator<Item = (&str, bool)> {
        let is_here = move |own: &str| campaign.is_none_or(|campaign| own == campaign);
        let ids = self.participants.iter().filter(move |it| is_here(&it.campaign));
        let codes = self.links.iter().filter(move |it| is_here(&it.campaign));
        let ids = ids.map(|it| (it.participant.as_str(), true));
        ids.chain(codes.map(|it| (it.code.as_str(), false)))
    }

    /// Looks for them in a body of any source: for addresses in any writing, for ids in quotes or in a field
    /// that refers to a participant, and for links. `owner` is the campaign that is verified to be the
    /// sender's. A body that names another campaign has other participants.
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

    /// Takes out of somebody else's record the facts that name them; true if there were any.
    pub fn cut_facts(&self, person: &mut Person) -> bool {
        let mut cut = false;
        for Participant { campaign, facts, .. } in &mut person.participants {
            let referrer = facts.get(Facts::REFERRER_ID).map(|fact| fact.as_of);
            cut |= facts.retain(|name, fact| {
                let named = |text: &str| self.is_named_in(Some(campaign), text);
                !fact.value.as_text().is_some_and(named) && !self.is_addressed_in(plain_name(name))
            });
            if let Some(as_of) = referrer.filter(|_| facts.get(Facts::REFERRER_ID).is_none()) {
                facts.learn(Facts::IS_REFERRED, Scalar::Boolean(true), as_of);
            }
        }
        cut
    }

    /// Takes out of somebody else's call the references to them and the texts that name them; true if there
    /// were any.
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
            // These are of nobody but the person whose lane they are in.
            Call::TriggerReferral { .. }
            | Call::Merge { .. }
            | Call::Unsubscribe { .. }
            | Call::Join { .. } => {}
        }
        cut
    }
}

/// The name of a fact from metadata, as it is there.
fn plain_name(name: &str) -> &str {
    name.strip_prefix(Facts::METADATA).unwrap_or(name)
}

/// True if nothing but a host stands behind the `@`: no closing quote, nor the rest of a query.
fn has_plain_host(email: &Email) -> bool {
    let host = email.as_str().split('@').nth(1).unwrap_or_default();
    host.chars().all(|character| character.is_alphanumeric() || ".-".contains(character))
}

/// The address in somebody's own facts.
fn address(facts: &Facts) -> Option<Email> {
    Email::parse(facts.get(Facts::EMAIL)?.value.as_text()?).ok()
}
