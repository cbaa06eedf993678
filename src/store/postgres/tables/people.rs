//! The tables `people`, `participants`, `links`, `effects` and `tombstones`.
//!
//! A transaction that changes or makes a person locks the row of their identifier until the commit: missing
//! rows are made first, sorted by identifier; then all are locked, sorted by number. What is read
//! after the locks stays true until the commit.

use std::collections::BTreeSet;

use futures_util::try_join;
use uuid::Uuid;

use crate::domain::{EventId, PersonId};
use crate::store::meta::TOMBSTONE_CHECK;
use crate::store::postgres::fault::Fault;
use crate::store::postgres::transaction::Transaction;
use crate::store::postgres::value::{Value, boxed, columns, rows, text};
use crate::store::rows::{Changes, PersonRow};
use crate::store::unit::{FoundRecords, Hash, Hold, PeopleRows, PlanKeys};

use super::{Writes, meta};

impl PeopleRows for Transaction {
    const READS_HOLD: bool = false;

    async fn records(&mut self, keys: &PlanKeys) -> Result<FoundRecords, Fault> {
        let columns = columns(keys);
        let columns: Vec<&dyn Value> = columns.iter().map(|it| &**it).collect();
        let (people, rest) = try_join!(self.read(FOUND, &columns), rest(self, keys, &columns))?;
        let mut found = FoundRecords { people, ..rest };
        // The statements see different moments. A person missing in the first counts as unknown.
        let known: Vec<i64> = found.people.iter().map(|row| row.id).collect();
        let is_known = |person: &mut Option<i64>| *person = person.filter(|id| known.contains(id));
        found.participants.iter_mut().for_each(|(_, person)| is_known(person));
        found.links.iter_mut().for_each(|(_, person)| is_known(person));
        Ok(found)
    }

