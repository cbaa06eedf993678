//! `referral-relay erase`: erases a person and prints a receipt.

use std::process::ExitCode;

use anyhow::Context;
use serde_json::json;

use super::audit::record;
use super::existing_store::with_store;
use super::output::{Output, Usage};
use crate::app;
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::domain::{Act, Email, Identifier, plural};
use crate::erase::{Deletion, ErasureReceipt, erase_person};
use crate::options::duration;
use crate::store::Erased;

/// Arguments of `erase`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The person's address; `-` reads it from standard input, so that no list of processes shows it.
    #[arg(value_name = "EMAIL")]
    email: String,
    /// Delete and suppress the person at Customer.io first. A later sign-up with this address stays
    /// suppressed there until the suppression is lifted.
    #[arg(long)]
    delete_in_customerio: bool,
    /// Longest wait for a call to the person that is under way.
    #[arg(long, value_name = "TIME", default_value = "90s")]
    wait: String,
    /// Print JSON, for scripts.
    #[arg(long)]
    json: bool,
}

/// Reminder that backups hold the person still.
const BACKUPS: &str =
    "Older backups still hold this person: delete them, and run this again after you restore one.";

/// Erases the person and prints what was erased.
pub async fn run(args: Args, settings: &Settings) -> anyhow::Result<ExitCode> {
    let address = if args.email == "-" {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).context("can't read standard input")?;
        line
    } else {
        args.email
    };
    let email = Email::parse(&address).map_err(|fault| Usage(format!("the address {fault}")))?;
    let wait = duration::parse(&args.wait)
        .map_err(|expected| Usage(format!("--wait must be {expected}")))?;
    let deletion = if args.delete_in_customerio {
        let client = app::client(settings)?;
        Some(Deletion { client, trust_ids: settings.customerio.trust_metadata_id })
    } else {
        None
    };
    let receipt = with_store(settings, async |store| {
        let done = erase_person(store, &SystemClock, &email, wait, deletion.as_ref()).await;
        let outcome = match &done {
            Ok(receipt) if has_erased(receipt) => "erased",
            Ok(_) => "nothing found",
            Err(_) => "failed",
        };
        // The address itself would stay after the person.
        let recorded = record(store, Act::Erase, &email.masked(), outcome).await;
        let receipt = done?;
        recorded.map(|()| receipt)
    });
    let receipt = receipt.await?;
    let mut output = Output::default();
    output.show(args.json, &document(&email, &receipt), |_, output| {
        show(&email, &receipt, deletion.is_some(), output);
    });
    output.print()?;
    Ok(ExitCode::SUCCESS)
}

/// True if the store held anything of the person.
fn has_erased(ErasureReceipt { erased, .. }: &ErasureReceipt) -> bool {
    Erased { unreadable: 0, tombstones: 0, log_emptied: false, ..*erased } != Erased::default()
}

fn show(email: &Email, receipt: &ErasureReceipt, asked: bool, output: &mut Output) {
    let ErasureReceipt { at, erased, deleted, spared } = receipt;
    let masked = email.masked();
    output.line(if has_erased(receipt) {
        format!("Erased {masked} at {at}.")
    } else {
        format!("Nothing of {masked} was found at {at}.")
    });
    let people = plural(erased.people, "record");
    output.line(format!("person       {people}, {}", plural(erased.participants, "participant")));
    output.line(format!(
        "calls        {} waiting, {} delivered, {}, {}",
        erased.pending,
        erased.delivered,
        plural(erased.dead, "dead letter"),
        plural(erased.attempts, "attempt")
    ));
    output.line(format!("webhooks     {} removed", plural(erased.bodies, "body"),));
    output.line(format!(
        "others       {} and {} no longer name them",
        plural(erased.people_of_others, "record"),
        plural(erased.calls_of_others, "call")
    ));
    output.line(format!("tombstones   {}: no older webhook brings them back", erased.tombstones));
    output.line(format!(
        "Customer.io  {}",
        match (asked, deleted.as_slice()) {
            (false, _) =>
                "not called; --delete-in-customerio deletes and suppresses them there".to_owned(),
            (true, []) => "no profile to delete".to_owned(),
            (true, deleted) => format!(
                "deleted and suppressed {}; a later sign-up stays suppressed there until you lift that",
                list(deleted)
            ),
        }
    ));
    if !spared.is_empty() {
        output.line(format!(
            "             not deleted: {}; anybody can claim an id from participant metadata, \
             see customerio.trust_metadata_id",
            list(spared)
        ));
    }
    if erased.unreadable > 0 {
        output.line(format!(
            "unreadable   {}: they may hold the person, and are deleted after \
             store.keep_parked",
            plural(erased.unreadable, "parked webhook")
        ));
    }
    if !erased.log_emptied {
        output
            .line("The store's write-ahead log is in use and may still hold them; run this again.");
    }
    output.line(BACKUPS);
}

fn list(identifiers: &[Identifier]) -> String {
    identifiers.iter().map(Identifier::masked).collect::<Vec<_>>().join(", ")
}

fn document(email: &Email, receipt: &ErasureReceipt) -> serde_json::Value {
    let ErasureReceipt { at, erased, deleted, spared } = receipt;
    let masked = |identifiers: &[Identifier]| -> Vec<String> {
        identifiers.iter().map(Identifier::masked).collect()
    };
    json!({
        "email": email.masked(),
        "at": at.to_string(),
        "erased": {
            "people": erased.people,
            "participants": erased.participants,
            "pending_calls": erased.pending,
            "delivered_calls": erased.delivered,
            "dead_letters": erased.dead,
            "attempts": erased.attempts,
            "webhook_bodies": erased.bodies,
            "calls_of_others": erased.calls_of_others,
            "people_of_others": erased.people_of_others,
        },
        "unreadable_parked_webhooks": erased.unreadable,
        "tombstones": erased.tombstones,
        "log_emptied": erased.log_emptied,
        "customerio": {"deleted": masked(deleted), "not_deleted": masked(spared)},
        "note": BACKUPS,
    })
}
