//! Transit routers. Each region of an account has a built-in one, which needs no record; others are made.

use serde::{Deserialize, Serialize};

use crate::ids::{CenId, RegionId, TransitRouterAttachmentId, TransitRouterId};
use crate::resource::tag::Tags;

/// The name of a built-in transit router.
pub const BUILT_IN_NAME: &str = "built-in";

/// A transit router that somebody made: a forwarding domain of its own, as soon as a connection is attached to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransitRouter {
    /// Its id.
    pub id: TransitRouterId,
    /// The Cloud Enterprise Network instance that it belongs to.
    pub cen_id: CenId,
    /// Where it is.
    pub region: RegionId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its tags.
    pub tags: Tags,
    /// When it was made, in UNIX milliseconds.
    pub created_ms: i64,
}

/// The attachment of an IPsec-VPN connection to a transit router. It is a part of the connection's record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransitRouterVpnAttachment {
    /// Its id.
    pub id: TransitRouterAttachmentId,
    /// What the connection is attached to.
    pub transit_router_id: TransitRouterId,
    /// Somebody asked for it, rather than that it came with the connection.
    pub explicit: bool,
    /// The generation of the connection at which it was attached.
    pub generation: u64,
    /// The Cloud Enterprise Network instance of the transit router; of a built-in one, whatever the caller named.
    pub cen_id: String,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Whether routes are advertised without being asked for.
    pub auto_publish_route_enabled: bool,
    /// How it would be paid for.
    pub charge_type: String,
    /// The zones that the caller named; they have no effect.
    pub zones: Vec<String>,
    /// Its tags.
    pub tags: Tags,
    /// When it was made, in UNIX milliseconds.
    pub created_ms: i64,
}

/// How an attachment is paid for unless the caller says otherwise.
pub const CHARGE_TYPE_DEFAULT: &str = "POSTPAY";

impl TransitRouterVpnAttachment {
    /// The attachment that comes with a connection.
    pub fn automatic(
        id: TransitRouterAttachmentId,
        transit_router_id: TransitRouterId,
        generation: u64,
        created_ms: i64,
    ) -> Self {
        Self {
            id,
            transit_router_id,
            explicit: false,
            generation,
            cen_id: String::new(),
            name: String::new(),
            description: String::new(),
            auto_publish_route_enabled: true,
            charge_type: CHARGE_TYPE_DEFAULT.to_owned(),
            zones: Vec::new(),
            tags: Tags::new(),
            created_ms,
        }
    }
}
