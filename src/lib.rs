//! Relays GrowSurf referral webhooks to Customer.io: durable, once, in order.
//!
//! This page is the guide to the architecture: how the relay is built, and what must stay true.
//! [`docs`] is the guide for its users.
//!
//! # The flow: one way, no way back
//!
//! ```text
//!  bytes ─► verify ─► decode ─► accept ───────────────► claim ─► send ─► settle
//!           signature  Notification      one transaction:         lane     HTTP    Outcome
//!                                inbox + people           lease            + attempt
//!                                + effects + deliveries
//! ```
//!
//! Nothing downstream calls upstream. The store separates accepting from claiming; a wake-up is a
//! signal without data.
//!
//! # Code map
//!
//! | module | job | may name |
//! |---|---|---|
//! | [`domain`] | the glossary's types: events, people, calls, deliveries, outcomes; plain values | nobody |
//! | [`options`] | the forms of options: durations, sizes, secrets, addresses | `domain` |
//! | [`mapping`] | the plan: the calls that a notification leads to; pure | `domain`, `options` |
//! | [`growsurf`] | the client of GrowSurf's REST API | `domain`, the wire types of `sources` |
//! | [`customerio`] | the destination: requests, answers, limits, the HTTP client | `domain` |
//! | [`sources`] | the bodies of each sender, declared, and the notifications that they become | `domain` |
//! | [`store`] | the durability contract, and SQLite and Postgres keeping it | `domain`, `options` |
//! | [`ingest`] | use case: verify, decode, accept; replay | the adapters it needs |
//! | [`erase`] | use case: erase a person, here and at the destination | the adapters it needs |
//! | [`sync`] | use case: ask GrowSurf for history and compare; watch its webhooks | the adapters it needs |
//! | [`delivery`] | use case: claim, send, settle; pace, breaker, halt, giving up | the adapters it needs |
//! | [`inspect`] | use case: read without a change: find, timeline, status, parked | `store`, the rules of `mapping`, what `sync` saw |
//! | [`insights`] | sums over all people, and statistics for marketers; pure | `domain` |
//! | [`explain`] | use case: plan a body without an effect | the adapters it needs, `mapping`, `inspect` |
//! | [`operate`] | use case: act in steps that outlive a request: redeliver a cause | `inspect`, `ingest`, `store` |
//! | [`http`], [`ui`], [`cli`] | the interfaces: HTTP, the operator's pages, the command line | the use cases |
//! | [`docs`] | the guide, a page for each topic | nobody |
//! | [`app`] | the composition root: settings become a running relay | everybody |
//! | [`config`] | settings: found, checked, and filled into the options that modules own | those modules |
//! | [`telemetry`], [`clock`] | logs and metrics, time and randomness | `domain`, `options` |
//! | [`sandbox`] | a stand-in Customer.io and GrowSurf; shares no type with the relay's own clients | nobody |
//!
//! A test reads the sources and holds the directions.
//!
//! # Invariants
//!
//! - **The core is pure.** [`domain::plan`] runs four pure phases: no input or output, no clock, no
//!   randomness. Between them the store reads the records of their keys ([`domain::ReadKey`]).
//! - **Accepting is one transaction**, on disk before the 2xx. There is no second step that a
//!   crash could precede. See [`store::Store::accept`].
//! - **The destination is never on the path of the answer.** GrowSurf gets its 2xx when the webhook
//!   is on disk, whatever Customer.io does.
//! - **An effect is planned once, ever.** Its key is its meaning, its event id the key's hash; the
//!   ledger of effects outlives the payloads ([`domain::EffectKey`]).
//! - **A lane has at most one call in flight**, under a lease whose token fences late results
//!   ([`domain::Leased`]).
//! - **Any order of arrival ends in the same state.** Facts are merged by the time they were true
//!   ([`domain::Facts`]); aggregates are minima, maxima and counts of effects.
//! - **Meaning is decided in one place each**: what a webhook leads to in [`mapping`], what an
//!   answer means in [`customerio::response`], whether anything may be sent in [`delivery::CircuitBreaker`].
//! - **Absent on purpose**: no global state, no ambient clock outside [`clock`], no personal data
//!   in ids, labels or logs.
//!
//! # Walkthroughs
//!
//! **Rows are read from GrowSurf.** [`sync::Backfill`] and [`sync::Reconcile`] read pages.
//! [`sync::Intake`] compares each row with the store, which writes nothing, and passes changed rows to
//! `accept`, stored as webhooks are. A row and a webhook about the same event have the same effect key.
//!
//! **A webhook arrives.** `http` bounds its size and time, [`ingest::Ingest::receive`] verifies
//! the raw bytes, [`sources::growsurf::decode`] makes a [`domain::Notification`] of them, or returns the reason to park. The store
//! calls the planner inside its transaction, and writes inbox, people, effects and deliveries. It
//! commits together with other waiting webhooks, and then the answer goes out.
//!
//! **A call is delivered.** The [`delivery::Dispatcher`] checks the breaker and the pace, claims the
//! heads of due lanes, and passes them to a [`delivery::Sender`]: one alone goes over v1, several as
//! one v2 batch. Each answer becomes a [`domain::Outcome`], each outcome a verdict, and the settlement
//! frees the lane for its next call.
//!
//! **Customer.io is down.** Attempts fail, lanes back off one by one; after a run of failures the
//! breaker stops everything but a probe. The availability clock stops, so nothing is given up. When
//! a probe is delivered, all due calls follow.
//!
//! **The process is killed.** Everything acknowledged is in the file. The next process takes the
//! delivery lock over and makes every leased lane due at once. It may send calls again, with the same
//! event ids, which Customer.io ignores.
//!
//! **A stored webhook is replayed.** It is decoded and planned again under its first time of
//! receipt. Effects in the ledger aren't planned, so a replay of everything plans nothing.
//!
//! **A person is erased.** [`erase::erase_person`] removes their calls, waits for one in flight, and
//! lets the store remove them from everything in steps. The last step removes the person and sets
//! tombstones: keyed hashes that the planner reads ([`domain::ReadKey`]) before it identifies anyone.
//! A later webhook about them leads to nothing, and its body isn't stored.
//!
//! **The store is backed up and restored.** A backup is one long read, vacuumed into a file that gets
//! its name once it is checked and synced. A restore takes the delivery lock, so no relay runs. It gives
//! the old file a second name and replaces it by one rename: at any moment there is a whole store under
//! the store's name.
//!
//! **The disk damages the store.** A start finds damage, or the full check after each boot of the
//! machine. At the next start every row goes into a new store, or an empty one begins, and the damaged
//! file gets another name.

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod customerio;
pub mod delivery;
pub mod docs;
pub mod domain;
pub mod erase;
pub mod explain;
pub mod growsurf;
pub mod http;
pub mod ingest;
pub mod insights;
pub mod inspect;
pub mod mapping;
pub mod operate;
pub mod options;
pub mod sandbox;
pub mod sources;
pub mod store;
pub mod sync;
pub mod telemetry;
#[cfg(test)]
mod tests;
pub mod ui;
