//! Child SAs: negotiating one, in whichever exchange (RFC 7296, 1.2, 1.3, 2.9 and 2.17), and where it is in its life.

use std::time::Duration;

use causeway_crypto::Secret;

use crate::config::TunnelConfig;
use crate::failure::{Failure, FailureKind, Negotiated, ProposalItem};
use crate::keys::SaKeys;
use crate::message::contents::Contents;
use crate::message::notify::{Notify, NotifyKind};
use crate::message::payload::Payload;
use crate::message::proposal::{GROUP, PROTOCOL_ESP, Proposal};
use crate::message::selector::Selector;
use crate::output::DirectionKeys;
use crate::proposal::{accepted, choose, explain, is_extended};
use crate::traffic::{self, Traffic};

/// A child SA of an IKE SA, by its inbound SPI.
#[derive(Clone, Debug)]
pub(crate) struct Child {
    pub outbound_spi: u32,
    pub traffic: Traffic,
    pub state: ChildState,
    pub rekey_at: Option<Duration>,
    /// When to begin another IKE SA, whose first child takes the place of this one: the peer did not replace it when asked.
    pub reauthenticate_at: Option<Duration>,
    /// When it is deleted whatever happens.
    pub expire_at: Duration,
}

/// Where a child SA is in its life.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum ChildState {
    Up,
    /// Another child has taken its place; one side is about to delete it.
    Replaced,
    /// We sent a Delete.
    Deleting,
}

/// The exchange that a child is negotiated in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Within {
    /// IKE_AUTH: no group, the nonces of IKE_SA_INIT.
    Auth,
    /// CREATE_CHILD_SA.
    CreateChild,
}

/// Why there is no child, for the peer and for the log.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub notify: Notify,
    pub failure: Failure,
}

/// What was agreed on.
#[derive(Clone, Debug)]
pub(crate) struct Agreement {
    pub outbound_spi: u32,
    /// Sequence numbers have 64 bits.
    pub extended: bool,
    pub traffic: Traffic,
}

/// A responder's part: the agreement, and what to tell of it.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub agreement: Agreement,
    proposal: Proposal,
    ts_initiator: Vec<Selector>,
    ts_responder: Vec<Selector>,
}

impl Accepted {
    /// SA, TSi and TSr of the answer.
    pub(crate) fn payloads(self, inbound_spi: u32) -> [Payload; 3] {
        let proposal = Proposal { spi: inbound_spi.to_be_bytes().to_vec(), ..self.proposal };
        [
            Payload::SecurityAssociation(vec![proposal]),
            Payload::TsInitiator(self.ts_initiator),
            Payload::TsResponder(self.ts_responder),
        ]
    }
}

/// SA, TSi and TSr of an initiator's request.
pub(crate) fn offer(
    config: &TunnelConfig,
    within: Within,
    inbound_spi: u32,
    traffic: &Traffic,
) -> [Payload; 3] {
    [
        Payload::SecurityAssociation(vec![config.child.offer(inbound_spi, within == Within::CreateChild)]),
        Payload::TsInitiator(traffic::offer(&traffic.local)),
        Payload::TsResponder(traffic::offer(&traffic.remote)),
    ]
}

/// As responder: chooses from a peer's offer.
pub(crate) fn answer(
    config: &TunnelConfig,
    within: Within,
    contents: &Contents,
) -> Result<Accepted, Refusal> {
    let (Some(offered), Some(tsi), Some(tsr)) =
        (&contents.sa, &contents.ts_initiator, &contents.ts_responder)
    else {
        let text = "peer asks for a child SA without proposing one, or without traffic selectors";
        let failure = Failure::new(FailureKind::Malformed, text);
        return Err(Refusal { notify: Notify::new(NotifyKind::InvalidSyntax, &[]), failure });
    };
    let offered: Vec<Proposal> = match within {
        Within::Auth => offered.iter().map(without_group).collect(),
        Within::CreateChild => offered.clone(),
    };
    let wanted = config.child.transforms(within == Within::CreateChild);
    let chosen =
        choose(&offered, PROTOCOL_ESP, &wanted).and_then(|proposal| Some((proposal.child_spi()?, proposal)));
    let Some((outbound_spi, proposal)) = chosen.filter(|(spi, _)| *spi != 0) else {
        let failure = explain(Negotiated::Child, &offered, &wanted);
        return Err(Refusal { notify: Notify::new(NotifyKind::NoProposalChosen, &[]), failure });
    };
    let ts_initiator = traffic::narrow(tsi, &config.remote_ts);
    let ts_responder = traffic::narrow(tsr, &config.local_ts);
    let nets = (traffic::nets(&ts_responder), traffic::nets(&ts_initiator));
    let (Some(local), Some(remote)) = nets else { return Err(unacceptable(config, tsi, tsr)) };
    if local.is_empty() || remote.is_empty() {
        return Err(unacceptable(config, tsi, tsr));
    }
    let extended = is_extended(&proposal);
    let agreement = Agreement { outbound_spi, extended, traffic: Traffic { local, remote } };
    Ok(Accepted { agreement, proposal, ts_initiator, ts_responder })
}

