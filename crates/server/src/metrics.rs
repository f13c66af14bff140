//! What the server tells Prometheus, at `/metrics` on a listener of its own.
//!
//! ```text
//! ledger, reports, engine ─► picture ─► gateway  ┐
//! requests, commits (counted as they happen)     ├─► registry ─► OpenMetrics text
//! /proc/self                          ─► process ┘
//! ```
//!
//! Everything about connections and tunnels is looked at when somebody asks, so a series cannot outlive what it is about, and
//! one that is down or was never up is there all the same. Labels take their values from what is stored, and from lists that
//! are in this program; a caller cannot make a new one with a request that is refused.

pub mod exposition;
mod gateway;
mod picture;
mod process;
mod requests;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use causeway_gateway::EngineHandle;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;

use crate::world::World;
use gateway::GatewayCollector;
use process::ProcessCollector;

pub use requests::{Commits, Requests};

/// Where metrics are served unless something else is configured.
pub const DEFAULT_LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9686);

/// The media type of the answer: what Prometheus reads, and what it was made from.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The file in the data folder that says where a running server tells its metrics.
const ADDRESS_FILE: &str = "metrics-address";

/// All metrics of a server.
pub struct Metrics {
    registry: Registry,
}

impl Metrics {
    /// The metrics of a world and its engine.
    pub fn new(world: Arc<World>, engine: Arc<dyn EngineHandle>) -> Self {
        let mut registry = Registry::default();
        world.requests.register(&mut registry);
        world.ledger.commits.register(&mut registry);
        registry.register_collector(Box::new(GatewayCollector::new(world, engine)));
        registry.register_collector(Box::new(ProcessCollector));
        Self { registry }
    }

    /// All of them now, as text.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }

    /// Answers `GET /metrics`.
    pub fn router(self) -> Router {
        Router::new().route("/metrics", get(answer)).with_state(Arc::new(self))
    }
}

async fn answer(State(metrics): State<Arc<Metrics>>) -> Response {
    // It waits for locks and walks over everything: not on a thread that serves requests.
    let encoded = tokio::task::spawn_blocking(move || metrics.encode()).await;
    match encoded {
        Ok(Ok(text)) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Ok(Err(_)) | Err(_) => {
            tracing::error!("the metrics could not be told");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The file of the data folder in which a running server says where its metrics are.
pub fn address_file(data: &Path) -> PathBuf {
    data.join(ADDRESS_FILE)
}

#[cfg(test)]
mod tests;
