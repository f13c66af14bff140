//! `DescribeVSwitchAttributes`: shows a vSwitch.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::error::{ApiError, ErrorCode};
use crate::fields::optional;
use crate::ids::{RegionId, VSwitchId};
use crate::operation::{Kind, Operation};
use crate::operations::known_networks;
use crate::permission::{Permission, Target};
use crate::resource::vpc::view::VSwitchView;
use crate::tx::Tx;

/// See the module.
pub struct DescribeVSwitchAttributes;

/// Describes a vSwitch. Of one that does not exist every member is empty, which is how Terraform sees that it is gone.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region of the vSwitch, which its id says as well.
    #[serde(default, deserialize_with = "optional")]
    pub region_id: Option<RegionId>,
    /// The vSwitch.
    pub v_switch_id: VSwitchId,
}

impl Operation for DescribeVSwitchAttributes {
    const NAME: &'static str = "DescribeVSwitchAttributes";
    const KIND: Kind = Kind::Read;
    const ERRORS: &'static [&'static ErrorCode] = &[];
    type Request = Request;
    type Response = VSwitchView;

    fn region(request: &Request) -> Option<&RegionId> {
        request.region_id.as_ref()
    }

    fn permission(request: &Request) -> Permission {
        Permission::on("vpc:DescribeVSwitchAttributes", Target::VSwitch(request.v_switch_id.clone()))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<VSwitchView, ApiError> {
        let known = known_networks::v_switch(tx, request.region_id.as_ref(), &request.v_switch_id);
        Ok(known.map_or_else(VSwitchView::nothing, |known| VSwitchView::of(&known, tx.account_id())))
    }
}
