//! What a tunnel is configured to be, and the bounds of an endpoint.

use std::collections::BTreeSet;
use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use causeway_crypto::{Authorities, DhGroup, Encryption, Integrity, OwnCertificate, Prf, Secret};
use ipnet::Ipv4Net;

use crate::identity::Identity;
use crate::message::proposal::{ENCRYPTION, GROUP, INTEGRITY};
use crate::name::transform_name;
use crate::nat::{IKE_PORT, Path};

/// Names one tunnel of an [`Endpoint`](crate::Endpoint); chosen by the caller.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TunnelKey(pub u64);

/// Which protocol a tunnel is negotiated by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub enum IkeVersion {
    /// IKEv2 (RFC 7296).
    #[default]
    V2,
    /// IKEv1 (RFC 2409), its phase 1 in this mode.
    V1(Mode),
}

/// The mode of IKEv1's phase 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Mode {
    /// Six messages; identities are encrypted.
    Main,
    /// Three messages; identities are in the clear, and whoever reads them can try pre-shared keys at leisure.
    Aggressive,
}

/// The one suite of algorithms for the IKE SA.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IkeProposal {
    /// Encrypts the protected messages.
    pub encryption: Encryption,
    /// Protects them; none exactly when the encryption authenticates by itself (AES-GCM).
    pub integrity: Option<Integrity>,
    /// Derives keys; customarily the function the integrity algorithm is made of.
    pub prf: Prf,
    /// The Diffie-Hellman group of IKE_SA_INIT and of rekeying the IKE SA.
    pub group: DhGroup,
}

/// The one suite of algorithms for the child SA (ESP in tunnel mode). Sequence numbers are extended ones if the peer has them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChildProposal {
    /// Encrypts packets.
    pub encryption: Encryption,
    /// Protects packets; none exactly when the encryption authenticates by itself (AES-GCM).
    pub integrity: Option<Integrity>,
    /// The group of a fresh Diffie-Hellman exchange at each rekey (perfect forward secrecy), if wanted.
    pub pfs: Option<DhGroup>,
}

/// Authentication by certificates.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CertificateAuth {
    /// The peer's certificate has to chain to one of these: RemoteCaCert of the API.
    pub remote_ca: Authorities,
    /// What we show; without one we prove that we have the pre-shared key.
    pub own: Option<OwnCertificate>,
}

/// The configuration of one tunnel.
#[derive(Clone, PartialEq, Eq)]
pub struct TunnelConfig {
    /// Our address, which IKE messages come to.
    pub local: Ipv4Addr,
    /// The peer's address as we see it; 0.0.0.0 accepts any and never initiates.
    pub remote: Ipv4Addr,
    /// The protocol.
    pub version: IkeVersion,
    /// Who we say we are.
    pub local_id: Identity,
    /// Who the peer must say it is.
    pub remote_id: Identity,
    /// The pre-shared key.
    pub psk: Secret,
    /// By which certificates the peer, and perhaps we, authenticate instead of by the pre-shared key.
    pub certificates: Option<Arc<CertificateAuth>>,
    /// Algorithms of the IKE SA.
    pub ike: IkeProposal,
    /// After this long the IKE SA is no longer used; it is rekeyed at about 90% of it. Zero means 86,400 s.
    pub ike_lifetime: Duration,
    /// Algorithms of the child SA.
    pub child: ChildProposal,
    /// After this long a child SA is no longer used; it is rekeyed at about 90% of it. Zero means 86,400 s.
    pub child_lifetime: Duration,
    /// What is behind us.
    pub local_ts: Vec<Ipv4Net>,
    /// What is behind the peer.
    pub remote_ts: Vec<Ipv4Net>,
    /// Whether to ask a silent peer whether it is alive (dead peer detection).
    pub dpd: bool,
    /// How long a peer may be silent before it is asked; zero means [`Limits::dpd_interval`].
    pub dpd_interval: Duration,
    /// Whether to detect address translation, and encapsulate in UDP when there is some.
    pub nat_traversal: bool,
    /// Whether to encapsulate in UDP in any case, and make the peer do so by claiming that our address is translated.
    pub force_encapsulation: bool,
    /// Whether to initiate (and to try for ever) rather than only to wait for the peer.
    pub initiate: bool,
}

