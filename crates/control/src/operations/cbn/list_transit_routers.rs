//! `ListTransitRouters`: lists transit routers.

use causeway_wire::format_timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{ApiError, ErrorCode};
use crate::fields::{PageNumber, PageSize, optional};
use crate::ids::{RegionId, TransitRouterId};
use crate::operation::{Kind, Operation, Product};
use crate::page::Page;
use crate::permission::{Permission, Target};
use crate::resource::cen::Status;
use crate::resource::tag::{self, TagFilter, TagView};
use crate::resource::transit_router::{BUILT_IN_NAME, TransitRouter};
use crate::tx::Tx;

/// See the module.
pub struct ListTransitRouters;

/// Lists the transit routers of a region, or of all: of each region the built-in one first, then those that
/// somebody made, the oldest first. The built-in one is known by its belonging to no `CenId`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// Only those of this Cloud Enterprise Network instance.
    #[serde(default, deserialize_with = "optional")]
    pub cen_id: Option<String>,
    /// Only those that have all of these features, or have them not.
    #[serde(default)]
    pub feature_filter: Vec<FeatureFilter>,
    /// Which page, from 1.
    #[serde(default, deserialize_with = "optional")]
    pub page_number: Option<PageNumber>,
    /// How many on a page: 10 unless it is given.
    #[serde(default, deserialize_with = "optional")]
    pub page_size: Option<PageSize>,
    /// Only those of this region.
    #[serde(default, deserialize_with = "optional")]
    pub region_id: Option<RegionId>,
    /// Only those with this status; each is `Active`.
    #[serde(default, deserialize_with = "optional")]
    pub status: Option<String>,
    /// Only those with all of these tags.
    #[serde(default)]
    pub tag: Vec<TagFilter>,
    /// Only this one.
    #[serde(default, deserialize_with = "optional")]
    pub transit_router_id: Option<TransitRouterId>,
    /// Only those with this name.
    #[serde(default, deserialize_with = "optional")]
    pub transit_router_name: Option<String>,
    /// Only those of this edition; each is `Enterprise`.
    #[serde(default, deserialize_with = "optional")]
    pub r#type: Option<String>,
}

/// A feature, and whether it is wanted.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub struct FeatureFilter {
    /// The feature: `Multicast`.
    #[serde(default)]
    pub key: Option<String>,
    /// `Enabled` or `Disabled`; no transit router has multicast.
    #[serde(default)]
    pub value: Vec<String>,
}

/// The edition of every transit router: it forwards for connections.
const EDITION: &str = "Enterprise";

/// A page of them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    page_number: i32,
    page_size: i32,
    total_count: i32,
    transit_routers: Vec<TransitRouterView>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct TransitRouterView {
    ali_uid: i64,
    cen_id: String,
    creation_time: String,
    region_id: RegionId,
    status: Status,
    support_multicast: bool,
    tags: Vec<TagView>,
    transit_router_description: String,
    transit_router_id: TransitRouterId,
    transit_router_name: String,
    r#type: &'static str,
}

impl Operation for ListTransitRouters {
    const NAME: &'static str = "ListTransitRouters";
    const PRODUCT: Product = Product::Cbn;
    const KIND: Kind = Kind::Read;
    const ERRORS: &'static [&'static ErrorCode] = &[];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        request.region_id.as_ref()
    }

    fn permission(request: &Request) -> Permission {
        let target = request.transit_router_id.clone().map(Target::TransitRouter);
        Permission::on("cen:ListTransitRouters", target.unwrap_or(Target::TransitRouters))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        tag::check_filters(&request.tag)?;
        let regions = tx.settings().regions.iter();
        let regions = regions.filter(|&region| request.region_id.as_ref().is_none_or(|id| id == region));
        let routers = regions.flat_map(|region| {
            let made = tx.state().transit_routers(region).map(|router| made(tx, router));
            std::iter::once(built_in(tx, region)).chain(made)
        });
        let page = Page::new(request.page_number, request.page_size);
        let (transit_routers, total_count) = page.of(routers.filter(|router| is_wanted(&request, router)));
        Ok(Response { page_number: page.number(), page_size: page.size(), total_count, transit_routers })
    }
}

fn is_wanted(request: &Request, router: &TransitRouterView) -> bool {
    let is = |filter: &Option<String>, own: &str| filter.as_ref().is_none_or(|wanted| wanted == own);
    let without_multicast = |filter: &FeatureFilter| {
        filter.key.as_deref() != Some("Multicast") || filter.value.iter().any(|value| value == "Disabled")
    };
    request.transit_router_id.as_ref().is_none_or(|id| *id == router.transit_router_id)
        && is(&request.cen_id, &router.cen_id)
        && is(&request.transit_router_name, &router.transit_router_name)
        && is(&request.r#type, EDITION)
        && is(&request.status, "Active")
        && request.feature_filter.iter().all(without_multicast)
        && tag::matches_views(&router.tags, &request.tag)
}

fn made(tx: &Tx<'_>, router: &TransitRouter) -> TransitRouterView {
    TransitRouterView {
        ali_uid: tx.account_id().number(),
        cen_id: router.cen_id.to_string(),
        creation_time: format_timestamp(router.created_ms),
        region_id: router.region.clone(),
        status: Status::Active,
        support_multicast: false,
        tags: tag::views(&router.tags),
        transit_router_description: router.description.clone(),
        transit_router_id: router.id.clone(),
        transit_router_name: router.name.clone(),
        r#type: EDITION,
    }
}

/// The built-in transit router of a region, which is as old as time.
fn built_in(tx: &Tx<'_>, region: &RegionId) -> TransitRouterView {
    TransitRouterView {
        ali_uid: tx.account_id().number(),
        cen_id: String::new(),
        creation_time: format_timestamp(0),
        region_id: region.clone(),
        status: Status::Active,
        support_multicast: false,
        tags: Vec::new(),
        transit_router_description: "The built-in transit router of the region.".to_owned(),
        transit_router_id: tx.built_in_transit_router(region),
        transit_router_name: BUILT_IN_NAME.to_owned(),
        r#type: EDITION,
    }
}
