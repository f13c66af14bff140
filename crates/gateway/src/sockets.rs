//! The sockets over which IKE and ESP travel: UDP 500, UDP 4500 and, for ESP without encapsulation, IP protocol 50; and ICMP,
//! in which routers say which packets they could not pass on.
//!
//! All carry our mark, so that no route of ours applies to them (see [`crate::routes`]). The kernel hands over several
//! datagrams of a peer in one buffer (UDP_GRO) and takes several at once (UDP_SEGMENT); `quinn-udp` does both. UDP_ENCAP is
//! never set: a kernel without IPsec accepts it and then swallows ESP.
//!
//! Each worker has a socket of its own on port 4500 (SO_REUSEPORT). Linux chooses among them by the addresses and ports of a
//! datagram, so that what comes from one peer comes to one worker, in order. Of a raw socket there is one: each would get all.

use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::sockopt::IpMtu;
use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::config::{GatewayConfig, NAT_TRAVERSAL_PORT, StartError};
use crate::kernel;
use crate::offload::{IP_HEADER, UDP_HEADER};

/// What the kernel holds for us while we are busy. Some 25 ms at 1 Gb/s.
const BUFFER_BYTES: usize = 4 << 20;
/// How long to wait for room in the send buffer before a packet is given up.
pub const SEND_PATIENCE: Duration = Duration::from_millis(20);
/// The kernel takes at most this many bytes at once (65,535 less the headers).
pub const SEND_BYTES_MAX: usize = 65_000;
/// IP protocol 50.
const PROTOCOL_ESP: i32 = 50;
const PROTOCOL_UDP: u8 = 17;
/// RFC 3948, 2.2: what tells IKE from ESP on port 4500.
pub const NON_ESP_MARKER: [u8; 4] = [0; 4];
/// RFC 3948, 2.3.
const KEEPALIVE: [u8; 1] = [0xff];

/// What a socket carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carries {
    /// IKE, on port 500.
    Ike,
    /// ESP, and IKE after a marker, on port 4500.
    EspAndIke,
    /// ESP as an IP protocol; what is received begins with the IP header.
    Esp,
    /// What routers say of packets that they could not pass on, in ICMP; it begins with the IP header.
    Unreachable,
}

/// One socket.
pub struct Port {
    socket: Socket,
    state: UdpSocketState,
    local: SocketAddrV4,
    carries: Carries,
}

/// The sockets of one of our addresses.
pub struct LocalPorts {
    /// Port 500.
    pub ike: Port,
    /// Port 4500.
    pub nat_traversal: Port,
    /// Protocol 50.
    pub esp: Port,
    /// ICMP, to receive only.
    pub unreachable: Port,
    /// Port 4500 again, for the workers after the first.
    more: Vec<Port>,
    /// For packets that must not be fragmented on the way, which are sent with an IP header of our own.
    whole: Socket,
    fwmark: u32,
}

impl LocalPorts {
    /// Binds all of them.
    pub fn bind(address: Ipv4Addr, config: &GatewayConfig) -> Result<Self, StartError> {
        let port =
            |port, carries| Port::bind(SocketAddrV4::new(address, port), carries, config.numbers.fwmark);
        let nat_traversal = || port(config.nat_port, Carries::EspAndIke);
        // Port 500 first: it is bound by one only, so that nobody else shares port 4500 with us.
        Ok(Self {
            ike: port(config.ike_port, Carries::Ike)?,
            nat_traversal: nat_traversal()?,
            esp: port(0, Carries::Esp)?,
            unreachable: port(0, Carries::Unreachable)?,
            more: (1..config.workers.get()).map(|_| nat_traversal()).collect::<Result<_, _>>()?,
            whole: open_whole(config.numbers.fwmark)
                .map_err(|error| StartError::of_system("opening a raw socket for probes", error))?,
            fwmark: config.numbers.fwmark,
        })
    }

    /// What a worker receives from: the first one from all, the others from port 4500.
    pub fn of_worker(&self, worker: usize) -> Vec<&Port> {
        match worker.checked_sub(1) {
            None => vec![&self.nat_traversal, &self.ike, &self.esp, &self.unreachable],
            Some(other) => self.more.get(other).into_iter().collect(),
        }
    }

    /// Sends an IKE message from port 500, or with the marker from port 4500.
    pub fn send_ike(&self, from_nat_traversal: bool, remote: SocketAddrV4, message: &[u8]) -> io::Result<()> {
        if !from_nat_traversal {
            return self.ike.send(remote, message);
        }
        let marked = [&NON_ESP_MARKER, message].concat();
        self.nat_traversal.send(remote, &marked)
    }

    /// Sends what keeps a translator's mapping alive.
    pub fn send_keepalive(&self, remote: SocketAddrV4) -> io::Result<()> {
        self.nat_traversal.send(remote, &KEEPALIVE)
    }

