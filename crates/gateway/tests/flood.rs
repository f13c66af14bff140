//! A flood of beginnings with spoofed addresses, over real sockets.
#![allow(clippy::unwrap_used, missing_docs)]

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use causeway_control::resource::tunnel::TunnelRole;
use causeway_crypto::{DhGroup, Encryption, Prf, Secret, SeededRandom};
use causeway_ike::{
    ChildProposal, Endpoint, Identity, IkeProposal, IkeVersion, Limits, Output, TunnelConfig, TunnelKey,
};
use causeway_netlab::Lab;
use socket2::{Domain, Protocol, Socket, Type};

#[path = "support/site.rs"]
mod site;
#[path = "support/wanted.rs"]
mod wanted;
use site::Site;
use wanted::{connection, tunnel};

const PACKETS: u32 = 100_000;

/// The first message of a peer that offers what the gateway's tunnel wants.
fn beginning(remote: Ipv4Addr) -> Vec<u8> {
    let (encryption, local) = (Encryption::Aes128Gcm16, Ipv4Addr::new(192, 0, 2, 2));
    let suite = IkeProposal { encryption, integrity: None, prf: Prf::HmacSha256, group: DhGroup::Curve25519 };
    let config = TunnelConfig {
        local,
        remote,
        version: IkeVersion::V2,
        local_id: Identity::Ipv4(local),
        remote_id: Identity::Ipv4(remote),
        psk: Secret::new(b"guessed".to_vec()),
        certificates: None,
        ike: suite,
        ike_lifetime: Duration::ZERO,
        child: ChildProposal { encryption, integrity: None, pfs: None },
        child_lifetime: Duration::ZERO,
        local_ts: Vec::new(),
        remote_ts: Vec::new(),
        dpd: false,
        dpd_interval: Duration::ZERO,
        nat_traversal: true,
        force_encapsulation: false,
        initiate: true,
    };
    let mut endpoint = Endpoint::new(Box::new(SeededRandom::new(1)), Limits::default());
    endpoint.put_tunnel(TunnelKey(1), config, Duration::ZERO);
    loop {
        if let Output::Transmit { message, .. } = endpoint.poll_output().expect("it begins") {
            return message;
        }
    }
}

/// The message in UDP and IPv4, without a checksum of the former, which UDP allows.
fn packet(from: SocketAddrV4, to: Ipv4Addr, message: &[u8]) -> Vec<u8> {
    let udp_len = (8 + message.len()) as u16;
    let mut packet = vec![0x45, 0];
    packet.extend((20 + udp_len).to_be_bytes());
    packet.extend([0, 0, 0, 0, 64, 17, 0, 0]);
    packet.extend(from.ip().octets());
    packet.extend(to.octets());
    packet.extend(from.port().to_be_bytes());
    packet.extend(500_u16.to_be_bytes());
    packet.extend(udp_len.to_be_bytes());
    packet.extend([0, 0]);
    packet.extend(message);
    packet
}

/// Half of them as from the real peer's address, the others each from an address of its own.
fn flood(to: Ipv4Addr, peer: Ipv4Addr, sent: &AtomicU32) {
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(libc::IPPROTO_RAW))).unwrap();
    let target = SocketAddrV4::new(to, 0).into();
    let mut message = beginning(to);
    for n in 0..PACKETS {
        message[..8].copy_from_slice(&(u64::from(n) + 1).to_be_bytes());
        let ip = if n % 2 == 0 { peer } else { Ipv4Addr::from(u32::from(Ipv4Addr::new(100, 64, 0, 0)) + n) };
        let from = SocketAddrV4::new(ip, 1_024 + (n % 60_000) as u16);
        // What the sender's own queue drops was not sent, and another follows.
        let _dropped = socket.send_to(&packet(from, to, &message), &target);
        sent.store(n, Ordering::Relaxed);
        if n % 500 == 0 {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn a_real_peer_gets_in_while_a_hundred_thousand_spoofed_beginnings_arrive() {
    let lab = Lab::new("gwflood").expect("this test makes network namespaces: run it as root");
    let wire = lab.wire("wire").unwrap();
    let left = Site::new(&lab, &wire, 1).start();
    let right = Site::new(&lab, &wire, 2).start();
    let attacker = lab.host("attacker").unwrap();
    wire.plug(&attacker, "wan", &["192.0.2.66/24"]).unwrap();
    let (here, there) = (left.outside, right.outside);
    left.want(connection("vco-left", vec![tunnel("tun-left", TunnelRole::Master, here, there)], &[]));
    let sent = AtomicU32::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| attacker.enter(|| flood(here, there, &sent)).unwrap());
        while sent.load(Ordering::Relaxed) < PACKETS / 10 {
            std::thread::sleep(Duration::from_millis(1));
        }
        let begun = Instant::now();
        right.want(connection("vco-right", vec![tunnel("tun-right", TunnelRole::Master, there, here)], &[]));
        right.world.wait_up("vco-right");
        let (took, flooded) = (begun.elapsed(), sent.load(Ordering::Relaxed));
        assert!(took < Duration::from_secs(2), "it took {took:?}");
        assert!(flooded < PACKETS - 1, "the flood was not over, it was at {flooded}");
    });
    left.world.wait_up("vco-left");
}
