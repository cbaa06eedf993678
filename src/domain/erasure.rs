//! Forgetting: who is to be forgotten, and what of others' data tells about them.
//!
//! What belongs here: the traces that somebody leaves, and cutting them out of facts and calls.
//! What doesn't: cutting them out of a webhook's body, which the source's dialect knows how to do,
//! and what remembers that somebody was forgotten, which the store does.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;

use super::{
    AnonymousId, Call, Email, Facts, Identifier, ParticipantKey, Person, Scalar, Snapshot, Webhook,
};

/// Somebody who is to be forgotten, by everything that names them in others' data.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct ErasureSubject {
    /// Their addresses.
    pub emails: BTreeSet<Email>,
    /// Whom GrowSurf knows them as.
    pub participants: BTreeSet<ParticipantKey>,
    /// What pages know them by, where they claimed it.
    pub visitors: BTreeSet<AnonymousId>,
}

/// What a tombstone is made for, and what it is looked up by.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ErasureKey {
    /// A participant: forgotten for ever.
    Participant(ParticipantKey),
    /// An address: whoever joins with it later is somebody new.
    Address(Email),
}

/// What is left of a webhook's body without somebody.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Redaction {
    /// It doesn't tell of them.
    Untouched,
    /// It can't be decoded. Their addresses and ids don't stand in it as plain text, and may in
    /// another form.
    Unreadable,
    /// The body without them, which still tells of the others.
    Body(Vec<u8>),
    /// Nothing: it was about them.
    Nothing,
}

/// Takes somebody out of a webhook's body, which is read as its source writes it. Pure.
pub type Redact = fn(&Webhook, &ErasureSubject) -> Redaction;

impl ErasureSubject {
    /// Whoever has this address.
    pub fn with_address(email: Email) -> Self {
        Self { emails: [email].into(), ..Self::default() }
    }

    /// Whether nobody is to be forgotten.
    pub fn is_empty(&self) -> bool {
        self.emails.is_empty() && self.participants.is_empty()
    }

    /// Whether this person is them: known by one of their addresses, or having had it.
    pub fn is_about(&self, person: &Person) -> bool {
        let identifier = match &person.identifier {
            Identifier::Email(email) => self.emails.contains(email),
            Identifier::Id(_) => false,
            Identifier::Anonymous(id) => self.visitors.contains(id),
            Identifier::Participant(key) => {
                self.participants.contains(key) || self.is_addressed_in(&key.participant)
            }
        };
        let has_had = |facts: &Facts| address(facts).is_some_and(|it| self.emails.contains(&it));
        let former = person.former.iter().any(|it| match it {
            Identifier::Email(email) => self.emails.contains(email),
            Identifier::Id(_) | Identifier::Participant(_) | Identifier::Anonymous(_) => false,
        });
        identifier || former || person.participants.iter().any(|it| has_had(&it.facts))
    }

    /// Takes in every trace of a person who is them.
    pub fn add_identifiers_of(&mut self, person: &Person) {
        if let Identifier::Email(email) = &person.identifier {
            self.emails.insert(email.clone());
        }
        for former in &person.former {
            if let Identifier::Email(email) = former {
                self.emails.insert(email.clone());
            }
        }
        for participant in &person.participants {
            self.emails.extend(address(&participant.facts));
            self.participants.extend(participant.growsurf_id.clone().map(|id| ParticipantKey {
                campaign: participant.campaign.clone(),
                participant: id,
            }));
            self.visitors.extend(participant.claim.as_ref().map(|claim| claim.id.clone()));
        }
    }

    /// Takes in every trace in what a source told of them.
    pub fn add_snapshot(&mut self, snapshot: &Snapshot, campaign: &str) {
        self.emails.extend(snapshot.email.clone().ok());
        self.participants.extend(
            snapshot
                .id
                .clone()
                .map(|participant| ParticipantKey { campaign: campaign.to_owned(), participant }),
        );
    }

    /// Whether a text is one of their addresses or holds one, in whatever case. An address of which
    /// theirs is only a part is somebody else's.
    pub fn is_addressed_in(&self, text: &str) -> bool {
        if let Ok(email) = Email::parse(text)
            && has_plain_host(&email)
        {
            return self.emails.contains(&email);
        }
        let text = text.to_lowercase();
        // An address in a link is percent-encoded.
        let decoded = percent_decode_str(&text).decode_utf8_lossy();
        self.emails.iter().any(|email| {
            stands_in(&text, email.as_str(), is_apart)
                || stands_in(&decoded, email.as_str(), is_apart)
        })
    }

    /// True if a text that can't be decoded holds an address, a participant id or a visitor's id of
    /// theirs as it is. An id of digits counts only in quotes, since numbers stand everywhere.
    pub fn is_in_plain(&self, campaign: Option<&str>, text: &str) -> bool {
        let is_theirs = |key: &&ParticipantKey| campaign.is_none_or(|it| key.campaign == it);
        let participants = self.participants.iter().filter(is_theirs);
        let mut ids = participants
            .map(|key| key.participant.as_str())
            .chain(self.visitors.iter().map(AnonymousId::as_str));
        self.is_addressed_in(text)
            || ids.any(|id| {
                text.contains(&format!("\"{id}\""))
                    || (id.contains(char::is_alphabetic) && stands_in(text, id, is_word))
            })
    }

    /// Whether it is one of their participant ids; in one campaign, if one is given.
    pub fn is_participant(&self, campaign: Option<&str>, id: &str) -> bool {
        self.participants.iter().any(|key| {
            key.participant == id && campaign.is_none_or(|campaign| key.campaign == campaign)
        })
    }

