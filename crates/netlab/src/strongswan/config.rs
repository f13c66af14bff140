//! strongSwan's two configuration files.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ipnet::Ipv4Net;

pub(super) const DAEMON_FILE: &str = "strongswan.conf";
pub(super) const CONNECTIONS_FILE: &str = "swanctl.conf";
const KEYS_FOLDER: &str = "private";
pub(super) const LOG_FILE: &str = "charon.log";
pub(super) const VICI_SOCKET: &str = "charon.vici";

/// The longest path that a Unix socket can have, less its terminator.
const SOCKET_PATH_MAX: usize = 107;

/// What is loaded, and in this order: the userspace data plane takes the SAs before the kernel's interface would.
const PLUGINS: &str = "random nonce openssl pem pkcs1 x509 pubkey constraints kernel-libipsec kernel-netlink \
                       socket-default vici updown eap-identity gcm aes des sha1 sha2 md5 hmac gmp curve25519 kdf";

/// A strongSwan peer.
#[derive(Clone, Debug, Default)]
pub struct PeerConfig {
    /// Its connections; each tunnel of a two-tunnel attachment is one.
    pub connections: Vec<Connection>,
    /// The networks to route into the tunnels. Empty: the remote traffic selectors, except 0.0.0.0/0.
    pub routes: Vec<Ipv4Net>,
    /// How much charon logs of IKE: 1 is usual, 2 shows proposals, 4 shows keys.
    pub log_level: u8,
    /// The longest packet that it sends a message of IKE in, in bytes, where the gateway takes fragments; its own choice when
    /// none.
    pub ike_packet_bytes: Option<u16>,
    /// How often it sends a message again, at growing intervals from a second on, until it gives up a gateway that does not
    /// answer; four times when none.
    pub retransmissions: Option<u8>,
}

/// Gives up after 13 seconds.
const RETRANSMISSIONS: u8 = 4;

/// Which version of IKE.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IkeVersion {
    /// IKEv2.
    V2,
    /// IKEv1 in main mode.
    V1Main,
    /// IKEv1 in aggressive mode.
    V1Aggressive,
}

/// What strongSwan does with a connection when it is loaded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StartAction {
    /// Waits for the peer, or for [`super::StrongSwan::initiate`].
    None,
    /// Negotiates at once.
    Start,
}

/// A certificate with its key, and what the gateway's has to chain to, each in PEM form.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// strongSwan's certificate.
    pub certificate: String,
    /// Its key.
    pub private_key: String,
    /// Where the gateway shows a certificate as well, who issued that; otherwise it has the pre-shared key.
    pub gateway_authority: Option<String>,
    /// Certificates between strongSwan's and its authority.
    pub intermediates: Vec<String>,
}

/// One connection: an IKE SA with one child of the same name, and perhaps others.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Letters, digits and dashes.
    pub name: String,
    /// The version of IKE.
    pub version: IkeVersion,
    /// Its own address.
    pub local: Ipv4Addr,
    /// The gateway's address.
    pub remote: Ipv4Addr,
    /// Its own identity; the address when empty.
    pub local_id: String,
    /// The gateway's identity; the address when empty.
    pub remote_id: String,
    /// The pre-shared key.
    pub psk: Vec<u8>,
    /// What strongSwan shows instead of the pre-shared key.
    pub certificate: Option<Certificate>,
    /// In strongSwan's words: `aes128-sha1-modp1024`, `aes128gcm16-prfsha256-x25519`.
    pub ike_proposals: String,
    /// In strongSwan's words: `aes128-sha1`, or with perfect forward secrecy `aes128-sha1-modp1024`.
    pub esp_proposals: String,
    /// The networks behind strongSwan.
    pub local_networks: Vec<Ipv4Net>,
    /// The networks behind the gateway.
    pub remote_networks: Vec<Ipv4Net>,
    /// Further children, each between one network behind strongSwan and one behind the gateway; they are named after the
    /// connection, with a dash and a number from 2 on.
    pub more_children: Vec<(Ipv4Net, Ipv4Net)>,
    /// What to do when it is loaded.
    pub start: StartAction,
    /// When to rekey the IKE SA.
    pub ike_rekey: Option<Duration>,
    /// When to rekey the child.
    pub child_rekey: Option<Duration>,
    /// How long the gateway may be silent before it is asked for a sign of life.
    pub dpd_delay: Option<Duration>,
    /// Further lines of the connection's section, as swanctl.conf has them.
    pub extra: Vec<String>,
}

impl Connection {
    /// A connection by IKEv2 with the API's default algorithms (aes, sha1, group2), identities by address, all networks.
    #[must_use]
    pub fn new(name: &str, local: Ipv4Addr, remote: Ipv4Addr, psk: &[u8]) -> Self {
        Self {
            name: name.to_owned(),
            version: IkeVersion::V2,
            local,
            remote,
            local_id: String::new(),
            remote_id: String::new(),
            psk: psk.to_vec(),
            certificate: None,
            ike_proposals: "aes128-sha1-modp1024".to_owned(),
            esp_proposals: "aes128-sha1-modp1024".to_owned(),
            local_networks: vec![Ipv4Net::default()],
            remote_networks: vec![Ipv4Net::default()],
            more_children: Vec::new(),
            start: StartAction::None,
            ike_rekey: None,
            child_rekey: None,
            dpd_delay: None,
            extra: Vec::new(),
        }
    }
}

