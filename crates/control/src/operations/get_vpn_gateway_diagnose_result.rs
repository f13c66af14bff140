//! `GetVpnGatewayDiagnoseResult`: shows what was found of a VPN gateway.

use causeway_wire::format_timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::optional;
use crate::ids::{DiagnoseId, RegionId, VpnConnectionId, VpnGatewayId};
use crate::operation::{Kind, Operation, RateLimit};
use crate::page::count;
use crate::permission::{Permission, Target};
use crate::resource::diagnosis::{DiagnoseName, DiagnoseResult, DiagnoseResultLevel, ResourceType};
use crate::tx::Tx;

/// See the module.
pub struct GetVpnGatewayDiagnoseResult;

/// Shows a diagnosis, or the latest one of a VPN gateway, as it was made: what the gateway reports now may be different.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region of the VPN gateway.
    pub region_id: RegionId,
    /// The diagnosis; of the VPN gateway, if that is named too.
    #[serde(default, deserialize_with = "optional")]
    pub diagnose_id: Option<DiagnoseId>,
    /// The VPN gateway, whose latest diagnosis is shown unless one is named.
    #[serde(default, deserialize_with = "optional")]
    pub vpn_gateway_id: Option<VpnGatewayId>,
}

/// What was found, item by item.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    begin_time: String,
    diagnose_id: DiagnoseId,
    diagnose_result: Vec<ResultView>,
    /// The same as `BeginTime`: what is looked at is there, so that it takes no time.
    finish_time: String,
    /// The same as `TotalCount`.
    finished_count: i32,
    resource_instance_id: VpnConnectionId,
    resource_type: ResourceType,
    total_count: i32,
    vpn_gateway_id: VpnGatewayId,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct ResultView {
    diagnose_name: DiagnoseName,
    /// The text of a JSON object.
    diagnose_result_description: String,
    diagnose_result_level: DiagnoseResultLevel,
}

impl From<&DiagnoseResult> for ResultView {
    fn from(result: &DiagnoseResult) -> Self {
        Self {
            diagnose_name: result.name,
            diagnose_result_description: result.description.clone(),
            diagnose_result_level: result.level,
        }
    }
}

impl Operation for GetVpnGatewayDiagnoseResult {
    const NAME: &'static str = "GetVpnGatewayDiagnoseResult";
    const KIND: Kind = Kind::Read;
    const RATE_LIMIT: Option<RateLimit> = Some(RateLimit::per_minute(120));
    const ERRORS: &'static [&'static ErrorCode] =
        &[&catalogue::VPN_GATEWAY_NOT_FOUND, &catalogue::DIAGNOSE_NOT_FOUND];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        // Of which VPN gateway a diagnosis is, is not known before it is looked.
        let target = request.vpn_gateway_id.clone().map_or(Target::VpnGateways, Target::VpnGateway);
        Permission::on("vpc:GetVpnGatewayDiagnoseResult", target)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let gateway = request.vpn_gateway_id.as_ref();
        let diagnosis = match (&request.diagnose_id, gateway) {
            (Some(id), _) => tx.state().diagnosis(id),
            (None, Some(gateway)) => {
                tx.vpn_gateway(&request.region_id, gateway)?;
                tx.state().latest_diagnosis_of(gateway)
            }
            (None, None) => {
                return Err(ApiError::missing("DiagnoseId").detail("Send a DiagnoseId or a VpnGatewayId."));
            }
        };
        let diagnosis = diagnosis
            .filter(|it| it.region == request.region_id && gateway.is_none_or(|id| it.vpn_gateway_id == *id))
            .ok_or(ApiError::new(&catalogue::DIAGNOSE_NOT_FOUND))?;
        let (at, items) = (format_timestamp(diagnosis.at_ms), count(diagnosis.results.len()));
        Ok(Response {
            begin_time: at.clone(),
            diagnose_id: diagnosis.id.clone(),
            diagnose_result: diagnosis.results.iter().map(ResultView::from).collect(),
            finish_time: at,
            finished_count: items,
            resource_instance_id: diagnosis.resource_id.clone(),
            resource_type: diagnosis.resource_type,
            total_count: items,
            vpn_gateway_id: diagnosis.vpn_gateway_id.clone(),
        })
    }
}
