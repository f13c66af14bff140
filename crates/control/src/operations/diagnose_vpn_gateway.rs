//! `DiagnoseVpnGateway`: looks at a connection of a VPN gateway, and keeps what is found.

use std::net::Ipv4Addr;

use causeway_wire::JsonText;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::diagnosis::gateway::Examined;
use crate::error::{ApiError, ErrorCode};
use crate::fields::optional;
use crate::ids::{DiagnoseId, RegionId, VpnConnectionId, VpnGatewayId};
use crate::operation::{Kind, Operation};
use crate::operations::known_networks;
use crate::permission::{Permission, Target};
use crate::resource::diagnosis::{DIAGNOSES_MAX, Diagnosis, ResourceType};
use crate::tx::Tx;

/// See the module.
pub struct DiagnoseVpnGateway;

/// Looks at a connection of a VPN gateway as the gateway last reported it; `GetVpnGatewayDiagnoseResult` answers what was found.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region of the VPN gateway.
    pub region_id: RegionId,
    /// The VPN gateway.
    pub vpn_gateway_id: VpnGatewayId,
    /// What kind of resource is looked at.
    pub resource_type: ResourceType,
    /// The connection that is looked at.
    pub resource_id: String,
    /// Between which addresses packets are to pass, as JSON.
    #[serde(default, rename = "IPsecExtendInfo")]
    pub ipsec_extend_info: Option<JsonText<Between>>,
}

/// `IPsecExtendInfo`: both addresses or none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
#[schemars(inline)]
pub struct Between {
    /// An address in the VPC.
    #[serde(deserialize_with = "optional")]
    #[schemars(with = "Option<String>")]
    pub private_source_ip: Option<Ipv4Addr>,
    /// An address on the peer's side.
    #[serde(deserialize_with = "optional")]
    #[schemars(with = "Option<String>")]
    pub private_destination_ip: Option<Ipv4Addr>,
}

impl Between {
    fn addresses(&self) -> Result<Option<(Ipv4Addr, Ipv4Addr)>, ApiError> {
        match (self.private_source_ip, self.private_destination_ip) {
            (None, None) => Ok(None),
            (Some(from), Some(to)) => Ok(Some((from, to))),
            _ => Err(ApiError::invalid(
                "IPsecExtendInfo",
                "PrivateSourceIp, an address in the VPC, together with PrivateDestinationIp, one on the peer's side",
            )),
        }
    }
}

/// The diagnosis.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    diagnose_id: DiagnoseId,
}

impl Operation for DiagnoseVpnGateway {
    const NAME: &'static str = "DiagnoseVpnGateway";
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] =
        &[&catalogue::VPN_GATEWAY_NOT_FOUND, &catalogue::VPN_CONNECTION_NOT_FOUND];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        Permission::on("vpc:DiagnoseVpnGateway", Target::VpnGateway(request.vpn_gateway_id.clone()))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let between = request.ipsec_extend_info.unwrap_or_default().addresses()?;
        let gateway = tx.vpn_gateway(&request.region_id, &request.vpn_gateway_id)?.clone();
        let id = request.resource_id.parse::<VpnConnectionId>().ok();
        let connection = id.and_then(|id| tx.state().vpn_connection(&id));
        let is_of_gateway = |id: &VpnGatewayId| *id == gateway.id;
        let connection =
            connection.filter(|it| it.vpn_gateway.as_ref().is_some_and(|it| is_of_gateway(&it.id)));
        let connection = connection.ok_or_else(|| {
            ApiError::new(&catalogue::VPN_CONNECTION_NOT_FOUND)
                .detail("ResourceId: expected a connection of the VPN gateway.")
        })?;
        let vpc = known_networks::vpc(tx, Some(&gateway.region), &gateway.vpc_id);
        let vpc_blocks = vpc.map(|vpc| vpc.cidr_blocks).unwrap_or_default();
        let (state, context) = (tx.state(), tx.context());
        let examined = Examined { state, context, gateway: &gateway, vpc_blocks, connection, between };
        let diagnosis = Diagnosis {
            id: DiagnoseId::generate(tx.ids()),
            region: gateway.region.clone(),
            vpn_gateway_id: gateway.id.clone(),
            resource_type: request.resource_type,
            resource_id: connection.id.clone(),
            revision: tx.next_revision(),
            at_ms: tx.now_ms(),
            results: examined.results(),
        };
        let diagnose_id = diagnosis.id.clone();
        make_room(tx);
        tx.put(diagnosis);
        Ok(Response { diagnose_id })
    }
}

/// Forgets the oldest, so that there is room for one more.
fn make_room(tx: &mut Tx<'_>) {
    let state = tx.state();
    let too_many = (state.diagnosis_count() + 1).saturating_sub(DIAGNOSES_MAX);
    for diagnosis in state.diagnoses().take(too_many) {
        tx.delete::<Diagnosis>(&diagnosis.id);
    }
}
