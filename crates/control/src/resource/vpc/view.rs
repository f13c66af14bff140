//! VPCs and vSwitches in the answers of the operations that describe them.

use causeway_wire::format_timestamp;
use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::Serialize;

use crate::ids::{AccountId, VSwitchId, VpcId};
use crate::resource::bgp_config::shown;
use crate::resource::tag::{TagListView, Tags};
use crate::resource::vpc::{VSwitch, Vpc};

/// The addresses of a vSwitch that nothing else can have: the first and the last three.
const RESERVED_ADDRESSES: i64 = 4;

/// Where a VPC or a vSwitch is in its life: it is there as soon as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(inline)]
pub enum Status {
    /// It can be used.
    Available,
}

/// The members that all descriptions of a VPC have in common.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub struct VpcView {
    cidr_block: String,
    creation_time: String,
    description: String,
    enabled_ipv6: bool,
    ipv6_cidr_block: String,
    is_default: bool,
    owner_id: i64,
    region_id: String,
    resource_group_id: String,
    secondary_cidr_blocks: SecondaryCidrListView,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    tags: TagListView,
    user_cidrs: UserCidrListView,
    v_router_id: String,
    v_switch_ids: VSwitchIdListView,
    vpc_id: String,
    vpc_name: String,
}

#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct SecondaryCidrListView {
    secondary_cidr_block: Vec<String>,
}

#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct UserCidrListView {
    user_cidr: Vec<String>,
}

/// The vSwitches of a VPC.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub struct VSwitchIdListView {
    v_switch_id: Vec<VSwitchId>,
}

impl From<Vec<VSwitchId>> for VSwitchIdListView {
    fn from(v_switch_id: Vec<VSwitchId>) -> Self {
        Self { v_switch_id }
    }
}

impl VpcView {
    /// Shows a VPC with its vSwitches.
    pub fn of(vpc: &Vpc, v_switches: Vec<VSwitchId>, account: &AccountId) -> Self {
        let text = |blocks: &[Ipv4Net]| blocks.iter().map(ToString::to_string).collect();
        let secondary = vpc.cidr_blocks.get(1..).unwrap_or_default();
        Self {
            cidr_block: shown(vpc.cidr_blocks.first()),
            creation_time: format_timestamp(vpc.created_ms),
            description: vpc.description.clone(),
            owner_id: account.number(),
            region_id: vpc.region.to_string(),
            resource_group_id: vpc.resource_group_id.clone(),
            secondary_cidr_blocks: SecondaryCidrListView { secondary_cidr_block: text(secondary) },
            status: Some(Status::Available),
            tags: TagListView::from(&vpc.tags),
            user_cidrs: UserCidrListView { user_cidr: text(&vpc.user_cidrs) },
            v_router_id: router_id(&vpc.id),
            v_switch_ids: v_switches.into(),
            vpc_id: vpc.id.to_string(),
            vpc_name: vpc.name.clone(),
            ..Self::nothing()
        }
    }

    /// How the service shows one that does not exist: every member is empty. Terraform takes that for its end.
    pub fn nothing() -> Self {
        Self {
            cidr_block: String::new(),
            creation_time: String::new(),
            description: String::new(),
            enabled_ipv6: false,
            ipv6_cidr_block: String::new(),
            is_default: false,
            owner_id: 0,
            region_id: String::new(),
            resource_group_id: String::new(),
            secondary_cidr_blocks: SecondaryCidrListView::default(),
            status: None,
            tags: TagListView::from(&Tags::new()),
            user_cidrs: UserCidrListView::default(),
            v_router_id: String::new(),
            v_switch_ids: VSwitchIdListView::default(),
            vpc_id: String::new(),
            vpc_name: String::new(),
        }
    }
}

/// The router of a VPC. It is a name only: the gateway's routes are those of its VPN gateways.
pub fn router_id(vpc: &VpcId) -> String {
    vpc.as_str().replacen(VpcId::PREFIX, "vrt-", 1)
}

/// The route table of a VPC; a name like the router.
pub fn route_table_id(vpc: &VpcId) -> String {
    vpc.as_str().replacen(VpcId::PREFIX, "vtb-", 1)
}

/// A vSwitch in an answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub struct VSwitchView {
    available_ip_address_count: i64,
    cidr_block: String,
    creation_time: String,
    description: String,
    enabled_ipv6: bool,
    ipv6_cidr_block: String,
    is_default: bool,
    owner_id: i64,
    resource_group_id: String,
    route_table: RouteTableView,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    tags: TagListView,
    v_switch_id: String,
    v_switch_name: String,
    vpc_id: String,
    zone_id: String,
}

#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct RouteTableView {
    route_table_id: String,
    route_table_type: &'static str,
}

impl VSwitchView {
    /// Shows a vSwitch.
    pub fn of(v_switch: &VSwitch, account: &AccountId) -> Self {
        let addresses = 1_i64 << (32 - v_switch.cidr_block.prefix_len());
        Self {
            available_ip_address_count: (addresses - RESERVED_ADDRESSES).max(0),
            cidr_block: v_switch.cidr_block.to_string(),
            creation_time: format_timestamp(v_switch.created_ms),
            description: v_switch.description.clone(),
            owner_id: account.number(),
            route_table: RouteTableView {
                route_table_id: route_table_id(&v_switch.vpc_id),
                route_table_type: "System",
            },
            status: Some(Status::Available),
            tags: TagListView::from(&v_switch.tags),
            v_switch_id: v_switch.id.to_string(),
            v_switch_name: v_switch.name.clone(),
            vpc_id: v_switch.vpc_id.to_string(),
            zone_id: v_switch.zone_id.clone(),
            ..Self::nothing()
        }
    }

    /// How the service shows one that does not exist, as of a VPC.
    pub fn nothing() -> Self {
        Self {
            available_ip_address_count: 0,
            cidr_block: String::new(),
            creation_time: String::new(),
            description: String::new(),
            enabled_ipv6: false,
            ipv6_cidr_block: String::new(),
            is_default: false,
            owner_id: 0,
            resource_group_id: String::new(),
            route_table: RouteTableView::default(),
            status: None,
            tags: TagListView::from(&Tags::new()),
            v_switch_id: String::new(),
            v_switch_name: String::new(),
            vpc_id: String::new(),
            zone_id: String::new(),
        }
    }
}
