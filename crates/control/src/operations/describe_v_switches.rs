//! `DescribeVSwitches`: lists vSwitches.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{ApiError, ErrorCode};
use crate::fields::{PageNumber, PageSize, optional};
use crate::ids::{RegionId, VSwitchId, VpcId};
use crate::operation::{Kind, Operation};
use crate::operations::known_networks;
use crate::page::Page;
use crate::permission::{Permission, Target};
use crate::resource::tag::{self, TagFilter};
use crate::resource::vpc::VSwitch;
use crate::resource::vpc::view::{VSwitchView, route_table_id};
use crate::tx::Tx;

/// See the module.
pub struct DescribeVSwitches;

/// Lists the vSwitches of a region or of a VPC, one of which must be named: those of the configuration, and then the others.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// Whether only default vSwitches are listed, of which there are none.
    #[serde(default)]
    pub is_default: Option<bool>,
    /// Which page, from 1.
    #[serde(default, deserialize_with = "optional")]
    pub page_number: Option<PageNumber>,
    /// How many on a page: 10 unless it is given.
    #[serde(default, deserialize_with = "optional")]
    pub page_size: Option<PageSize>,
    /// The region.
    #[serde(default, deserialize_with = "optional")]
    pub region_id: Option<RegionId>,
    /// Only those of this route table.
    #[serde(default, deserialize_with = "optional")]
    pub route_table_id: Option<String>,
    /// Only those with all of these tags.
    #[serde(default)]
    pub tag: Vec<TagFilter>,
    /// Only this one.
    #[serde(default, deserialize_with = "optional")]
    pub v_switch_id: Option<VSwitchId>,
    /// Only those of this name.
    #[serde(default, deserialize_with = "optional")]
    pub v_switch_name: Option<String>,
    /// Only those of this VPC.
    #[serde(default, deserialize_with = "optional")]
    pub vpc_id: Option<VpcId>,
    /// Only those of this zone.
    #[serde(default, deserialize_with = "optional")]
    pub zone_id: Option<String>,
}

/// A page of them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    page_number: i32,
    page_size: i32,
    total_count: i32,
    v_switches: VSwitchListView,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct VSwitchListView {
    v_switch: Vec<VSwitchView>,
}

impl Operation for DescribeVSwitches {
    const NAME: &'static str = "DescribeVSwitches";
    const KIND: Kind = Kind::Read;
    const ERRORS: &'static [&'static ErrorCode] = &[];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        request.region_id.as_ref()
    }

    fn permission(request: &Request) -> Permission {
        let target = request.v_switch_id.clone().map(Target::VSwitch);
        Permission::on("vpc:DescribeVSwitches", target.unwrap_or(Target::VSwitches))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        tag::check_filters(&request.tag)?;
        let all = match (&request.vpc_id, &request.region_id) {
            (Some(vpc), _) => known_networks::v_switches_of(tx, vpc),
            (None, Some(region)) => known_networks::v_switches(tx, Some(region)),
            (None, None) => return Err(ApiError::missing("RegionId")),
        };
        let page = Page::new(request.page_number, request.page_size);
        let (found, total_count) = page.of(all.into_iter().filter(|v_switch| request.wants(v_switch)));
        let view = |v_switch: &VSwitch| VSwitchView::of(v_switch, tx.account_id());
        Ok(Response {
            page_number: page.number(),
            page_size: page.size(),
            total_count,
            v_switches: VSwitchListView { v_switch: found.iter().map(view).collect() },
        })
    }
}

impl Request {
    fn wants(&self, v_switch: &VSwitch) -> bool {
        self.is_default != Some(true)
            && self.region_id.as_ref().is_none_or(|wanted| *wanted == v_switch.region)
            && self.v_switch_id.as_ref().is_none_or(|wanted| *wanted == v_switch.id)
            && self.v_switch_name.as_ref().is_none_or(|wanted| *wanted == v_switch.name)
            && self.zone_id.as_ref().is_none_or(|wanted| *wanted == v_switch.zone_id)
            && self.route_table_id.as_ref().is_none_or(|wanted| *wanted == route_table_id(&v_switch.vpc_id))
            && tag::matches(&v_switch.tags, &self.tag)
    }
}
