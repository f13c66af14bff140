//! Vendor ids: how IKEv1 says what it can do beyond RFC 2409. Those that we do not know say nothing to us.

use crate::v1::message::{NAT_D, NAT_D_DRAFT, Payload, VENDOR_ID};

/// RFC 3706, 5.1: dead peer detection. The last two bytes are the version.
const DPD: [u8; 16] =
    [0xaf, 0xca, 0xd7, 0x13, 0x68, 0xa1, 0xf1, 0xc9, 0x6b, 0x86, 0x96, 0xfc, 0x77, 0x57, 0x01, 0x00];
/// MD5 of "RFC 3947".
const NAT_TRAVERSAL: [u8; 16] =
    [0x4a, 0x13, 0x1c, 0x81, 0x07, 0x03, 0x58, 0x45, 0x5c, 0x57, 0x28, 0xf2, 0x0e, 0x95, 0x45, 0x2f];
/// MD5 of "draft-ietf-ipsec-nat-t-ike-03", and of that of draft 02 with and without a newline at its end.
const NAT_TRAVERSAL_DRAFTS: [[u8; 16]; 3] = [
    [0x7d, 0x94, 0x19, 0xa6, 0x53, 0x10, 0xca, 0x6f, 0x2c, 0x17, 0x9d, 0x92, 0x15, 0x52, 0x9d, 0x56],
    [0x90, 0xcb, 0x80, 0x91, 0x3e, 0xbb, 0x69, 0x6e, 0x08, 0x63, 0x81, 0xb5, 0xec, 0x42, 0x7b, 0x1f],
    [0xcd, 0x60, 0x46, 0x43, 0x35, 0xdf, 0x21, 0xf8, 0x7c, 0xfd, 0xb2, 0xfc, 0x68, 0xb6, 0xa4, 0x48],
];

/// How a peer goes through address translation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NatTraversal {
    /// RFC 3947.
    Final,
    /// A draft before it, with other numbers for the same.
    Draft,
}

impl NatTraversal {
    /// The type of the NAT-D payload.
    pub(crate) fn nat_d(self) -> u8 {
        match self {
            NatTraversal::Final => NAT_D,
            NatTraversal::Draft => NAT_D_DRAFT,
        }
    }
}

/// What a peer has said it can do.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Abilities {
    pub dead_peer_detection: bool,
    pub nat_traversal: Option<NatTraversal>,
}

impl Abilities {
    pub(crate) fn of(vendor_ids: &[Vec<u8>]) -> Abilities {
        let has = |known: &[u8; 16]| vendor_ids.iter().any(|sent| sent == known);
        let nat_traversal = if has(&NAT_TRAVERSAL) {
            Some(NatTraversal::Final)
        } else {
            NAT_TRAVERSAL_DRAFTS.iter().any(has).then_some(NatTraversal::Draft)
        };
        let dead_peer_detection = vendor_ids.iter().any(|sent| sent.len() == 16 && sent[..14] == DPD[..14]);
        Abilities { dead_peer_detection, nat_traversal }
    }
}

/// What we can do; as answer to a peer's `offered`, only the way through address translation that it knows.
pub(crate) fn payloads(nat_traversal: bool, offered: Option<Abilities>) -> Vec<Payload> {
    let mut ids = vec![DPD];
    match offered.map(|offered| offered.nat_traversal) {
        _ if !nat_traversal => {}
        None => {
            ids.push(NAT_TRAVERSAL);
            ids.extend(NAT_TRAVERSAL_DRAFTS);
        }
        Some(Some(NatTraversal::Final)) => ids.push(NAT_TRAVERSAL),
        Some(Some(NatTraversal::Draft)) => ids.extend(NAT_TRAVERSAL_DRAFTS),
        Some(None) => {}
    }
    ids.into_iter().map(|id| Payload::new(VENDOR_ID, id.to_vec())).collect()
}

#[cfg(test)]
mod tests {
    use causeway_crypto::Hash;

    use super::{Abilities, DPD, NAT_TRAVERSAL, NAT_TRAVERSAL_DRAFTS, NatTraversal, payloads};

    #[test]
    fn the_ids_are_the_hashes_of_what_they_stand_for() {
        let md5 = |text: &str| Hash::Md5.digest(&[text.as_bytes()]);
        assert_eq!(md5("RFC 3947"), NAT_TRAVERSAL);
        assert_eq!(md5("draft-ietf-ipsec-nat-t-ike-03"), NAT_TRAVERSAL_DRAFTS[0]);
        assert_eq!(md5("draft-ietf-ipsec-nat-t-ike-02\n"), NAT_TRAVERSAL_DRAFTS[1]);
        assert_eq!(md5("draft-ietf-ipsec-nat-t-ike-02"), NAT_TRAVERSAL_DRAFTS[2]);
    }

    #[test]
    fn the_final_way_is_preferred_and_unknown_ids_say_nothing() {
        let ids: Vec<Vec<u8>> = payloads(true, None).into_iter().map(|it| it.body).collect();
        let both = Abilities { dead_peer_detection: true, nat_traversal: Some(NatTraversal::Final) };
        assert_eq!(Abilities::of(&ids), both);
        assert_eq!(Abilities::of(&ids[2..]).nat_traversal, Some(NatTraversal::Draft));
        assert_eq!(Abilities::of(&[vec![], vec![1; 16], vec![0; 300]]), Abilities::default());
        let newer = [&DPD[..14], &[2, 0]].concat();
        assert!(Abilities::of(&[newer]).dead_peer_detection);
    }
}
