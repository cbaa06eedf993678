//! The tables `people`, `participants`, `links`, `effects` and `tombstones`: reads of plans; participants in
//! pages, and visitors.
//!
//! Whoever changes a person, or makes one, holds the row of their identifier until the commit: rows that
//! aren't there are made first, sorted by identifier; then all are locked, sorted by number. What is read
//! after the locks stays true until the commit.

use std::collections::BTreeSet;

use futures_util::try_join;
use uuid::Uuid;

use crate::domain::{EventId, Link, ParticipantKey, Person, PersonId};
use crate::store::columns;
use crate::store::meta::Meta;
use crate::store::postgres::fault::Fault;
use crate::store::postgres::transaction::Transaction;
use crate::store::postgres::value::{Value, columns, text};
use crate::store::record;
use crate::store::rows::{Changes, PersonRow, VisitorTraces};
use crate::store::unit::{FoundRecords, PeopleRows, PlanKeys};

use super::meta;

impl PeopleRows for Transaction {
    const READS_HOLD: bool = false;

    async fn records(&mut self, keys: &PlanKeys) -> Result<FoundRecords, Fault> {
        let wanted = Wanted::of(keys);
        let values = wanted.values();
        let (people, rest) = try_join!(self.read(FOUND, &values), rest(self, keys, &wanted))?;
        let mut found = FoundRecords { people, ..rest };
        // The statements see different moments. Whoever is missing in the first comes as nobody.
        let known: Vec<i64> = found.people.iter().map(|row| row.id).collect();
        let is_known = |person: &mut Option<i64>| *person = person.filter(|id| known.contains(id));
        found.participants.iter_mut().for_each(|(_, person)| is_known(person));
        found.links.iter_mut().for_each(|(_, person)| is_known(person));
        Ok(found)
    }

    async fn hold_records(&mut self, keys: &PlanKeys) -> Result<FoundRecords, Fault> {
        let wanted = Wanted::of(keys);
        let mut reserved = Vec::new();
        let mut people = Vec::new();
        if !wanted.is_empty() {
            let blanks = "INSERT INTO people (identifier, state)
                 SELECT identifier, '' FROM unnest($1) AS new (identifier)
                 WHERE NOT EXISTS (SELECT 1 FROM people WHERE people.identifier = new.identifier)
                 ORDER BY identifier COLLATE \"C\"
                 ON CONFLICT (identifier) DO NOTHING RETURNING identifier, id";
            for row in self.rows(blanks, &[&wanted.identifiers]).await? {
                reserved.push((row.try_get(0)?, row.try_get(1)?));
            }
            people = self.read(&format!("{FOUND} FOR UPDATE"), &wanted.values()).await?;
        }
        // Asked behind the locks, because a participant may have become somebody else's meanwhile.
        let found = FoundRecords { people, reserved, ..rest(self, keys, &wanted).await? };
        let has = |column: &String| {
            let is_reserved = found.reserved.iter().any(|(reserved, _)| reserved == column);
            is_reserved || found.people.iter().any(|row| row.identifier == *column)
        };
        let is_read = |person: &Option<i64>| {
            person.is_none_or(|id| found.people.iter().any(|row| row.id == id))
        };
        let owners = found.participants.iter().map(|(_, person)| person);
        let mut owners = owners.chain(found.links.iter().map(|(_, person)| person));
        match wanted.identifiers.iter().all(has) && owners.all(is_read) {
            true => Ok(found),
            false => Err(Fault::Conflict),
        }
    }

    async fn participants_between(
        &mut self,
        campaign: &str,
        after: &str,
        before: &str,
        limit: i64,
    ) -> Result<Vec<String>, Fault> {
        let sql = "SELECT growsurf_id FROM participants
             WHERE campaign = $1 AND growsurf_id > $2 AND growsurf_id < $3 ORDER BY growsurf_id LIMIT $4";
        self.read(sql, &[&text(campaign), &text(after), &before, &limit]).await
    }

    async fn hold_visitors(&mut self, people: &BTreeSet<PersonId>) -> Result<Vec<Person>, Fault> {
        let ids: Vec<i64> = people.iter().map(|person| person.0).collect();
        let sql = "SELECT id, identifier, state FROM people
             WHERE id = ANY ($1) AND identifier LIKE 'anonymous:%' AND state <> ''
             ORDER BY id FOR UPDATE SKIP LOCKED";
        let found: Vec<PersonRow> = self.read(sql, &[&ids]).await?;
        found.iter().map(|row| Ok(record::person(row.id, &row.identifier, &row.state)?)).collect()
    }

