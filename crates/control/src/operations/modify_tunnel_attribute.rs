//! `ModifyTunnelAttribute`: changes a tunnel of an IPsec-VPN connection.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::optional;
use crate::ids::{RegionId, TunnelId, VpnConnectionId};
use crate::operation::{Kind, Operation, RateLimit};
use crate::operations::tunnels;
use crate::permission::{Permission, Target};
use crate::resource::tunnel::OneTunnelOptions;
use crate::resource::vpn_connection::VpnConnection;
use crate::resource::vpn_connection::modified_tunnel::ModifiedTunnelView;
use crate::tx::Tx;

/// See the module.
pub struct ModifyTunnelAttribute;

/// Changes what is sent of one tunnel, and nothing of the other; the connection is `updating` until the gateway has
/// taken it up.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region of the connection.
    #[serde(default, deserialize_with = "optional")]
    pub region_id: Option<RegionId>,
    /// The tunnel.
    pub tunnel_id: TunnelId,
    /// What is to be different.
    #[serde(default)]
    pub tunnel_options_specification: Option<OneTunnelOptions>,
    /// The connection.
    pub vpn_connection_id: VpnConnectionId,
}

impl Operation for ModifyTunnelAttribute {
    const NAME: &'static str = "ModifyTunnelAttribute";
    const KIND: Kind = Kind::Write;
    const RATE_LIMIT: Option<RateLimit> = Some(RateLimit::per_minute(120));
    const ERRORS: &'static [&'static ErrorCode] = &[
        &catalogue::CONNECTION_CONFIGURING,
        &catalogue::VPN_CONNECTION_NOT_FOUND,
        &catalogue::CUSTOMER_GATEWAY_NOT_FOUND,
    ];
    type Request = Request;
    type Response = ModifiedTunnelView;

    fn region(request: &Request) -> Option<&RegionId> {
        request.region_id.as_ref()
    }

    fn permission(request: &Request) -> Permission {
        let target = Target::VpnConnection(request.vpn_connection_id.clone());
        Permission::on("vpc:ModifyTunnelAttribute", target)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<ModifiedTunnelView, ApiError> {
        let Request { region_id, tunnel_id, tunnel_options_specification, vpn_connection_id } = request;
        let before = tx
            .find::<VpnConnection>(&vpn_connection_id)
            .filter(|connection| region_id.is_none_or(|region| region == connection.region))
            .cloned()
            .ok_or(ApiError::new(&catalogue::VPN_CONNECTION_NOT_FOUND))?;
        let unknown = || ApiError::invalid("TunnelId", "a tunnel of the connection");
        let mut connection = before.clone();
        let tunnel =
            connection.tunnels.iter_mut().find(|tunnel| tunnel.id == tunnel_id).ok_or_else(unknown)?;
        tunnel_options_specification.unwrap_or_default().change(tunnel)?;
        tunnels::check_peers(tx, &connection.region, &connection.tunnels)?;
        tunnels::check_tunnel_cidrs(tx, &connection)?;
        if connection != before {
            before.must_be_settled(tx.observations())?;
            connection.generation = tx.next_revision();
            tx.put(connection.clone());
        }
        let shown = tx.show(&connection, ModifiedTunnelView::all_of);
        shown.into_iter().find(|tunnel| *tunnel.id() == tunnel_id).ok_or_else(unknown)
    }
}