/// What a lifetime of zero means.
const LIFETIME_DEFAULT: Duration = Duration::from_secs(86_400);
/// What a longer lifetime means: ten years.
const LIFETIME_MAX: Duration = Duration::from_secs(10 * 365 * 86_400);

impl TunnelConfig {
    /// The IKE SA's lifetime with the default filled in.
    pub(crate) fn ike_lifetime(&self) -> Duration {
        if self.ike_lifetime.is_zero() { LIFETIME_DEFAULT } else { self.ike_lifetime.min(LIFETIME_MAX) }
    }

    /// The child SA's lifetime with the default filled in.
    pub(crate) fn child_lifetime(&self) -> Duration {
        if self.child_lifetime.is_zero() { LIFETIME_DEFAULT } else { self.child_lifetime.min(LIFETIME_MAX) }
    }

    /// How long a peer may be silent, or `None` when it is never asked.
    pub(crate) fn dpd_interval(&self, limits: &Limits) -> Option<Duration> {
        let interval = if self.dpd_interval.is_zero() { limits.dpd_interval } else { self.dpd_interval };
        self.dpd.then_some(interval.min(LIFETIME_MAX))
    }

    /// The algorithms that should not be used any more, by name.
    pub(crate) fn weak_algorithms(&self) -> Vec<String> {
        let ike = self.ike.transforms().into_iter().filter(|transform| match transform.kind {
            ENCRYPTION => self.ike.encryption.is_weak(),
            INTEGRITY => self.ike.integrity.is_some_and(Integrity::is_weak),
            GROUP => self.ike.group.is_weak(),
            _ => false,
        });
        let child = self.child.transforms(true).into_iter().filter(|transform| match transform.kind {
            ENCRYPTION => self.child.encryption.is_weak(),
            INTEGRITY => self.child.integrity.is_some_and(Integrity::is_weak),
            GROUP => self.child.pfs.is_some_and(DhGroup::is_weak),
            _ => false,
        });
        let names: BTreeSet<String> = ike.chain(child).map(|transform| transform_name(&transform)).collect();
        names.into_iter().collect()
    }

    /// Whether `other` can take this configuration's place without negotiating anew.
    pub(crate) fn negotiates_the_same(&self, other: &TunnelConfig) -> bool {
        let soft = TunnelConfig {
            ike_lifetime: other.ike_lifetime,
            child_lifetime: other.child_lifetime,
            dpd: other.dpd,
            dpd_interval: other.dpd_interval,
            initiate: other.initiate,
            ..self.clone()
        };
        soft == *other
    }
}

impl fmt::Debug for TunnelConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TunnelConfig")
            .field("version", &self.version)
            .field("local", &self.local)
            .field("remote", &self.remote)
            .field("local_id", &self.local_id)
            .field("remote_id", &self.remote_id)
            .field("ike", &self.ike)
            .field("child", &self.child)
            .field("local_ts", &self.local_ts)
            .field("remote_ts", &self.remote_ts)
            .finish_non_exhaustive()
    }
}

