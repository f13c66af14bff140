//! `ModifyVSwitchAttribute`: changes the name or the description of a vSwitch.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{LongDescription, LongName, optional};
use crate::ids::{RegionId, VSwitchId};
use crate::operation::{Kind, Operation};
use crate::operations::known_networks;
use crate::permission::{Permission, Target};
use crate::tx::Tx;

/// See the module.
pub struct ModifyVSwitchAttribute;

/// Changes what is given.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// What it is for.
    #[serde(default)]
    pub description: Option<LongDescription>,
    /// Whether it has IPv6, which no vSwitch has here.
    #[serde(default, rename = "EnableIPv6")]
    pub enable_ipv6: Option<bool>,
    /// The region of the vSwitch, which its id says as well.
    #[serde(default, deserialize_with = "optional")]
    pub region_id: Option<RegionId>,
    /// The vSwitch.
    pub v_switch_id: VSwitchId,
    /// Its name.
    #[serde(default)]
    pub v_switch_name: Option<LongName>,
}

/// Nothing but the `RequestId`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {}

impl Operation for ModifyVSwitchAttribute {
    const NAME: &'static str = "ModifyVSwitchAttribute";
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] =
        &[&catalogue::INVALID_DESCRIPTION, &catalogue::V_SWITCH_NOT_FOUND, &catalogue::VPC_CONFIGURED];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        request.region_id.as_ref()
    }

    fn permission(request: &Request) -> Permission {
        Permission::on("vpc:ModifyVSwitchAttribute", Target::VSwitch(request.v_switch_id.clone()))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        if request.enable_ipv6 == Some(true) {
            return Err(ApiError::invalid("EnableIPv6", "false: the vSwitches of this server have no IPv6"));
        }
        let region = request.region_id.as_ref();
        let before = known_networks::stored_v_switch(tx, region, &request.v_switch_id)?;
        let mut v_switch = before.clone();
        v_switch.name = request.v_switch_name.map_or(v_switch.name, String::from);
        v_switch.description = request.description.map_or(v_switch.description, String::from);
        if v_switch != before {
            tx.put(v_switch);
        }
        Ok(Response {})
    }
}
