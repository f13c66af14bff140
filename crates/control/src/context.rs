//! What a call brings along beside its parameters. All of it is an argument: there is no clock here, no
//! randomness and nothing that could change between two readings.

use std::net::IpAddr;

use crate::account::Caller;
use crate::ids::RequestId;
use crate::observed::{Logs, Observations};
use crate::role_session::Sealer;
use crate::settings::Settings;

/// The surroundings of one call.
pub struct CallContext<'a> {
    /// Who calls. Its policies are in the state of the account.
    pub caller: Caller,
    /// The id of the request.
    pub request_id: RequestId,
    /// The time, in UNIX milliseconds.
    pub now_ms: i64,
    /// 32 random bytes, used for this call only: ids and keys are made of them.
    pub seed: [u8; 32],
    /// The address that the request came from.
    pub source_ip: IpAddr,
    /// Whether it came over TLS.
    pub secure_transport: bool,
    /// The name by which the caller reached the server, answered where the API answers an endpoint.
    pub host: &'a str,
    /// Quotas, regions and addresses.
    pub settings: &'a Settings,
    /// What the gateway reported.
    pub observations: &'a dyn Observations,
    /// The logs of the connections.
    pub logs: &'a dyn Logs,
    /// What seals the tokens of role sessions.
    pub sealer: &'a dyn Sealer,
}
