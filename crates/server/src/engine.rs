//! The engine: the gateway, or its test double without packets, behind one handle.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use causeway_gateway::{
    Delays, Encapsulation, EngineHandle, Gateway, GatewayConfig, IkeLimits, LocalAddress, OnStop,
    OwnCertificate, SimulatedEngine, Traffic, workers_default,
};

use crate::config::{Config, Engine};
use crate::world::World;

/// Starts the engine that the configuration names.
pub fn start(config: &Config, world: &Arc<World>) -> Result<Arc<dyn EngineHandle>> {
    let (desires, observer) = (world.desires(), world.observer());
    Ok(match config.gateway.engine {
        Engine::None => {
            let delays = Delays {
                tunnel_up: Duration::from_millis(config.gateway.simulated_tunnel_up_ms),
                change: Duration::from_millis(config.gateway.simulated_change_ms),
                stepped: config.gateway.simulated_steps,
            };
            Arc::new(SimulatedEngine::start(delays, desires, observer))
        }
        Engine::Packets => Arc::new(Gateway::start(gateway_config(config)?, desires, observer)?),
    })
}

/// The packets' side as the gateway takes it.
pub fn gateway_config(config: &Config) -> Result<GatewayConfig> {
    let own = |address: &crate::config::Address| LocalAddress {
        public: address.public,
        local: address.local.unwrap_or(address.public),
    };
    Ok(GatewayConfig {
        addresses: config.addresses().iter().map(own).collect(),
        ike_port: config.gateway.ike_port,
        nat_port: config.gateway.nat_port,
        device_prefix: config.gateway.device_prefix.clone(),
        mtu: config.gateway.mtu,
        encapsulation: match config.gateway.encapsulation {
            crate::config::Encapsulation::Always => Encapsulation::Always,
            crate::config::Encapsulation::WhenTranslated => Encapsulation::WhenTranslated,
        },
        on_stop: match config.gateway.on_stop {
            crate::config::OnStop::Hold => OnStop::Hold,
            crate::config::OnStop::Release => OnStop::Release,
        },
        sa_traffic_max: Traffic {
            packets: config.gateway.sa_packets_max.unwrap_or(u64::MAX),
            bytes: config.gateway.sa_bytes_max.unwrap_or(u64::MAX),
        },
        workers: NonZeroUsize::new(config.gateway.workers).unwrap_or_else(workers_default),
        certificate: certificate(&config.gateway)?,
        limits: IkeLimits {
            fragment_packet_bytes: config.gateway.ike_packet_bytes.into(),
            ..IkeLimits::default()
        },
        ..GatewayConfig::default()
    })
}

/// The gateway's own certificate with its key, if there is one.
fn certificate(config: &crate::config::Gateway) -> Result<Option<OwnCertificate>> {
    let (Some(certificate), Some(key)) = (&config.certificate, &config.private_key) else { return Ok(None) };
    let read = |setting: &str, path: &Path| {
        std::fs::read_to_string(path).with_context(|| format!("reading {setting} from {}", path.display()))
    };
    let (certificate, key) = (read("gateway.certificate", certificate)?, read("gateway.private_key", key)?);
    Ok(Some(OwnCertificate::from_pem(&certificate, &key)?))
}