    /// Sends an ESP packet that must not be fragmented, inside UDP or by itself.
    ///
    /// # Errors
    ///
    /// EMSGSIZE when it is larger than our own link takes.
    pub fn send_unfragmented(&self, remote: SocketAddrV4, in_udp: bool, esp: &[u8]) -> io::Result<()> {
        let local = self.nat_traversal.local();
        let payload =
            if in_udp { [&udp_header(local, remote, esp.len()), esp].concat() } else { esp.to_vec() };
        let protocol = if in_udp { PROTOCOL_UDP } else { PROTOCOL_ESP as u8 };
        let packet =
            [&whole_header(*local.ip(), *remote.ip(), protocol, payload.len())[..], &payload].concat();
        self.whole.send_to(&packet, &SockAddr::from(SocketAddrV4::new(*remote.ip(), 0))).map(drop)
    }

    /// The longest packet that the kernel's route to a peer takes: our own link's, or what somebody has set.
    ///
    /// # Errors
    ///
    /// When there is no route.
    pub fn route_mtu(&self, remote: Ipv4Addr) -> io::Result<usize> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_mark(self.fwmark)?;
        socket.bind(&SockAddr::from(SocketAddrV4::new(*self.nat_traversal.local().ip(), 0)))?;
        socket.connect(&SockAddr::from(SocketAddrV4::new(remote, NAT_TRAVERSAL_PORT)))?;
        let mtu = nix::sys::socket::getsockopt(&socket, IpMtu)?;
        usize::try_from(mtu).map_err(io::Error::other)
    }
}

/// UDP's header without a checksum, as RFC 3948, 2.1 has it for ESP.
fn udp_header(local: SocketAddrV4, remote: SocketAddrV4, payload: usize) -> [u8; UDP_HEADER] {
    let mut header = [0; UDP_HEADER];
    header[..2].copy_from_slice(&local.port().to_be_bytes());
    header[2..4].copy_from_slice(&remote.port().to_be_bytes());
    header[4..6].copy_from_slice(&((UDP_HEADER + payload) as u16).to_be_bytes());
    header
}

/// An IPv4 header that forbids fragmenting. The kernel fills in checksum and length.
fn whole_header(local: Ipv4Addr, remote: Ipv4Addr, protocol: u8, payload: usize) -> [u8; IP_HEADER] {
    const DO_NOT_FRAGMENT: u8 = 0x40;
    let mut header = [0; IP_HEADER];
    header[0] = 0x45;
    header[2..4].copy_from_slice(&((IP_HEADER + payload) as u16).to_be_bytes());
    (header[6], header[8], header[9]) = (DO_NOT_FRAGMENT, 64, protocol);
    header[12..16].copy_from_slice(&local.octets());
    header[16..20].copy_from_slice(&remote.octets());
    header
}

fn open_whole(fwmark: u32) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(libc::IPPROTO_RAW)))?;
    socket.set_header_included_v4(true)?;
    socket.set_mark(fwmark)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

impl Port {
    fn bind(local: SocketAddrV4, carries: Carries, fwmark: u32) -> Result<Self, StartError> {
        let what = match carries {
            Carries::Esp => format!("opening a raw socket for ESP on {}", local.ip()),
            Carries::Unreachable => format!("opening a raw socket for ICMP on {}", local.ip()),
            Carries::Ike | Carries::EspAndIke => {
                format!("opening UDP port {} on {}", local.port(), local.ip())
            }
        };
        let failed = |error: io::Error| match error.raw_os_error() {
            Some(libc::EADDRINUSE) => StartError::PortInUse { address: *local.ip(), port: local.port() },
            Some(libc::EADDRNOTAVAIL) => StartError::AddressNotAvailable { address: *local.ip() },
            _ => StartError::of_system(what.clone(), error),
        };
        let (socket, state) = open(local, carries, fwmark).map_err(failed)?;
        Ok(Self { socket, state, local, carries })
    }

    /// Our address and port.
    pub fn local(&self) -> SocketAddrV4 {
        self.local
    }

    /// What the socket carries.
    pub fn carries(&self) -> Carries {
        self.carries
    }

    /// How many datagrams one send may hold.
    pub fn segments_max(&self) -> usize {
        self.state.max_gso_segments()
    }

