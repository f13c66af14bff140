//! Who an end of a tunnel says it is (RFC 7296, 3.5).

use std::fmt;
use std::net::Ipv4Addr;

/// An identity as configured, or as a peer sent it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Identity {
    /// ID_IPV4_ADDR.
    Ipv4(Ipv4Addr),
    /// ID_FQDN.
    Fqdn(String),
    /// ID_RFC822_ADDR.
    Email(String),
    /// ID_KEY_ID: opaque bytes.
    KeyId(Vec<u8>),
    /// A type that no configuration names (ID_IPV6_ADDR, ID_DER_ASN1_DN and so on), or content that does not fit its type.
    Other {
        /// The type's number.
        kind: u8,
        /// The content.
        content: Vec<u8>,
    },
}

const ID_IPV4_ADDR: u8 = 1;
const ID_FQDN: u8 = 2;
const ID_RFC822_ADDR: u8 = 3;
/// A distinguished name in DER, which certificates have.
pub(crate) const ID_DER_ASN1_DN: u8 = 9;
const ID_KEY_ID: u8 = 11;

impl Identity {
    /// Reads the API's LocalId or RemoteId: a dotted quad is an address, a text with an `@` inside is an e-mail address, everything
    /// else is a name (`@name` too, which is how other implementations write that).
    pub fn parse(text: &str) -> Identity {
        if let Ok(address) = text.parse() {
            return Identity::Ipv4(address);
        }
        match text.find('@') {
            None => Identity::Fqdn(text.to_owned()),
            Some(0) => Identity::Fqdn(text[1..].to_owned()),
            Some(_) => Identity::Email(text.to_owned()),
        }
    }

    /// From the body of an identification payload, after the type and the reserved bytes.
    pub(crate) fn from_wire(kind: u8, content: &[u8]) -> Identity {
        let text = std::str::from_utf8(content).ok().map(str::to_owned);
        match (kind, text) {
            (ID_IPV4_ADDR, _) if content.len() == 4 => {
                Identity::Ipv4(Ipv4Addr::new(content[0], content[1], content[2], content[3]))
            }
            (ID_FQDN, Some(name)) => Identity::Fqdn(name),
            (ID_RFC822_ADDR, Some(address)) => Identity::Email(address),
            (ID_KEY_ID, _) => Identity::KeyId(content.to_vec()),
            _ => Identity::Other { kind, content: content.to_vec() },
        }
    }

    /// The type's number and the content, for an identification payload.
    pub(crate) fn to_wire(&self) -> (u8, Vec<u8>) {
        match self {
            Identity::Ipv4(address) => (ID_IPV4_ADDR, address.octets().to_vec()),
            Identity::Fqdn(name) => (ID_FQDN, name.as_bytes().to_vec()),
            Identity::Email(address) => (ID_RFC822_ADDR, address.as_bytes().to_vec()),
            Identity::KeyId(bytes) => (ID_KEY_ID, bytes.clone()),
            Identity::Other { kind, content } => (*kind, content.clone()),
        }
    }

    /// Whether a peer that sent `self` is the one configured as `wanted`: same type and content, where a name may also be
    /// sent as a key id of the same bytes, and names compare without regard to case.
    pub fn is(&self, wanted: &Identity) -> bool {
        match (self, wanted) {
            (Identity::Fqdn(sent), Identity::Fqdn(wanted))
            | (Identity::Email(sent), Identity::Email(wanted)) => sent.eq_ignore_ascii_case(wanted),
            (Identity::KeyId(bytes), Identity::Fqdn(name))
            | (Identity::Fqdn(name), Identity::KeyId(bytes)) => bytes == name.as_bytes(),
            _ => self == wanted,
        }
    }
}

/// As a person would write it; bytes that are not printable are escaped, so that a peer cannot write into our log.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Identity::Ipv4(address) => write!(f, "{address}"),
            Identity::Fqdn(name) => write!(f, "{}", name.escape_debug()),
            Identity::Email(address) => write!(f, "{}", address.escape_debug()),
            Identity::KeyId(bytes) => write!(f, "key id {}", bytes.escape_ascii()),
            Identity::Other { kind, content } => {
                write!(f, "identity of type {kind} ({} bytes)", content.len())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Identity;

    #[test]
    fn the_text_of_the_api_tells_the_type() {
        assert_eq!(Identity::parse("10.0.0.1"), Identity::Ipv4([10, 0, 0, 1].into()));
        assert_eq!(Identity::parse("gw.example.com"), Identity::Fqdn("gw.example.com".into()));
        assert_eq!(Identity::parse("@gw"), Identity::Fqdn("gw".into()));
        assert_eq!(Identity::parse("ops@example.com"), Identity::Email("ops@example.com".into()));
        assert_eq!(Identity::parse("10.0.0"), Identity::Fqdn("10.0.0".into()));
    }

    #[test]
    fn an_identity_survives_the_wire() {
        for identity in [
            Identity::parse("10.0.0.1"),
            Identity::parse("gw.example.com"),
            Identity::parse("ops@example.com"),
            Identity::KeyId(vec![0, 255, 7]),
            Identity::Other { kind: 9, content: vec![1, 2] },
        ] {
            let (kind, content) = identity.to_wire();
            assert_eq!(Identity::from_wire(kind, &content), identity);
        }
        assert_eq!(Identity::from_wire(1, &[1, 2]), Identity::Other { kind: 1, content: vec![1, 2] });
    }

    #[test]
    fn a_name_may_be_sent_as_a_key_id_but_not_as_another_type() {
        let name = Identity::parse("Site-A");
        assert!(Identity::KeyId(b"Site-A".to_vec()).is(&name));
        assert!(Identity::parse("site-a").is(&name));
        assert!(!Identity::Email("Site-A".into()).is(&name));
        assert!(!Identity::parse("10.0.0.1").is(&Identity::Fqdn("10.0.0.1".into())));
        assert!(!Identity::KeyId(b"site-a".to_vec()).is(&name));
    }

    #[test]
    fn what_a_peer_calls_itself_cannot_break_a_log_line() {
        assert!(!Identity::Fqdn("a\nb".into()).to_string().contains('\n'));
        assert!(!Identity::KeyId(vec![b'\n', 27]).to_string().contains('\n'));
    }
}
