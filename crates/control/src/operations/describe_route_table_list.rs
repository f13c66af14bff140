//! `DescribeRouteTableList`: lists the route tables of VPCs.

use causeway_wire::format_timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{ApiError, ErrorCode};
use crate::fields::{PageNumber, PageSize, optional};
use crate::ids::{RegionId, VpcId};
use crate::operation::{Kind, Operation};
use crate::operations::known_networks;
use crate::page::Page;
use crate::permission::{Permission, Target};
use crate::resource::vpc::Vpc;
use crate::resource::vpc::view::{Status, VSwitchIdListView, route_table_id, router_id};
use crate::tx::Tx;

/// See the module.
pub struct DescribeRouteTableList;

/// Lists the route table of each VPC of a region. It is a name only; Terraform reads it with its VPC.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// Which page, from 1.
    #[serde(default, deserialize_with = "optional")]
    pub page_number: Option<PageNumber>,
    /// How many on a page: 10 unless it is given.
    #[serde(default, deserialize_with = "optional")]
    pub page_size: Option<PageSize>,
    /// The region.
    pub region_id: RegionId,
    /// Only this one.
    #[serde(default, deserialize_with = "optional")]
    pub route_table_id: Option<String>,
    /// Only that of this VPC.
    #[serde(default, deserialize_with = "optional")]
    pub vpc_id: Option<VpcId>,
}

/// A page of them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    page_number: i32,
    page_size: i32,
    router_table_list: RouteTableListView,
    total_count: i32,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct RouteTableListView {
    router_table_list_type: Vec<RouteTableView>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct RouteTableView {
    associate_type: &'static str,
    creation_time: String,
    description: String,
    owner_id: i64,
    resource_group_id: String,
    route_propagation_enable: bool,
    route_table_id: String,
    route_table_name: String,
    route_table_type: &'static str,
    router_id: String,
    router_type: &'static str,
    status: Status,
    v_switch_ids: VSwitchIdListView,
    vpc_id: VpcId,
}

impl Operation for DescribeRouteTableList {
    const NAME: &'static str = "DescribeRouteTableList";
    const KIND: Kind = Kind::Read;
    const ERRORS: &'static [&'static ErrorCode] = &[];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        let target = request.vpc_id.clone().map(Target::Vpc);
        Permission::on("vpc:DescribeRouteTableList", target.unwrap_or(Target::Vpcs))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let wanted = |vpc: &Vpc| {
            let table = route_table_id(&vpc.id);
            request.vpc_id.as_ref().is_none_or(|wanted| *wanted == vpc.id)
                && request.route_table_id.as_ref().is_none_or(|wanted| *wanted == table)
        };
        let page = Page::new(request.page_number, request.page_size);
        let all = known_networks::vpcs(tx, &request.region_id);
        let (vpcs, total_count) = page.of(all.into_iter().filter(wanted));
        let tables = vpcs.iter().map(|vpc| view(tx, vpc)).collect();
        Ok(Response {
            page_number: page.number(),
            page_size: page.size(),
            router_table_list: RouteTableListView { router_table_list_type: tables },
            total_count,
        })
    }
}

fn view(tx: &Tx<'_>, vpc: &Vpc) -> RouteTableView {
    let v_switches = known_networks::v_switches_of(tx, &vpc.id).into_iter().map(|it| it.id);
    RouteTableView {
        associate_type: "VSwitch",
        creation_time: format_timestamp(vpc.created_ms),
        description: String::new(),
        owner_id: tx.account_id().number(),
        resource_group_id: vpc.resource_group_id.clone(),
        route_propagation_enable: true,
        route_table_id: route_table_id(&vpc.id),
        route_table_name: String::new(),
        route_table_type: "System",
        router_id: router_id(&vpc.id),
        router_type: "VRouter",
        status: Status::Available,
        v_switch_ids: v_switches.collect::<Vec<_>>().into(),
        vpc_id: vpc.id.clone(),
    }
}
