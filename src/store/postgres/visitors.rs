//! Visitors: whoever came by and never signed up goes with the last that is kept of them.
//!
//! What belongs here: which visitors go, and their rows. What doesn't: what else is pruned (`house`).

use crate::store::record;

use super::fault::Fault;
use super::transaction::Transaction;

/// Drops those of some people who are visitors whom nobody claimed, and of whom no call and no
/// webhook with a body is left. Should they come back, they are new.
pub(super) async fn drop_gone(transaction: &Transaction, people: &[i64]) -> Result<(), Fault> {
    // Whoever plans for a visitor holds their row, and something of them will be kept.
    let held = "SELECT id, identifier, state FROM people
         WHERE id = ANY ($1) AND identifier LIKE 'anonymous:%' AND state <> ''
         ORDER BY id FOR UPDATE SKIP LOCKED";
    let mut unclaimed: Vec<i64> = Vec::new();
    for row in transaction.rows(held, &[&people.to_vec()]).await? {
        let (id, identifier, state): (i64, String, String) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        if record::person(id, &identifier, &state)?.claimed_by.is_none() {
            unclaimed.push(id);
        }
    }
    if unclaimed.is_empty() {
        return Ok(());
    }
    // Only now, because what is read behind the locks stays true. The newest mention first: of
    // whoever comes often, it is the one most likely to be kept.
    let drop = "DELETE FROM people WHERE id = ANY ($1)
         AND NOT EXISTS (SELECT 1 FROM lanes WHERE lanes.id = people.id AND leased)
         AND (SELECT inbox.id FROM mentions JOIN inbox ON inbox.id = webhook
              WHERE person = people.id AND body IS NOT NULL
              ORDER BY webhook DESC LIMIT 1) IS NULL
         AND NOT EXISTS (
             SELECT 1 FROM mentions JOIN deliveries ON deliveries.webhook = mentions.webhook
             WHERE person = people.id AND lane = people.id
         )
         RETURNING id";
    let rows = transaction.rows(drop, &[&unclaimed]).await?;
    let gone: Vec<i64> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    for sql in
        ["DELETE FROM mentions WHERE person = ANY ($1)", "DELETE FROM lanes WHERE id = ANY ($1)"]
    {
        transaction.change(sql, &[&gone]).await?;
    }
    Ok(())
}
