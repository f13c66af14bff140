//! What the operations of Cbn on tags have in common.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::ApiError;
use crate::ids::RegionId;
use crate::permission::{Permission, Target};
use crate::resource::cen::Cen;
use crate::resource::tag::Tags;
use crate::resource::transit_router::TransitRouter;
use crate::state::AccountState;
use crate::tx::Tx;

/// How many resources a request may name.
const RESOURCE_IDS_MAX: usize = 20;

/// A kind of resource of the product that can have tags. Terraform and the SDK write the first one differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum ResourceType {
    /// A Cloud Enterprise Network instance, which has no region.
    #[serde(alias = "cen", alias = "CEN")]
    Cen,
    /// A transit router that somebody made.
    TransitRouter,
    /// The VPN attachment of a transit router.
    TransitRouterVpnAttachment,
}

impl ResourceType {
    /// The resource with this id, if the text can be one.
    fn target(self, id: &str) -> Option<Target> {
        match self {
            Self::Cen => id.parse().ok().map(Target::Cen),
            Self::TransitRouter => id.parse().ok().map(Target::TransitRouter),
            Self::TransitRouterVpnAttachment => id.parse().ok().map(Target::TransitRouterAttachment),
        }
    }

    /// All resources of the kind.
    fn all(self) -> Target {
        match self {
            Self::Cen => Target::Cens,
            Self::TransitRouter => Target::TransitRouters,
            Self::TransitRouterVpnAttachment => Target::TransitRouterAttachments,
        }
    }
}

/// The permission to do something to the tags of some resources, or of all of the kind when none is named.
pub(super) fn permission(action: &'static str, kind: ResourceType, ids: &[String]) -> Permission {
    let targets: Vec<Target> = ids.iter().filter_map(|id| kind.target(id)).collect();
    if targets.is_empty() { Permission::on(action, kind.all()) } else { Permission::on_all(action, targets) }
}

/// The resources of one kind and their tags: those that are named or all, in a region if one is named.
pub(super) fn tagged<'a>(
    state: &'a AccountState,
    regions: &'a [RegionId],
    region: Option<&'a RegionId>,
    kind: ResourceType,
    ids: &'a [String],
) -> Result<Vec<(&'a str, &'a Tags)>, ApiError> {
    check_count(ids)?;
    let regions = regions.iter().filter(move |one| region.is_none_or(|region| region == *one));
    let found: Vec<(&str, &Tags)> = match kind {
        ResourceType::Cen => state.cens().map(|cen| (cen.id.as_str(), &cen.tags)).collect(),
        ResourceType::TransitRouter => regions
            .flat_map(|region| state.transit_routers(region))
            .map(|router| (router.id.as_str(), &router.tags))
            .collect(),
        ResourceType::TransitRouterVpnAttachment => regions
            .flat_map(|region| state.vpn_connections(region))
            .filter_map(|connection| connection.attachment.as_ref())
            .map(|attachment| (attachment.id.as_str(), &attachment.tags))
            .collect(),
    };
    let named = |id: &str| ids.is_empty() || ids.iter().any(|named| named == id);
    Ok(found.into_iter().filter(|(id, _)| named(id)).collect())
}

fn check_count(ids: &[String]) -> Result<(), ApiError> {
    if ids.len() > RESOURCE_IDS_MAX {
        return Err(ApiError::invalid("ResourceId", format!("at most {RESOURCE_IDS_MAX} ids")));
    }
    Ok(())
}

/// Changes the tags of each resource; of none of them, when one does not exist or is refused.
pub(super) fn change_tags(
    tx: &mut Tx<'_>,
    kind: ResourceType,
    ids: &[String],
    change: impl Fn(&mut Tags) -> Result<(), ApiError>,
) -> Result<(), ApiError> {
    if ids.is_empty() {
        return Err(ApiError::missing("ResourceId"));
    }
    check_count(ids)?;
    for id in ids {
        let changed = match kind.target(id) {
            Some(Target::Cen(id)) => match tx.find::<Cen>(&id).cloned() {
                Some(mut cen) => change(&mut cen.tags).map(|()| tx.put(cen)),
                None => Err(not_found(&id)),
            },
            Some(Target::TransitRouter(id)) => match tx.find::<TransitRouter>(&id).cloned() {
                Some(mut router) => change(&mut router.tags).map(|()| tx.put(router)),
                None => Err(not_found(&id)),
            },
            Some(Target::TransitRouterAttachment(id)) => {
                let mut connection = tx.state().attached_by(&id).cloned();
                match connection.as_mut().and_then(|connection| connection.attachment.as_mut()) {
                    Some(attachment) => change(&mut attachment.tags)
                        .map(|()| connection.into_iter().for_each(|connection| tx.put(connection))),
                    None => Err(not_found(&id)),
                }
            }
            Some(_) | None => Err(not_found(id)),
        };
        changed?;
    }
    Ok(())
}

fn not_found(id: &dyn std::fmt::Display) -> ApiError {
    ApiError::new(&catalogue::RESOURCE_NOT_FOUND).detail(format!("There is no {id} of the ResourceType."))
}
