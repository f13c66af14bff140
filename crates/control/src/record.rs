//! Records: everything that is stored, as the store sees it: a kind, an id and JSON.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::access_key::AccessKey;
use crate::account::Account;
use crate::ids::{
    AccessKeyId, AccountId, CenId, CustomerGatewayId, DiagnoseId, Secret, TransitRouterId, VSwitchId, VpcId,
    VpnConnectionId, VpnGatewayId,
};
use crate::ram_policy::RamPolicy;
use crate::ram_role::RamRole;
use crate::ram_user::RamUser;
use crate::recorded_change::RecordedChange;
use crate::resource::cen::Cen;
use crate::resource::client_token::ClientToken;
use crate::resource::customer_gateway::CustomerGateway;
use crate::resource::diagnosis::Diagnosis;
use crate::resource::transit_router::TransitRouter;
use crate::resource::vco_route_entry::{RouteId, VcoRouteEntry};
use crate::resource::vpc::{VSwitch, Vpc};
use crate::resource::vpn_connection::VpnConnection;
use crate::resource::vpn_gateway::VpnGateway;
use crate::resource::vpn_route_entry::{VpnRouteEntry, VpnRouteId};
use crate::state::AccountState;

/// One thing that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// The account itself.
    Account(Account),
    /// A RAM user.
    RamUser(RamUser),
    /// A RAM policy.
    RamPolicy(RamPolicy),
    /// A RAM role.
    RamRole(RamRole),
    /// An AccessKey.
    AccessKey(AccessKey),
    /// A customer gateway.
    CustomerGateway(CustomerGateway),
    /// An IPsec-VPN connection, with its tunnels and its attachment.
    VpnConnection(Box<VpnConnection>),
    /// A VPN gateway.
    VpnGateway(Box<VpnGateway>),
    /// A Cloud Enterprise Network instance.
    Cen(Cen),
    /// A transit router that somebody made.
    TransitRouter(TransitRouter),
    /// A VPC that somebody made, or a VPN gateway was made in.
    Vpc(Vpc),
    /// A vSwitch that somebody made.
    VSwitch(VSwitch),
    /// A route of a VPN gateway.
    VpnRouteEntry(VpnRouteEntry),
    /// A route of an IPsec-VPN connection.
    VcoRouteEntry(VcoRouteEntry),
    /// A diagnosis of a VPN gateway.
    Diagnosis(Diagnosis),
    /// What was answered to a request with a client token.
    ClientToken(ClientToken),
    /// What a request changed.
    RecordedChange(Box<RecordedChange>),
}

/// One thing to be stored, or to be removed from the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Stores it, in place of the one with the same kind and id.
    Put(Record),
    /// Removes it.
    Delete {
        /// One of the kinds of [`Record`].
        kind: &'static str,
        /// The id.
        id: String,
    },
}

/// A stored record that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// This version does not know the kind.
    #[error("there is no kind of record named {0:?}")]
    UnknownKind(String),
    /// Its JSON is not what this version writes.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

impl Record {
    /// The kind of the account's own record.
    pub const ACCOUNT: &'static str = "account";
    /// The kind of RAM users.
    pub const RAM_USER: &'static str = "ram-user";
    /// The kind of RAM policies.
    pub const RAM_POLICY: &'static str = "ram-policy";
    /// The kind of RAM roles.
    pub const RAM_ROLE: &'static str = "ram-role";
    /// The kind of AccessKeys.
    pub const ACCESS_KEY: &'static str = "access-key";
    /// The kind of customer gateways.
    pub const CUSTOMER_GATEWAY: &'static str = "customer-gateway";
    /// The kind of IPsec-VPN connections.
    pub const VPN_CONNECTION: &'static str = "vpn-connection";
    /// The kind of VPN gateways.
    pub const VPN_GATEWAY: &'static str = "vpn-gateway";
    /// The kind of Cloud Enterprise Network instances.
    pub const CEN: &'static str = "cen";
    /// The kind of transit routers.
    pub const TRANSIT_ROUTER: &'static str = "transit-router";
    /// The kind of VPCs.
    pub const VPC: &'static str = "vpc";
    /// The kind of vSwitches.
    pub const V_SWITCH: &'static str = "v-switch";
    /// The kind of routes of VPN gateways.
    pub const VPN_ROUTE_ENTRY: &'static str = "vpn-route-entry";
    /// The kind of routes of IPsec-VPN connections.
    pub const VCO_ROUTE_ENTRY: &'static str = "vco-route-entry";
    /// The kind of diagnoses of VPN gateways.
    pub const DIAGNOSIS: &'static str = "diagnosis";
    /// The kind of client tokens.
    pub const CLIENT_TOKEN: &'static str = "client-token";
    /// The kind of what requests changed.
    pub const RECORDED_CHANGE: &'static str = "recorded-change";

