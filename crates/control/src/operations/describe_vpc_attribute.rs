//! `DescribeVpcAttribute`: shows a VPC.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{ApiError, ErrorCode};
use crate::ids::{RegionId, VpcId};
use crate::operation::{Kind, Operation};
use crate::operations::known_networks;
use crate::permission::{Permission, Target};
use crate::resource::vpc::view::VpcView;
use crate::tx::Tx;

/// See the module.
pub struct DescribeVpcAttribute;

/// Describes a VPC. Of one that does not exist every member is empty, which is how Terraform sees that it is gone.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region of the VPC.
    pub region_id: RegionId,
    /// The VPC.
    pub vpc_id: VpcId,
}

/// The VPC.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    #[serde(flatten)]
    vpc: VpcView,
    /// There are no classic links.
    classic_link_enabled: bool,
    /// There is no IPv4 gateway.
    support_ipv4_gateway: bool,
}

impl Operation for DescribeVpcAttribute {
    const NAME: &'static str = "DescribeVpcAttribute";
    const KIND: Kind = Kind::Read;
    const ERRORS: &'static [&'static ErrorCode] = &[];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        Permission::on("vpc:DescribeVpcAttribute", Target::Vpc(request.vpc_id.clone()))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let vpc = known_networks::vpc(tx, Some(&request.region_id), &request.vpc_id).map(|vpc| {
            let v_switches = known_networks::v_switches_of(tx, &vpc.id).into_iter().map(|it| it.id);
            VpcView::of(&vpc, v_switches.collect(), tx.account_id())
        });
        Ok(Response {
            vpc: vpc.unwrap_or_else(VpcView::nothing),
            classic_link_enabled: false,
            support_ipv4_gateway: false,
        })
    }
}