    /// Whether a text is a referral link of theirs.
    pub fn is_linked_in(&self, campaign: Option<&str>, text: &str) -> bool {
        let parts = text.split(['?', '&', '#']).filter_map(|part| part.strip_prefix("grsf="));
        let mut ids = parts.map(|id| percent_decode_str(id).decode_utf8_lossy());
        ids.any(|id| self.is_participant(campaign, &id))
    }

    /// What records of theirs may be known by that aren't a person's.
    pub fn linked_records(&self) -> impl Iterator<Item = Identifier> {
        let visitors = self.visitors.iter().cloned().map(Identifier::Anonymous);
        visitors.chain(self.participants.iter().cloned().map(Identifier::Participant))
    }

    /// Whether it is what a page knows them by.
    pub fn is_visitor(&self, text: &str) -> bool {
        self.visitors.iter().any(|id| id.as_str() == text)
    }

    /// Takes out of somebody else's facts what names them: as the referrer, or anywhere else by
    /// their address or participant id. Tells whether there was anything.
    pub fn cut_facts(&self, person: &mut Person) -> bool {
        let mut cut = false;
        for participant in &mut person.participants {
            let campaign = participant.campaign.as_str();
            let text = |name| participant.facts.get(name).and_then(|fact| fact.value.as_text());
            let is_referrer =
                text(Facts::REFERRER_ID).is_some_and(|id| self.is_participant(Some(campaign), id));
            let facts = [Facts::REFERRER_ID];
            let as_of = participant.facts.get(Facts::REFERRER_ID).map(|fact| fact.as_of);
            let referred_as_of = as_of.filter(|_| is_referrer);
            cut |= participant.facts.retain(|name, fact| {
                let as_referrer = is_referrer && facts.contains(&name);
                let elsewhere = fact.value.as_text().is_some_and(|text| {
                    self.is_addressed_in(text) || self.is_participant(Some(campaign), text)
                });
                !as_referrer && !elsewhere && !self.is_addressed_in(plain_name(name))
            });
            if let Some(as_of) = referred_as_of {
                participant.facts.learn(Facts::IS_REFERRED, Scalar::Boolean(true), as_of);
            }
        }
        cut
    }

    /// Takes out of somebody else's call what names them: their address, their participant id or
    /// link, and their name where it is told as a friend's. Tells whether there was anything.
    pub fn cut_call(&self, call: &mut Call) -> bool {
        let names = |text: &str| {
            self.is_addressed_in(text)
                || self.is_participant(None, text)
                || self.is_linked_in(None, text)
        };
        let is_named_in = |value: &Scalar| value.as_text().is_some_and(names);
        let data = match call {
            Call::Identify { attributes: data, .. } | Call::Track { data, .. } => data,
            Call::AddParticipant { referred_by, metadata, .. } => {
                let before = metadata.len();
                metadata.retain(|_, value| !is_named_in(value));
                let was_referrer = referred_by.take_if(|referrer| names(referrer)).is_some();
                return was_referrer || metadata.len() != before;
            }
            Call::UpdateParticipant { update, .. } => {
                let before = update.metadata.len();
                update.metadata.retain(|_, value| !value.as_ref().is_some_and(is_named_in));
                return update.metadata.len() != before;
            }
            // These are of nobody but the person whose lane they are in.
            Call::TriggerReferral { .. }
            | Call::Merge { .. }
            | Call::Unsubscribe { .. }
            | Call::Join { .. } => return false,
        };
        let before = data.len();
        data.retain(|_, value| match value {
            Scalar::Reference(reference) => !self.participants.contains(&reference.of),
            value => !value.as_text().is_some_and(names),
        });
        data.len() != before
    }
}

/// What a fact from metadata is called there.
fn plain_name(name: &str) -> &str {
    name.strip_prefix("metadata.").unwrap_or(name)
}

/// Whether nothing but a host stands behind the `@`: no closing quote, nor the rest of a query.
fn has_plain_host(email: &Email) -> bool {
    let host = email.as_str().split('@').nth(1).unwrap_or_default();
    host.chars().all(|character| character.is_alphanumeric() || ".-".contains(character))
}

/// True if a part stands in a text at a place of its own, which `is_own` knows by its ends.
fn stands_in(text: &str, part: &str, is_own: fn(&str, usize, usize) -> bool) -> bool {
    text.match_indices(part).any(|(start, part)| is_own(text, start, start + part.len()))
}

/// True if what stands between two places of a text is a word of its own.
fn is_word(text: &str, start: usize, end: usize) -> bool {
    let goes_on = |it: char| it.is_alphanumeric() || "_-".contains(it);
    !text[..start].ends_with(goes_on) && !text[end..].starts_with(goes_on)
}

/// Whether what stands between two places of a text is an address of its own: it neither goes on
/// before, as "joann@" does with "ann@", nor behind, as ".com.au" does with ".com". Punctuation of a
/// sentence belongs to no address.
fn is_apart(text: &str, start: usize, end: usize) -> bool {
    let mut before = text[..start].chars().rev();
    let goes_on_before = match before.next() {
        Some('.' | '-' | '_' | '+') => before.next().is_some_and(char::is_alphanumeric),
        Some(character) => character.is_alphanumeric(),
        None => false,
    };
    let mut behind = text[end..].chars();
    let goes_on_behind = match behind.next() {
        Some('.' | '-') => behind.next().is_some_and(char::is_alphanumeric),
        Some(character) => character.is_alphanumeric(),
        None => false,
    };
    !goes_on_before && !goes_on_behind
}

/// The address in somebody's own facts.
fn address(facts: &Facts) -> Option<Email> {
    Email::parse(facts.get(Facts::EMAIL)?.value.as_text()?).ok()
}