    /// What it is.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Account(_) => Self::ACCOUNT,
            Self::RamUser(_) => Self::RAM_USER,
            Self::RamPolicy(_) => Self::RAM_POLICY,
            Self::RamRole(_) => Self::RAM_ROLE,
            Self::AccessKey(_) => Self::ACCESS_KEY,
            Self::CustomerGateway(_) => Self::CUSTOMER_GATEWAY,
            Self::VpnConnection(_) => Self::VPN_CONNECTION,
            Self::VpnGateway(_) => Self::VPN_GATEWAY,
            Self::Cen(_) => Self::CEN,
            Self::TransitRouter(_) => Self::TRANSIT_ROUTER,
            Self::Vpc(_) => Self::VPC,
            Self::VSwitch(_) => Self::V_SWITCH,
            Self::VpnRouteEntry(_) => Self::VPN_ROUTE_ENTRY,
            Self::VcoRouteEntry(_) => Self::VCO_ROUTE_ENTRY,
            Self::Diagnosis(_) => Self::DIAGNOSIS,
            Self::ClientToken(_) => Self::CLIENT_TOKEN,
            Self::RecordedChange(_) => Self::RECORDED_CHANGE,
        }
    }

    /// Which one it is, among those of its kind.
    pub fn id(&self) -> String {
        match self {
            Self::Account(record) => record.id().to_string(),
            Self::RamUser(record) => record.id(),
            Self::RamPolicy(record) => record.id(),
            Self::RamRole(record) => record.id(),
            Self::AccessKey(record) => record.id().to_string(),
            Self::CustomerGateway(record) => record.id().to_string(),
            Self::VpnConnection(record) => record.id().to_string(),
            Self::VpnGateway(record) => record.id().to_string(),
            Self::Cen(record) => record.id().to_string(),
            Self::TransitRouter(record) => record.id().to_string(),
            Self::Vpc(record) => record.id.to_string(),
            Self::VSwitch(record) => record.id.to_string(),
            Self::VpnRouteEntry(record) => record.id().to_string(),
            Self::VcoRouteEntry(record) => record.id().to_string(),
            Self::Diagnosis(record) => record.id.to_string(),
            Self::ClientToken(record) => record.id(),
            Self::RecordedChange(record) => record.id(),
        }
    }

    /// Its secrets, so that they can be sealed before it is written and opened after it was read.
    pub fn secrets_mut(&mut self) -> Vec<&mut Secret> {
        match self {
            Self::Account(_)
            | Self::RamUser(_)
            | Self::RamPolicy(_)
            | Self::RamRole(_)
            | Self::VpnGateway(_)
            | Self::VpnRouteEntry(_)
            | Self::Vpc(_)
            | Self::VSwitch(_)
            | Self::Cen(_)
            | Self::TransitRouter(_)
            | Self::Diagnosis(_)
            | Self::VcoRouteEntry(_) => Vec::new(),
            Self::AccessKey(key) => vec![&mut key.secret],
            Self::CustomerGateway(gateway) => gateway.auth_key.iter_mut().collect(),
            Self::VpnConnection(connection) => {
                connection.tunnels.iter_mut().map(|tunnel| &mut tunnel.ike.psk).collect()
            }
            Self::ClientToken(token) => vec![&mut token.digest, &mut token.answer],
            Self::RecordedChange(change) => change.secrets.iter_mut().collect(),
        }
    }

    /// How it is written.
    pub fn to_json(&self) -> Vec<u8> {
        match self {
            Self::Account(record) => to_json(record),
            Self::RamUser(record) => to_json(record),
            Self::RamPolicy(record) => to_json(record),
            Self::RamRole(record) => to_json(record),
            Self::AccessKey(record) => to_json(record),
            Self::CustomerGateway(record) => to_json(record),
            Self::VpnConnection(record) => to_json(record),
            Self::VpnGateway(record) => to_json(record),
            Self::Cen(record) => to_json(record),
            Self::TransitRouter(record) => to_json(record),
            Self::Vpc(record) => to_json(record),
            Self::VSwitch(record) => to_json(record),
            Self::VpnRouteEntry(record) => to_json(record),
            Self::VcoRouteEntry(record) => to_json(record),
            Self::Diagnosis(record) => to_json(record),
            Self::ClientToken(record) => to_json(record),
            Self::RecordedChange(record) => to_json(record),
        }
    }

    /// Reads what [`Self::to_json`] wrote.
    ///
    /// # Errors
    ///
    /// When this version does not know the kind, or the JSON.
    pub fn from_json(kind: &str, json: &[u8]) -> Result<Self, RecordError> {
        Ok(match kind {
            Self::ACCOUNT => Self::Account(from_json(json)?),
            Self::RAM_USER => Self::RamUser(from_json(json)?),
            Self::RAM_POLICY => Self::RamPolicy(from_json(json)?),
            Self::RAM_ROLE => Self::RamRole(from_json(json)?),
            Self::ACCESS_KEY => Self::AccessKey(from_json(json)?),
            Self::CUSTOMER_GATEWAY => Self::CustomerGateway(from_json(json)?),
            Self::VPN_CONNECTION => Self::VpnConnection(Box::new(from_json(json)?)),
            Self::VPN_GATEWAY => Self::VpnGateway(Box::new(from_json(json)?)),
            Self::CEN => Self::Cen(from_json(json)?),
            Self::TRANSIT_ROUTER => Self::TransitRouter(from_json(json)?),
            Self::VPC => Self::Vpc(from_json(json)?),
            Self::V_SWITCH => Self::VSwitch(from_json(json)?),
            Self::VPN_ROUTE_ENTRY => Self::VpnRouteEntry(from_json(json)?),
            Self::VCO_ROUTE_ENTRY => Self::VcoRouteEntry(from_json(json)?),
            Self::DIAGNOSIS => Self::Diagnosis(from_json(json)?),
            Self::CLIENT_TOKEN => Self::ClientToken(from_json(json)?),
            Self::RECORDED_CHANGE => Self::RecordedChange(Box::new(from_json(json)?)),
            unknown => return Err(RecordError::UnknownKind(unknown.to_owned())),
        })
    }
}

