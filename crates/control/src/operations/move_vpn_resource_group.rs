//! `MoveVpnResourceGroup`: moves a resource to another resource group.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::ids::RegionId;
use crate::operation::{Kind, Operation};
use crate::permission::{Permission, Target};
use crate::tx::Tx;

/// See the module.
pub struct MoveVpnResourceGroup;

/// Notes the resource group with the resource: it is answered, and listed by. It has no other effect.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The resource.
    pub instance_id: String,
    /// The resource group to move it to.
    pub new_resource_group_id: String,
    /// The region of the resource.
    pub region_id: RegionId,
    /// What it is.
    pub resource_type: ResourceType,
}

/// A kind of resource that can be moved. Clients write it in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceType {
    /// A VPN gateway.
    VpnGateway,
    /// A customer gateway.
    CustomerGateway,
    /// An IPsec-VPN connection.
    VpnAttachment,
}

impl ResourceType {
    const WORDS: [(&'static str, Self); 3] = [
        ("VpnGateway", Self::VpnGateway),
        ("CustomerGateway", Self::CustomerGateway),
        ("VpnAttachment", Self::VpnAttachment),
    ];

    /// The resource with this id, if the text can be one.
    fn target(self, id: &str) -> Option<Target> {
        match self {
            Self::VpnGateway => id.parse().ok().map(Target::VpnGateway),
            Self::CustomerGateway => id.parse().ok().map(Target::CustomerGateway),
            Self::VpnAttachment => id.parse().ok().map(Target::VpnConnection),
        }
    }
}

impl<'de> Deserialize<'de> for ResourceType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let named = Self::WORDS.into_iter().find(|(word, _)| word.eq_ignore_ascii_case(&text));
        named.map(|(_, kind)| kind).ok_or_else(|| {
            serde::de::Error::custom(format!("one of {}", Self::WORDS.map(|(word, _)| word).join(", ")))
        })
    }
}

impl JsonSchema for ResourceType {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ResourceType".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": Self::WORDS.map(|(word, _)| word) })
    }
}

/// Nothing but the `RequestId`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {}

impl Operation for MoveVpnResourceGroup {
    const NAME: &'static str = "MoveVpnResourceGroup";
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] = &[&catalogue::RESOURCE_NOT_FOUND];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        let target = request.resource_type.target(&request.instance_id);
        Permission::on("vpc:MoveVpnResourceGroup", target.unwrap_or(Target::Anything))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let group = request.new_resource_group_id;
        if group.is_empty() {
            return Err(ApiError::missing("NewResourceGroupId"));
        }
        let letters = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if group.len() > 64 || !group.bytes().all(letters) {
            return Err(ApiError::invalid(
                "NewResourceGroupId",
                "at most 64 letters, digits, hyphens and underscores",
            ));
        }
        let region = &request.region_id;
        let not_found = || {
            let detail = format!("There is no {} in {region}.", request.instance_id);
            ApiError::new(&catalogue::RESOURCE_NOT_FOUND).detail(detail)
        };
        match request.resource_type.target(&request.instance_id) {
            Some(Target::CustomerGateway(id)) => {
                let mut gateway = tx.customer_gateway(region, &id).map_err(|_| not_found())?.clone();
                gateway.resource_group_id = group;
                tx.put(gateway);
            }
            Some(Target::VpnConnection(id)) => {
                let mut connection = tx.vpn_connection(region, &id).map_err(|_| not_found())?.clone();
                connection.resource_group_id = group;
                tx.put(connection);
            }
            Some(Target::VpnGateway(id)) => {
                let mut gateway = tx.vpn_gateway(region, &id).map_err(|_| not_found())?.clone();
                gateway.resource_group_id = group;
                tx.put(gateway);
            }
            Some(_) | None => return Err(not_found()),
        }
        Ok(Response {})
    }
}