    async fn visitor_traces(&mut self, people: &[PersonId]) -> Result<Vec<VisitorTraces>, Fault> {
        let ids: Vec<i64> = people.iter().map(|person| person.0).collect();
        // The newest mention first: of whoever comes often, it is the one most likely to be kept.
        let sql = "SELECT own.id,
                 EXISTS (SELECT 1 FROM lanes WHERE lanes.id = own.id AND leased),
                 EXISTS (
                     SELECT 1 FROM mentions JOIN deliveries ON deliveries.webhook = mentions.webhook
                     WHERE mentions.person = own.id AND lane = own.id
                 ),
                 (SELECT inbox.id FROM mentions JOIN inbox ON inbox.id = webhook
                  WHERE mentions.person = own.id AND body IS NOT NULL
                  ORDER BY webhook DESC LIMIT 1) IS NOT NULL
             FROM unnest($1) AS own (id)";
        self.read(sql, &[&ids]).await
    }
}

/// The people that keys lead to.
const FOUND: &str = "SELECT id, identifier, state FROM people
     WHERE state <> '' AND id IN (
         SELECT id FROM people WHERE identifier = ANY ($1)
         UNION ALL
         SELECT person FROM participants
         JOIN unnest($2, $3) AS key (campaign, id)
             ON participants.campaign = key.campaign AND growsurf_id = key.id
         UNION ALL
         SELECT person FROM links
         JOIN unnest($4, $5) AS link (campaign, code)
             ON links.campaign = link.campaign AND links.code = link.code
     )
     ORDER BY id";

/// Keys of people, as the columns of statements.
#[derive(Default)]
struct Wanted {
    identifiers: Vec<String>,
    campaigns: Vec<String>,
    participants: Vec<String>,
    link_campaigns: Vec<String>,
    codes: Vec<String>,
}

impl Wanted {
    fn of(keys: &PlanKeys) -> Self {
        let mut wanted =
            Self { identifiers: keys.identifiers.iter().cloned().collect(), ..Self::default() };
        for ParticipantKey { campaign, participant } in &keys.participants {
            wanted.campaigns.push(text(campaign));
            wanted.participants.push(text(participant));
        }
        for Link { campaign, code } in &keys.links {
            wanted.link_campaigns.push(text(campaign));
            wanted.codes.push(text(code));
        }
        wanted
    }

    fn is_empty(&self) -> bool {
        self.identifiers.is_empty() && self.participants.is_empty() && self.codes.is_empty()
    }

    fn values(&self) -> [&dyn Value; 5] {
        [&self.identifiers, &self.campaigns, &self.participants, &self.link_campaigns, &self.codes]
    }
}

/// Reads everything but the people themselves.
async fn rest(
    transaction: &Transaction,
    keys: &PlanKeys,
    wanted: &Wanted,
) -> Result<FoundRecords, Fault> {
    let owners = "SELECT person FROM unnest($1, $2) WITH ORDINALITY
             AS key (campaign, id, place)
         LEFT JOIN participants
             ON participants.campaign = key.campaign AND growsurf_id = key.id
         ORDER BY place";
    let keys_of_owners: [&dyn Value; 2] = [&wanted.campaigns, &wanted.participants];
    let owners = transaction.read_by::<Option<i64>>(owners, &keys_of_owners);
    let links = "SELECT people.id FROM unnest($1, $2) WITH ORDINALITY
             AS link (campaign, code, place)
         LEFT JOIN links ON links.campaign = link.campaign AND links.code = link.code
         LEFT JOIN people ON people.id = links.person AND people.state <> ''
         ORDER BY place";
    let keys_of_links: [&dyn Value; 2] = [&wanted.link_campaigns, &wanted.codes];
    let links = transaction.read_by::<Option<i64>>(links, &keys_of_links);
    let ids: Vec<Uuid> = keys.effects.iter().map(|id| Uuid::from_bytes(id.0)).collect();
    let ids: [&dyn Value; 1] = [&ids];
    let effects = transaction.read_by::<Uuid>("SELECT id FROM effects WHERE id = ANY ($1)", &ids);
    let hashes: Vec<Vec<u8>> = keys.tombstones.iter().map(|hash| hash.to_vec()).collect();
    let hashes: [&dyn Value; 1] = [&hashes];
    let sql = "SELECT hash, forgotten_at FROM tombstones WHERE hash = ANY ($1)";
    let tombstones = transaction.read_by::<(Vec<u8>, i64)>(sql, &hashes);
    let tombstone_check = meta::recall(transaction, Meta::TombstoneCheck);
    let (owners, links, effects, tombstones, tombstone_check) =
        try_join!(owners, links, effects, tombstones, tombstone_check)?;
    let mut found = FoundRecords {
        participants: keys.participants.iter().cloned().zip(owners).collect(),
        links: keys.links.iter().cloned().zip(links).collect(),
        effects: effects.into_iter().map(|id| EventId(id.into_bytes())).collect(),
        tombstone_check,
        ..FoundRecords::default()
    };
    for (hash, erased_at) in tombstones {
        found.tombstones.insert(columns::hash(hash)?, erased_at);
    }
    Ok(found)
}

