//! Erasing: single pieces of a person's data, each within somebody else's transaction.
//!
//! What belongs here: rows that are removed and rows that are cut. What doesn't: in which order,
//! and where they are found (`forget`, `traces`).

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::domain::{Call, DeliveryId, ErasureSubject, Person, PersonId, Redact, Redaction, Time};
use crate::store::record::unreadable;
use crate::store::rows::{Counters, Half, delivery};
use crate::store::{Erased, ErasureTarget};

use super::fault::Fault;
use super::tables::inbox::WEBHOOK;
use super::tables::{inbox, meta};
use super::traces;
use super::transaction::Transaction;
use super::value::number;

/// Cuts somebody out of webhooks: out of their bodies and their calls; removes the calls that are
/// theirs.
pub(super) async fn cut_webhooks(
    transaction: &Transaction,
    traced: &ErasureTarget,
    redact: Redact,
    webhooks: &[Uuid],
) -> Result<Erased, Fault> {
    let mut erased = Erased::default();
    let mut own = Vec::new();
    for webhook in webhooks {
        match redact_body(transaction, *webhook, redact, &traced.forgotten).await? {
            Redaction::Untouched | Redaction::Unreadable => {}
            Redaction::Body(_) => erased.bodies_of_others += 1,
            Redaction::Nothing => erased.bodies += 1,
        }
        let sql = "SELECT id, lane, call, identify FROM deliveries
             WHERE webhook = $1 ORDER BY id FOR UPDATE";
        for row in transaction.rows(sql, &[webhook]).await? {
            let (id, lane): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
            if traced.people.contains_key(&PersonId(lane)) {
                own.push(id);
            } else {
                let calls = (row.try_get(2)?, row.try_get(3)?);
                erased.calls_of_others +=
                    cut_row(transaction, id, calls, &traced.forgotten).await?;
            }
        }
    }
    erased = erased.and(remove_rows(transaction, &own).await?);
    let people: Vec<i64> = traced.people.keys().map(|person| person.0).collect();
    let sql = "DELETE FROM mentions WHERE person = ANY ($1) AND webhook = ANY ($2)";
    transaction.change(sql, &[&people, &webhooks.to_vec()]).await?;
    Ok(erased)
}

/// Cuts somebody out of a webhook's body; the row and the hash of what was received stay.
pub(super) async fn redact_body(
    transaction: &Transaction,
    webhook: Uuid,
    redact: Redact,
    forgotten: &ErasureSubject,
) -> Result<Redaction, Fault> {
    let sql = format!(
        "SELECT {WEBHOOK}, parked IS NOT NULL FROM inbox
         WHERE id = $1 AND body IS NOT NULL FOR UPDATE"
    );
    let Some(row) = transaction.row(&sql, &[&webhook]).await? else {
        return Ok(Redaction::Untouched);
    };
    let (received, is_parked): (_, bool) = (inbox::webhook(&row)?, row.try_get(6)?);
    let left = redact(&received, forgotten);
    match &left {
        Redaction::Untouched | Redaction::Unreadable => {}
        Redaction::Body(body) => {
            let sql = "UPDATE inbox SET body = $2 WHERE id = $1";
            transaction.change(sql, &[&webhook, body]).await?;
            let sql = "INSERT INTO redactions (webhook, sha256) VALUES ($1, $2)
                 ON CONFLICT (webhook) DO UPDATE SET sha256 = excluded.sha256";
            let sha256 = received.fingerprint_of(body).to_vec();
            transaction.change(sql, &[&webhook, &sha256]).await?;
        }
        Redaction::Nothing => {
            // Nobody could mend what was parked of it.
            let sql = "UPDATE inbox SET body = NULL, parked = NULL WHERE id = $1";
            transaction.change(sql, &[&webhook]).await?;
            let parked = -i64::from(is_parked);
            meta::count(transaction, Counters { parked, ..Counters::default() }).await?;
        }
    }
    Ok(left)
}

/// Cuts somebody out of the calls to another person, and out of what was answered to them; tells
/// how many of the calls named them.
async fn cut_row(
    transaction: &Transaction,
    id: i64,
    (call, identify): (&str, Option<&str>),
    forgotten: &ErasureSubject,
) -> Result<u64, Fault> {
    let emails: Vec<String> = forgotten.emails.iter().map(|it| it.as_str().to_owned()).collect();
    for sql in [
        "UPDATE attempts SET reason = '' WHERE delivery IN (2 * $1, 2 * $1 + 1) AND EXISTS (
             SELECT 1 FROM unnest($2::text[]) AS own (address)
             WHERE strpos(lower(reason), address) > 0)",
        "UPDATE dead_letters SET reason = '' WHERE delivery IN (2 * $1, 2 * $1 + 1) AND EXISTS (
             SELECT 1 FROM unnest($2::text[]) AS own (address)
             WHERE strpos(lower(reason), address) > 0)",
    ] {
        transaction.change(sql, &[&id, &emails]).await?;
    }
    let mut cut = 0;
    for (text, sql) in [
        (Some(call).filter(|it| !it.is_empty()), "UPDATE deliveries SET call = $2 WHERE id = $1"),
        (identify, "UPDATE deliveries SET identify = $2 WHERE id = $1"),
    ] {
        if let Some(text) = text.map(|it| cut_call(it, forgotten)).transpose()?.flatten() {
            transaction.change(sql, &[&id, &text]).await?;
            cut += 1;
        }
    }
    Ok(cut)
}

