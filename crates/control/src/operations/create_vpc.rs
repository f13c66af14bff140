//! `CreateVpc`: makes a VPC.

use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{LongDescription, LongName, RouteDest, Subnets, optional};
use crate::ids::{RegionId, VpcId};
use crate::operation::{Kind, Operation};
use crate::operations::known_networks;
use crate::permission::{Permission, Target};
use crate::resource::tag::{self, TagOption};
use crate::resource::vpc::Vpc;
use crate::resource::vpc::view::{route_table_id, router_id};
use crate::tx::Tx;

/// See the module.
pub struct CreateVpc;

/// Makes a VPC: a name for the networks on the gateway's side, which VPN gateways can be in. It is `Available` at once. Behind
/// which interface the networks lie, only the configuration can say.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// Its network: 172.16.0.0/12 unless it is given.
    #[serde(default, deserialize_with = "optional")]
    pub cidr_block: Option<RouteDest>,
    /// What it is for.
    #[serde(default)]
    pub description: Option<LongDescription>,
    /// Whether it has IPv6, which no VPC has here.
    #[serde(default)]
    pub enable_ipv6: Option<bool>,
    /// Where it is to be.
    pub region_id: RegionId,
    /// The resource group; it has no effect.
    #[serde(default)]
    pub resource_group_id: Option<String>,
    /// Its tags.
    #[serde(default)]
    pub tag: Vec<TagOption>,
    /// The networks that its owner uses as if they were private; they have no effect.
    #[serde(default, deserialize_with = "optional")]
    pub user_cidr: Option<Subnets>,
    /// Its name.
    #[serde(default)]
    pub vpc_name: Option<LongName>,
}

/// The VPC that was made.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    resource_group_id: String,
    route_table_id: String,
    v_router_id: String,
    vpc_id: VpcId,
}

/// The network of a VPC for which none is given.
const CIDR_BLOCK_DEFAULT: Ipv4Net = Ipv4Net::new_assert(std::net::Ipv4Addr::new(172, 16, 0, 0), 12);

impl Operation for CreateVpc {
    const NAME: &'static str = "CreateVpc";
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] = &[&catalogue::INVALID_DESCRIPTION, &catalogue::QUOTA_FULL];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(_request: &Request) -> Permission {
        Permission::on("vpc:CreateVpc", Target::Vpcs)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        if request.enable_ipv6 == Some(true) {
            return Err(ApiError::invalid("EnableIpv6", "false: the VPCs of this server have no IPv6"));
        }
        let block = request.cidr_block.map_or(CIDR_BLOCK_DEFAULT, RouteDest::net);
        known_networks::check_block(block, 8..=28)?;
        known_networks::must_have_room(tx)?;
        let id = VpcId::generate(tx.ids());
        let vpc = Vpc {
            name: request.vpc_name.map(String::from).unwrap_or_default(),
            description: request.description.map(String::from).unwrap_or_default(),
            cidr_blocks: vec![block],
            user_cidrs: request.user_cidr.map(Vec::from).unwrap_or_default(),
            resource_group_id: request.resource_group_id.unwrap_or_default(),
            tags: tag::collect("Tag", request.tag)?,
            ..Vpc::on_demand(id.clone(), request.region_id, tx.now_ms())
        };
        let resource_group_id = vpc.resource_group_id.clone();
        tx.put(vpc);
        Ok(Response {
            resource_group_id,
            route_table_id: route_table_id(&id),
            v_router_id: router_id(&id),
            vpc_id: id,
        })
    }
}
