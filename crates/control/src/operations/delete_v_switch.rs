//! `DeleteVSwitch`: deletes a vSwitch that no VPN gateway is in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::optional;
use crate::ids::{RegionId, VSwitchId};
use crate::operation::{Kind, Operation};
use crate::operations::known_networks;
use crate::permission::{Permission, Target};
use crate::resource::vpc::VSwitch;
use crate::tx::Tx;

/// See the module.
pub struct DeleteVSwitch;

/// Deletes a vSwitch at once. It is refused while a VPN gateway names it, and for one of the configuration.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region of the vSwitch, which its id says as well.
    #[serde(default, deserialize_with = "optional")]
    pub region_id: Option<RegionId>,
    /// The vSwitch.
    pub v_switch_id: VSwitchId,
}

/// Nothing but the `RequestId`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {}

impl Operation for DeleteVSwitch {
    const NAME: &'static str = "DeleteVSwitch";
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] =
        &[&catalogue::V_SWITCH_NOT_FOUND, &catalogue::VPC_CONFIGURED, &catalogue::NETWORK_IN_USE];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        request.region_id.as_ref()
    }

    fn permission(request: &Request) -> Permission {
        Permission::on("vpc:DeleteVSwitch", Target::VSwitch(request.v_switch_id.clone()))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let region = request.region_id.as_ref();
        let v_switch = known_networks::stored_v_switch(tx, region, &request.v_switch_id)?;
        if let Some(vpc) = known_networks::vpc(tx, region, &v_switch.vpc_id) {
            known_networks::must_be_unused(tx, &vpc, Some(&v_switch.id))?;
        }
        tx.delete::<VSwitch>(&v_switch.id);
        Ok(Response {})
    }
}
