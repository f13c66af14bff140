//! What `swanctl --list-sas` prints.

/// An IKE SA.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct IkeSa {
    /// The connection's name.
    pub name: String,
    /// strongSwan's number of it; it changes with a rekey.
    pub number: u32,
    /// `ESTABLISHED`, `CONNECTING`, `REKEYING`, `DELETING`.
    pub state: String,
    /// Whether strongSwan has begun it, or its last rekeying, rather than the gateway.
    pub initiated: bool,
    /// The algorithms, as strongSwan writes them.
    pub algorithms: String,
    /// Its child SAs.
    pub children: Vec<ChildSa>,
}

/// A child SA.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ChildSa {
    /// The child's name, which is the connection's.
    pub name: String,
    /// strongSwan's number of it; it changes with a rekey.
    pub number: u32,
    /// `INSTALLED`, `REKEYING`, `REKEYED`, `DELETING`.
    pub state: String,
    /// The algorithms, as strongSwan writes them.
    pub algorithms: String,
    /// SPI, bytes and packets of what it receives.
    pub inbound: (u32, u64, u64),
    /// SPI, bytes and packets of what it sends.
    pub outbound: (u32, u64, u64),
}

impl IkeSa {
    /// Whether it is established and has an installed child.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.state == "ESTABLISHED" && self.children.iter().any(|child| child.state == "INSTALLED")
    }
}

/// Reads the listing. Lines that it does not know are passed over.
pub(super) fn parse(listing: &str) -> Vec<IkeSa> {
    let mut sas: Vec<IkeSa> = Vec::new();
    for line in listing.lines() {
        if !line.starts_with(' ') {
            if let Some((name, number, rest)) = head(line) {
                // An asterisk is on strongSwan's own SPI, the initiator's comes first.
                let initiated = rest.contains("_i* ");
                sas.push(IkeSa { name, number, state: word(&rest, 0), initiated, ..IkeSa::default() });
            }
            continue;
        }
        let Some(sa) = sas.last_mut() else { continue };
        if let Some((name, number, rest)) = head(line.trim_start()) {
            let (state, algorithms) = (word(&rest, 1), word(&rest, 3));
            sa.children.push(ChildSa { name, number, state, algorithms, ..ChildSa::default() });
        } else if sa.children.is_empty()
            && line.contains('/')
            && !line.contains('\'')
            && !line.contains("established")
        {
            sa.algorithms = line.trim().to_owned();
        } else if let Some(child) = sa.children.last_mut() {
            let words: Vec<&str> = line.split([' ', ',']).filter(|word| !word.is_empty()).collect();
            match words.as_slice() {
                ["in", spi, bytes, "bytes", packets, ..] => child.inbound = counters(spi, bytes, packets),
                ["out", spi, bytes, "bytes", packets, ..] => child.outbound = counters(spi, bytes, packets),
                _ => {}
            }
        }
    }
    sas
}

/// `name: #number, rest`.
fn head(line: &str) -> Option<(String, u32, String)> {
    let (name, rest) = line.split_once(": #")?;
    let (number, rest) = rest.split_once(", ")?;
    Some((name.to_owned(), number.parse().ok()?, rest.to_owned()))
}

/// The n-th of the parts between commas.
fn word(rest: &str, index: usize) -> String {
    rest.split(", ").nth(index).unwrap_or_default().to_owned()
}

fn counters(spi: &str, bytes: &str, packets: &str) -> (u32, u64, u64) {
    (u32::from_str_radix(spi, 16).unwrap_or(0), bytes.parse().unwrap_or(0), packets.parse().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::parse;

    const LISTING: &str = "\
t2: #2, ESTABLISHED, IKEv2, cdecbe1afbbb019a_i* b756b45ed7203259_r
  local  '203.0.113.10' @ 203.0.113.10[4500]
  remote '203.0.113.2' @ 203.0.113.2[4500]
  AES_CBC-128/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024
  established 1s ago, rekeying in 13126s
  t2: #2, reqid 1, INSTALLED, TUNNEL-in-UDP, ESP:AES_CBC-128/HMAC_SHA1_96
    installed 1s ago, rekeying in 3430s, expires in 3959s
    in  7f0b4360,    504 bytes,     6 packets,     0s ago
    out 398af1c7,   1008 bytes,    12 packets
    local  10.2.0.0/24
    remote 10.1.0.0/24
t1: #1, CONNECTING, IKEv2, 24c19ab96668e92d_i* 0000000000000000_r
  local  '%any' @ 203.0.113.10[500]
";

    #[test]
    fn states_spis_and_counters_are_read() {
        let sas = parse(LISTING);
        assert_eq!(sas.len(), 2);
        assert!(sas[0].is_up() && sas[0].initiated);
        assert_eq!(sas[0].algorithms, "AES_CBC-128/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024");
        let child = &sas[0].children[0];
        assert_eq!(child.state, "INSTALLED");
        assert_eq!(child.algorithms, "ESP:AES_CBC-128/HMAC_SHA1_96");
        assert_eq!(child.inbound, (0x7f0b_4360, 504, 6));
        assert_eq!(child.outbound, (0x398a_f1c7, 1008, 12));
        assert_eq!(
            (sas[1].name.as_str(), sas[1].state.as_str(), sas[1].is_up()),
            ("t1", "CONNECTING", false)
        );
    }

    #[test]
    fn no_sas_are_no_sas() {
        assert_eq!(parse(""), []);
    }
}
