//! The tables `people`, `participants`, `links`, `effects` and `tombstones`.
//!
//! Whoever changes a person, or makes one, holds the row of their identifier until the commit: rows that
//! aren't there are made first, sorted by identifier; then all are locked, sorted by number. What is read
//! after the locks stays true until the commit.

use std::collections::BTreeSet;

use futures_util::try_join;
use uuid::Uuid;

use crate::domain::{EventId, Link, ParticipantKey, PersonId};
use crate::store::meta::TOMBSTONE_CHECK;
use crate::store::postgres::fault::Fault;
use crate::store::postgres::transaction::Transaction;
use crate::store::postgres::value::{Value, columns, text};
use crate::store::rows::{Changes, PersonRow};
use crate::store::unit::{FoundRecords, Hash, Hold, PeopleRows, PlanKeys};

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
            reserved = self.read(blanks, &[&wanted.identifiers]).await?;
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

    async fn people(&mut self, ids: &[i64], hold: Hold) -> Result<Vec<PersonRow>, Fault> {
        let hold = match hold {
            Hold::No => "",
            Hold::Wait => "FOR UPDATE",
            Hold::Skip => "FOR UPDATE SKIP LOCKED",
        };
        let sql = format!(
            "SELECT id, identifier, state FROM people
             WHERE id = ANY ($1) AND state <> '' ORDER BY id {hold}"
        );
        self.read_by(&sql, &[&ids.to_vec()]).await
    }

    async fn people_after(&mut self, after: i64, limit: i64) -> Result<Vec<PersonRow>, Fault> {
        let sql = "SELECT id, identifier, state FROM people
             WHERE id > $1 AND state <> '' ORDER BY id LIMIT $2";
        self.read(sql, &[&after, &limit]).await
    }

    async fn people_without_traces(&mut self, ids: &[i64]) -> Result<Vec<PersonId>, Fault> {
        // The newest mention first: of whoever comes often, it is the one most likely to be kept.
        let sql = "SELECT own.id FROM unnest($1) AS own (id)
             WHERE NOT EXISTS (SELECT 1 FROM lanes WHERE lanes.id = own.id AND leased)
                 AND NOT EXISTS (
                     SELECT 1 FROM mentions JOIN deliveries ON deliveries.webhook = mentions.webhook
                     WHERE mentions.person = own.id AND lane = own.id
                 )
                 AND (SELECT inbox.id FROM mentions JOIN inbox ON inbox.id = webhook
                  WHERE mentions.person = own.id AND body IS NOT NULL
                  ORDER BY webhook DESC LIMIT 1) IS NULL";
        self.read(sql, &[&ids.to_vec()]).await
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

    async fn campaigns(&mut self) -> Result<Vec<String>, Fault> {
        let mut campaigns = BTreeSet::new();
        for sql in [
            "SELECT campaign FROM participants WHERE campaign > $1 ORDER BY campaign LIMIT 1",
            "SELECT campaign FROM links WHERE campaign > $1 ORDER BY campaign LIMIT 1",
        ] {
            let mut last = String::new();
            while let Some(next) = self.read::<String>(sql, &[&last]).await?.pop() {
                last = next;
                campaigns.insert(last.clone());
            }
        }
        Ok(campaigns.into_iter().collect())
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
    let ids = columns!(keys.effects, id => Uuid::from_bytes(id.0));
    let effects =
        transaction.read_by::<EventId>("SELECT id FROM effects WHERE id = ANY ($1)", &ids);
    let hashes = columns!(keys.tombstones, hash => hash.as_slice());
    let sql = "SELECT hash, forgotten_at FROM tombstones WHERE hash = ANY ($1)";
    let tombstones = transaction.read_by::<(Hash, i64)>(sql, &hashes);
    let tombstone_check = meta::recall(transaction, TOMBSTONE_CHECK);
    let (owners, links, effects, tombstones, tombstone_check) =
        try_join!(owners, links, effects, tombstones, tombstone_check)?;
    Ok(FoundRecords {
        participants: keys.participants.iter().cloned().zip(owners).collect(),
        links: keys.links.iter().cloned().zip(links).collect(),
        effects: effects.into_iter().collect(),
        tombstones: tombstones.into_iter().collect(),
        tombstone_check,
        ..FoundRecords::default()
    })
}

/// Removes participants with their links, and sets tombstones.
pub(super) async fn erase(transaction: &Transaction, changes: &Changes) -> Result<(), Fault> {
    let keys = columns!(changes.removed_participants, it => text(&it.0.campaign),
        text(&it.0.participant), it.1);
    let sql = "DELETE FROM participants USING unnest($1, $2, $3) AS own (campaign, id, person)
         WHERE participants.campaign = own.campaign AND growsurf_id = own.id
             AND participants.person = own.person";
    transaction.write(sql, &keys).await?;
    transaction.write("DELETE FROM links WHERE person = ANY ($1)", &keys[2..]).await?;
    let sql = "INSERT INTO tombstones (hash, forgotten_at)
         SELECT hash, MAX(forgotten_at) FROM unnest($1, $2) AS new (hash, forgotten_at) GROUP BY hash
         ON CONFLICT (hash) DO UPDATE
         SET forgotten_at = GREATEST(tombstones.forgotten_at, excluded.forgotten_at)";
    let columns = columns!(changes.tombstones, it => it.0.as_slice(), it.1);
    transaction.write(sql, &columns).await
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
    let ids = columns!(people, it => it.0);
    for sql in [
        "DELETE FROM people WHERE id = ANY ($1)",
        "DELETE FROM mentions WHERE person = ANY ($1)",
        "DELETE FROM lanes WHERE id = ANY ($1)",
    ] {
        transaction.write(sql, &ids).await?;
    }
    Ok(())
}
