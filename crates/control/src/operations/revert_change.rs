//! `RevertChange`: undoes what a request changed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::ids::{RegionId, RequestId};
use crate::operation::{Kind, Operation, Product};
use crate::permission::{Permission, Target};
use crate::recorded_change::inverse;
use crate::tx::Tx;

/// See the module.
pub struct RevertChange;

/// Gives every member that the request set the value that it had before: what it made is deleted, what it deleted is
/// there again with its id, what it changed is as it was, secrets too. What others changed since in other members
/// stays; where they changed the same, the answer is `ConflictingChange` with the member. A revert is a change and can
/// be reverted. Only an AccessKey that was deleted does not come back, since its secret is not kept.
///
/// The caller must be allowed `causeway:RevertChange` on all that the change touched, and what would do the same by
/// hand, such as `vpc:DeleteVcoRouteEntry` for a route that was added.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// It has no effect: a change is where the things are that it touched.
    #[serde(default, deserialize_with = "crate::fields::optional")]
    pub region_id: Option<RegionId>,
    /// The request whose change is to be undone.
    pub change_request_id: RequestId,
}

/// What was undone.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    /// The operation.
    action: String,
    /// The request whose change is undone.
    change_request_id: RequestId,
    /// The resources that are as they were before it.
    resource_ids: Vec<String>,
}

/// How many resources are named in the answer.
const NAMED_MAX: usize = 100;

impl Operation for RevertChange {
    const NAME: &'static str = "RevertChange";
    const PRODUCT: Product = Product::Causeway;
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] = &[
        &catalogue::CHANGE_NOT_FOUND,
        &catalogue::CHANGE_NOT_REVERTIBLE,
        &catalogue::CONFLICTING_CHANGE,
        &catalogue::CONNECTION_CONFIGURING,
        &catalogue::QUOTA_FULL,
        &catalogue::IP_ADDRESS_EXISTS,
        &catalogue::CUSTOMER_GATEWAY_NOT_FOUND,
        &catalogue::CUSTOMER_GATEWAY_IN_USE,
        &catalogue::VPN_CONNECTION_NOT_FOUND,
        &catalogue::VPN_GATEWAY_NOT_FOUND,
        &catalogue::VPC_NOT_FOUND,
        &catalogue::VPC_HAS_V_SWITCHES,
        &catalogue::NETWORK_IN_USE,
        &catalogue::CIDR_BLOCK_OVERLAPPED,
        &catalogue::TRANSIT_ROUTER_NOT_FOUND,
        &catalogue::RAM_USER_NOT_FOUND,
        &catalogue::USER_HAS_ACCESS_KEY,
        &catalogue::POLICY_NOT_FOUND,
        &catalogue::POLICY_HAS_USER,
        &catalogue::LAST_ROOT_ACCESS_KEY,
        &catalogue::TOO_MANY_USERS,
        &catalogue::TOO_MANY_ACCESS_KEYS,
        &catalogue::TOO_MANY_USER_POLICIES,
        &catalogue::TOO_MANY_POLICIES,
    ];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        request.region_id.as_ref()
    }

    fn permission(request: &Request) -> Permission {
        Permission::on("causeway:RevertChange", Target::RecordedChange(request.change_request_id.clone()))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let state = tx.state();
        let change = state.recorded_change(&request.change_request_id);
        let change = change.ok_or(ApiError::new(&catalogue::CHANGE_NOT_FOUND))?;
        for (region, permission) in change.inverse_permissions(state) {
            tx.must_be_permitted(region.as_ref(), &permission)?;
        }
        inverse::plan(change, tx)?;
        let ids = change.touched.iter().map(|touched| touched.id.clone());
        Ok(Response {
            action: change.action.clone(),
            change_request_id: request.change_request_id,
            resource_ids: ids.take(NAMED_MAX).collect(),
        })
    }
}
