//! `DissociateVpnGatewayWithCertificate`: ends the association of an SSL certificate with a VPN gateway.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::CertificateId;
use crate::ids::{RegionId, VpnGatewayId};
use crate::operation::{Kind, Operation};
use crate::permission::{Permission, Target};
use crate::resource::vpn_gateway::CertificateType;
use crate::tx::Tx;

/// See the module.
pub struct DissociateVpnGatewayWithCertificate;

/// Takes the certificate away from the VPN gateway.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The certificate.
    pub certificate_id: CertificateId,
    /// What it is for.
    pub certificate_type: CertificateType,
    /// The region of the VPN gateway.
    pub region_id: RegionId,
    /// The VPN gateway.
    pub vpn_gateway_id: VpnGatewayId,
}

/// Nothing but the `RequestId`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {}

impl Operation for DissociateVpnGatewayWithCertificate {
    const NAME: &'static str = "DissociateVpnGatewayWithCertificate";
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] =
        &[&catalogue::VPN_GATEWAY_NOT_FOUND, &catalogue::VPN_GATEWAY_CONFIGURING];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        Permission::on(
            "vpc:DissociateVpnGatewayWithCertificate",
            Target::VpnGateway(request.vpn_gateway_id.clone()),
        )
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let mut gateway = tx.vpn_gateway(&request.region_id, &request.vpn_gateway_id)?.clone();
        let certificate_id = String::from(request.certificate_id);
        let there = gateway.certificates.get(&request.certificate_type);
        if there.is_none_or(|there| there.certificate_id != certificate_id) {
            return Err(ApiError::invalid(
                "CertificateId",
                "a certificate that ListVpnCertificateAssociations answers for the VPN gateway and the CertificateType",
            ));
        }
        tx.must_be_settled(&gateway)?;
        gateway.certificates.remove(&request.certificate_type);
        tx.touch_vpn_gateway(gateway);
        Ok(Response {})
    }
}
