//! `ListVpnCertificateAssociations`: lists which SSL certificates VPN gateways are associated with.

use causeway_wire::format_timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{CertificateMaxResults, optional};
use crate::ids::{RegionId, VpnGatewayId};
use crate::operation::{Kind, Operation, RateLimit};
use crate::page::{self, count};
use crate::permission::{Permission, Target};
use crate::resource::vpn_gateway::{CertificateAssociation, CertificateType, VpnGateway};
use crate::tx::Tx;

/// See the module.
pub struct ListVpnCertificateAssociations;

/// Lists the associations of the VPN gateways of a region, by VPN gateway and type.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// Only those of these certificates.
    #[serde(default)]
    pub certificate_id: Vec<String>,
    /// Only those of this type.
    #[serde(default, deserialize_with = "optional")]
    pub certificate_type: Option<CertificateType>,
    /// How many at once: 10 unless it is given.
    #[serde(default, deserialize_with = "optional")]
    pub max_results: Option<CertificateMaxResults>,
    /// Where the answer before ended.
    #[serde(default, deserialize_with = "optional")]
    pub next_token: Option<String>,
    /// The region.
    pub region_id: RegionId,
    /// Only those of these VPN gateways.
    #[serde(default)]
    pub vpn_gateway_id: Vec<VpnGatewayId>,
}

/// Some of them, and where the next ones begin.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    max_results: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
    total_count: i32,
    vpn_certificate_relations: Vec<AssociationView>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct AssociationView {
    association_time: String,
    certificate_id: String,
    certificate_type: CertificateType,
    region_id: RegionId,
    vpn_gateway_id: VpnGatewayId,
}

impl Operation for ListVpnCertificateAssociations {
    const NAME: &'static str = "ListVpnCertificateAssociations";
    const KIND: Kind = Kind::Read;
    const RATE_LIMIT: Option<RateLimit> = Some(RateLimit::per_minute(600));
    const ERRORS: &'static [&'static ErrorCode] = &[&catalogue::VPN_GATEWAY_NOT_FOUND];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        let named: Vec<Target> = request.vpn_gateway_id.iter().cloned().map(Target::VpnGateway).collect();
        let targets = if named.is_empty() { vec![Target::VpnGateways] } else { named };
        Permission::on_all("vpc:ListVpnCertificateAssociations", targets)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let gateways = tx.state().vpn_gateways(&request.region_id).filter(|gateway| !gateway.is_deleted);
        let mut found: Vec<AssociationView> =
            gateways.flat_map(of_gateway).filter(|association| request.wants(association)).collect();
        let name = |it: &AssociationView| format!("{}/{:?}", it.vpn_gateway_id, it.certificate_type);
        found.sort_by_cached_key(name);
        let max_results = request.max_results.unwrap_or_default().get();
        let total_count = count(found.len());
        let (vpn_certificate_relations, next_token) =
            page::after(found, request.next_token.as_deref(), max_results, name);
        Ok(Response { max_results: count(max_results), next_token, total_count, vpn_certificate_relations })
    }
}

fn of_gateway(gateway: &VpnGateway) -> impl Iterator<Item = AssociationView> {
    let view = |(kind, association): (&CertificateType, &CertificateAssociation)| AssociationView {
        association_time: format_timestamp(association.associated_ms),
        certificate_id: association.certificate_id.clone(),
        certificate_type: *kind,
        region_id: gateway.region.clone(),
        vpn_gateway_id: gateway.id.clone(),
    };
    gateway.certificates.iter().map(view)
}

impl Request {
    fn wants(&self, association: &AssociationView) -> bool {
        let (certificates, gateways) = (&self.certificate_id, &self.vpn_gateway_id);
        (certificates.is_empty() || certificates.contains(&association.certificate_id))
            && (gateways.is_empty() || gateways.contains(&association.vpn_gateway_id))
            && self.certificate_type.is_none_or(|wanted| wanted == association.certificate_type)
    }
}