/// The record of a kind and an id in the state of an account. Client tokens, diagnoses and what requests changed are not
/// looked for: nothing refers to them.
pub fn find(state: &AccountState, kind: &str, id: &str) -> Option<Record> {
    fn stored<T: Stored<Id: FromStr>>(state: &AccountState, id: &str) -> Option<Record> {
        T::find(state, &id.parse().ok()?).cloned().map(T::into_record)
    }
    match kind {
        Record::ACCOUNT => stored::<Account>(state, id),
        Record::RAM_USER => stored::<RamUser>(state, id),
        Record::RAM_POLICY => stored::<RamPolicy>(state, id),
        Record::ACCESS_KEY => stored::<AccessKey>(state, id),
        Record::CUSTOMER_GATEWAY => stored::<CustomerGateway>(state, id),
        Record::VPN_CONNECTION => stored::<VpnConnection>(state, id),
        Record::VPN_GATEWAY => stored::<VpnGateway>(state, id),
        Record::CEN => stored::<Cen>(state, id),
        Record::TRANSIT_ROUTER => stored::<TransitRouter>(state, id),
        Record::VPC => stored::<Vpc>(state, id),
        Record::V_SWITCH => stored::<VSwitch>(state, id),
        Record::VCO_ROUTE_ENTRY => stored::<VcoRouteEntry>(state, id),
        Record::VPN_ROUTE_ENTRY => stored::<VpnRouteEntry>(state, id),
        Record::RAM_ROLE => stored::<RamRole>(state, id),
        _ => None,
    }
}

