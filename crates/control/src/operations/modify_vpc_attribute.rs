//! `ModifyVpcAttribute`: changes the name, the description or the network of a VPC.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{LongDescription, LongName, RouteDest, optional};
use crate::ids::{RegionId, VpcId};
use crate::operation::{Kind, Operation};
use crate::operations::known_networks;
use crate::permission::{Permission, Target};
use crate::resource::vpc::Vpc;
use crate::tx::Tx;

/// See the module.
pub struct ModifyVpcAttribute;

/// Changes what is given. The vSwitches must be parts of the network still.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// Its primary network.
    #[serde(default, deserialize_with = "optional")]
    pub cidr_block: Option<RouteDest>,
    /// What it is for.
    #[serde(default)]
    pub description: Option<LongDescription>,
    /// Whether it has IPv6, which no VPC has here.
    #[serde(default, rename = "EnableIPv6")]
    pub enable_ipv6: Option<bool>,
    /// The region of the VPC.
    pub region_id: RegionId,
    /// The VPC.
    pub vpc_id: VpcId,
    /// Its name.
    #[serde(default)]
    pub vpc_name: Option<LongName>,
}

/// Nothing but the `RequestId`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {}

impl Operation for ModifyVpcAttribute {
    const NAME: &'static str = "ModifyVpcAttribute";
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] =
        &[&catalogue::INVALID_DESCRIPTION, &catalogue::VPC_NOT_FOUND, &catalogue::VPC_CONFIGURED];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        Permission::on("vpc:ModifyVpcAttribute", Target::Vpc(request.vpc_id.clone()))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        if request.enable_ipv6 == Some(true) {
            return Err(ApiError::invalid("EnableIPv6", "false: the VPCs of this server have no IPv6"));
        }
        let before = known_networks::stored_vpc(tx, Some(&request.region_id), &request.vpc_id)?;
        let mut vpc = before.clone();
        if let Some(block) = request.cidr_block.map(RouteDest::net) {
            known_networks::check_block(block, 8..=28)?;
            vpc.cidr_blocks.splice(..vpc.cidr_blocks.len().min(1), [block]);
            must_have_its_v_switches(tx, &vpc)?;
        }
        vpc.name = request.vpc_name.map_or(vpc.name, String::from);
        vpc.description = request.description.map_or(vpc.description, String::from);
        if vpc != before {
            tx.put(vpc);
        }
        Ok(Response {})
    }
}

fn must_have_its_v_switches(tx: &Tx<'_>, vpc: &Vpc) -> Result<(), ApiError> {
    let is_outside = |block| !vpc.cidr_blocks.iter().any(|network| network.contains(&block));
    match tx.state().v_switches_of(&vpc.id).find(|v_switch| is_outside(v_switch.cidr_block)) {
        Some(v_switch) => {
            let expected = format!("a block that contains {} of {}", v_switch.cidr_block, v_switch.id);
            Err(ApiError::invalid("CidrBlock", expected))
        }
        None => Ok(()),
    }
}
