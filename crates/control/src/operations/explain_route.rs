//! `ExplainRoute`: how packets go, and if they do not, why.

use std::net::Ipv4Addr;

use causeway_wire::format_timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::desired::DomainOwner;
use crate::error::{ApiError, ErrorCode};
use crate::explain::{Code, Outcome, Question, Step, Subject, explain};
use crate::fields::{RouteDest, optional};
use crate::ids::{RegionId, TransitRouterId, VpnConnectionId, VpnGatewayId};
use crate::operation::{Kind, Operation, Product};
use crate::permission::{Permission, Target};
use crate::routing::Route;
use crate::tx::Tx;

/// See the module.
pub struct ExplainRoute;

/// Goes the way of a packet step by step, and says of each step whether it is as it should be: for a connection
/// (`VpnConnectionId`) and one of its routes (`RouteDest`), or for an address (`DestinationAddress`).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region.
    pub region_id: RegionId,
    /// The connection, unless it is about an address.
    #[serde(default, deserialize_with = "optional")]
    pub vpn_connection_id: Option<VpnConnectionId>,
    /// The destination of one of the connection's routes.
    #[serde(default, deserialize_with = "optional")]
    pub route_dest: Option<RouteDest>,
    /// The address, unless it is about a connection.
    #[serde(default, deserialize_with = "optional")]
    #[schemars(with = "Option<String>")]
    pub destination_address: Option<Ipv4Addr>,
    /// Where the packet comes from.
    #[serde(default, deserialize_with = "optional")]
    #[schemars(with = "Option<String>")]
    pub source_address: Option<Ipv4Addr>,
    /// Whose routes are looked at for an address: those of the built-in transit router of the region, unless it is given.
    #[serde(default, deserialize_with = "optional")]
    pub transit_router_id: Option<TransitRouterId>,
    /// The VPN gateway whose routes are looked at instead.
    #[serde(default, deserialize_with = "optional")]
    pub vpn_gateway_id: Option<VpnGatewayId>,
}

/// The steps, and what they come to.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    conclusion: StepView,
    /// UTC: what is observed is as old as this answer.
    explained_at: String,
    /// Whether packets are forwarded, as far as it can be told.
    forwards: bool,
    /// The route that would take over if the one that was looked at were gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_route: Option<RouteView>,
    /// The route that was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<RouteView>,
    /// In the order in which a packet meets them.
    steps: Vec<StepView>,
    /// The connection that was looked at: the one that was named, or the one whose route wins.
    #[serde(skip_serializing_if = "Option::is_none")]
    vpn_connection_id: Option<VpnConnectionId>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct StepView {
    code: Code,
    message: String,
    outcome: Outcome,
    /// What to do; empty where nothing is to be done.
    remedy: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct RouteView {
    /// The priority of a policy-based route.
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<u8>,
    route_dest: String,
    /// The source of a policy-based route.
    #[serde(skip_serializing_if = "Option::is_none")]
    route_source: Option<String>,
    vpn_connection_id: VpnConnectionId,
    weight: crate::fields::Weight,
}

impl Operation for ExplainRoute {
    const NAME: &'static str = "ExplainRoute";
    const PRODUCT: Product = Product::Causeway;
    const KIND: Kind = Kind::Read;
    const ERRORS: &'static [&'static ErrorCode] = &[
        &catalogue::VPN_CONNECTION_NOT_FOUND,
        &catalogue::TRANSIT_ROUTER_NOT_FOUND,
        &catalogue::VPN_GATEWAY_NOT_FOUND,
    ];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        // The way of an address may lead over any connection of the region.
        let target = request.vpn_connection_id.clone().map_or(Target::VpnConnections, Target::VpnConnection);
        Permission::on("causeway:ExplainRoute", target)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let question = Question {
            subject: subject(&request, tx)?,
            region: request.region_id,
            source: request.source_address,
            now_ms: tx.now_ms(),
        };
        let told = explain(tx.state(), tx.observations(), &question);
        Ok(Response {
            forwards: told.conclusion.code == Code::Forwards,
            conclusion: told.conclusion.into(),
            explained_at: format_timestamp(question.now_ms),
            next_route: told.next_route.map(RouteView::from),
            route: told.route.map(RouteView::from),
            steps: told.steps.into_iter().map(StepView::from).collect(),
            vpn_connection_id: told.connection,
        })
    }
}

fn subject(request: &Request, tx: &Tx<'_>) -> Result<Subject, ApiError> {
    match (&request.vpn_connection_id, request.destination_address) {
        (Some(_), Some(_)) => {
            Err(ApiError::invalid("DestinationAddress", "either it or a VpnConnectionId, and not both"))
        }
        (None, None) => {
            Err(ApiError::missing("VpnConnectionId")
                .detail("Send a VpnConnectionId, or a DestinationAddress."))
        }
        (Some(id), None) => {
            let connection = tx.vpn_connection(&request.region_id, id)?;
            Ok(Subject::Connection(connection.id.clone(), request.route_dest.map(RouteDest::net)))
        }
        (None, Some(_)) if request.route_dest.is_some() => {
            Err(ApiError::invalid("RouteDest", "it together with a VpnConnectionId only"))
        }
        (None, Some(address)) => Ok(Subject::Address(address, domain(request, tx)?)),
    }
}

/// Among whose routes an address is looked for.
fn domain(request: &Request, tx: &Tx<'_>) -> Result<DomainOwner, ApiError> {
    let built_in = tx.built_in_transit_router(&request.region_id);
    match (&request.transit_router_id, &request.vpn_gateway_id) {
        (Some(_), Some(_)) => {
            Err(ApiError::invalid("VpnGatewayId", "either it or a TransitRouterId, and not both"))
        }
        (None, Some(id)) => {
            tx.vpn_gateway(&request.region_id, id).map(|gateway| DomainOwner::VpnGateway(gateway.id.clone()))
        }
        (None, None) => Ok(DomainOwner::TransitRouter(built_in)),
        (Some(router), None) => {
            let owner = DomainOwner::TransitRouter(router.clone());
            let mut connections = tx.state().vpn_connections(&request.region_id);
            let is_known =
                *router == built_in || connections.any(|it| it.domain_owner().as_ref() == Some(&owner));
            if is_known { Ok(owner) } else { Err(ApiError::new(&catalogue::TRANSIT_ROUTER_NOT_FOUND)) }
        }
    }
}

impl From<Step> for StepView {
    fn from(step: Step) -> Self {
        Self { code: step.code, message: step.message, outcome: step.outcome, remedy: step.remedy }
    }
}

impl From<Route> for RouteView {
    fn from(route: Route) -> Self {
        Self {
            priority: route.of.policy.map(|policy| policy.priority),
            route_dest: route.of.dest.to_string(),
            route_source: route.of.policy.map(|policy| policy.source.to_string()),
            vpn_connection_id: route.connection,
            weight: route.weight,
        }
    }
}
