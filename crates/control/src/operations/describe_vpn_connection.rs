//! `DescribeVpnConnection`: shows an IPsec-VPN connection.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::ids::{RegionId, VpnConnectionId};
use crate::operation::{Kind, Operation, RateLimit};
use crate::permission::{Permission, Target};
use crate::resource::tag::TagListView;
use crate::resource::vpn_connection::view::VpnConnectionView;
use crate::tx::Tx;

/// See the module.
pub struct DescribeVpnConnection;

/// Describes a connection. `State` says where it is in its life, `Status` what its tunnels do.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region of the connection.
    pub region_id: RegionId,
    /// The connection.
    pub vpn_connection_id: VpnConnectionId,
}

/// The connection.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    #[serde(flatten)]
    connection: VpnConnectionView,
    tags: TagListView,
    zone_no: String,
}

impl Operation for DescribeVpnConnection {
    const NAME: &'static str = "DescribeVpnConnection";
    const KIND: Kind = Kind::Read;
    const RATE_LIMIT: Option<RateLimit> = Some(RateLimit::per_minute(600));
    const ERRORS: &'static [&'static ErrorCode] = &[&catalogue::VPN_CONNECTION_NOT_FOUND];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        let target = Target::VpnConnection(request.vpn_connection_id.clone());
        Permission::on("vpc:DescribeVpnConnection", target)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let connection = tx.vpn_connection(&request.region_id, &request.vpn_connection_id)?;
        Ok(Response {
            connection: tx.show(connection, VpnConnectionView::of),
            tags: TagListView::from(&connection.tags),
            zone_no: String::new(),
        })
    }
}
