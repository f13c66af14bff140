//! `AssociateVpnGatewayWithCertificate`: associates an SSL certificate with a VPN gateway.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::CertificateId;
use crate::ids::{RegionId, VpnGatewayId};
use crate::operation::{DryRun, Kind, Operation};
use crate::permission::{Permission, Target};
use crate::resource::vpn_gateway::{CertificateAssociation, CertificateType, VpnType};
use crate::tx::Tx;

/// See the module.
pub struct AssociateVpnGatewayWithCertificate;

/// Notes which certificate a VPN gateway of the `VpnType` NationalStandard has for encryption, or for signatures: one of
/// each. It is answered and has no other effect. A request that changes nothing is answered, too.
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

impl Operation for AssociateVpnGatewayWithCertificate {
    const NAME: &'static str = "AssociateVpnGatewayWithCertificate";
    const KIND: Kind = Kind::Write;
    const DRY_RUN: DryRun = DryRun::Answered;
    const ERRORS: &'static [&'static ErrorCode] =
        &[&catalogue::VPN_GATEWAY_NOT_FOUND, &catalogue::VPN_GATEWAY_CONFIGURING];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        Permission::on(
            "vpc:AssociateVpnGatewayWithCertificate",
            Target::VpnGateway(request.vpn_gateway_id.clone()),
        )
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let mut gateway = tx.vpn_gateway(&request.region_id, &request.vpn_gateway_id)?.clone();
        if gateway.vpn_type != VpnType::NationalStandard {
            let detail =
                "Only a VPN gateway that was made with the VpnType NationalStandard has certificates.";
            return Err(ApiError::new(&catalogue::VPN_GATEWAY_NOT_FOUND).detail(detail));
        }
        tx.must_be_settled(&gateway)?;
        let certificate_id = String::from(request.certificate_id);
        match gateway.certificates.get(&request.certificate_type) {
            Some(there) if there.certificate_id == certificate_id => return Ok(Response {}),
            Some(there) => {
                let expected = format!(
                    "a type of which there is none: {} is to be dissociated first",
                    there.certificate_id
                );
                return Err(ApiError::invalid("CertificateType", expected));
            }
            None => {}
        }
        let association = CertificateAssociation { certificate_id, associated_ms: tx.now_ms() };
        gateway.certificates.insert(request.certificate_type, association);
        tx.touch_vpn_gateway(gateway);
        Ok(Response {})
    }
}
