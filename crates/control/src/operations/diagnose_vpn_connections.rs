//! `DiagnoseVpnConnections`: what keeps tunnels from working.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::diagnosis::{FailedReasonCode, Finding, Known, Severity};
use crate::error::{ApiError, ErrorCode};
use crate::fields::{PageNumber, PageSize, optional};
use crate::ids::{RegionId, TunnelId, VpnConnectionId, VpnGatewayId};
use crate::operation::{Kind, Operation};
use crate::page::Page;
use crate::permission::{Permission, Target};
use crate::resource::tunnel::Tunnel;
use crate::resource::vpn_connection::VpnConnection;
use crate::tx::Tx;

/// See the module.
pub struct DiagnoseVpnConnections;

/// How many connections, and how many tunnels, a request may name: as many as a page can show.
const IDS_MAX: usize = 50;

/// Says of each tunnel what keeps it from working, from what the gateway saw: of the tunnels and connections that are
/// named, or of all of a VPN gateway.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region.
    pub region_id: RegionId,
    /// Which page, from 1.
    #[serde(default, deserialize_with = "optional")]
    pub page_number: Option<PageNumber>,
    /// How many tunnels on a page: 10 unless it is given.
    #[serde(default, deserialize_with = "optional")]
    pub page_size: Option<PageSize>,
    /// These tunnels.
    #[serde(default)]
    pub tunnel_ids: Vec<TunnelId>,
    /// All tunnels of these connections.
    #[serde(default)]
    pub vpn_connection_ids: Vec<VpnConnectionId>,
    /// Only connections of this VPN gateway: all of them, unless some are named.
    #[serde(default, deserialize_with = "optional")]
    pub vpn_gateway_id: Option<VpnGatewayId>,
}

/// A page of tunnels, by connection.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    page_number: i32,
    page_size: i32,
    total_count: i32,
    vpn_connections: Vec<TunnelView>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct TunnelView {
    /// Everything that was found, the worst first, with the remedies; empty for a tunnel that works.
    failed_reason: String,
    /// The worst of it.
    failed_reason_code: FailedReasonCode,
    /// When the line in `SourceLog` was written, in UNIX milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_time: Option<i64>,
    /// What this side has, where the finding is about a parameter.
    mismatch_local_param: String,
    /// What the peer has, as far as it is known otherwise than in the words of `FailedReason`.
    mismatch_remote_param: String,
    severity: Severity,
    /// The newest line of the connection's log that says so; empty if it is no longer there.
    source_log: String,
    tunnel_id: TunnelId,
    vpn_connection_id: VpnConnectionId,
}

impl TunnelView {
    fn of(tx: &Tx<'_>, connection: &VpnConnection, tunnel: &Tunnel) -> Self {
        let known = Known::of(tx.state(), tx.context(), connection);
        let findings = known.findings(tunnel);
        let worst = findings.first().map(|finding| (finding.code, finding.severity));
        let (code, severity) = worst.unwrap_or((FailedReasonCode::Normal, Severity::Normal));
        let error = known.seen(tunnel).and_then(|seen| seen.last_error.as_ref());
        let line = error.and_then(|error| {
            let lines = tx.logs().lines(&connection.id, 0, tx.now_ms());
            let about = |tunnel_id: &Option<TunnelId>| tunnel_id.as_ref() == Some(&tunnel.id);
            lines.into_iter().rev().find(|it| about(&it.line.tunnel) && it.line.text.contains(error))
        });
        let first = |text: fn(&Finding) -> &String| {
            findings.iter().map(text).find(|text| !text.is_empty()).cloned().unwrap_or_default()
        };
        let reasons: Vec<&str> = findings.iter().map(|finding| finding.reason.as_str()).collect();
        Self {
            failed_reason: reasons.join(" "),
            failed_reason_code: code,
            failed_time: line.as_ref().map(|line| line.at_ms),
            mismatch_local_param: first(|finding| &finding.local),
            mismatch_remote_param: first(|finding| &finding.remote),
            severity,
            source_log: line.map(|line| line.to_string()).unwrap_or_default(),
            tunnel_id: tunnel.id.clone(),
            vpn_connection_id: connection.id.clone(),
        }
    }
}

