//! `DescribeVpcs`: lists the VPCs of a region.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{ApiError, ErrorCode};
use crate::fields::{PageNumber, PageSize, optional};
use crate::ids::{RegionId, VpcId};
use crate::operation::{Kind, Operation};
use crate::operations::known_networks;
use crate::page::Page;
use crate::permission::{Permission, Target};
use crate::resource::tag::{self, TagFilter};
use crate::resource::vpc::Vpc;
use crate::resource::vpc::view::{VpcView, route_table_id};
use crate::tx::Tx;

/// See the module.
pub struct DescribeVpcs;

/// How many VPCs a request may name.
const IDS_MAX: usize = 20;

/// Lists the VPCs of a region: those of the configuration, and then the others, the oldest first.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// Whether only default VPCs are listed, of which there are none.
    #[serde(default)]
    pub is_default: Option<bool>,
    /// Which page, from 1.
    #[serde(default, deserialize_with = "optional")]
    pub page_number: Option<PageNumber>,
    /// How many on a page: 10 unless it is given.
    #[serde(default, deserialize_with = "optional")]
    pub page_size: Option<PageSize>,
    /// The region.
    pub region_id: RegionId,
    /// Only those of this resource group.
    #[serde(default, deserialize_with = "optional")]
    pub resource_group_id: Option<String>,
    /// Only those with all of these tags.
    #[serde(default)]
    pub tag: Vec<TagFilter>,
    /// Only these, separated by commas.
    #[serde(default, deserialize_with = "optional")]
    pub vpc_id: Option<String>,
    /// Only those of this name.
    #[serde(default, deserialize_with = "optional")]
    pub vpc_name: Option<String>,
}

/// A page of them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    page_number: i32,
    page_size: i32,
    total_count: i32,
    vpcs: VpcListView,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct VpcListView {
    vpc: Vec<ListedVpcView>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct ListedVpcView {
    #[serde(flatten)]
    vpc: VpcView,
    router_table_ids: RouterTableIdListView,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct RouterTableIdListView {
    router_table_ids: Vec<String>,
}

impl Operation for DescribeVpcs {
    const NAME: &'static str = "DescribeVpcs";
    const KIND: Kind = Kind::Read;
    const ERRORS: &'static [&'static ErrorCode] = &[];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        let targets: Vec<Target> = request.ids().map(Target::Vpc).collect();
        Permission::on_all("vpc:DescribeVpcs", if targets.is_empty() { vec![Target::Vpcs] } else { targets })
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        tag::check_filters(&request.tag)?;
        let ids: Vec<VpcId> = request.ids().collect();
        if ids.len() > IDS_MAX {
            return Err(ApiError::invalid("VpcId", format!("at most {IDS_MAX} ids, separated by commas")));
        }
        let page = Page::new(request.page_number, request.page_size);
        let all = known_networks::vpcs(tx, &request.region_id);
        let (vpcs, total_count) = page.of(all.into_iter().filter(|vpc| request.wants(vpc, &ids)));
        Ok(Response {
            page_number: page.number(),
            page_size: page.size(),
            total_count,
            vpcs: VpcListView { vpc: vpcs.iter().map(|vpc| view(tx, vpc)).collect() },
        })
    }
}

fn view(tx: &Tx<'_>, vpc: &Vpc) -> ListedVpcView {
    let v_switches = known_networks::v_switches_of(tx, &vpc.id).into_iter().map(|it| it.id).collect();
    ListedVpcView {
        vpc: VpcView::of(vpc, v_switches, tx.account_id()),
        router_table_ids: RouterTableIdListView { router_table_ids: vec![route_table_id(&vpc.id)] },
    }
}

impl Request {
    /// The VPCs that are named. What cannot be an id names nothing.
    fn ids(&self) -> impl Iterator<Item = VpcId> {
        self.vpc_id.iter().flat_map(|ids| ids.split(',')).filter_map(|id| id.trim().parse().ok())
    }

    fn wants(&self, vpc: &Vpc, ids: &[VpcId]) -> bool {
        (self.vpc_id.is_none() || ids.contains(&vpc.id))
            && self.is_default != Some(true)
            && self.vpc_name.as_ref().is_none_or(|wanted| *wanted == vpc.name)
            && self.resource_group_id.as_ref().is_none_or(|wanted| *wanted == vpc.resource_group_id)
            && tag::matches(&vpc.tags, &self.tag)
    }
}
