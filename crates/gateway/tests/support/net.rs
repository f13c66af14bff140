//! Two sites on a wire, and hosts beside them.
#![allow(dead_code)]

use std::net::Ipv4Addr;
use std::time::Duration;

use causeway_control::desired::DesiredTunnel;
use causeway_control::resource::tunnel::TunnelRole;
use causeway_netlab::{Capture, CaptureOptions, Host, Lab, PingOptions, Wire, ping};

use crate::site::Site;
use crate::wanted::{connection, tunnel};

/// What docs and demo advise for private networks: no route of the machine's own takes what has none of ours.
pub const GUARD: &str = "unreachable 10.0.0.0/8 metric 4278198272";

/// Two sites, the left and the right, on a wire.
pub struct Net {
    pub left: Site,
    pub right: Site,
    pub wire: Wire,
    pub lab: Lab,
}

impl Net {
    /// Two sites on a wire, no gateways.
    pub fn laid_out() -> Self {
        let lab = Lab::new("gw").expect("this test makes network namespaces: run it as root");
        let wire = lab.wire("wire").unwrap();
        let (left, right) = (Site::new(&lab, &wire, 1), Site::new(&lab, &wire, 2));
        Self { left, right, wire, lab }
    }

    /// Two gateways with a tunnel between them; the right one routes what the left one will.
    pub fn connected() -> Self {
        let net = Self::laid_out();
        let (left, right) = (net.left.start(), net.right.start());
        let net = Self { left, right, ..net };
        net.want_tunnel();
        net.left.world.wait_up("vco-left");
        net.right.world.wait_up("vco-right");
        net
    }

    pub fn want_tunnel(&self) {
        self.want_tunnel_with(|_| {});
    }

    /// The same, and each end of the tunnel is otherwise than usual from the beginning.
    pub fn want_tunnel_with(&self, change: impl Fn(&mut DesiredTunnel)) {
        let (here, there) = (self.left.outside, self.right.outside);
        let changed = |mut tunnel: DesiredTunnel| {
            change(&mut tunnel);
            vec![tunnel]
        };
        let out = changed(tunnel("tun-left", TunnelRole::Master, here, there));
        self.left.want(connection("vco-left", out, &[]));
        let back = changed(tunnel("tun-right", TunnelRole::Master, there, here));
        self.right.want(connection("vco-right", back, &["10.1.0.0/24", "10.101.0.0/24"]));
    }

    /// Looks for anything in clear of what is inside.
    pub fn capture(&self) -> Capture {
        let inner = vec!["10.0.0.0/8".parse().unwrap()];
        self.wire.capture(CaptureOptions { inner, ..CaptureOptions::default() }).unwrap()
    }
}

pub fn nothing_leaked(capture: Capture) {
    let captured = capture.stop().unwrap();
    assert_eq!((captured.clear_text_packets, captured.arp_for_inner), (0, 0), "{:#?}", captured.leaks);
}

/// A host behind an interface of its own of the left router: a VPC.
pub fn vpc(net: &Net, interface: &str, number: u8) -> Host {
    let host = net.lab.host(interface).unwrap();
    let [inner, inside] = [1, 2].map(|it| format!("10.{number}.0.{it}/24"));
    net.lab.link((&net.left.router, interface, &[&inner]), (&host, "eth", &[&inside])).unwrap();
    host.default_route(&format!("10.{number}.0.1")).unwrap();
    host
}

pub fn answers(host: &Host, target: Ipv4Addr) -> bool {
    let options = PingOptions { timeout: Duration::from_millis(300), ..PingOptions::default() };
    ping(host, target, &options).unwrap().received > 0
}
