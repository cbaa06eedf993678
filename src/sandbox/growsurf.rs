//! A stand-in GrowSurf: the REST API, v2, as <https://docs.growsurf.com/developer-tools/rest-api>
//! describes it, with a program that is made up.
//!
//! It lives below `/growsurf/v2/`, wants `Authorization: Bearer sandbox`, and keeps the documented
//! rate limits. Participants are computed from a seed when they are asked for, so a program of a
//! million costs no memory; only changes are kept. Times grow with the order of joining, whichever
//! time it is, so a page in order of a time costs what it shows; a page in order of a text costs
//! the whole list. Nothing is ever sent: what GrowSurf would have sent as webhooks is to be read.
//! As the rest of the sandbox it shares no type with the relay.
//!
//! # The control interface
//!
//! JSON without authentication. Times are Unix milliseconds. What makes no sense is a 400 with
//! `error`.
//!
//! | request | answer |
//! |---|---|
//! | `GET`, `PUT /sandbox/growsurf/program` | `{"campaigns":[{id,name,type}],"participants","seed","started_at","ended_at","rewards_in_rows"}`: what is made up, where `participants` are in each campaign, and their joins are spread evenly between the times. `PUT` forgets all changes; what it leaves out is as at the start: 300 participants of `demo01`, from 60 days until 1 hour before the sandbox was started |
//! | `POST /sandbox/growsurf/changes` | `{"campaign","at","changes":[change, ...]}` is done in order, and `{"ids":[...]}` are the ids of who has joined. Without a `campaign` it is the first, without `at` it is now. If a change makes no sense, those before it stay |
//! | `GET /sandbox/growsurf/webhooks?since=MS&campaign=ID` | the bodies of the webhooks that GrowSurf would have sent from that time on, one a line, oldest first, even if the program's webhooks are disabled. Each tells the state of its time, but the shares that are made up were always there |
//! | `GET`, `PUT /sandbox/growsurf/faults` | the fault rules of the API, as `sandbox/faults.rs` documents them; an `identifier` is a decoded part of the path |
//! | `GET`, `PUT /sandbox/growsurf/limits` | `{"second","minute","hour"}`: requests in windows of 5 seconds, a minute, an hour; `PUT` starts them anew |
//! | `GET /sandbox/growsurf/requests` | `{"total","refused","most_in_flight","requests":[{seq,method,path,status}]}`: the last 1,000, where `path` is raw, and `status` is null if no answer was (or is yet) sent; `refused` counts what a limit has refused |
//! | `DELETE /sandbox/growsurf/requests` | 204; forgets them, their numbers go on |
//!
//! A change is an object with one key; a participant is told by id or address:
//!
//! | change | effect |
//! |---|---|
//! | `{"join":{"email","firstName","lastName","referredBy"}}` | somebody joins; all but the address is optional |
//! | `{"share":{"participant","channel","times"}}` | the link is shared, once if `times` is missing |
//! | `{"convert":{"friend"}}` | a pending referral is awarded, and the referrer gets a reward, or a commission |
//! | `{"reward":{"participant"}}` | a reward without a friend |
//! | `{"email":{"participant","email"}}` | another address |
//! | `{"unsubscribe":{"participant"}}`, `{"resubscribe":{...}}` | the wish about mail changes |
//! | `{"delete":{"participant"}}` | the participant is gone, and the friends are without referrer |
//! | `{"webhook":{...}}` | these fields of the primary webhook are changed |
//! | `{"integration":{"id",...}}` | these fields of the integration are changed |

mod affiliate;
mod campaign;
mod changes;
mod control;
mod deliveries;
mod fiction;
mod gate;
mod hooks;
mod ids;
mod limiter;
mod order;
mod program;
mod query;
mod referrals;
mod refusal;
mod rewards;
mod rows;
mod state;
mod update;
mod v2;
mod world;

#[cfg(test)]
mod tests;

pub(super) use self::control::routes;
pub(super) use self::state::Growsurf;
