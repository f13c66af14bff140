//! INFORMATIONAL (RFC 7296, 1.4): deletes, liveness, and fatal notifications.

use std::time::Duration;

use crate::child::ChildState;
use crate::exchange::{Reply, rekey_ike};
use crate::failure::{Failure, FailureKind};
use crate::message::contents::Contents;
use crate::message::notify::NotifyKind;
use crate::message::payload::{Delete, Payload};
use crate::output::Level;
use crate::sa::IkeSa;
use crate::shared::Shared;

/// The peer deletes, tells, or only asks whether we are alive.
pub(crate) fn on_request(shared: &mut Shared, sa: &mut IkeSa, contents: &Contents) -> Reply {
    on_auth_lifetime(shared, sa, contents);
    let fatal = [NotifyKind::AuthenticationFailed, NotifyKind::InvalidSyntax];
    if let Some(notify) = contents.notifies.iter().find(|notify| fatal.contains(&notify.kind)) {
        let failure = match notify.kind {
            NotifyKind::AuthenticationFailed => Failure::new(
                FailureKind::AuthenticationRefused,
                "peer does not accept that we are who we say: the pre-shared key or our identity does not match \
                 (AUTHENTICATION_FAILED)",
            ),
            kind => Failure::new(FailureKind::Refused, format!("peer closed the IKE SA: {kind}")),
        };
        shared.failed(sa, Level::Error, failure);
        shared.lost(sa, true);
        return Reply::Payloads(Vec::new());
    }
    if contents.deletes.contains(&Delete::Ike) {
        rekey_ike::concede(shared, sa);
        if sa.is_established() && sa.rival_of.is_none() {
            let failure = Failure::new(FailureKind::ClosedByPeer, "peer closed the IKE SA");
            shared.failed(sa, Level::Info, failure);
        }
        shared.leave_children(sa);
        shared.lost(sa, true);
        return Reply::Payloads(Vec::new());
    }
    let deleted: Vec<u32> =
        contents.deletes.iter().flat_map(|delete| on_delete(shared, sa, delete)).collect();
    let answer = (!deleted.is_empty()).then_some(Payload::Delete(Delete::Esp(deleted)));
    Reply::Payloads(answer.into_iter().collect())
}

/// The peer wants us to authenticate again before so many seconds have passed (RFC 4478). Only who began an IKE SA can.
pub(crate) fn on_auth_lifetime(shared: &mut Shared, sa: &mut IkeSa, contents: &Contents) {
    let notify = contents.notify(NotifyKind::AuthLifetime).filter(|_| sa.initiator);
    let seconds = notify.and_then(|notify| notify.data.as_slice().try_into().ok()).map(u32::from_be_bytes);
    if let Some(seconds) = seconds {
        let lifetime = Duration::from_secs(seconds.into());
        sa.times.reauthenticate = Some(shared.rekey_time(lifetime));
        let text = format!("peer wants us to authenticate again within {seconds} s");
        shared.log(sa.tunnel, Level::Info, text);
    }
}

/// The peer deletes its halves of children; gives our halves, which go with them.
fn on_delete(shared: &mut Shared, sa: &mut IkeSa, delete: &Delete) -> Vec<u32> {
    let Delete::Esp(outbound_spis) = delete else { return Vec::new() };
    let mut deleted = Vec::new();
    for outbound_spi in outbound_spis {
        let found = sa.children.iter().find(|(_, child)| child.outbound_spi == *outbound_spi);
        let Some((inbound_spi, state)) = found.map(|(spi, child)| (*spi, child.state)) else { continue };
        match state {
            // Both sides delete it: each has said so itself (1.4.1).
            ChildState::Deleting => shared.remove_child(sa, inbound_spi, false),
            ChildState::Replaced => {
                deleted.push(inbound_spi);
                replaced_is_gone(shared, sa, inbound_spi);
            }
            ChildState::Up => {
                deleted.push(inbound_spi);
                shared.log(sa.tunnel, Level::Info, format!("peer deleted the child SA {inbound_spi:08x}"));
                shared.remove_child(sa, inbound_spi, false);
            }
        }
    }
    deleted
}

/// The peer deletes what its rekeying has replaced, so it has what replaces it.
fn replaced_is_gone(shared: &mut Shared, sa: &mut IkeSa, inbound_spi: u32) {
    shared.children_ready(sa, |_| true);
    shared.remove_child(sa, inbound_spi, true);
}

/// The peer has deleted its halves of the children that we deleted.
pub(crate) fn on_deleted(shared: &mut Shared, sa: &mut IkeSa, spis: &[u32]) {
    let others_up =
        sa.children.iter().any(|(spi, child)| child.state == ChildState::Up && !spis.contains(spi));
    for spi in spis {
        shared.remove_child(sa, *spi, others_up);
    }
}