impl Operation for DiagnoseVpnConnections {
    const NAME: &'static str = "DiagnoseVpnConnections";
    const KIND: Kind = Kind::Read;
    const ERRORS: &'static [&'static ErrorCode] =
        &[&catalogue::VPN_CONNECTION_NOT_FOUND, &catalogue::VPN_GATEWAY_NOT_FOUND];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        let ids = &request.vpn_connection_ids;
        // Whose tunnels those are is not known before it is looked.
        let targets = match ids.is_empty() || !request.tunnel_ids.is_empty() {
            true => vec![Target::VpnConnections],
            false => ids.iter().cloned().map(Target::VpnConnection).collect(),
        };
        Permission::on_all("vpc:DiagnoseVpnConnections", targets)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let named = chosen(&request, tx)?;
        let page = Page::new(request.page_number, request.page_size);
        let (tunnels, total_count) = page.of(named.into_iter());
        Ok(Response {
            page_number: page.number(),
            page_size: page.size(),
            total_count,
            vpn_connections: tunnels
                .into_iter()
                .map(|(connection, tunnel)| TunnelView::of(tx, connection, tunnel))
                .collect(),
        })
    }
}

/// The tunnels that are asked for, each once, by connection in the order of their age.
fn chosen<'a>(request: &Request, tx: &Tx<'a>) -> Result<Vec<(&'a VpnConnection, &'a Tunnel)>, ApiError> {
    let Request { tunnel_ids, vpn_connection_ids, vpn_gateway_id, region_id, .. } = request;
    if let Some(id) = vpn_gateway_id {
        tx.vpn_gateway(region_id, id)?;
    }
    check_count("VpnConnectionIds", vpn_connection_ids.len())?;
    check_count("TunnelIds", tunnel_ids.len())?;
    let is_meant = |connection: &VpnConnection| {
        let of_gateway = connection.vpn_gateway.as_ref().map(|gateway| &gateway.id);
        connection.region == *region_id && (vpn_gateway_id.is_none() || of_gateway == vpn_gateway_id.as_ref())
    };
    let mut connections = Vec::new();
    for id in vpn_connection_ids {
        let connection = tx.state().vpn_connection(id).filter(|connection| is_meant(connection));
        connections.push(connection.ok_or(ApiError::new(&catalogue::VPN_CONNECTION_NOT_FOUND))?);
    }
    let mut tunnels = Vec::new();
    for id in tunnel_ids {
        let expected = "tunnels of the region, and of the VPN gateway if one is named";
        let tunnel = tx.state().tunnel(id).filter(|(connection, _)| is_meant(connection));
        tunnels.push(tunnel.ok_or_else(|| ApiError::invalid("TunnelIds", expected))?);
    }
    if tunnel_ids.is_empty() && vpn_connection_ids.is_empty() {
        let missing = ApiError::missing("VpnConnectionIds.1")
            .detail("Send VpnConnectionIds, TunnelIds or a VpnGatewayId.");
        connections.extend(tx.state().connections_of(vpn_gateway_id.as_ref().ok_or(missing)?));
    }
    let of_connection =
        |connection: &'a VpnConnection| connection.tunnels.iter().map(move |tunnel| (connection, tunnel));
    let chosen = tunnels.into_iter().chain(connections.into_iter().flat_map(of_connection));
    let by_age = chosen.map(|it| ((it.0.created_ms, &it.0.id, it.1.index), it)).collect::<BTreeMap<_, _>>();
    Ok(by_age.into_values().collect())
}

fn check_count(field: &str, count: usize) -> Result<(), ApiError> {
    match count {
        0..=IDS_MAX => Ok(()),
        _ => Err(ApiError::invalid(field, format!("at most {IDS_MAX} ids"))),
    }
}
