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
//! Nothing downstream calls upstream. Between accepting and claiming lies the store; a wake-up is
//! a signal without data.
//!
//! # Code map
//!
//! | module | job | may name |
//! |---|---|---|
//! | [`domain`] | the words: events, people, calls, deliveries, outcomes; plain values | nobody |
//! | [`options`] | how options are written: durations, sizes, secrets, addresses | `domain` |
//! | [`mapping`] | the plan: what news leads to; pure | `domain`, `options` |
//! | [`growsurf`] | the client of GrowSurf's REST API | `domain`, the wire types of `sources` |
//! | [`customerio`] | the destination: requests, answers, limits, the HTTP client | `domain` |
//! | [`sources`] | the bodies of each sender, declared, and the notifications that they become | `domain` |
//! | [`store`] | the durability contract, and SQLite and Postgres keeping it | `domain`, `options` |
//! | [`ingest`] | use case: verify, decode, accept; replay | the adapters it needs |
//! | [`erase`] | use case: erase a person, here and at the destination | the adapters it needs |
//! | [`sync`] | use case: ask GrowSurf for history and compare; watch its webhooks | the adapters it needs |
//! | [`delivery`] | use case: claim, send, settle; pace, breaker, halt, giving up | the adapters it needs |
//! | [`inspect`] | use case: look, changing nothing: find, timeline, status, parked | `store`, the rules of `mapping`, what `sync` saw |
//! | [`insights`] | sums over all people, and the statistics of what marketers ask; pure | `domain` |
//! | [`explain`] | use case: what a body would lead to, doing nothing | the adapters it needs, `mapping`, `inspect` |
//! | [`operate`] | use case: act in steps that outlive a request: redeliver a cause | `inspect`, `ingest`, `store` |
//! | [`http`], [`ui`], [`cli`] | the faces: HTTP, the operator's pages, the command line | the use cases |
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
//!   crash could come before. See [`store::Store::accept`].
//! - **The destination is never on the way of the answer.** GrowSurf gets its 2xx when the disk
//!   has the webhook, whatever Customer.io does.
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
//! **GrowSurf is asked.** [`sync::Backfill`] and [`sync::Reconcile`] read pages; [`sync::Intake`] compares
//! each row with what is known, which writes nothing, and hands those that are news to `accept`, kept as
//! webhooks are. Effect keys make them meet what webhooks told.
//!
//! **A webhook arrives.** `http` bounds its size and time, [`ingest::Ingest::receive`] verifies
//! the raw bytes, [`sources::growsurf::decode`] makes [`domain::Notification`] of them, or says why not. The store
//! asks the planner inside its transaction, writes inbox, people, effects and deliveries, commits
//! together with whoever else waits, and only then the answer goes out.
//!
//! **A call is delivered.** The [`delivery::Dispatcher`] asks its gate and its pace what may go,
//! claims the heads of due lanes, and hands them to a [`delivery::Sender`]: one alone goes over
//! v1, several as one v2 batch. Each answer becomes an [`domain::Outcome`], each outcome a
//! verdict, and the settlement frees the lane for its next call.
//!
//! **Customer.io is down.** Attempts fail, lanes back off one by one; after a run of failures the
//! breaker stops everything but a probe. The accepting clock stands still, so nothing is given
//! up. When a probe is delivered, everything due goes again.
//!
//! **The process is killed.** Everything acknowledged is in the file. The next process takes the
//! right to deliver over, makes every leased lane due at once, and sends what may have been
//! sent before with the same event ids, which Customer.io ignores.
//!
//! **A stored webhook is replayed.** It is decoded and planned again under its first time of
//! receipt; whatever is in the ledger already isn't planned, so a replay of everything is nothing.
//!
//! **A person is erased.** [`erase::erase_person`] removes their calls, waits for one that is under
//! way, and then the store cuts them out of everything in pieces; the last one takes the person
//! and sets tombstones, keyed hashes that the planner asks for ([`domain::ReadKey`]) before it says
//! who somebody is. A webhook that tells of them again leads to nothing and is kept without them.
//!
//! **The store is backed up and restored.** A backup is one long reading, vacuumed into a file that
//! gets its name when it is checked and synced. A restore takes the right to deliver, so that no
//! relay runs, gives the old file a second name and replaces it by one rename: at any moment there
//! is a whole store under the store's name.
//!
//! **The disk damages the store.** What a start meets, and what is found when everything is read
//! beside the service, once after each start of the machine, leads to the same at a start: every
//! row goes into a new store, or an empty one begins, and the damaged file gets another name.

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
