//! ESP: whatever arrives, in whatever order, only what was sealed opens, once, and to what it was sealed from.
//!
//! The input is a script: which algorithms, and then steps of a byte and what belongs to it.

use causeway_crypto::{Encryption, Integrity, Protection};
use causeway_esp::{InboundSa, NEXT_HEADER_IPV4, OutboundSa, ReplayWindow, SequenceNumbers};

use crate::script::Script;

const SPI: u32 = 0xc0ff_ee01;
const SUITES: [(Encryption, Option<Integrity>); 5] = [
    (Encryption::Aes128Gcm16, None),
    (Encryption::DesCbc, Some(Integrity::HmacMd5_96)),
    (Encryption::TripleDesCbc, Some(Integrity::HmacSha1_96)),
    (Encryption::Aes256Cbc, Some(Integrity::HmacSha256_128)),
    (Encryption::Aes256Gcm16, None),
];

/// A packet that was sealed.
struct Sealed {
    packet: Vec<u8>,
    inner: Vec<u8>,
    next_header: u8,
    is_opened: bool,
}

struct Link {
    outbound: OutboundSa,
    inbound: InboundSa,
    sealed: Vec<Sealed>,
}

/// Plays a script.
///
/// # Panics
///
/// When something opens that was not sealed or opened before, or to something else.
pub fn check(bytes: &[u8]) {
    let mut script = Script(bytes);
    let Some(mut link) = Link::new(&mut script) else { return };
    while link.step(&mut script).is_some() {}
}

fn protection((encryption, integrity): (Encryption, Option<Integrity>)) -> Protection {
    let encryption_key: Vec<u8> = (1..).take(encryption.key_material_len()).collect();
    let integrity_key: Vec<u8> = (101..).take(integrity.map_or(0, Integrity::key_len)).collect();
    Protection::new(encryption, integrity, &encryption_key, &integrity_key)
        .expect("the keys have their lengths")
}

impl Link {
    fn new(script: &mut Script<'_>) -> Option<Self> {
        let (suite, numbers) = (script.byte()?, script.byte()?);
        let suite = SUITES[usize::from(suite) % SUITES.len()];
        let used = u64::from(numbers >> 1) * 31;
        let numbers = if numbers & 1 == 0 { SequenceNumbers::Standard } else { SequenceNumbers::Extended };
        let window = ReplayWindow::new(64, numbers);
        Some(Self {
            outbound: OutboundSa::starting_after(SPI, protection(suite), numbers, used),
            inbound: InboundSa::new(SPI, protection(suite), window),
            sealed: Vec::new(),
        })
    }

    fn step(&mut self, script: &mut Script<'_>) -> Option<()> {
        match script.byte()? % 6 {
            0 => self.seal(script.slice()?, script.byte()?),
            1 => {
                let mut inner = vec![0x45, 0, 0, 0];
                inner.resize(20 + usize::from(script.byte()?), 0);
                inner[3] = u8::try_from(inner.len()).ok()?;
                self.seal(&inner, NEXT_HEADER_IPV4);
            }
            2 => {
                let packet = self.chosen(script)?;
                self.open(packet);
            }
            3 => {
                let mut packet = self.chosen(script)?;
                let at = script.number()? % packet.len();
                packet[at] ^= script.byte()?;
                self.open(packet);
            }
            4 => {
                let mut packet = self.chosen(script)?;
                packet.truncate(script.number()? % (packet.len() + 1));
                packet.extend_from_slice(script.slice()?);
                self.open(packet);
            }
            _ => self.open(script.slice()?.to_vec()),
        }
        Some(())
    }

    fn seal(&mut self, inner: &[u8], next_header: u8) {
        let mut packet = Vec::new();
        self.outbound.seal(inner, next_header, &mut packet).expect("numbers are left");
        assert_eq!(packet.len(), self.outbound.sealed_len(inner.len()));
        self.sealed.push(Sealed { packet, inner: inner.to_vec(), next_header, is_opened: false });
    }

    fn chosen(&self, script: &mut Script<'_>) -> Option<Vec<u8>> {
        let which = usize::from(script.byte()?);
        let sealed = self.sealed.get(which % self.sealed.len().max(1))?;
        Some(sealed.packet.clone())
    }

    fn open(&mut self, mut packet: Vec<u8>) {
        let arrived = packet.clone();
        let Ok(inner) = self.inbound.open(&mut packet) else { return };
        let sealed = self.sealed.iter_mut().find(|sealed| sealed.packet == arrived);
        let sealed = sealed.expect("only what was sealed opens");
        assert!(!std::mem::replace(&mut sealed.is_opened, true), "a packet opens once");
        assert_eq!(inner.next_header, sealed.next_header);
        let opened = &packet[inner.range];
        assert_eq!(Some(opened), sealed.inner.get(..opened.len()), "it is what was sealed");
    }
}
