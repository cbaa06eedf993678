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
//! answered 400 with `error`.
//!
//! | request | answer |
//! |---|---|
//! | `GET`, `PUT /sandbox/growsurf/program` | `{"campaigns":[{id,name,type}],"participants","started_at","ended_at","rewards_in_rows"}`: what is made up. `participants` are in each campaign, and their joins are spread evenly between the times. `PUT` drops all changes; options that are missing are as at the start: 300 participants of `demo01`, from a year until 1 hour before the start of the sandbox |
//! | `POST /sandbox/growsurf/changes` | `{"campaign","at","changes":[change, ...]}` is done in order, and `{"ids":[...]}` are the ids of new participants. Without a `campaign` it is the first, without `at` it is now. If a change makes no sense, those before it stay |
//! | `GET /sandbox/growsurf/webhooks?since=MS&campaign=ID` | the bodies of the webhooks that GrowSurf would have sent from that time on, one a line, oldest first, even if the program's webhooks are disabled. Each has the state of its time |
//! | `GET`, `PUT /sandbox/growsurf/keys` | `{"keys":[{"key","scopes","campaigns"}]}`: the API keys. Null for `scopes` is all, null for `campaigns` is all |
//! | `GET`, `PUT /sandbox/growsurf/signals` | `{"path","deprecation","sunset"}`: these values of the headers `Deprecation` and `Sunset`, in answers to requests whose raw path contains `path` |
//! | `GET`, `PUT /sandbox/growsurf/faults` | the fault rules of the API, as `sandbox/faults.rs` documents them; an `identifier` is a decoded part of the path. A `status` without a `body` is answered with GrowSurf's error body |
//! | `GET`, `PUT /sandbox/growsurf/limits` | `{"second","minute","hour"}`: requests in windows of 5 seconds, a minute, an hour; `PUT` starts them anew |
//! | `GET /sandbox/growsurf/requests` | `{"total","refused","most_in_flight","requests":[{seq,method,path,status}]}`: the last 1,000, where `path` is raw, and `status` is null if no answer was (or is yet) sent; `refused` counts those over a limit |
//! | `DELETE /sandbox/growsurf/requests` | 204; drops them, their numbers go on |
//!
//! A change is an object with one key; a participant is named by id or address:
//!
//! | change | effect |
//! |---|---|
//! | `{"join":{"email","firstName","lastName","referredBy","isAffiliate","metadata","notes"}}` | a participant joins; all but the address is optional |
//! | `{"share":{"participant","channel","times"}}` | the link is shared, once if `times` is missing |
//! | `{"convert":{"friend","delayInDays"}}` | a pending referral is awarded, at once or after the delay, and both sides get their rewards, or the affiliate a commission |
//! | `{"cancel":{"friend"}}`, `{"elapse":{"days"}}` | a delay is cancelled; the days of all delays pass |
//! | `{"expire":{"friend"}}` | a pending referral expires |
//! | `{"invite":{"participant"}}` | an invitation is sent, whose address lists show masked |
//! | `{"reward":{"participant"}}` | an approved milestone reward without a friend |
//! | `{"approve":{"participant"}}`, `{"pay":{"participant"}}` | rewards or commissions that wait are approved; approved commissions are paid |
//! | `{"reverse":{"friend"}}` | the commission on a friend is reversed |
//! | `{"fraud":{"participant","level","reason"}}` | the fraud status changes |
//! | `{"email":{"participant","email"}}` | another address |
//! | `{"update":{"participant","fields"}}` | fields by their names in the API |
//! | `{"unsubscribe":{"participant"}}`, `{"resubscribe":{...}}` | the wish about mail changes |
//! | `{"delete":{"participant"}}` | the participant is deleted, and the friends are without referrer |
//! | `{"end":{}}` | the campaign ends |
//! | `{"configure":{"id",...}}` | these fields of a configured reward change; `"isVisible":false` switches it off |
//! | `{"webhook":{...}}` | these fields of the primary webhook change |
//! | `{"integration":{"id",...}}` | these fields of the integration change |

mod api;
mod campaign;
mod change;
mod commission;
mod control;
mod gate;
mod keys;
mod limiter;
mod page;
mod participant;
mod referral;
mod refusal;
mod reward;
mod signals;
mod state;
mod story;
mod webhook;
mod world;

#[cfg(test)]
mod tests;

pub(super) use self::control::routes;
pub(super) use self::state::Growsurf;