    async fn hold_records(&mut self, keys: &PlanKeys) -> Result<FoundRecords, Fault> {
        let columns = columns(keys);
        let columns: Vec<&dyn Value> = columns.iter().map(|it| &**it).collect();
        let (mut reserved, mut people) = (Vec::new(), Vec::new());
        if columns.iter().any(|column| column.count() > 0) {
            let blanks = "INSERT INTO people (identifier, state)
                 SELECT identifier, '' FROM unnest($1) AS new (identifier)
                 WHERE NOT EXISTS (SELECT 1 FROM people WHERE people.identifier = new.identifier)
                 ORDER BY identifier COLLATE \"C\"
                 ON CONFLICT (identifier) DO NOTHING RETURNING identifier, id";
            reserved = self.read(blanks, &columns[..1]).await?;
            people = self.read(&format!("{FOUND} FOR UPDATE"), &columns).await?;
        }
        // Read behind the locks, because a participant may have another owner by now.
        let found = FoundRecords { people, reserved, ..rest(self, keys, &columns).await? };
        let has = |column: &String| {
            let is_reserved = found.reserved.iter().any(|(reserved, _)| reserved == column);
            is_reserved || found.people.iter().any(|row| row.identifier == *column)
        };
        let is_read = |person: &Option<i64>| {
            person.is_none_or(|id| found.people.iter().any(|row| row.id == id))
        };
        let owners = found.participants.iter().map(|(_, person)| person);
        let mut owners = owners.chain(found.links.iter().map(|(_, person)| person));
        match keys.identifiers.iter().all(has) && owners.all(is_read) {
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
        // The newest mention first: of a frequent person, it is the likeliest to be stored.
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

/// Returns keys of people as five columns of statements: identifiers, participants, links.
fn columns(keys: &PlanKeys) -> Vec<Box<dyn Value + '_>> {
    let mut columns = rows!(keys.identifiers, it => it.as_str());
    columns.extend(rows!(keys.participants, it => text(&it.campaign), text(&it.participant)));
    columns.extend(rows!(keys.links, it => text(&it.campaign), text(&it.code)));
    columns
}

/// Reads everything but the people themselves.
async fn rest(
    transaction: &Transaction,
    keys: &PlanKeys,
    columns: &[&dyn Value],
) -> Result<FoundRecords, Fault> {
    let owners = "SELECT person FROM unnest($1, $2) WITH ORDINALITY
             AS key (campaign, id, place)
         LEFT JOIN participants
             ON participants.campaign = key.campaign AND growsurf_id = key.id
         ORDER BY place";
    let owners = transaction.read_by::<Option<i64>>(owners, &columns[1..3]);
    let links = "SELECT people.id FROM unnest($1, $2) WITH ORDINALITY
             AS link (campaign, code, place)
         LEFT JOIN links ON links.campaign = link.campaign AND links.code = link.code
         LEFT JOIN people ON people.id = links.person AND people.state <> ''
         ORDER BY place";
    let links = transaction.read_by::<Option<i64>>(links, &columns[3..]);
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

/// Writes people, whom they are at GrowSurf, the ledger and tombstones.
pub fn write<'a>(writes: &mut Writes<'a>, changes: &'a Changes) {
    let sql = "DELETE FROM participants USING unnest($1, $2, $3) AS own (campaign, id, person)
         WHERE participants.campaign = own.campaign AND growsurf_id = own.id
             AND participants.person = own.person";
    let removed = &changes.removed_participants;
    let keys = rows!(removed, it => text(&it.0.campaign), text(&it.0.participant), it.1);
    writes.add(sql, keys);
    writes.add("DELETE FROM links WHERE person = ANY ($1)", rows!(removed, it => it.1));
    let sql = "INSERT INTO tombstones (hash, forgotten_at)
         SELECT hash, MAX(forgotten_at) FROM unnest($1, $2) AS new (hash, forgotten_at) GROUP BY hash
         ON CONFLICT (hash) DO UPDATE
         SET forgotten_at = GREATEST(tombstones.forgotten_at, excluded.forgotten_at)";
    writes.add(sql, rows!(changes.tombstones, it => it.0.as_slice(), it.1));
    // Numbers that no new person has taken. One may hold the identifier that another person takes.
    let sql = "DELETE FROM people WHERE id = ANY ($1)";
    writes.add(sql, vec![boxed(changes.released.clone())]);
    // Those who are new have an empty row.
    let people: Vec<&PersonRow> = changes.people.iter().chain(&changes.new_people).collect();
    let sql = "UPDATE people SET identifier = it.identifier, state = it.state
         FROM unnest($1, $2, $3) AS it (id, identifier, state)
         WHERE people.id = it.id";
    writes.add_whole(sql, rows!(people, it => it.id, &*it.identifier, &*it.state));
    let new = "INSERT INTO participants (campaign, growsurf_id, person)
         SELECT * FROM unnest($1, $2, $3)
         ON CONFLICT (campaign, growsurf_id) DO NOTHING";
    let moved = "UPDATE participants SET person = it.person
         FROM unnest($1, $2, $3) AS it (campaign, id, person)
         WHERE participants.campaign = it.campaign AND growsurf_id = it.id";
    for (sql, keys) in [(new, &changes.new_participants), (moved, &changes.moved_participants)] {
        let keys = rows!(keys, it => text(&it.0.campaign), text(&it.0.participant), *it.1);
        writes.add_whole(sql, keys);
    }
    let sql = "INSERT INTO links (campaign, code, person)
         SELECT * FROM unnest($1, $2, $3)
         ON CONFLICT (campaign, code) DO UPDATE SET person = excluded.person";
    writes.add(sql, rows!(changes.links, it => text(&it.0.campaign), text(&it.0.code), *it.1));
    let sql = "INSERT INTO effects (id, webhook) SELECT * FROM unnest($1, $2)
         ON CONFLICT (id) DO NOTHING";
    writes.add_whole(sql, rows!(changes.effects, it => Uuid::from_bytes(it.0.0), it.1.0));
}

/// Removes people with their lanes.
pub fn remove<'a>(writes: &mut Writes<'a>, changes: &'a Changes) {
    for sql in [
        "DELETE FROM people WHERE id = ANY ($1)",
        "DELETE FROM mentions WHERE person = ANY ($1)",
        "DELETE FROM lanes WHERE id = ANY ($1)",
    ] {
        writes.add(sql, rows!(changes.removed_people, it => it.0));
    }
}
