//! `CreateVSwitch`: makes a vSwitch in a VPC.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{LongDescription, LongName, RouteDest, optional};
use crate::ids::{RegionId, VSwitchId, VpcId};
use crate::operation::{Kind, Operation};
use crate::operations::describe_zones::zone_id;
use crate::operations::known_networks::{self, overlap};
use crate::permission::{Permission, Target};
use crate::resource::tag::{self, TagOption};
use crate::resource::vpc::{V_SWITCHES_MAX, VSwitch};
use crate::tx::Tx;

/// See the module.
pub struct CreateVSwitch;

/// Makes a vSwitch: a name for a part of the network of a VPC, which is `Available` at once.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// Its network, a part of the VPC's.
    pub cidr_block: RouteDest,
    /// What it is for.
    #[serde(default)]
    pub description: Option<LongDescription>,
    /// The region of the VPC.
    #[serde(default, deserialize_with = "optional")]
    pub region_id: Option<RegionId>,
    /// Its tags.
    #[serde(default)]
    pub tag: Vec<TagOption>,
    /// Its name.
    #[serde(default)]
    pub v_switch_name: Option<LongName>,
    /// The VPC.
    pub vpc_id: VpcId,
    /// Its zone; a region has one.
    pub zone_id: String,
}

/// The vSwitch that was made.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    v_switch_id: VSwitchId,
}

impl Operation for CreateVSwitch {
    const NAME: &'static str = "CreateVSwitch";
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] = &[
        &catalogue::INVALID_DESCRIPTION,
        &catalogue::VPC_NOT_FOUND,
        &catalogue::CIDR_BLOCK_OVERLAPPED,
        &catalogue::QUOTA_FULL,
    ];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        request.region_id.as_ref()
    }

    fn permission(request: &Request) -> Permission {
        Permission::on_all("vpc:CreateVSwitch", vec![Target::VSwitches, Target::Vpc(request.vpc_id.clone())])
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let vpc = known_networks::vpc(tx, request.region_id.as_ref(), &request.vpc_id)
            .ok_or(ApiError::new(&catalogue::VPC_NOT_FOUND))?;
        if request.zone_id != zone_id(&vpc.region) {
            return Err(ApiError::invalid("ZoneId", zone_id(&vpc.region)));
        }
        let cidr_block = request.cidr_block.net();
        known_networks::check_block(cidr_block, 16..=29)?;
        let networks = &vpc.cidr_blocks;
        if !networks.is_empty() && !networks.iter().any(|network| network.contains(&cidr_block)) {
            return Err(ApiError::invalid("CidrBlock", format!("a part of the network of {}", vpc.id)));
        }
        let there = known_networks::v_switches_of(tx, &vpc.id);
        if let Some(other) = there.iter().find(|it| overlap(it.cidr_block, cidr_block)) {
            let detail = format!("{} has {}.", other.id, other.cidr_block);
            return Err(ApiError::new(&catalogue::CIDR_BLOCK_OVERLAPPED).detail(detail));
        }
        if tx.state().v_switch_count() >= V_SWITCHES_MAX {
            return Err(ApiError::new(&catalogue::QUOTA_FULL));
        }
        let id = VSwitchId::generate(tx.ids());
        tx.put(VSwitch {
            id: id.clone(),
            region: vpc.region,
            zone_id: request.zone_id,
            vpc_id: vpc.id,
            name: request.v_switch_name.map(String::from).unwrap_or_default(),
            description: request.description.map(String::from).unwrap_or_default(),
            cidr_block,
            tags: tag::collect("Tag", request.tag)?,
            created_ms: tx.now_ms(),
        });
        Ok(Response { v_switch_id: id })
    }
}