/// Gives numbers back that no new person has taken. One may hold the identifier that somebody else takes.
pub(super) async fn release(transaction: &Transaction, changes: &Changes) -> Result<(), Fault> {
    transaction.write("DELETE FROM people WHERE id = ANY ($1)", &[&changes.released]).await
}

/// Writes people. Those who are new have an empty row.
pub(super) async fn write_people(
    transaction: &Transaction,
    changes: &Changes,
) -> Result<(), Fault> {
    let people: Vec<&PersonRow> = changes.people.iter().chain(&changes.new_people).collect();
    let sql = "UPDATE people SET identifier = it.identifier, state = it.state
         FROM unnest($1, $2, $3) AS it (id, identifier, state)
         WHERE people.id = it.id";
    let columns = columns!(people, it => it.id, &*it.identifier, &*it.state);
    transaction.write_all(sql, &columns).await
}

/// Writes whose participants are.
pub(super) async fn write_participants(
    transaction: &Transaction,
    changes: &Changes,
) -> Result<(), Fault> {
    let new = "INSERT INTO participants (campaign, growsurf_id, person)
         SELECT * FROM unnest($1, $2, $3)
         ON CONFLICT (campaign, growsurf_id) DO NOTHING";
    let moved = "UPDATE participants SET person = it.person
         FROM unnest($1, $2, $3) AS it (campaign, id, person)
         WHERE participants.campaign = it.campaign AND growsurf_id = it.id";
    for (sql, keys) in [(new, &changes.new_participants), (moved, &changes.moved_participants)] {
        let columns = columns!(keys, it => text(&it.0.campaign), text(&it.0.participant), *it.1);
        transaction.write_all(sql, &columns).await?;
    }
    Ok(())
}

/// Writes whose links are.
pub(super) async fn write_links(transaction: &Transaction, changes: &Changes) -> Result<(), Fault> {
    let sql = "INSERT INTO links (campaign, code, person)
         SELECT * FROM unnest($1, $2, $3)
         ON CONFLICT (campaign, code) DO UPDATE SET person = excluded.person";
    let columns = columns!(changes.links, it => text(&it.0.campaign), text(&it.0.code), *it.1);
    transaction.write(sql, &columns).await
}

pub(super) async fn write_effects(
    transaction: &Transaction,
    changes: &Changes,
) -> Result<(), Fault> {
    let sql = "INSERT INTO effects (id, webhook) SELECT * FROM unnest($1, $2)
         ON CONFLICT (id) DO NOTHING";
    let columns = columns!(changes.effects, it => Uuid::from_bytes(it.0.0), it.1.0);
    transaction.write_all(sql, &columns).await
}

/// Removes people with their lanes.
pub(super) async fn remove(transaction: &Transaction, people: &[PersonId]) -> Result<(), Fault> {
    let ids: Vec<i64> = people.iter().map(|person| person.0).collect();
    for sql in [
        "DELETE FROM people WHERE id = ANY ($1)",
        "DELETE FROM mentions WHERE person = ANY ($1)",
        "DELETE FROM lanes WHERE id = ANY ($1)",
    ] {
        transaction.write(sql, &[&ids]).await?;
    }
    Ok(())
}
