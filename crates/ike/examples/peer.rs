//! An IKE peer by itself, without a data plane: negotiates one tunnel over real sockets and prints what it is asked to do.
//!
//! ```text
//! peer local=10.9.0.1 remote=10.9.0.2 psk=secret ike=aes128-sha1-modp1024 esp=aes128-sha1 \
//!      lts=192.168.1.0/24 rts=192.168.2.0/24 [local-id=..] [remote-id=..] [initiate=no] [dpd=30] [ike-life=s] [child-life=s]
//!      [force=yes] [nat=no] [version=main|aggressive] [ca=authority.pem [cert=own.pem key=own.key]]
//! ```
//!
//! It needs the right to bind ports 500 and 4500. Lines on standard input: `remove` closes the tunnel, `put` configures it
//! again, `quit` ends.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{BufRead, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use causeway_crypto::{
    Authorities, DhGroup, Encryption, Integrity, OwnCertificate, Prf, Secret, SystemRandom,
};
use causeway_ike::{
    CertificateAuth, ChildProposal, Endpoint, Identity, IkeProposal, IkeVersion, Limits, Mode, Output,
    TunnelConfig, TunnelKey,
};

const TUNNEL: TunnelKey = TunnelKey(1);
const NON_ESP_MARKER: [u8; 4] = [0; 4];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: BTreeMap<String, String> = std::env::args()
        .skip(1)
        .filter_map(|it| it.split_once('=').map(|(k, v)| (k.into(), v.into())))
        .collect();
    let config = config(&arguments)?;
    let sockets = [bind(config.local, 500)?, bind(config.local, 4500)?];
    let commands = commands();
    let start = Instant::now();
    let mut endpoint = Endpoint::new(Box::new(SystemRandom), Limits::default());
    let unix = SystemTime::now().duration_since(UNIX_EPOCH)?;
    endpoint.set_unix_time(unix, start.elapsed());
    endpoint.put_tunnel(TUNNEL, config.clone(), start.elapsed());
    loop {
        match commands.try_recv().as_deref() {
            Ok("quit") => return Ok(()),
            Ok("remove") => endpoint.remove_tunnel(TUNNEL, start.elapsed()),
            Ok("put") => endpoint.put_tunnel(TUNNEL, config.clone(), start.elapsed()),
            _ => {}
        }
        for socket in &sockets {
            receive(socket, &mut endpoint, start)?;
        }
        if endpoint.next_timeout().is_some_and(|at| at <= start.elapsed()) {
            endpoint.handle_timeout(start.elapsed());
        }
        while let Some(output) = endpoint.poll_output() {
            apply(output, &sockets, start)?;
        }
    }
}

fn bind(address: Ipv4Addr, port: u16) -> std::io::Result<UdpSocket> {
    let socket = UdpSocket::bind((address, port))?;
    socket.set_read_timeout(Some(Duration::from_millis(5)))?;
    Ok(socket)
}

fn commands() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line.trim().to_owned()).is_err() {
                return;
            }
        }
    });
    receiver
}