impl PeerConfig {
    pub(super) fn networks_behind_the_tunnels(&self) -> Vec<Ipv4Net> {
        let mut networks = self.routes.clone();
        if networks.is_empty() {
            let selectors = self.connections.iter().flat_map(|connection| &connection.remote_networks);
            networks = selectors.copied().filter(|net| net.prefix_len() > 0).collect();
        }
        networks.sort();
        networks.dedup();
        networks
    }
}

pub(super) fn write(folder: &Path, config: &PeerConfig) -> Result<()> {
    ensure!(
        folder.join(VICI_SOCKET).as_os_str().len() <= SOCKET_PATH_MAX,
        "the temporary folder {} has too long a name for a socket in it; set TMPDIR to a shorter one",
        folder.display()
    );
    write_private(&folder.join(DAEMON_FILE), &daemon_file(folder, config))?;
    write_connections(folder, config)
}

pub(super) fn write_connections(folder: &Path, config: &PeerConfig) -> Result<()> {
    for connection in &config.connections {
        if let Some(certificate) = &connection.certificate {
            write_certificate(folder, &connection.name, certificate)?;
        }
    }
    write_private(&folder.join(CONNECTIONS_FILE), &connections_file(folder, config)?)
}

/// The files of a connection begin with its name. Keys are found in a folder of swanctl's, whatever the connection says.
fn write_certificate(folder: &Path, name: &str, certificate: &Certificate) -> Result<()> {
    let (prefix, keys) = (folder.join(name), folder.join(KEYS_FOLDER));
    fs::create_dir_all(&keys).with_context(|| format!("creating {}", keys.display()))?;
    write_private(&prefix.with_extension("crt"), &certificate.certificate)?;
    write_private(&keys.join(name).with_extension("key"), &certificate.private_key)?;
    if let Some(authority) = &certificate.gateway_authority {
        write_private(&prefix.with_extension("ca"), authority)?;
    }
    for (number, intermediate) in certificate.intermediates.iter().enumerate() {
        write_private(&prefix.with_extension(format!("between{number}")), intermediate)?;
    }
    Ok(())
}

/// The file holds pre-shared keys: nobody else may read it.
fn write_private(path: &Path, text: &str) -> Result<()> {
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.with_context(|| format!("writing {}", path.display()))
}

/// The mark keeps charon's own packets out of its tunnels.
fn daemon_file(folder: &Path, config: &PeerConfig) -> String {
    let folder = folder.display();
    let level = config.log_level.max(1);
    let retransmissions = config.retransmissions.unwrap_or(RETRANSMISSIONS);
    let fragments =
        config.ike_packet_bytes.map_or(String::new(), |bytes| format!("\n  fragment_size = {bytes}"));
    format!(
        "charon-systemd {{
  load_modular = no
  load = {PLUGINS}
  install_routes = no
  make_before_break = yes{fragments}
  i_dont_care_about_security_and_use_aggressive_mode_psk = yes
  retransmit_timeout = 1.0
  retransmit_base = 1.5
  retransmit_tries = {retransmissions}
  journal {{
    default = -1
  }}
  filelog {{
    file {{
      path = {folder}/{LOG_FILE}
      default = 1
      ike = {level}
      cfg = {level}
      flush_line = yes
      time_format = %T
      time_add_ms = yes
    }}
  }}
  plugins {{
    vici {{
      socket = unix://{folder}/{VICI_SOCKET}
    }}
    kernel-netlink {{
      fwmark = !0x42
    }}
    socket-default {{
      fwmark = 0x42
    }}
    kernel-libipsec {{
      allow_peer_ts = yes
    }}
  }}
}}
"
    )
}

fn connections_file(folder: &Path, config: &PeerConfig) -> Result<String> {
    let mut text = String::from("connections {\n");
    for connection in &config.connections {
        connection_section(&mut text, folder, connection)?;
    }
    text.push_str("}\nsecrets {\n");
    for connection in &config.connections {
        let psk = connection.psk.iter().fold(String::new(), |mut hex, byte| {
            let _never_fails = write!(hex, "{byte:02x}");
            hex
        });
        writeln!(text, "  ike-{} {{", connection.name)?;
        writeln!(text, "    id-local = {}", quoted(&own_id(connection)))?;
        writeln!(text, "    id-remote = {}", quoted(&gateway_id(connection)))?;
        writeln!(text, "    secret = 0x{psk}")?;
        text.push_str("  }\n");
    }
    text.push_str("}\n");
    Ok(text)
}

