//! A stand-in GrowSurf: the REST API, v2, as <https://docs.growsurf.com/developer-tools/rest-api>
//! and the official SDK `growsurf-python` describe it, with a program that is made up.
//!
//! It lives below `/growsurf/v2/`, takes `Authorization: Bearer sandbox`, and keeps the documented
//! rate limits. Everything that happens to the program is a change; the made-up program is a list
//! of them. Nothing is ever sent: the webhooks that GrowSurf would have sent are to be read.
//! As the rest of the sandbox it shares no type with the relay.
//!
//! [The guide](crate::docs::sandbox) has the requests and changes that steer it.

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
