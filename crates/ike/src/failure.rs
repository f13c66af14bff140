//! Why a tunnel is not up, for programs: what kind of thing is wrong, in words of no single version of IKE.

/// What is wrong, beside a sentence for a person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// What kind of thing it is.
    pub kind: FailureKind,
    /// As a sentence for a person; never a secret.
    pub text: String,
}

/// What kind of thing is wrong.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FailureKind {
    /// Nobody answers at the peer's address, or the peer does not answer any more.
    PeerUnreachable,
    /// The peer speaks another version of IKE.
    Version,
    /// The algorithms differ.
    Proposal {
        /// Whose algorithms.
        of: Negotiated,
        /// Which of them, as far as can be known; empty if the peer only said that they do.
        items: Vec<ProposalItem>,
    },
    /// The peer could not prove that it has our pre-shared key.
    PreSharedKey,
    /// The peer refused our proof: the pre-shared key or one of the identities differs, and it does not say which.
    AuthenticationRefused,
    /// The peer is somebody else than configured.
    RemoteIdentity,
    /// The peer wants us to be somebody else than configured.
    LocalIdentity,
    /// The peer's certificate does not prove who it is.
    Certificate(CertificateProblem),
    /// The networks differ.
    TrafficSelectors,
    /// The peer ended it, without saying why.
    ClosedByPeer,
    /// The peer refused for another reason; the sentence has its word.
    Refused,
    /// The peer said something that makes no sense.
    Malformed,
    /// The lifetime ended before the peers had agreed on a successor.
    LifetimeEnded,
}

/// What is being agreed on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Negotiated {
    /// The IKE SA (phase 1).
    Ike,
    /// The IPsec SA (phase 2).
    Child,
}

/// One item of a proposal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ProposalItem {
    /// The encryption algorithm.
    Encryption,
    /// The integrity algorithm.
    Integrity,
    /// The pseudo-random function.
    Prf,
    /// The Diffie-Hellman group; of an IPsec SA, the group of perfect forward secrecy.
    Group,
    /// Whether sequence numbers have 32 or 64 bits.
    SequenceNumbers,
    /// How the peers authenticate.
    AuthenticationMethod,
    /// How long it lives.
    Lifetime,
}

/// What is wrong with a peer's certificate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum CertificateProblem {
    /// It sent none.
    Missing,
    /// It cannot be read, or is of a kind that is not supported.
    Unusable,
    /// It is not valid any more.
    Expired,
    /// It is not valid yet.
    NotYetValid,
    /// It does not chain to the configured authority.
    UnknownAuthority,
    /// It names somebody else.
    Identity,
    /// The signature is not by its key.
    Signature,
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, text: impl Into<String>) -> Self {
        Failure { kind, text: text.into() }
    }
}

/// Where addresses are translated between the peers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct NatDetected {
    /// Our address is translated on the way to the peer.
    pub ours: bool,
    /// The peer's address is translated on the way to us, or it claims so.
    pub theirs: bool,
}