fn connection_section(text: &mut String, folder: &Path, connection: &Connection) -> Result<()> {
    let name = &connection.name;
    ensure!(
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'),
        "a connection's name is letters, digits and dashes, not `{name}`"
    );
    writeln!(text, "  {name} {{")?;
    writeln!(text, "    version = {}", if connection.version == IkeVersion::V2 { 2 } else { 1 })?;
    if connection.version == IkeVersion::V1Aggressive {
        writeln!(text, "    aggressive = yes")?;
    }
    writeln!(text, "    local_addrs = {}", connection.local)?;
    writeln!(text, "    remote_addrs = {}", connection.remote)?;
    writeln!(text, "    proposals = {}", connection.ike_proposals)?;
    writeln!(text, "    mobike = no\n    keyingtries = 0")?;
    if let Some(after) = connection.ike_rekey {
        writeln!(text, "    rekey_time = {}s", after.as_secs())?;
    }
    if let Some(after) = connection.dpd_delay {
        writeln!(text, "    dpd_delay = {}s", after.as_secs())?;
    }
    for line in &connection.extra {
        writeln!(text, "    {line}")?;
    }
    authentication(text, &folder.join(name), connection)?;
    text.push_str("    children {\n");
    child_section(text, connection, name, (&connection.local_networks, &connection.remote_networks))?;
    for (number, (local, remote)) in (2..).zip(&connection.more_children) {
        child_section(text, connection, &format!("{name}-{number}"), (&[*local], &[*remote]))?;
    }
    text.push_str("    }\n  }\n");
    Ok(())
}

fn authentication(text: &mut String, prefix: &Path, connection: &Connection) -> Result<()> {
    let file = |extension: &str| prefix.with_extension(extension).display().to_string();
    writeln!(text, "    local {{\n      id = {}", quoted(&own_id(connection)))?;
    match &connection.certificate {
        None => writeln!(text, "      auth = psk\n    }}")?,
        Some(own) => {
            let between = (0..own.intermediates.len()).map(|number| file(&format!("between{number}")));
            let files: Vec<String> = [file("crt")].into_iter().chain(between).collect();
            writeln!(text, "      auth = pubkey\n      certs = {}\n    }}", files.join(", "))?;
        }
    }
    writeln!(text, "    remote {{\n      id = {}", quoted(&gateway_id(connection)))?;
    match connection.certificate.as_ref().and_then(|own| own.gateway_authority.as_ref()) {
        None => writeln!(text, "      auth = psk\n    }}")?,
        Some(_) => writeln!(text, "      auth = pubkey\n      cacerts = {}\n    }}", file("ca"))?,
    }
    Ok(())
}

fn child_section(
    text: &mut String,
    connection: &Connection,
    name: &str,
    (local, remote): (&[Ipv4Net], &[Ipv4Net]),
) -> Result<()> {
    writeln!(text, "      {name} {{")?;
    writeln!(text, "        local_ts = {}", list(local))?;
    writeln!(text, "        remote_ts = {}", list(remote))?;
    writeln!(text, "        esp_proposals = {}", connection.esp_proposals)?;
    let start = if connection.start == StartAction::Start { "start" } else { "none" };
    writeln!(text, "        start_action = {start}")?;
    if let Some(after) = connection.child_rekey {
        writeln!(text, "        rekey_time = {}s", after.as_secs())?;
    }
    text.push_str("      }\n");
    Ok(())
}

fn own_id(connection: &Connection) -> String {
    if connection.local_id.is_empty() { connection.local.to_string() } else { connection.local_id.clone() }
}

fn gateway_id(connection: &Connection) -> String {
    if connection.remote_id.is_empty() { connection.remote.to_string() } else { connection.remote_id.clone() }
}

fn list(networks: &[Ipv4Net]) -> String {
    networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A value in quotes, in which strongSwan reads backslash escapes.
fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Connection, PeerConfig, connections_file, quoted};

    fn connection(name: &str) -> Connection {
        let address = "203.0.113.1".parse().unwrap();
        Connection::new(name, address, address, b"a \"key\"")
    }

    #[test]
    fn a_key_of_any_bytes_is_written_in_hexadecimal() {
        let config = PeerConfig { connections: vec![connection("t1")], ..PeerConfig::default() };
        assert!(
            connections_file(Path::new("/tmp"), &config).unwrap().contains("secret = 0x6120226b657922\n")
        );
    }

    #[test]
    fn an_identity_cannot_end_its_quotes() {
        assert_eq!(quoted(r#"a"b\c"#), r#""a\"b\\c""#);
    }

    #[test]
    fn a_name_that_would_break_the_file_is_refused() {
        let config = PeerConfig { connections: vec![connection("t1 {")], ..PeerConfig::default() };
        assert!(connections_file(Path::new("/tmp"), &config).is_err());
    }

    #[test]
    fn networks_are_routed_once_and_everything_never() {
        let mut first = connection("t1");
        first.remote_networks = vec!["10.1.0.0/24".parse().unwrap()];
        let second = Connection { name: "t2".into(), ..first.clone() };
        let config =
            PeerConfig { connections: vec![first, second, connection("t3")], ..PeerConfig::default() };
        assert_eq!(config.networks_behind_the_tunnels(), ["10.1.0.0/24".parse().unwrap()]);
    }
}
