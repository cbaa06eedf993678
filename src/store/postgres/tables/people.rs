//! Participants in pages, and visitors: rows of `people`, `lanes` and `mentions`.

use std::collections::BTreeSet;

use tokio_postgres::Row;

use crate::domain::{Person, PersonId};
use crate::store::postgres::fault::Fault;
use crate::store::postgres::transaction::Transaction;
use crate::store::postgres::value::text;
use crate::store::record;
use crate::store::rows::VisitorTraces;
use crate::store::unit::PeopleRows;

impl PeopleRows for Transaction {
    async fn participants_after(
        &mut self,
        campaign: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<String>, Fault> {
        let sql = "SELECT growsurf_id FROM participants
             WHERE campaign = $1 AND growsurf_id > $2 AND growsurf_id < '~' ORDER BY growsurf_id LIMIT $3";
        let id = |row: &Row| Ok(row.try_get(0)?);
        self.read(sql, &[&text(campaign), &text(after), &limit], id).await
    }

    async fn hold_visitors(&mut self, people: &BTreeSet<PersonId>) -> Result<Vec<Person>, Fault> {
        let ids: Vec<i64> = people.iter().map(|person| person.0).collect();
        let sql = "SELECT id, identifier, state FROM people
             WHERE id = ANY ($1) AND identifier LIKE 'anonymous:%' AND state <> ''
             ORDER BY id FOR UPDATE SKIP LOCKED";
        let person =
            |row: &Row| Ok(record::person(row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)?);
        self.read(sql, &[&ids], person).await
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
        let traces = |row: &Row| {
            Ok(VisitorTraces {
                person: PersonId(row.try_get(0)?),
                is_leased: row.try_get(1)?,
                has_delivery: row.try_get(2)?,
                has_webhook: row.try_get(3)?,
            })
        };
        self.read(sql, &[&ids], traces).await
    }
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
