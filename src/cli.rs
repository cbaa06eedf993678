//! The command line: one file a command.
//!
//! What belongs here: arguments, output, exit codes. What doesn't: anything that a library user wants
//! without a terminal.

mod audit;
mod backfill;
mod backup;
mod check;
mod completions;
mod dead_letters;
mod erase;
mod existing_store;
mod explain;
mod find;
mod growsurf_session;
mod guide;
mod healthcheck;
mod insights;
mod man;
mod openapi;
mod output;
mod parked;
mod progress;
mod replay;
mod restore;
mod sandbox;
mod serve;
mod settings;
mod status;
mod store;
mod supervisor;
mod sync;
mod throwaway;
mod webhook;

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::config::sources::Sources;
use crate::config::{Required, Settings};
use crate::domain::characters::{escape, escape_lines};
use crate::options::masked::mask_words;
use crate::telemetry::stderr;
use output::{LastLines, print_error, printed};

/// Relays GrowSurf's webhooks to Customer.io: durable, once, in order.
#[derive(Parser, Debug)]
#[command(
    name = "referral-relay",
    version,
    arg_required_else_help = true,
    after_help = "First steps:\n  \
        referral-relay serve --sandbox        try it: a relay and a stand-in Customer.io, no account needed\n  \
        referral-relay check                  show what works, and what can't arrive\n  \
        referral-relay status                 show the running relay\n  \
        referral-relay find fay@example.com   show whether Fay's sign-up arrived\n  \
        referral-relay explain webhook.json   show what this webhook would lead to\n  \
        referral-relay serve                  run\n  \
        referral-relay guide                  list the topics of the guide\n\n\
        Settings: config/relay.toml or --config FILE, then RELAY__SECTION__KEY variables. All keys are \
        documented in config/default.toml.\n\n\
        Exit codes: 0 done, 1 failed, 64 bad usage or settings."
)]
struct Cli {
    /// Settings file, instead of config/relay.toml.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run the relay: accept webhooks and deliver to Customer.io.
    Serve(serve::Args),
    /// Check settings, store, credentials, region and webhook, and list what can't arrive.
    #[command(
        after_help = "Makes no store. Exit codes: 0 it works, even if something can't arrive (marked MISS); \
            1 something is broken;\n64 the settings are refused.\n\n  \
            referral-relay check\n  \
            referral-relay check --json | jq .verdict        fit, incomplete, broken or refused"
    )]
    Check(check::Args),
    /// Show every setting and where it comes from, secrets as set or not set.
    #[command(after_help = "  referral-relay settings\n  \
            referral-relay settings --json | jq '.settings[] | select(.place != \"built-in defaults\")'")]
    Settings(settings::Args),
    /// Show what a webhook would lead to, without sending or storing anything.
    Explain(explain::Args),
    /// List by cause, show, redeliver or discard calls that Customer.io refused for good.
    #[command(
        subcommand,
        after_help = "Works beside a running relay.\n\n  \
            referral-relay dead-letters list\n  \
            referral-relay dead-letters list --cause 3f2a91c0         those of one cause\n  \
            referral-relay dead-letters show 17            the call, why it died, every attempt\n  \
            referral-relay dead-letters redeliver 17 18    once the cause is fixed\n  \
            referral-relay dead-letters redeliver --all --cause 3f2a91c0   one first, the rest if it is accepted\n  \
            referral-relay dead-letters discard 17"
    )]
    DeadLetters(dead_letters::Action),
    /// Find a person, webhook or event, and show what arrived, when, and which messages it led to.
    #[command(
        visible_alias = "effect",
        after_help = "Works beside a running relay. Only exact matches are found; people are shown masked. Exit codes: 0 found, \
            1 not.\n\n  \
            referral-relay find fay@example.com                     did Fay's sign-up arrive?\n  \
            referral-relay find p88y0a                              by participant id, vanity key or own id\n  \
            referral-relay find joined:ct8f71:p88y0a                an event, and why it started no campaign\n  \
            referral-relay find 3ZJ8N6D2X0V9H1QK5T7RWB4MCY          by its id at Customer.io\n  \
            referral-relay find 019a3f4e-8a52-7cc1-a1b0-3f6d2c1e0b9a  a webhook, by the id it was answered with"
    )]
    Find(find::Args),
    /// Show the running relay: its destinations, what waits, and the last webhook.
    #[command(after_help = "Works beside a running relay, from the store alone.\n\n  \
            referral-relay status\n  \
            referral-relay status --json | jq .queue")]
    Status(status::Args),
    /// Show which sharing works: funnel, delays, channels, frequency, referrers.
    #[command(
        after_help = "Works beside a running relay, from its last sums; without any it sums up all people itself.\n\n  \
            referral-relay insights\n  \
            referral-relay insights --now                  with everything that came in until now\n  \
            referral-relay insights --json | jq '.campaigns[0].sections[] | {title, sentences}'"
    )]
    Insights(insights::Args),
    /// List, show, replay or discard webhooks that are parked.
    #[command(
        subcommand,
        after_help = "Works beside a running relay, which delivers new calls.\n\n  \
            referral-relay parked list\n  \
            referral-relay parked show 019a3f4e-8a52-7cc1-a1b0-3f6d2c1e0b9a\n  \
            referral-relay parked replay --all             after an update, or a change of settings\n  \
            referral-relay parked discard 019a3f4e-8a52-7cc1-a1b0-3f6d2c1e0b9a"
    )]
    Parked(parked::Action),
    /// Plan stored webhooks again; nothing is sent twice.
    #[command(after_help = "Works beside a running relay, which delivers new calls.\n\n  \
            referral-relay replay --parked             after an update that knows more event types\n  \
            referral-relay replay --since 2d           after a change of settings, the last two days\n  \
            referral-relay replay --dry-run            show the result, and do nothing")]
    Replay(replay::Args),
    /// Read the history from GrowSurf: participants, friends, rewards, conversions.
    #[command(
        after_help = "Works beside a running relay, which delivers; without one the command delivers itself.\nIt can be stopped and repeated at any time: it continues, and nothing is sent twice.\n\n  \
            referral-relay backfill --dry-run          show what it would send\n  \
            referral-relay backfill                    people, and events that trigger no campaign\n  \
            referral-relay backfill --events all       events under 72 hours old as well"
    )]
    Backfill(backfill::Args),
    /// Compare with GrowSurf now, and accept what webhooks missed.
    #[command(
        after_help = "Works beside a running relay, which delivers; without one the command delivers itself.\n\n  \
            referral-relay sync                        everything: one request for 100 participants\n  \
            referral-relay sync --recent               what is new: a few requests"
    )]
    Sync(sync::Args),
    /// Show, switch on or test the webhook in GrowSurf that comes to this relay.
    #[command(subcommand)]
    Webhook(webhook::Action),
    /// Erase a person from the store, for good, and print a receipt.
    #[command(
        visible_alias = "forget",
        after_help = "Works beside a running relay, and can be repeated at any time. Older reports about the person are \
            ignored.\nWho joins later with the same address is a new person, but stays suppressed at Customer.io until \
            you lift it there.\n\n  \
            referral-relay erase fay@example.com\n  \
            referral-relay erase -                                         with the address from standard input\n  \
            referral-relay erase fay@example.com --delete-in-customerio   and suppress them there"
    )]
    Erase(erase::Args),
    /// Copy the present store into a file.
    #[command(
        after_help = "Works beside a running relay without delaying it. FILE appears when it is complete.\n\n  \
            referral-relay backup relay-backup.db\n  \
            referral-relay backup --force latest.db                    replace the one before\n  \
            (umask 077; docker exec relay referral-relay backup - > relay-backup.db)"
    )]
    Backup(backup::Args),
    /// Replace the store by a backup; the old store is kept under another name.
    #[command(
        after_help = "Stop the relay first. The store then lacks webhooks that were accepted after the backup.\nCalls that \
            are pending in the backup are sent again with their old ids, and Customer.io ignores repeats.\n\n  \
            referral-relay restore relay-backup.db\n  \
            docker run --rm -i -v relay-data:/data referral-relay restore - < relay-backup.db"
    )]
    Restore(restore::Args),
    /// Move the store: from a file to a Postgres server, or back.
    #[command(
        subcommand,
        after_help = "Stop the relays of both stores first.\n\n  \
            referral-relay store copy --from sqlite:data/relay.db --to postgres://relay@db.example.com/relay"
    )]
    Store(store::Action),
    /// Exit 0 if the running relay or stand-in is ready, else 1. For HEALTHCHECK in images.
    Healthcheck(healthcheck::Args),
    /// Run the stand-ins of Customer.io and GrowSurf alone.
    Sandbox(sandbox::Args),
    /// Print a page of the guide, or the list of its topics.
    #[command(after_help = "  referral-relay guide              the topics\n  \
            referral-relay guide operating    runbooks, commands, metrics, limits")]
    Guide(guide::Args),
    /// Print the OpenAPI document of the HTTP interface.
    #[command(after_help = "A running relay serves it at /openapi.json.")]
    Openapi,
    /// Print completions of the command line for a shell.
    #[command(after_help = "  referral-relay completions bash > \
            ~/.local/share/bash-completion/completions/referral-relay\n  \
            referral-relay completions zsh > /usr/share/zsh/site-functions/_referral-relay")]
    Completions(completions::Args),
    /// Print the manual page, or write the pages of all commands into a folder.
    #[command(after_help = "  referral-relay man | man -l -             read the first page\n  \
            referral-relay man /usr/share/man/man1    write all of them")]
    Man(man::Args),
}

