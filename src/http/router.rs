//! Which path leads where.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use secrecy::SecretString;

use super::body::BodyLimits;
use super::health::{self, Health};
use super::problem::Problem;
use super::{admin, metrics, page, webhooks};
use crate::config::value::network::Network;
use crate::delivery::Destination;
use crate::domain::Clock;
use crate::ingest::Ingest;
use crate::store::{Damage, Store};
use crate::telemetry::Metrics;

/// Everything the handlers need.
#[derive(Clone)]
pub struct Face {
    /// Takes webhooks in.
    pub ingest: Arc<Ingest>,
    /// The store, for numbers and dead letters.
    pub store: Arc<dyn Store>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Customer.io's state.
    pub destination: Destination,
    /// What health is judged by.
    pub health: Arc<Health>,
    /// What is known of damage to the store.
    pub damage: Damage,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What reading bodies may cost.
    pub bodies: BodyLimits,
    /// Whose word on the client's address is believed.
    pub trusted_proxies: Arc<[Network]>,
    /// What `/admin` asks for; without one it isn't there.
    pub admin_token: Option<Arc<SecretString>>,
    /// What `/v1/events` asks for; likewise.
    pub api_token: Option<Arc<SecretString>>,
    /// From where pages may post; without it nobody's may.
    pub page: Option<Arc<page::Gate>>,
}

/// What the internet may reach: webhooks, what pages post, and health.
pub fn public(face: Face) -> Router {
    finished(routes(&face)).with_state(face)
}

/// What operators reach: metrics, administration, and health as well. Where they have no listener
/// of their own, `webhooks` puts it all on one.
pub fn operator(face: Face, webhooks: bool) -> Router {
    let base = if webhooks { routes(&face) } else { health_routes() };
    let mut router = base.route("/metrics", get(metrics::metrics));
    if face.admin_token.is_some() {
        router = router.nest("/admin", admin::routes(face.clone()));
    }
    finished(router).with_state(face)
}

fn routes(face: &Face) -> Router<Face> {
    let mut routes = health_routes()
        .route("/webhooks/growsurf", post(webhooks::receive))
        .route("/api/growsurf-to-cio", post(webhooks::receive));
    if face.ingest.takes_reports() {
        routes = routes.route("/webhooks/customerio/reporting", post(webhooks::report));
    }
    if face.api_token.is_some() {
        routes = routes.route("/v1/events", post(webhooks::told));
    }
    if face.page.is_some() {
        routes = routes
            .route("/v1/clicks", post(page::click).options(page::preflight))
            .route("/v1/shares", post(page::share).options(page::preflight))
            .route("/relay.js", get(page::script));
    }
    routes
}

fn health_routes() -> Router<Face> {
    Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/health", get(health::readyz))
}

/// With problem documents for all other paths and methods. The last step, because it changes only
/// the routes that are there already.
fn finished(router: Router<Face>) -> Router<Face> {
    router
        .fallback(async || Problem::new(StatusCode::NOT_FOUND, "there is nothing at this path"))
        .method_not_allowed_fallback(async || {
            let detail = "this path takes another method; webhooks are posted";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
        })
}