    /// Sends one datagram. Waits for room in the send buffer a little.
    ///
    /// # Errors
    ///
    /// What the system says. The socket stays usable.
    pub fn send(&self, remote: SocketAddrV4, datagram: &[u8]) -> io::Result<()> {
        match self.send_one(remote, datagram) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.wait_for_room();
                self.send_one(remote, datagram)
            }
            sent => sent,
        }
    }

    /// Sends several datagrams of `segment` bytes each, the last of which may be shorter, if there is room for them.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none; none has been sent then. Else what the system says; some may have been sent. The
    /// socket stays usable.
    pub fn try_send(&self, remote: SocketAddrV4, contents: &[u8], segment: usize) -> io::Result<()> {
        if segment >= contents.len() {
            return self.send_one(remote, contents);
        }
        let too_large = |error: &io::Error| {
            matches!(error.raw_os_error(), Some(libc::EMSGSIZE | libc::EINVAL | libc::EIO))
        };
        match self.send_group(remote, contents, segment) {
            // A segment is larger than the way allows: one by one, the kernel fragments them.
            Err(error) if too_large(&error) => {
                let (first, rest) = contents.split_at(segment);
                self.send_one(remote, first)?;
                let sent = rest.chunks(segment).try_for_each(|one| self.send_one(remote, one));
                // No room for the rest is no reason to send the first again.
                sent.map_err(io::Error::other)
            }
            sent => sent,
        }
    }

    /// Receives what is there: datagrams, or groups of them from one peer.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is nothing; anything else concerns single datagrams.
    pub fn receive(&self, buffers: &mut [IoSliceMut<'_>], meta: &mut [RecvMeta]) -> io::Result<usize> {
        self.state.recv(UdpSockRef::from(&self.socket), buffers, meta)
    }

    /// One that travels alone needs no control messages; reading them is a twentieth of an echo's time.
    fn send_one(&self, remote: SocketAddrV4, datagram: &[u8]) -> io::Result<()> {
        self.socket.send_to(datagram, &SockAddr::from(self.destination(remote))).map(drop)
    }

    fn send_group(&self, remote: SocketAddrV4, contents: &[u8], segment: usize) -> io::Result<()> {
        let transmit = Transmit {
            destination: SocketAddr::V4(self.destination(remote)),
            ecn: None,
            contents,
            segment_size: Some(segment),
            src_ip: None,
        };
        self.state.try_send(UdpSockRef::from(&self.socket), &transmit)
    }

    fn destination(&self, remote: SocketAddrV4) -> SocketAddrV4 {
        // A raw socket wants no port.
        let port = if self.carries == Carries::Esp { 0 } else { remote.port() };
        SocketAddrV4::new(*remote.ip(), port)
    }

    fn wait_for_room(&self) {
        let mut waiting = [PollFd::new(self.socket.as_fd(), PollFlags::POLLOUT)];
        let patience = PollTimeout::try_from(SEND_PATIENCE).unwrap_or(PollTimeout::ZERO);
        if let Err(error) = poll(&mut waiting, patience) {
            tracing::debug!(%error, "waiting for room in a send buffer");
        }
    }
}

impl AsFd for Port {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn open(local: SocketAddrV4, carries: Carries, fwmark: u32) -> io::Result<(Socket, UdpSocketState)> {
    let socket = match carries {
        Carries::Esp => Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(PROTOCOL_ESP)))?,
        Carries::Unreachable => Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4))?,
        Carries::Ike | Carries::EspAndIke => Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?,
    };
    socket.set_mark(fwmark)?;
    socket.set_reuse_port(carries == Carries::EspAndIke)?;
    socket.bind(&SockAddr::from(SocketAddr::V4(local)))?;
    let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
    kernel::allow_fragmentation(&socket)?;
    if carries == Carries::Unreachable {
        kernel::receive_only_unreachable(&socket)?;
        return Ok((socket, state));
    }
    // Only who may administer the whole machine may go beyond its limits; in a user namespace these have to do.
    if kernel::force_receive_buffer(&socket, BUFFER_BYTES).is_err() {
        socket.set_recv_buffer_size(BUFFER_BYTES)?;
    }
    if kernel::force_send_buffer(&socket, BUFFER_BYTES).is_err() {
        socket.set_send_buffer_size(BUFFER_BYTES)?;
    }
    Ok((socket, state))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddrV4;

    use causeway_netlab::Lab;

    use super::LocalPorts;
    use crate::config::GatewayConfig;

    #[test]
    fn what_is_longer_than_our_own_link_comes_apart_and_leaves_the_groups_of_other_peers_alone() {
        let lab = Lab::new("gw").expect("this test makes network namespaces: run it as root");
        let wire = lab.wire("wire").expect("a wire");
        let host = lab.host("host").expect("a host");
        wire.plug(&host, "wan", &["192.0.2.1/24"]).expect("plugged");
        host.ip("link set wan mtu 1000").expect("a narrow link");
        let sent = host.enter(|| {
            let config = GatewayConfig::at(["192.0.2.1".parse().expect("an address")]);
            let ports = LocalPorts::bind("192.0.2.1".parse().expect("an address"), &config).expect("bound");
            let port = &ports.nat_traversal;
            let (most, remote) = (port.segments_max(), SocketAddrV4::new([192, 0, 2, 2].into(), 4500));
            let sent: Vec<_> =
                [1_200, 900, 3_000].map(|segment| port.try_send(remote, &[7; 3_000], segment)).into();
            (most, port.segments_max(), sent)
        });
        let (before, after, sent) = sent.expect("entered");
        assert!(before > 1 && sent.iter().all(Result::is_ok), "{sent:?}");
        assert_eq!(after, before);
    }
}
