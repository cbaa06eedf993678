//! A stand-in GrowSurf: the REST API, v2, as <https://docs.growsurf.com/developer-tools/rest-api>
//! and the official SDK `growsurf-python` describe it, with a program that is made up.
//!
//! It lives below `/growsurf/v2/`, takes `Authorization: Bearer sandbox`, and keeps the documented
//! rate limits. Everything that happens to the program is a change; the made-up program is a list
//! of them. Nothing is ever sent: the webhooks that GrowSurf would have sent are to be read.
//! As the rest of the sandbox it shares no type with the relay.
//!
//! # The control interface
//!
//! JSON without authentication. Times are Unix milliseconds. A request that makes no sense is
//! answered 400 with `error`. Paths are below `/sandbox/growsurf`.
//!
//! | request | answer |
//! |---|---|
//! | `PUT /program` | `{"campaigns":[{id,name,type}],"participants","started_at","ended_at","rewards_in_rows"}`: the made-up program. `participants` join each campaign, evenly between the times. All changes are dropped; missing options are the usual: 300 participants of `demo01` in the year until an hour ago |
//! | `POST /changes` | takes `{"campaign","at","changes":[change, ...]}` and returns the `ids` of new participants. Without `campaign` it is the first, without `at` it is now. If a change makes no sense, those before it stay |
//! | `GET /webhooks?since=MS` | the bodies of the webhooks that GrowSurf would have sent from that time on, one a line, oldest first |
//! | `PUT /keys` | `{"key":["scope"]}`: the API keys; null is all scopes |
//! | `PUT /faults` | the fault rules, see `sandbox/faults.rs`; an `identifier` is a decoded part of the path |
//! | `PUT /limits` | `[50,400,20000]`: the requests in 5 seconds, a minute, an hour |
//! | `GET`, `DELETE /requests` | `{"total","refused","most_in_flight","requests"}`, the last as the sandbox shows its own; `refused` counts those over a limit |
//!
//! A change is an object with one key; a participant is named by id or address:
//!
//! | change | effect |
//! |---|---|
//! | `join {email,firstName,lastName,referredBy,metadata,notes}` | a participant joins; only the address is required |
//! | `update {participant,fields}` | fields change, by their names in the API |
//! | `delete {participant}` | a participant is deleted, and the friends are without referrer |
//! | `share {participant,channel,times}` | the link is shared, once if `times` is missing |
//! | `invite {participant}` | an invitation is sent, whose address lists show masked |
//! | `convert {friend,delayInDays}` | a pending referral is awarded, at once or after the delay, and both sides get their rewards, or the affiliate a commission |
//! | `expire {friend}` | a pending referral expires |
//! | `reward {participant}` | an approved milestone reward is earned without a friend |
//! | `approve {participant}` | rewards that wait are approved; commissions that wait are paid |
//! | `configure {list,id,fields}` | fields of one of the `rewards`, `webhooks` or `integrations` change |

mod api;
mod campaign;
mod change;
mod commission;
mod control;
mod gate;
mod limiter;
mod page;
mod participant;
mod program;
mod referral;
mod refusal;
mod reward;
mod state;
mod story;
mod webhook;

#[cfg(test)]
mod tests;

pub(super) use self::control::routes;
pub(super) use self::state::Growsurf;