fn to_json<T: Serialize>(record: &T) -> Vec<u8> {
    serde_json::to_vec(record)
        .expect("records are structures with text for keys, which JSON can always write")
}

fn from_json<T: DeserializeOwned>(json: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(json)
}

/// What all things that are stored have in common, so that transactions can handle any of them.
pub trait Stored: Clone {
    /// What it is.
    const KIND: &'static str;
    /// What names it among those of its kind.
    type Id: Ord + Clone + fmt::Display;

    /// Which one it is.
    fn id(&self) -> Self::Id;
    /// The record of it.
    fn into_record(self) -> Record;
    /// What the record is of, if it is of this kind.
    fn from_record(record: &Record) -> Option<&Self>;
    /// The one with this id in the state of an account.
    fn find<'a>(state: &'a AccountState, id: &Self::Id) -> Option<&'a Self>;
}

macro_rules! stored {
    ($type:ident, $kind:ident, $id:ty, |$record:ident| $of:expr, |$state:ident, $key:ident| $find:expr) => {
        impl Stored for $type {
            const KIND: &'static str = Record::$kind;
            type Id = $id;

            fn id(&self) -> $id {
                let $record = self;
                $of
            }

            fn into_record(self) -> Record {
                Record::$type(self.into())
            }

            fn from_record(record: &Record) -> Option<&Self> {
                match record {
                    Record::$type(record) => Some(record),
                    _ => None,
                }
            }

            fn find<'a>($state: &'a AccountState, $key: &$id) -> Option<&'a Self> {
                $find
            }
        }
    };
}

stored!(Account, ACCOUNT, AccountId, |account| account.id.clone(), |state, id| {
    state.account().filter(|account| account.id == *id)
});
stored!(RamUser, RAM_USER, String, |user| user.name.clone(), |state, name| state.ram_user(name));
stored!(RamPolicy, RAM_POLICY, String, |policy| policy.name.clone(), |state, name| state.ram_policy(name));
stored!(RamRole, RAM_ROLE, String, |role| role.name.clone(), |state, name| state.ram_role(name));
stored!(AccessKey, ACCESS_KEY, AccessKeyId, |key| key.id.clone(), |state, id| state.access_key(id));
stored!(CustomerGateway, CUSTOMER_GATEWAY, CustomerGatewayId, |gateway| gateway.id.clone(), |state, id| {
    state.customer_gateway(id)
});
stored!(VpnConnection, VPN_CONNECTION, VpnConnectionId, |connection| connection.id.clone(), |state, id| {
    state.vpn_connection(id)
});
stored!(Cen, CEN, CenId, |cen| cen.id.clone(), |state, id| state.cen(id));
stored!(TransitRouter, TRANSIT_ROUTER, TransitRouterId, |router| router.id.clone(), |state, id| {
    state.transit_router(id)
});
stored!(VpnGateway, VPN_GATEWAY, VpnGatewayId, |gateway| gateway.id.clone(), |state, id| state
    .vpn_gateway(id));
stored!(Vpc, VPC, VpcId, |vpc| vpc.id.clone(), |state, id| state.vpc(id));
stored!(VSwitch, V_SWITCH, VSwitchId, |v_switch| v_switch.id.clone(), |state, id| state.v_switch(id));
stored!(
    VpnRouteEntry,
    VPN_ROUTE_ENTRY,
    VpnRouteId,
    |route| VpnRouteId { vpn_gateway: route.vpn_gateway_id.clone(), key: route.key() },
    |state, id| state.vpn_route(id)
);
stored!(
    VcoRouteEntry,
    VCO_ROUTE_ENTRY,
    RouteId,
    |route| RouteId { connection: route.vpn_connection_id.clone(), key: route.key() },
    |state, id| state.vco_route(&id.connection, id.key)
);
stored!(Diagnosis, DIAGNOSIS, DiagnoseId, |diagnosis| diagnosis.id.clone(), |state, id| state.diagnosis(id));
stored!(ClientToken, CLIENT_TOKEN, String, |token| Self::id(&token.action, &token.token), |state, id| state
    .client_token(id));
