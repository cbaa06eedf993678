//! Relays GrowSurf referral webhooks to Customer.io: durable, once, in order.

pub mod app;
pub mod clock;
pub mod config;
pub mod customerio;
pub mod delivery;
pub mod domain;
pub mod growsurf;
pub mod http;
pub mod ingest;
pub mod mapping;
pub mod sandbox;
pub mod store;
pub mod telemetry;