/// Runs the command of the process's arguments and returns its exit code.
pub fn run() -> ExitCode {
    let _at_the_end = LastLines;
    let arguments: Vec<OsString> = env::args_os().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come as errors, too; they go to standard output and succeed.
            if !error.use_stderr() {
                return printed(error.print())
                    .map_or_else(|failure| print_error(&failure), |()| ExitCode::SUCCESS);
            }
            print_refusal(error, &arguments);
            return output::usage();
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return print_error(&error.into()),
    };
    let sources = Sources::from_process(cli.config);
    let result = runtime.block_on(dispatch(cli.command, &sources));
    // What still blocks, such as a look-up of a name, must not hold up the exit.
    runtime.shutdown_background();
    match result {
        Ok(code) => code,
        Err(failure) => print_error(&failure),
    }
}

/// Prints the refused arguments, escaped, and with passwords masked.
fn print_refusal(error: clap::Error, arguments: &[OsString]) {
    // Parsed once more as they may be shown, so that only clap's own line breaks stay.
    let escaped = arguments.iter().map(|it| escape(&it.to_string_lossy()).into_owned());
    let error = Cli::try_parse_from(escaped).err().unwrap_or(error);
    let message = error.render().to_string();
    // The arguments may hold the password of a database.
    let masked = mask_words(&message);
    let shown = escape_lines(&masked);
    if shown == message {
        let _nobody_reads_it = error.print();
    } else {
        shown.lines().for_each(|line| stderr().write(line));
    }
}

