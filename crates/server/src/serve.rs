//! `causeway serve`: opens the data folder, starts the gateway, serves the API until it is told to stop.
//!
//! Nothing is touched before everything that can be checked has been: the configuration, the port, the
//! data folder and who holds it, the rights that the engine needs.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use causeway_control::account::{self, NewAccount};
use causeway_gateway::EngineHandle;
use causeway_store::{DataFolder, SqliteStore, write_private_file};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::api::Api;
use crate::client::Credentials;
use crate::config::{self, Config, Engine};
use crate::engine;
use crate::http::{self, Bounds};
use crate::ledger::Ledger;
use crate::metrics::{self, Metrics};
use crate::world::World;

/// What `causeway serve` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The configuration, TOML; see docs/configuration.md.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    data: crate::DataFolder,
    /// Whether packets are handled; overrides `gateway.engine`.
    #[arg(long, value_enum)]
    engine: Option<Engine>,
    /// The address and port to listen on; overrides `api.listen`.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
}

/// How long the gateway may take to say goodbye to its peers and, where it is to, remove its routes.
const STOP_TIME_MAX: Duration = Duration::from_secs(5);

/// Prometheus asks seldom, in one short request.
const METRICS_BOUNDS: Bounds =
    Bounds { body_bytes_max: 0, connections_max: 16, request_time_max: Duration::from_secs(10) };

/// Serves until SIGINT or SIGTERM.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut config = Config::load(arguments.config.as_deref())?;
    if let Some(engine) = arguments.engine {
        config.gateway.engine = engine;
    }
    if let Some(listen) = arguments.listen {
        config.api.listen = listen;
    }
    start_log(&config);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the threads that serve requests")?;
    runtime.block_on(serve(&config, &arguments.data.path()))?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(config: &Config, data: &Path) -> Result<()> {
    let listener = listen(config.api.listen).await?;
    let metrics_listener = listen_for_metrics(&config.metrics).await?;
    let folder = DataFolder::open(data)?;
    let store = Arc::new(SqliteStore::open(&folder)?);
    let vault = store.unlock_vault()?;
    let world = Arc::new(World::new(Ledger::open(store, vault)?, config));
    let endpoint = listener.local_addr().context("the listening socket has no address")?;
    first_account(&world, data, config, endpoint).await?;

    let engine = engine::start(config, &world)?;
    world.wake_engine_with(engine.waker());
    world.observed.ask(&engine);
    step_when_told(&engine, &config.gateway)?;
    let (stop, stopped) = watch::channel(false);
    let bounds = Bounds {
        body_bytes_max: config.api.body_bytes_max,
        connections_max: config.api.connections_max,
        request_time_max: Duration::from_millis(config.api.request_ms_max),
    };
    let api = Arc::new(Api::new(Arc::clone(&world), config));
    tracing::info!(address = %endpoint, data = %data.display(), "the API is served");
    // Who gets an answer from the API finds the metrics, too.
    announce_metrics(metrics_listener.as_ref(), data)?;
    let server = tokio::spawn(http::serve(listener, api, bounds, stopped.clone()));
    if let Some(listener) = metrics_listener {
        let metrics = Metrics::new(Arc::clone(&world), Arc::clone(&engine));
        tokio::spawn(http::serve_router(listener, metrics.router(), METRICS_BOUNDS, stopped));
    }
    until_told_to_stop().await?;
    tracing::info!("stopping");
    stop.send_replace(true);
    server.await.context("the API's task failed")?;
    let stopping = tokio::task::spawn_blocking(move || engine.stop());
    if tokio::time::timeout(STOP_TIME_MAX, stopping).await.is_err() {
        tracing::warn!("the gateway took too long to stop; what it left behind is swept at the next start");
    }
    Ok(())
}

async fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!(
            "cannot listen on {address}; is another program there? choose another with --listen or api.listen"
        )
    })
}