/// A call without somebody, if it names them.
fn cut_call(text: &str, forgotten: &ErasureSubject) -> Result<Option<String>, Fault> {
    let mut call: Call = serde_json::from_str(text).map_err(|it| unreadable("a call", it))?;
    if !forgotten.cut_call(&mut call) {
        return Ok(None);
    }
    let text = serde_json::to_string(&call).map_err(|it| unreadable("a call", it))?;
    Ok(Some(text))
}

/// Rows of calls to somebody in which something is pending or dead, so many at most.
pub(super) async fn waiting(
    transaction: &Transaction,
    PersonId(lane): PersonId,
    limit: usize,
) -> Result<Vec<i64>, Fault> {
    let sql = "(SELECT id FROM deliveries WHERE lane = $1 AND state = 0 ORDER BY seq)
         UNION
         SELECT id FROM dead_letters JOIN deliveries ON id = delivery / 2
         WHERE lane = $1 AND state <> 0
         LIMIT $2";
    let rows = transaction.rows(sql, &[&lane, &number(limit)]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Removes calls and all that is known of their deliveries.
pub(super) async fn remove_rows(transaction: &Transaction, ids: &[i64]) -> Result<Erased, Fault> {
    let mut erased = Erased::default();
    if ids.is_empty() {
        return Ok(erased);
    }
    let halves: Vec<i64> = ids.iter().flat_map(|id| [2 * id, 2 * id + 1]).collect();
    let sql = "DELETE FROM dead_letters WHERE delivery = ANY ($1) RETURNING delivery";
    let mut dead = BTreeSet::new();
    for row in transaction.rows(sql, &[&halves]).await? {
        dead.insert(DeliveryId(row.try_get(0)?));
        erased.dead += 1;
    }
    let sql = "DELETE FROM attempts WHERE delivery = ANY ($1)";
    erased.attempts = transaction.change(sql, &[&halves]).await?;
    let sql = "DELETE FROM deliveries WHERE id = ANY ($1)
         RETURNING id, state, identify IS NOT NULL AND NOT identify_dead, call = ''";
    for row in transaction.rows(sql, &[&ids.to_vec()]).await? {
        let own = delivery(row.try_get(0)?, Half::Call);
        let is_gone = dead.contains(&own) || row.try_get(3)?;
        erased.count_row(row.try_get(1)?, row.try_get(2)?, is_gone);
    }
    let less = |number: u64| -i64::try_from(number).unwrap_or(i64::MAX);
    let (pending, dead) = (less(erased.pending), less(erased.dead));
    meta::count(transaction, Counters { pending, dead, ..Counters::default() }).await?;
    Ok(erased)
}

/// When the lease of a lane ends, by the caller's clock, if it has one; a lane without isn't due
/// any more, unless there is something new in it.
pub(super) async fn under_way(
    transaction: &Transaction,
    PersonId(lane): PersonId,
    now: Time,
) -> Result<Option<Time>, Fault> {
    let ahead = transaction.ahead_of(now);
    let ruling = now.micros().saturating_add(ahead);
    // Held first, so that what is read of its calls stays true.
    let sql = "SELECT due_at FROM lanes WHERE id = $1 AND leased FOR UPDATE";
    let leased = transaction.row(sql, &[&lane]).await?;
    let until: Option<i64> = leased.map(|row| row.try_get(0)).transpose()?.flatten();
    if let Some(until) = until.filter(|until| *until > ruling) {
        return Ok(Some(Time::from_micros(until.saturating_sub(ahead))));
    }
    transaction.row("SELECT id FROM lanes WHERE id = $1 FOR UPDATE", &[&lane]).await?;
    let sql = "UPDATE lanes SET leased = false, due_at = NULL, class = GREATEST(class, 2)
         WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM deliveries WHERE lane = $1 AND state = 0)";
    let emptied = transaction.change(sql, &[&lane]).await?;
    // Something new came in behind a lease that has ended.
    Ok(until.filter(|_| emptied == 0).map(|it| Time::from_micros(it.saturating_sub(ahead))))
}

/// Removes a person's record, participants and lane.
pub(super) async fn remove_person(
    transaction: &Transaction,
    PersonId(id): PersonId,
    person: &Person,
) -> Result<Erased, Fault> {
    let (campaigns, ids) = traces::columns(person);
    let sql = "DELETE FROM participants USING unnest($1::text[], $2::text[]) AS own (campaign, id)
         WHERE participants.campaign = own.campaign AND growsurf_id = own.id AND person = $3";
    let participants = transaction.change(sql, &[&campaigns, &ids, &id]).await?;
    for sql in [
        "DELETE FROM links WHERE person = $1",
        "DELETE FROM mentions WHERE person = $1",
        "DELETE FROM lanes WHERE id = $1",
    ] {
        transaction.change(sql, &[&id]).await?;
    }
    let people = transaction.change("DELETE FROM people WHERE id = $1", &[&id]).await?;
    Ok(Erased { people, participants, ..Erased::default() })
}
