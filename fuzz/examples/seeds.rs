//! Writes the seeds that no person can type: datagrams of the crates' own making, and scripts. What is written by hand or
//! was recorded lies beside them. `cargo run --example seeds` in this folder.

use std::fs;
use std::path::Path;
use std::time::Duration;

use causeway_crypto::{DhGroup, Encryption, Prf, Secret, SeededRandom};
use causeway_ike::{
    ChildProposal, Endpoint, Identity, IkeProposal, IkeVersion, Limits, Output, TunnelConfig, TunnelKey,
};

fn main() -> std::io::Result<()> {
    write("ike_message", ike_messages())?;
    write("ike_endpoint", ike_scripts())?;
    write("esp", esp_scripts())
}

fn write(target: &str, seeds: Vec<(String, Vec<u8>)>) -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&folder)?;
    println!("{target}: {} seeds", seeds.len());
    seeds.into_iter().try_for_each(|(name, bytes)| fs::write(folder.join(name + ".bin"), bytes))
}

/// The messages of a tunnel that comes up, and chains of payloads as they are inside encrypted ones.
fn ike_messages() -> Vec<(String, Vec<u8>)> {
    let mut seeds: Vec<_> = exchange()
        .into_iter()
        .enumerate()
        .map(|(number, message)| (format!("message-{number}"), message))
        .collect();
    let chains: Vec<_> = seeds
        .iter()
        .filter(|(_, message)| message[18] == 34)
        .map(|(name, message)| {
            (name.replace("message", "chain"), [&message[16..17], &message[28..]].concat())
        })
        .collect();
    seeds.extend(chains);
    let selector =
        [&[1, 0, 0, 0, 7, 0, 0, 16, 0, 0, 255, 255][..], &[10, 0, 0, 0], &[10, 0, 0, 255]].concat();
    let id = [1, 0, 0, 0, 10, 0, 0, 1];
    let auth = [&[2, 0, 0, 0][..], &[7; 20]].concat();
    seeds.push((
        "chain-auth".to_owned(),
        chain(&[(35, &id), (36, &id), (39, &auth), (44, &selector), (45, &selector)]),
    ));
    let rekey: [u8; 8] = [3, 4, 0x40, 9, 0, 0, 0, 7];
    seeds.push(("chain-rekey".to_owned(), chain(&[(41, &rekey), (40, &[5; 32]), (43, b"vendor")])));
    let delete_child = [3, 4, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2];
    seeds.push(("chain-delete".to_owned(), chain(&[(42, &delete_child), (42, &[1, 0, 0, 0])])));
    seeds
}

/// The type of the first payload, and the payloads as a chain.
fn chain(payloads: &[(u8, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![payloads.first().map_or(0, |(kind, _)| *kind)];
    for (position, (_, body)) in payloads.iter().enumerate() {
        let next = payloads.get(position + 1).map_or(0, |(kind, _)| *kind);
        let length = u16::try_from(body.len() + 4).expect("bodies are short");
        bytes.extend([next, 0]);
        bytes.extend(length.to_be_bytes());
        bytes.extend_from_slice(body);
    }
    bytes
}

/// All messages between two endpoints until nobody has anything to say.
fn exchange() -> Vec<Vec<u8>> {
    let (one, two) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
    let config = |local, remote, initiate| TunnelConfig {
        local,
        remote,
        version: IkeVersion::V2,
        local_id: Identity::Ipv4(local),
        remote_id: Identity::Ipv4(remote),
        psk: Secret::new(b"secret".to_vec()),
        certificates: None,
        ike: IkeProposal {
            encryption: Encryption::Aes128Gcm16,
            integrity: None,
            prf: Prf::HmacSha256,
            group: DhGroup::Curve25519,
        },
        ike_lifetime: Duration::ZERO,
        child: ChildProposal { encryption: Encryption::Aes128Gcm16, integrity: None, pfs: None },
        child_lifetime: Duration::ZERO,
        local_ts: vec!["0.0.0.0/0".parse().expect("a network")],
        remote_ts: vec!["0.0.0.0/0".parse().expect("a network")],
        dpd: true,
        dpd_interval: Duration::ZERO,
        nat_traversal: true,
        force_encapsulation: false,
        initiate,
    };
    let endpoint = |seed| Endpoint::new(Box::new(SeededRandom::new(seed)), Limits::default());
    let mut sides = [endpoint(1), endpoint(2)];
    sides[1].put_tunnel(TunnelKey(1), config(two, one, false), Duration::ZERO);
    sides[0].put_tunnel(TunnelKey(1), config(one, two, true), Duration::ZERO);
    let mut messages = Vec::new();
    let mut said = true;
    while std::mem::take(&mut said) {
        for side in 0..2 {
            while let Some(output) = sides[side].poll_output() {
                if let Output::Transmit { local, remote, message } = output {
                    sides[1 - side].on_datagram(remote, local, &message, Duration::ZERO);
                    messages.push(message);
                    said = true;
                }
            }
        }
    }
    messages
}

/// Deliver, wait, deliver: tunnels of each kind that come up, are rekeyed, lose their peer and come back.
fn ike_scripts() -> Vec<(String, Vec<u8>)> {
    const DELIVER: [u8; 4] = [0; 4];
    const NEXT_TIMEOUT: u8 = 9;
    let story = |kind: u8| {
        let mut script = vec![kind];
        script.extend(DELIVER);
        for _ in 0..16 {
            script.push(NEXT_TIMEOUT);
            script.extend(DELIVER);
        }
        // Something is lost, changed, repeated, and comes out of turn.
        script.extend([3, 9, 5, 0, 40, 1, 0, 6, 0, 4, 0, 0, 8, 200, 9, 0, 0, 6, 3, 0]);
        script
    };
    let mut seeds: Vec<_> = [0, 1, 4, 8, 13, 16, 32, 45]
        .into_iter()
        .map(|kind| (format!("tunnel-{kind}"), story(kind)))
        .collect();
    for (number, message) in exchange().iter().enumerate() {
        let length = u16::try_from(message.len()).expect("messages are short").to_be_bytes();
        for flags in [1, 3, 8] {
            let script = [&[0, 0, 7, flags, length[0], length[1]][..], message, &[0, 0, 0]].concat();
            seeds.push((format!("injected-{number}-{flags}"), script));
        }
    }
    seeds
}

/// Sealed, opened, replayed, changed, cut; with each algorithm.
fn esp_scripts() -> Vec<(String, Vec<u8>)> {
    let story = |suite: u8, numbers: u8| {
        let sealed = [1, 40, 1, 0, 1, 200, 2, 2, 2, 0, 2, 0, 3, 1, 0, 9, 255, 2, 1, 4, 0, 0, 30, 0, 2, 1, 2];
        let dummies =
            [0, 0, 6, 0x45, 0, 0, 60, 1, 1, 4, 2, 3, 0, 0, 0, 59, 2, 4, 5, 0, 4, 0xc0, 0xff, 0xee, 1];
        [&[suite, numbers][..], &sealed, &dummies].concat()
    };
    let kinds = (0..5).flat_map(|suite| [(suite, 0), (suite, 1), (suite, 255)]);
    kinds.map(|(suite, numbers)| (format!("suite-{suite}-{numbers}"), story(suite, numbers))).collect()
}