/// Listens where metrics are to be served. A default that somebody else has is no reason not to serve the API.
async fn listen_for_metrics(config: &config::Metrics) -> Result<Option<TcpListener>> {
    if !config.enabled {
        return Ok(None);
    }
    let address = config.listen.unwrap_or(metrics::DEFAULT_LISTEN);
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if config.listen.is_none() => {
            tracing::warn!(%address, %error, "no metrics: another program listens there; choose another with metrics.listen");
            Ok(None)
        }
        Err(error) => Err(error).with_context(|| {
            format!(
                "cannot listen on {address}; is another program there? choose another with metrics.listen"
            )
        }),
    }
}

/// Says in the data folder where the metrics are, for `causeway top`.
fn announce_metrics(listener: Option<&TcpListener>, data: &Path) -> Result<()> {
    let file = metrics::address_file(data);
    let Some(listener) = listener else {
        // One of an earlier start would send people to somebody else.
        std::fs::remove_file(file).ok();
        return Ok(());
    };
    let address = reachable(listener.local_addr().context("the listening socket has no address")?);
    write_private_file(&file, format!("{address}\n").as_bytes())?;
    tracing::info!(%address, "metrics are served at /metrics");
    Ok(())
}

/// Makes the first account where there is none, and keeps the file of its AccessKey true.
async fn first_account(world: &World, data: &Path, config: &Config, endpoint: SocketAddr) -> Result<()> {
    let file = Credentials::file(data);
    let endpoint = reachable(endpoint).to_string();
    if !world.ledger.accounts().is_empty() {
        // The key is the operator's to move away; the address is kept right where the file still is.
        if let Ok(mut credentials) = Credentials::load(data)
            && credentials.endpoint != endpoint
        {
            credentials.endpoint = endpoint;
            write_credentials(&file, &credentials)?;
        }
        return Ok(());
    }
    let NewAccount { account, access_key, records } =
        account::new_account(&world.random_bytes(), world.now_ms());
    let credentials = Credentials {
        account_id: account.to_string(),
        access_key_id: access_key.id.to_string(),
        access_key_secret: access_key.secret.expose().to_owned(),
        security_token: None,
        endpoint,
        region_id: config.api.default_region().to_owned(),
    };
    // The file first: an account whose key nobody has would be of no use.
    write_credentials(&file, &credentials)?;
    world.ledger.begin(account, records).await?;
    tracing::info!(account = credentials.account_id, file = %file.display(), "an account was made; its root AccessKey is in the file");
    Ok(())
}

fn write_credentials(file: &Path, credentials: &Credentials) -> Result<()> {
    let text =
        serde_json::to_string_pretty(credentials).context("the AccessKey cannot be written as JSON")?;
    write_private_file(file, text.as_bytes())?;
    Ok(())
}

/// The address that a client on this machine uses for a socket that listens on all addresses.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => SocketAddr::from(([127, 0, 0, 1], v4.port())),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => {
            SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, v6.port()))
        }
        address => address,
    }
}

async fn until_told_to_stop() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// Lets a simulated gateway that is stepped catch up at each SIGUSR1, and logs when it has.
fn step_when_told(engine: &Arc<dyn EngineHandle>, config: &config::Gateway) -> Result<()> {
    if !config.simulated_steps || config.engine != Engine::None {
        return Ok(());
    }
    let mut told = signal(SignalKind::user_defined1()).context("cannot listen for SIGUSR1")?;
    let engine = Arc::clone(engine);
    tokio::spawn(async move {
        while told.recv().await.is_some() {
            let engine = Arc::clone(&engine);
            if tokio::task::spawn_blocking(move || engine.step()).await.is_ok() {
                tracing::info!("the simulated gateway has caught up");
            }
        }
    });
    Ok(())
}

fn start_log(config: &Config) {
    let default = config.log.as_deref().unwrap_or("info");
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_unset| tracing_subscriber::EnvFilter::new(default));
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours).init();
}
