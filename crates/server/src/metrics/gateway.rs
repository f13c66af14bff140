//! Connections and tunnels as series.

use std::fmt;
use std::sync::Arc;

use causeway_control::observed::TunnelStatus;
use causeway_control::resource::vpn_connection::State;
use causeway_gateway::EngineHandle;
use causeway_gateway::counters::{CountersSnapshot, DROP_REASONS, DropReason};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::picture::{ConnectionPicture, Picture, TunnelPicture};
use crate::world::World;

/// Looks at the world and its engine whenever somebody asks.
pub struct GatewayCollector {
    world: Arc<World>,
    engine: Arc<dyn EngineHandle>,
}

impl GatewayCollector {
    /// Of a world and the engine that carries it out.
    pub fn new(world: Arc<World>, engine: Arc<dyn EngineHandle>) -> Self {
        Self { world, engine }
    }
}

impl fmt::Debug for GatewayCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewayCollector").finish_non_exhaustive()
    }
}

impl Collector for GatewayCollector {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        encode(encoder, &Picture::of(&self.world, self.engine.snapshot()))
    }
}

/// Writes everything that is in a picture.
pub fn encode(encoder: DescriptorEncoder<'_>, picture: &Picture) -> fmt::Result {
    Families(encoder).encode(picture)
}

/// Labels of one sample.
type Labels<'a> = Vec<(&'static str, &'a str)>;

/// A family of which each tunnel has one series.
struct TunnelFamily(&'static str, MetricType, &'static str, fn(&TunnelPicture) -> u64);

const TUNNEL_FAMILIES: &[TunnelFamily] = &[
    TunnelFamily(
        "causeway_tunnel_configured",
        MetricType::Gauge,
        "Whether the tunnel is to be up: its connection is attached, or one of a VPN gateway.",
        |tunnel| tunnel.is_configured.into(),
    ),
    TunnelFamily("causeway_tunnel_up", MetricType::Gauge, "Whether packets can pass.", |tunnel| {
        (tunnel.status == TunnelStatus::IpsecSaEstablished).into()
    }),
    TunnelFamily(
        "causeway_tunnel_healthy",
        MetricType::Gauge,
        "Whether packets can pass, and nothing is known to keep them from getting through.",
        |tunnel| tunnel.is_healthy.into(),
    ),
    TunnelFamily(
        "causeway_tunnel_carries",
        MetricType::Gauge,
        "Whether the packets of its connection take the tunnel.",
        |tunnel| tunnel.carries.into(),
    ),
    TunnelFamily(
        "causeway_tunnel_probes_sent",
        MetricType::Counter,
        "Probes of the health check that were sent through the tunnel.",
        |tunnel| tunnel.counters.probes_sent,
    ),
    TunnelFamily(
        "causeway_tunnel_probes_answered",
        MetricType::Counter,
        "Probes of the health check that were answered.",
        |tunnel| tunnel.counters.probes_answered,
    ),
    TunnelFamily(
        "causeway_tunnel_sent_packets",
        MetricType::Counter,
        "Inner packets to the peer, over all rekeys.",
        |tunnel| tunnel.counters.sent_packets,
    ),
    TunnelFamily(
        "causeway_tunnel_sent_bytes",
        MetricType::Counter,
        "Bytes of inner packets to the peer, over all rekeys.",
        |tunnel| tunnel.counters.sent_bytes,
    ),
    TunnelFamily(
        "causeway_tunnel_received_packets",
        MetricType::Counter,
        "Inner packets from the peer that were forwarded, over all rekeys.",
        |tunnel| tunnel.counters.received_packets,
    ),
    TunnelFamily(
        "causeway_tunnel_received_bytes",
        MetricType::Counter,
        "Bytes of inner packets from the peer that were forwarded, over all rekeys.",
        |tunnel| tunnel.counters.received_bytes,
    ),
    TunnelFamily(
        "causeway_tunnel_handshakes",
        MetricType::Counter,
        "Negotiations that brought an IPsec SA into use: the first, and one for each rekey.",
        |tunnel| tunnel.counters.children,
    ),
    TunnelFamily(
        "causeway_tunnel_establishments",
        MetricType::Counter,
        "How often the tunnel came up; more than once means that it was down in between.",
        |tunnel| tunnel.history.establishments,
    ),
    TunnelFamily(
        "causeway_tunnel_errors",
        MetricType::Counter,
        "How often something new kept the tunnel from being up; the connection's log says what.",
        |tunnel| tunnel.history.errors,
    ),
    TunnelFamily(
        "causeway_tunnel_in_error",
        MetricType::Gauge,
        "Whether the last error still keeps the tunnel from being up.",
        |tunnel| tunnel.is_in_error.into(),
    ),
];