async fn dispatch(command: Command, sources: &Sources) -> anyhow::Result<ExitCode> {
    let load = |needs| Settings::load(sources, needs);
    match command {
        Command::Serve(args) => serve::run(args, sources).await,
        Command::Check(args) => check::run(&args, sources).await,
        Command::Settings(args) => settings::run(&args, &load(Required::Nothing)?),
        Command::Explain(args) => explain::run(&args, &load(Required::Nothing)?),
        Command::DeadLetters(action) => dead_letters::run(action, &load(Required::Nothing)?).await,
        Command::Find(args) => find::run(&args, &load(Required::Nothing)?).await,
        Command::Status(args) => status::run(&args, &load(Required::Nothing)?).await,
        Command::Insights(args) => insights::run(&args, &load(Required::Nothing)?).await,
        Command::Parked(action) => parked::run(action, &load(Required::Nothing)?).await,
        Command::Replay(args) => replay::run(args, &load(Required::Nothing)?).await,
        Command::Backfill(args) => backfill::run(args, &load(Required::Nothing)?).await,
        Command::Sync(args) => sync::run(args, &load(Required::Nothing)?).await,
        Command::Webhook(action) => webhook::run(action, &load(Required::Nothing)?).await,
        Command::Erase(args) => erase::run(args, &load(Required::Nothing)?).await,
        Command::Backup(args) => backup::run(args, &load(Required::Nothing)?).await,
        Command::Restore(args) => restore::run(&args, &load(Required::Nothing)?),
        Command::Store(action) => store::run(action, &load(Required::Nothing)?).await,
        Command::Healthcheck(args) => healthcheck::run(args, sources).await,
        Command::Sandbox(args) => sandbox::run(args, sources).await,
        Command::Guide(args) => guide::run(&args),
        Command::Openapi => openapi::run(),
        Command::Completions(args) => completions::run(&args, Cli::command()),
        Command::Man(args) => man::run(args, Cli::command()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