/// The bounds of an [`Endpoint`](crate::Endpoint), and its intervals.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// IKE SAs that peers have begun and not authenticated, in all, or twice as many as there are tunnels if that is more. The
    /// oldest gives way.
    pub half_open_max: usize,
    /// The same from one address, or twice as many as there are tunnels with it.
    pub half_open_per_address_max: usize,
    /// From this many half-open IKE SAs on, a peer must return a cookie first (RFC 7296, 2.6).
    pub cookie_threshold: usize,
    /// How long a peer has to authenticate.
    pub half_open_timeout: Duration,
    /// IKE SAs of one tunnel that are up or coming up; and as many that are only waiting to be gone.
    pub ike_sas_per_tunnel_max: usize,
    /// Child SAs of one IKE SA; we ask for half as many, so that each can be rekeyed.
    pub children_per_ike_sa_max: usize,
    /// Outputs that wait to be polled; beyond it datagrams and log lines are dropped (never a change of a child or a status).
    pub outputs_max: usize,
    /// How long to wait before a request is first retransmitted; then twice as long each time.
    pub retransmit_after: Duration,
    /// The longest wait between two retransmissions.
    pub retransmit_after_max: Duration,
    /// How often a request is retransmitted before the peer is taken for dead.
    pub retransmissions_max: u32,
    /// How long to wait before initiating again after a failure; then twice as long each time.
    pub retry_after: Duration,
    /// The longest wait before initiating again.
    pub retry_after_max: Duration,
    /// How long a peer may be silent before it is asked whether it is alive, where the tunnel does not say.
    pub dpd_interval: Duration,
    /// How often to send something so that a translator in front of us keeps its mapping.
    pub keepalive_interval: Duration,
    /// The longest IP packet that a message of ours is sent in, in bytes, where the peer takes messages in fragments (RFC 7383);
    /// zero neither sends nor takes any.
    pub fragment_packet_bytes: usize,
    /// How long the fragments of a message are waited for.
    pub fragments_timeout: Duration,
    /// Bytes of messages that are not whole, of all IKE SAs together.
    pub fragments_bytes_max: usize,
    /// How long after its making the first child SA of an IKE SA that we began is rekeyed, at the latest, to find out whether the
    /// peer agrees to our group of perfect forward secrecy, which the first one does not tell; zero for not before its time.
    pub first_rekey_after: Duration,
    /// How long a child SA that was replaced is still received on, and a closed IKE SA still answers retransmissions.
    pub linger: Duration,
    /// How long the secret behind the cookies is used.
    pub cookie_secret_lifetime: Duration,
}

/// What is around a message in a packet: the IPv4 header and UDP's, and on port 4500 the non-ESP marker.
const PACKET_OVERHEAD_BYTES: usize = 20 + 8;
const MARKER_BYTES: usize = 4;

impl Limits {
    /// How long one side waits for the other to do what either could.
    pub(crate) fn first_word(&self) -> Duration {
        2 * self.retransmit_after
    }

    /// The longest message on this path that is sent in one piece, where the peer takes fragments.
    pub(crate) fn message_bytes_max(&self, path: Path) -> Option<usize> {
        let marker = if path.local.port() == IKE_PORT { 0 } else { MARKER_BYTES };
        (self.fragment_packet_bytes > 0)
            .then(|| self.fragment_packet_bytes.saturating_sub(PACKET_OVERHEAD_BYTES + marker))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            half_open_max: 1_000,
            half_open_per_address_max: 32,
            cookie_threshold: 32,
            half_open_timeout: Duration::from_secs(30),
            ike_sas_per_tunnel_max: 6,
            children_per_ike_sa_max: 128,
            outputs_max: 65_536,
            retransmit_after: Duration::from_secs(1),
            retransmit_after_max: Duration::from_secs(16),
            retransmissions_max: 7,
            retry_after: Duration::from_secs(1),
            retry_after_max: Duration::from_secs(30),
            dpd_interval: Duration::from_secs(30),
            keepalive_interval: Duration::from_secs(20),
            fragment_packet_bytes: 1_280,
            fragments_timeout: Duration::from_secs(30),
            fragments_bytes_max: 4 << 20,
            first_rekey_after: Duration::from_secs(10),
            linger: Duration::from_secs(5),
            cookie_secret_lifetime: Duration::from_secs(60),
        }
    }
}