/// All of them, so that one that is not the case is 0 and not absent.
const STATUSES: [TunnelStatus; 4] = [
    TunnelStatus::IkeSaNotEstablished,
    TunnelStatus::IpsecSaNotEstablished,
    TunnelStatus::IkeSaEstablished,
    TunnelStatus::IpsecSaEstablished,
];
const STATES: [State; 7] = [
    State::Provisioning,
    State::Active,
    State::Init,
    State::Attaching,
    State::Attached,
    State::Updating,
    State::Detaching,
];

/// Why packets are dropped at each place. These are told from the start; any other once it occurs.
const TUNNEL_DROPS: [DropReason; 9] = [
    DropReason::OutsideSelectors,
    DropReason::Spoofed,
    DropReason::Replayed,
    DropReason::NotAuthentic,
    DropReason::Malformed,
    DropReason::SequenceExhausted,
    DropReason::LifetimeOver,
    DropReason::TooBig,
    DropReason::SendFailed,
];
const CONNECTION_DROPS: [DropReason; 1] = [DropReason::TunnelDown];
const DOMAIN_DROPS: [DropReason; 4] =
    [DropReason::NoRoute, DropReason::NotIpv4, DropReason::Malformed, DropReason::DeviceFailed];
const GATEWAY_DROPS: [DropReason; 2] = [DropReason::UnknownSpi, DropReason::Malformed];

/// Writes families, each with all of its series.
struct Families<'a>(DescriptorEncoder<'a>);

impl Families<'_> {
    fn encode(mut self, picture: &Picture) -> fmt::Result {
        self.tunnels(picture)?;
        self.connections(picture)?;
        self.engine(picture)
    }

    fn tunnels(&mut self, picture: &Picture) -> fmt::Result {
        for TunnelFamily(name, kind, help, value) in TUNNEL_FAMILIES {
            let samples = picture.tunnels().map(|tunnel| (tunnel_labels(tunnel), value(tunnel)));
            self.family(name, *kind, help, samples)?;
        }
        self.round_trips(picture)?;
        let status = |tunnel| {
            let one = move |status: TunnelStatus| {
                let labels = with(tunnel_labels(tunnel), "status", status.as_str());
                (labels, u64::from(tunnel.status == status))
            };
            STATUSES.into_iter().map(one)
        };
        let help = "How far the tunnel is, as the API says it: 1 for the status that is the case.";
        self.family("causeway_tunnel_status", MetricType::Gauge, help, picture.tunnels().flat_map(status))?;
        let dropped = |tunnel: &'_ TunnelPicture| by_reason(&tunnel.counters, &TUNNEL_DROPS);
        let samples = picture.tunnels().flat_map(|tunnel| {
            let labelled = |(reason, count)| (with(tunnel_labels(tunnel), "reason", reason), count);
            dropped(tunnel).into_iter().map(labelled)
        });
        let help = "Packets of the tunnel that were dropped, by reason.";
        self.family("causeway_tunnel_dropped_packets", MetricType::Counter, help, samples)
    }

    /// Of each way to measure them, from the first time on: before that there is nothing to tell.
    fn round_trips(&mut self, picture: &Picture) -> fmt::Result {
        let help = "How long it takes to the peer and back: of probes of the health check, through the tunnel and smoothed; and of \
                    the last answer by IKE, beside the tunnel.";
        let mut family =
            self.0.encode_descriptor("causeway_tunnel_rtt_seconds", help, None, MetricType::Gauge)?;
        for tunnel in picture.tunnels() {
            let counters = &tunnel.counters;
            for (by, took) in [("probe", counters.round_trip), ("ike", counters.ike_round_trip)] {
                let Some(took) = took else { continue };
                let labels = with(tunnel_labels(tunnel), "by", by);
                family.encode_family(&labels.as_slice())?.encode_gauge(&took.as_secs_f64())?;
            }
        }
        Ok(())
    }

    fn connections(&mut self, picture: &Picture) -> fmt::Result {
        let all = || picture.connections.iter();
        let info = all().map(|connection| (info_labels(connection), 1));
        let help = "What a connection is, to be joined with the other series by its id.";
        self.family("causeway_connection_info", MetricType::Gauge, help, info)?;
        let state = |connection: &'_ ConnectionPicture| {
            let (id, now) = (connection.id.clone(), connection.state);
            STATES.map(|state| (id.clone(), state.as_str(), u64::from(state == now)))
        };
        let states: Vec<_> = all().flat_map(state).collect();
        let states = states
            .iter()
            .map(|(id, state, is_it)| (vec![("connection", id.as_str()), ("state", *state)], *is_it));
        let help =
            "Where the connection is in its life, as the API says it: 1 for the state that is the case.";
        self.family("causeway_connection_state", MetricType::Gauge, help, states)?;
        let routes = all().map(|connection| (connection_labels(connection), connection.routes as u64));
        self.family("causeway_connection_routes", MetricType::Gauge, "Routes that are stored.", routes)?;
        let routes =
            all().map(|connection| (connection_labels(connection), connection.routes_in_force as u64));
        let help = "Routes that the forwarding table has.";
        self.family("causeway_connection_routes_in_force", MetricType::Gauge, help, routes)?;
        let withdrawn = all().map(|it| (connection_labels(it), it.is_withdrawn.into()));
        let help = "Whether its routes are withdrawn because no tunnel passes the health check.";
        self.family("causeway_connection_withdrawn", MetricType::Gauge, help, withdrawn)?;
        let dropped = all().flat_map(|connection| {
            let labelled = |(reason, count)| (with(connection_labels(connection), "reason", reason), count);
            by_reason(&connection.counters, &CONNECTION_DROPS).into_iter().map(labelled)
        });
        let help = "Packets that have a route over the connection and were dropped, since none of its tunnels was up.";
        self.family("causeway_connection_dropped_packets", MetricType::Counter, help, dropped)
    }

    fn engine(&mut self, picture: &Picture) -> fmt::Result {
        let engine = &picture.engine;
        let domains: Vec<_> = engine
            .domains
            .iter()
            .map(|(domain, it)| (domain.region.to_string(), domain.owner.to_string(), it))
            .collect();
        let labels = |index: usize| {
            let (region, domain, it) = &domains[index];
            vec![("region", region.as_str()), ("domain", domain), ("device", &it.device)]
        };
        let prefixes =
            domains.iter().enumerate().map(|(index, (_, _, it))| (labels(index), it.prefixes as u64));
        let help = "Prefixes in the forwarding table of a transit router or VPN gateway.";
        self.family("causeway_domain_prefixes", MetricType::Gauge, help, prefixes)?;
        let dropped = domains.iter().enumerate().flat_map(|(index, (_, _, it))| {
            let labelled = move |(reason, count)| (with(labels(index), "reason", reason), count);
            by_reason(&it.counters, &DOMAIN_DROPS).into_iter().map(labelled)
        });
        let help = "Packets of a transit router or VPN gateway that belong to no tunnel and were dropped, by reason.";
        self.family("causeway_domain_dropped_packets", MetricType::Counter, help, dropped)?;
        let dropped = by_reason(&engine.unattributed, &GATEWAY_DROPS);
        let dropped = dropped.into_iter().map(|(reason, count)| (vec![("reason", reason)], count));
        let help = "Packets that came to the gateway, belong to no tunnel and were dropped, by reason.";
        self.family("causeway_gateway_dropped_packets", MetricType::Counter, help, dropped)?;
        let help = "IKE messages that were dropped because the negotiation was busy.";
        let dropped = [(Vec::new(), engine.ike_dropped)].into_iter();
        self.family("causeway_gateway_ike_dropped_messages", MetricType::Counter, help, dropped)?;
        let help = "The version that runs.";
        let version = [(vec![("version", env!("CARGO_PKG_VERSION"))], 1)].into_iter();
        self.family("causeway_build_info", MetricType::Gauge, help, version)
    }

    fn family<'a>(
        &mut self,
        name: &str,
        kind: MetricType,
        help: &str,
        samples: impl Iterator<Item = (Labels<'a>, u64)>,
    ) -> fmt::Result {
        family(&mut self.0, name, kind, help, samples)
    }
}