/// A peer need not, but some do, name groups in IKE_AUTH, where there is nothing to do with them.
fn without_group(proposal: &Proposal) -> Proposal {
    let mut proposal = proposal.clone();
    proposal.transforms.retain(|transform| transform.kind != GROUP);
    proposal
}

fn unacceptable(config: &TunnelConfig, tsi: &[Selector], tsr: &[Selector]) -> Refusal {
    let text = format!(
        "peer proposed traffic between its {} and our {}, we want its {} and our {}: {}",
        traffic::selectors_name(tsi),
        traffic::selectors_name(tsr),
        traffic::nets_name(&config.remote_ts),
        traffic::nets_name(&config.local_ts),
        match (
            traffic::narrow(tsi, &config.remote_ts).is_empty(),
            traffic::narrow(tsr, &config.local_ts).is_empty()
        ) {
            (true, true) => "both differ",
            (true, false) => "the peer's networks differ",
            _ => "our networks differ",
        }
    );
    let failure = Failure::new(FailureKind::TrafficSelectors, text);
    Refusal { notify: Notify::new(NotifyKind::TsUnacceptable, &[]), failure }
}

/// As initiator: takes a responder's answer to what was offered, or says why not.
pub(crate) fn accept(
    config: &TunnelConfig,
    within: Within,
    offered: &Traffic,
    contents: &Contents,
) -> Result<Agreement, Failure> {
    let wanted = config.child.transforms(within == Within::CreateChild);
    let chosen = contents.sa.as_deref().unwrap_or_default();
    let accepted = accepted(chosen, PROTOCOL_ESP, &wanted);
    let accepted = accepted.and_then(|it| Some((it.child_spi()?, is_extended(it))));
    let Some((outbound_spi, extended)) = accepted.filter(|(spi, _)| *spi != 0) else {
        return Err(explain(Negotiated::Child, chosen, &wanted));
    };
    let tsi = contents.ts_initiator.as_deref().unwrap_or_default();
    let tsr = contents.ts_responder.as_deref().unwrap_or_default();
    let narrowed = (traffic::accept(tsi, &offered.local), traffic::accept(tsr, &offered.remote));
    let (Some(local), Some(remote)) = narrowed else {
        let text = format!(
            "peer answered with traffic between our {} and its {}, we proposed {offered}: that is not within it",
            traffic::selectors_name(tsi),
            traffic::selectors_name(tsr),
        );
        return Err(Failure::new(FailureKind::TrafficSelectors, text));
    };
    Ok(Agreement { outbound_spi, extended, traffic: Traffic { local, remote } })
}

/// Why a responder gave no child, as far as it tells.
pub(crate) fn refusal(config: &TunnelConfig, offered: &Traffic, kind: NotifyKind) -> Failure {
    let text = match kind {
        NotifyKind::NoProposalChosen => format!(
            "peer refused our ESP proposal {} ({kind}): its encryption, integrity or PFS group differs; its log says which",
            config.child
        ),
        NotifyKind::TsUnacceptable => {
            format!("peer refused traffic between {offered} ({kind}): its networks differ")
        }
        NotifyKind::InvalidKePayload => {
            format!("peer wants another PFS group than that of {} ({kind})", config.child)
        }
        _ => format!("peer refused the child SA: {kind}"),
    };
    let of = Negotiated::Child;
    let kind = match kind {
        NotifyKind::NoProposalChosen => FailureKind::Proposal { of, items: Vec::new() },
        NotifyKind::InvalidKePayload => FailureKind::Proposal { of, items: vec![ProposalItem::Group] },
        NotifyKind::TsUnacceptable | NotifyKind::SinglePairRequired => FailureKind::TrafficSelectors,
        _ => FailureKind::Refused,
    };
    Failure::new(kind, text)
}

/// The keys of a new child, inbound first.
pub(crate) fn keys(
    config: &TunnelConfig,
    sa: &SaKeys,
    shared: Option<&Secret>,
    nonces: (&[u8], &[u8]),
    made_by_us: bool,
) -> (DirectionKeys, DirectionKeys) {
    let (from_initiator, from_responder) = sa.child(&config.child, shared, nonces.0, nonces.1);
    if made_by_us { (from_responder, from_initiator) } else { (from_initiator, from_responder) }
}
