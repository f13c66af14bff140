//! `DeleteVpc`: deletes a VPC that nothing is in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::optional;
use crate::ids::{RegionId, VpcId};
use crate::operation::{Kind, Operation};
use crate::operations::known_networks;
use crate::permission::{Permission, Target};
use crate::resource::vpc::Vpc;
use crate::tx::Tx;

/// See the module.
pub struct DeleteVpc;

/// Deletes a VPC at once. It is refused while it has vSwitches or a VPN gateway is in it, and for one of the configuration.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// Whether what is in it is deleted as well, which would be resources that there are none of here.
    #[serde(default)]
    pub force_delete: Option<bool>,
    /// The region of the VPC, which its id says as well.
    #[serde(default, deserialize_with = "optional")]
    pub region_id: Option<RegionId>,
    /// The VPC.
    pub vpc_id: VpcId,
}

/// Nothing but the `RequestId`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {}

impl Operation for DeleteVpc {
    const NAME: &'static str = "DeleteVpc";
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] = &[
        &catalogue::VPC_NOT_FOUND,
        &catalogue::VPC_CONFIGURED,
        &catalogue::VPC_HAS_V_SWITCHES,
        &catalogue::NETWORK_IN_USE,
    ];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        request.region_id.as_ref()
    }

    fn permission(request: &Request) -> Permission {
        Permission::on("vpc:DeleteVpc", Target::Vpc(request.vpc_id.clone()))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let vpc = known_networks::stored_vpc(tx, request.region_id.as_ref(), &request.vpc_id)?;
        if let Some(v_switch) = tx.state().v_switches_of(&vpc.id).next() {
            let detail = format!("The vSwitch {} is in it.", v_switch.id);
            return Err(ApiError::new(&catalogue::VPC_HAS_V_SWITCHES).detail(detail));
        }
        known_networks::must_be_unused(tx, &vpc, None)?;
        tx.delete::<Vpc>(&vpc.id);
        Ok(Response {})
    }
}