fn family<'a>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    kind: MetricType,
    help: &str,
    samples: impl Iterator<Item = (Labels<'a>, u64)>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, kind)?;
    for (labels, value) in samples {
        let labels = labels.as_slice();
        let mut sample = family.encode_family(&labels)?;
        match kind {
            MetricType::Counter => sample.encode_counter::<NoLabelSet, _, u64>(&value, None)?,
            _ => sample.encode_gauge(&value)?,
        }
    }
    Ok(())
}

fn tunnel_labels(tunnel: &TunnelPicture) -> Labels<'_> {
    vec![
        ("connection", &tunnel.connection),
        ("tunnel", &tunnel.id),
        ("role", tunnel.role),
        ("peer", &tunnel.peer),
    ]
}

fn connection_labels(connection: &ConnectionPicture) -> Labels<'_> {
    vec![("connection", &connection.id)]
}

fn info_labels(connection: &ConnectionPicture) -> Labels<'_> {
    vec![
        ("connection", &connection.id),
        ("account", &connection.account),
        ("region", &connection.region),
        ("name", &connection.name),
    ]
}

fn with<'a>(mut labels: Labels<'a>, name: &'static str, value: &'a str) -> Labels<'a> {
    labels.push((name, value));
    labels
}

/// The counts of the expected reasons, and of those that occurred nevertheless.
fn by_reason(counters: &CountersSnapshot, expected: &[DropReason]) -> Vec<(&'static str, u64)> {
    let told = DROP_REASONS
        .into_iter()
        .filter(|reason| expected.contains(reason) || counters.dropped.contains_key(reason));
    told.map(|reason| (reason.name(), counters.dropped.get(&reason).copied().unwrap_or_default())).collect()
}
