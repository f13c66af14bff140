//! Cloud Enterprise Network instances: what transit routers belong to.

use causeway_wire::format_timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::CenId;
use crate::resource::tag::{TagListView, Tags};

/// How many an account can have.
pub const CENS_MAX: usize = 100;

/// A Cloud Enterprise Network instance. It has at most one transit router in a region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cen {
    /// Its id.
    pub id: CenId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The resource group that the caller named; it has no effect.
    pub resource_group_id: String,
    /// Its tags.
    pub tags: Tags,
    /// When it was made, in UNIX milliseconds.
    pub created_ms: i64,
}

/// Which overlaps of networks are allowed. It has no effect: the routes decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
pub enum ProtectionLevel {
    /// Networks may overlap, but not be the same.
    Reduced,
}

/// Where an instance or a transit router is in its life: it is there as soon as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(inline)]
pub enum Status {
    /// It can be used.
    Active,
}

/// An instance in an answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub struct CenView {
    cen_bandwidth_package_ids: BandwidthPackageListView,
    cen_id: CenId,
    creation_time: String,
    description: String,
    ipv6_level: &'static str,
    name: String,
    protection_level: ProtectionLevel,
    resource_group_id: String,
    status: Status,
    tags: TagListView,
}

/// The bandwidth plans of an instance. There are none, because nothing is sold here.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct BandwidthPackageListView {
    cen_bandwidth_package_id: Vec<String>,
}

impl From<&Cen> for CenView {
    fn from(cen: &Cen) -> Self {
        Self {
            cen_bandwidth_package_ids: BandwidthPackageListView::default(),
            cen_id: cen.id.clone(),
            creation_time: format_timestamp(cen.created_ms),
            description: cen.description.clone(),
            ipv6_level: "DISABLED",
            name: cen.name.clone(),
            protection_level: ProtectionLevel::Reduced,
            resource_group_id: cen.resource_group_id.clone(),
            status: Status::Active,
            tags: TagListView::from(&cen.tags),
        }
    }
}
