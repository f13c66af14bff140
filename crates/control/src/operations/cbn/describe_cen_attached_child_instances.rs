//! `DescribeCenAttachedChildInstances`: lists what is attached to a Cloud Enterprise Network instance itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{PageNumber, PageSize, optional};
use crate::ids::{CenId, RegionId};
use crate::operation::{Kind, Operation, Product};
use crate::page::Page;
use crate::permission::{Permission, Target};
use crate::tx::Tx;

/// See the module.
pub struct DescribeCenAttachedChildInstances;

/// Lists the VPCs, border routers and other networks that are attached to the instance. There are none: what is
/// attached here is a connection, to a transit router, and `ListTransitRouterVpnAttachments` lists those.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The instance.
    pub cen_id: CenId,
    /// Only those of this region.
    #[serde(default, deserialize_with = "optional")]
    pub child_instance_region_id: Option<RegionId>,
    /// Only those of this kind.
    #[serde(default, deserialize_with = "optional")]
    pub child_instance_type: Option<String>,
    /// Which page, from 1.
    #[serde(default, deserialize_with = "optional")]
    pub page_number: Option<PageNumber>,
    /// How many on a page: 10 unless it is given.
    #[serde(default, deserialize_with = "optional")]
    pub page_size: Option<PageSize>,
}

/// A page of them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    child_instances: ChildInstanceListView,
    page_number: i32,
    page_size: i32,
    total_count: i32,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct ChildInstanceListView {
    child_instance: Vec<ChildInstanceView>,
}

/// An attached network as the API describes it. There are none.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub struct ChildInstanceView {
    /// The instance it is attached to.
    pub cen_id: CenId,
    /// When it was attached.
    pub child_instance_attach_time: String,
    /// The network.
    pub child_instance_id: String,
    /// Whose it is.
    pub child_instance_owner_id: i64,
    /// Where it is.
    pub child_instance_region_id: RegionId,
    /// What it is.
    pub child_instance_type: String,
    /// The service that manages it.
    pub managed_service: String,
    /// Where it is in its life.
    pub status: String,
}

impl Operation for DescribeCenAttachedChildInstances {
    const NAME: &'static str = "DescribeCenAttachedChildInstances";
    const PRODUCT: Product = Product::Cbn;
    const KIND: Kind = Kind::Read;
    const ERRORS: &'static [&'static ErrorCode] = &[&catalogue::CEN_NOT_FOUND];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        request.child_instance_region_id.as_ref()
    }

    fn permission(request: &Request) -> Permission {
        Permission::on("cen:DescribeCenAttachedChildInstances", Target::Cen(request.cen_id.clone()))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        tx.cen(&request.cen_id)?;
        let page = Page::new(request.page_number, request.page_size);
        let (child_instance, total_count) = page.of(std::iter::empty());
        Ok(Response {
            child_instances: ChildInstanceListView { child_instance },
            page_number: page.number(),
            page_size: page.size(),
            total_count,
        })
    }
}
