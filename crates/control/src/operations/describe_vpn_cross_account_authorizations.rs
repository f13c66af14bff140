//! `DescribeVpnCrossAccountAuthorizations`: lists the other accounts that may attach an IPsec-VPN connection.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{PageNumber, PageSize, optional};
use crate::ids::{RegionId, VpnConnectionId};
use crate::operation::{Kind, Operation};
use crate::page::Page;
use crate::permission::{Permission, Target};
use crate::tx::Tx;

/// See the module.
pub struct DescribeVpnCrossAccountAuthorizations;

/// Lists none: a connection can be attached by the account that owns it, and by no other.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// Which page, from 1.
    #[serde(default, deserialize_with = "optional")]
    pub page_number: Option<PageNumber>,
    /// How many on a page: 10 unless it is given.
    #[serde(default, deserialize_with = "optional")]
    pub page_size: Option<PageSize>,
    /// The region of the connection.
    pub region_id: RegionId,
    /// The connection.
    pub vpn_connection_id: VpnConnectionId,
}

/// A page of them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    cross_account_authorizations: Vec<CrossAccountAuthorizationView>,
    page_number: i32,
    page_size: i32,
    total_count: i32,
}

/// An authorization as the API describes it. There are none.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub struct CrossAccountAuthorizationView {
    /// The account that owns the connection.
    pub ali_uid: i64,
    /// What the connection may be attached to.
    pub bind_instance: String,
    /// The product of it.
    pub bind_product: String,
    /// The account that may attach the connection.
    pub bind_uid: i64,
    /// When it was authorized, in UNIX milliseconds.
    pub creation_time: i64,
    /// The connection.
    pub vpn_connection_id: VpnConnectionId,
}

impl Operation for DescribeVpnCrossAccountAuthorizations {
    const NAME: &'static str = "DescribeVpnCrossAccountAuthorizations";
    const KIND: Kind = Kind::Read;
    const ERRORS: &'static [&'static ErrorCode] = &[&catalogue::VPN_CONNECTION_NOT_FOUND];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        let target = Target::VpnConnection(request.vpn_connection_id.clone());
        Permission::on("vpc:DescribeVpnCrossAccountAuthorizations", target)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        tx.vpn_connection(&request.region_id, &request.vpn_connection_id)?;
        let page = Page::new(request.page_number, request.page_size);
        let (cross_account_authorizations, total_count) = page.of(std::iter::empty());
        Ok(Response {
            cross_account_authorizations,
            page_number: page.number(),
            page_size: page.size(),
            total_count,
        })
    }
}