fn receive(socket: &UdpSocket, endpoint: &mut Endpoint, start: Instant) -> Result<(), Box<dyn Error>> {
    let mut buffer = [0; 65_535];
    let (length, from) = match socket.recv_from(&mut buffer) {
        Ok(received) => received,
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return Ok(()),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let (SocketAddr::V4(local), SocketAddr::V4(remote)) = (socket.local_addr()?, from) else { return Ok(()) };
    let message = &buffer[..length];
    let message = match local.port() {
        500 => Some(message),
        _ => message.strip_prefix(&NON_ESP_MARKER),
    };
    if let Some(message) = message {
        endpoint.on_datagram(local, remote, message, start.elapsed());
    }
    Ok(())
}

fn apply(output: Output, sockets: &[UdpSocket; 2], start: Instant) -> std::io::Result<()> {
    let at = start.elapsed().as_secs_f64();
    match output {
        Output::Transmit { local, remote, message } => send(local, remote, &message, sockets),
        Output::Keepalive { remote, .. } => sockets[1].send_to(&[0xff], remote).map(|_| ()),
        Output::ChildUp { child, .. } => {
            println!(
                "{at:9.3} UP   in {:08x} out {:08x} {:?} {:?} {:?} <-> {:?} inside {:?}",
                child.inbound_spi,
                child.outbound_spi,
                child.encryption,
                child.integrity,
                child.local_ts,
                child.remote_ts,
                child.encapsulation
            );
            Ok(())
        }
        Output::ChildUse { inbound_spis, .. } => {
            println!("{at:9.3} USE  in {inbound_spis:08x?}");
            Ok(())
        }
        Output::ChildDown { inbound_spi, .. } => {
            println!("{at:9.3} DOWN in {inbound_spi:08x}");
            Ok(())
        }
        other => {
            println!("{at:9.3} {other:?}");
            Ok(())
        }
    }
}

fn send(
    local: SocketAddrV4,
    remote: SocketAddrV4,
    message: &[u8],
    sockets: &[UdpSocket; 2],
) -> std::io::Result<()> {
    let result = match local.port() {
        500 => sockets[0].send_to(message, remote),
        _ => sockets[1].send_to(&[&NON_ESP_MARKER, message].concat(), remote),
    };
    match result {
        Err(error) if error.kind() != ErrorKind::ConnectionRefused => Err(error),
        _ => Ok(()),
    }
}

fn config(arguments: &BTreeMap<String, String>) -> Result<TunnelConfig, Box<dyn Error>> {
    let get = |name: &str| arguments.get(name).cloned().ok_or(format!("{name}= is missing"));
    let or = |name: &str, default: &str| arguments.get(name).cloned().unwrap_or(default.to_owned());
    let (local, remote): (Ipv4Addr, Ipv4Addr) = (get("local")?.parse()?, get("remote")?.parse()?);
    let (encryption, integrity, group) = suite(&get("ike")?)?;
    let ike = IkeProposal {
        encryption,
        integrity: integrity.filter(|_| !encryption.is_aead()),
        prf: integrity.map_or(Prf::HmacSha256, prf),
        group: group.ok_or("ike= has no group")?,
    };
    let (encryption, integrity, pfs) = suite(&get("esp")?)?;
    let nets = |name: &str| -> Result<Vec<_>, Box<dyn Error>> {
        Ok(get(name)?.split(',').map(str::parse).collect::<Result<_, _>>()?)
    };
    let seconds = |name: &str, default: &str| or(name, default).parse().map(Duration::from_secs);
    let dpd = seconds("dpd", "0")?;
    let version = match or("version", "2").as_str() {
        "2" => IkeVersion::V2,
        "main" => IkeVersion::V1(Mode::Main),
        "aggressive" => IkeVersion::V1(Mode::Aggressive),
        other => return Err(format!("version={other} is none of 2, main, aggressive").into()),
    };
    Ok(TunnelConfig {
        local,
        remote,
        version,
        local_id: Identity::parse(&or("local-id", &local.to_string())),
        remote_id: Identity::parse(&or("remote-id", &remote.to_string())),
        psk: Secret::new(get("psk")?.into_bytes()),
        certificates: certificates(arguments)?,
        ike,
        ike_lifetime: seconds("ike-life", "0")?,
        child: ChildProposal { encryption, integrity, pfs },
        child_lifetime: seconds("child-life", "0")?,
        local_ts: nets("lts")?,
        remote_ts: nets("rts")?,
        dpd: !dpd.is_zero(),
        dpd_interval: dpd,
        nat_traversal: or("nat", "yes") == "yes",
        force_encapsulation: or("force", "no") == "yes",
        initiate: or("initiate", "yes") == "yes",
    })
}

/// The files of `ca=`, `cert=` and `key=`.
fn certificates(
    arguments: &BTreeMap<String, String>,
) -> Result<Option<Arc<CertificateAuth>>, Box<dyn Error>> {
    let read = |name: &str| arguments.get(name).map(std::fs::read_to_string).transpose();
    let Some(authority) = read("ca")? else { return Ok(None) };
    let own = match (read("cert")?, read("key")?) {
        (Some(certificate), Some(key)) => Some(OwnCertificate::from_pem(&certificate, &key)?),
        _ => None,
    };
    Ok(Some(Arc::new(CertificateAuth { remote_ca: Authorities::from_pem(&authority)?, own })))
}

type Suite = (Encryption, Option<Integrity>, Option<DhGroup>);

/// `aes128-sha1-modp1024`: encryption, integrity (or PRF, beside AES-GCM) and group, in any order.
fn suite(text: &str) -> Result<Suite, Box<dyn Error>> {
    let (mut encryption, mut integrity, mut group) = (None, None, None);
    for word in text.split('-') {
        match word {
            "des" => encryption = Some(Encryption::DesCbc),
            "3des" => encryption = Some(Encryption::TripleDesCbc),
            "aes128" => encryption = Some(Encryption::Aes128Cbc),
            "aes192" => encryption = Some(Encryption::Aes192Cbc),
            "aes256" => encryption = Some(Encryption::Aes256Cbc),
            "aes128gcm16" => encryption = Some(Encryption::Aes128Gcm16),
            "aes192gcm16" => encryption = Some(Encryption::Aes192Gcm16),
            "aes256gcm16" => encryption = Some(Encryption::Aes256Gcm16),
            "md5" | "prfmd5" => integrity = Some(Integrity::HmacMd5_96),
            "sha1" | "prfsha1" => integrity = Some(Integrity::HmacSha1_96),
            "sha256" | "prfsha256" => integrity = Some(Integrity::HmacSha256_128),
            "sha384" | "prfsha384" => integrity = Some(Integrity::HmacSha384_192),
            "sha512" | "prfsha512" => integrity = Some(Integrity::HmacSha512_256),
            "modp768" => group = Some(DhGroup::Modp768),
            "modp1024" => group = Some(DhGroup::Modp1024),
            "modp1536" => group = Some(DhGroup::Modp1536),
            "modp2048" => group = Some(DhGroup::Modp2048),
            "curve25519" => group = Some(DhGroup::Curve25519),
            "ecp256" => group = Some(DhGroup::Ecp256),
            other => return Err(format!("{other} is no algorithm").into()),
        }
    }
    Ok((encryption.ok_or("no encryption")?, integrity, group))
}

fn prf(integrity: Integrity) -> Prf {
    match integrity {
        Integrity::HmacMd5_96 => Prf::HmacMd5,
        Integrity::HmacSha1_96 => Prf::HmacSha1,
        Integrity::HmacSha256_128 => Prf::HmacSha256,
        Integrity::HmacSha384_192 => Prf::HmacSha384,
        Integrity::HmacSha512_256 => Prf::HmacSha512,
    }
}
