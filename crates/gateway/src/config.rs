//! What a gateway is told once, at its start, and why it may not start.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::Ipv4Addr;
use std::num::NonZeroUsize;

use causeway_crypto::OwnCertificate;
use causeway_esp::Traffic;
pub use causeway_ike::Limits as IkeLimits;

use crate::health::SilenceTimes;
use crate::routes::{RouteError, RouteNumbers};
use crate::tun::MTU_DEFAULT;

/// The ports of RFC 7296, 2 and RFC 3948.
pub const IKE_PORT: u16 = 500;
/// See [`IKE_PORT`].
pub const NAT_TRAVERSAL_PORT: u16 = 4500;

/// The most workers. Every domain has a queue and a thread for each, and every queue room for as many packets as one alone.
pub const WORKERS_MAX: usize = 16;

/// When packets of a tunnel with NAT traversal travel inside UDP rather than as an IP protocol of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encapsulation {
    /// Always: it passes every firewall that IKE passes, and the kernel sends and receives UDP in batches.
    #[default]
    Always,
    /// Only where an address is translated on the way, as RFC 7296, 2.23 has it.
    WhenTranslated,
}

/// What becomes of devices, routes and rules when the gateway stops. One that is killed holds them, whatever it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnStop {
    /// They stay until it runs again, and Linux drops what its routes lead to: nothing of it leaves in clear meanwhile.
    #[default]
    Hold,
    /// They go, and packets go where this machine sends them without the gateway.
    Release,
}

/// An address of the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LocalAddress {
    /// As peers know it: the `InternetIp` of the API.
    pub public: Ipv4Addr,
    /// The address of this machine that packets to it arrive at: the same, or another one behind a translator.
    pub local: Ipv4Addr,
}

/// How a gateway is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayConfig {
    /// The gateway's addresses; at least one.
    pub addresses: Vec<LocalAddress>,
    /// Our port for IKE; only a test has a reason for another.
    pub ike_port: u16,
    /// Our port for IKE and ESP with NAT traversal.
    pub nat_port: u16,
    /// TUN devices are named with this and a number. Two gateways in one network namespace need different ones.
    pub device_prefix: String,
    /// The MTU of the TUN devices, in bytes. See [`crate::tun`].
    pub mtu: u16,
    /// How many threads forward packets, each of them in both directions: see [`workers_default`].
    pub workers: NonZeroUsize,
    /// The numbers of our routes and rules.
    pub numbers: RouteNumbers,
    /// What one IPsec SA may carry at most, where its cipher does not allow even less: it is rekeyed at half of that. The half
    /// that is left has to last for the rekeying, a second or two.
    pub sa_traffic_max: Traffic,
    /// When to encapsulate in UDP.
    pub encapsulation: Encapsulation,
    /// What becomes of devices and routes at the end.
    pub on_stop: OnStop,
    /// What the gateway shows to peers that have to show a certificate themselves; the pre-shared key proves it otherwise.
    pub certificate: Option<OwnCertificate>,
    /// The bounds of IKE, and its intervals.
    pub limits: IkeLimits,
    /// When a tunnel that hears nothing is taken for a black hole.
    pub silence: SilenceTimes,
}

/// One worker for each processor, and no more than [`WORKERS_MAX`].
pub fn workers_default() -> NonZeroUsize {
    let most = NonZeroUsize::MIN.saturating_add(WORKERS_MAX - 1);
    std::thread::available_parallelism().map_or(NonZeroUsize::MIN, |processors| processors.min(most))
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            addresses: Vec::new(),
            ike_port: IKE_PORT,
            nat_port: NAT_TRAVERSAL_PORT,
            device_prefix: "cw".to_owned(),
            mtu: MTU_DEFAULT,
            workers: workers_default(),
            numbers: RouteNumbers::default(),
            sa_traffic_max: Traffic { packets: u64::MAX, bytes: u64::MAX },
            encapsulation: Encapsulation::default(),
            on_stop: OnStop::default(),
            certificate: None,
            limits: IkeLimits::default(),
            silence: SilenceTimes::default(),
        }
    }
}

impl GatewayConfig {
    /// A gateway that is reached at these addresses, which are its own; everything else as usual.
    pub fn at(addresses: impl IntoIterator<Item = Ipv4Addr>) -> Self {
        let own = |address| LocalAddress { public: address, local: address };
        Self { addresses: addresses.into_iter().map(own).collect(), ..Self::default() }
    }

    /// For each address that peers know, that of this machine.
    pub(crate) fn local_of_public(&self) -> BTreeMap<Ipv4Addr, Ipv4Addr> {
        self.addresses.iter().map(|address| (address.public, address.local)).collect()
    }

    /// The addresses of this machine, each once.
    pub(crate) fn locals(&self) -> BTreeSet<Ipv4Addr> {
        self.addresses.iter().map(|address| address.local).collect()
    }
}

/// Why a gateway does not start. Each says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No address was configured.
    #[error("the gateway has no address: configure at least one that its peers can reach")]
    NoAddress,
    /// An address stands for all of them.
    #[error(
        "0.0.0.0 is no address that peers can reach: configure the addresses of this machine that they use, one by one"
    )]
    AddressUnspecified,
    /// The configured address is on none of this machine's links.
    #[error(
        "this machine does not have the address {address}: configure one of `ip -4 address`, or, behind a translator, \
         the public address together with the machine's own"
    )]
    AddressNotAvailable {
        /// The address.
        address: Ipv4Addr,
    },
    /// Another program has the port.
    #[error(
        "UDP port {port} of {address} is in use by another program, perhaps another IPsec daemon or another Causeway: \
         find it with `ss -lunp sport = :{port}` and stop it"
    )]
    PortInUse {
        /// Our address.
        address: Ipv4Addr,
        /// The port.
        port: u16,
    },
    /// The process lacks a right.
    #[error(
        "no permission for {what}: run as root, or with the capabilities CAP_NET_ADMIN and CAP_NET_RAW (and, for ports \
         below 1024, CAP_NET_BIND_SERVICE), or without packets by `--engine none`"
    )]
    Permission {
        /// What was refused.
        what: String,
    },
    /// There is no TUN.
    #[error(
        "/dev/net/tun is missing: load it with `modprobe tun`, or give it to the container with `--device /dev/net/tun`, \
         or run without packets by `--engine none`"
    )]
    NoTun,
    /// Another gateway has the devices of this name.
    #[error(
        "another Causeway runs in this network namespace with TUN devices named {prefix}*: stop it, or configure another device prefix"
    )]
    AlreadyRunning {
        /// The prefix of the names.
        prefix: String,
    },
    /// The kernel's routes could not be read or written.
    #[error("setting up routes: {0}")]
    Routes(#[from] RouteError),
    /// Something else that the system refused.
    #[error("{what}: {error}")]
    System {
        /// What was being done.
        what: String,
        /// The system's answer.
        error: io::Error,
    },
}

impl StartError {
    /// Sorts an error of the system by what can be done about it.
    pub(crate) fn of_system(what: impl Into<String>, error: io::Error) -> Self {
        let what = what.into();
        match error.kind() {
            io::ErrorKind::PermissionDenied => Self::Permission { what },
            _ => Self::System { what, error },
        }
    }
}
