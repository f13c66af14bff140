//! The rtnetlink messages that we send, and what we read out of those that come back.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::rule::{RuleAction, RuleAttribute, RuleFlags, RuleMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::Request;

/// Where a route of a table of ours leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// To the device with this index: a TUN device, or the interface of a VPC.
    Device(u32),
    /// To a router behind the device with this index.
    Gateway(u32, Ipv4Addr),
    /// Out of our table: the lookup goes on with the next rule.
    Throw,
    /// Nowhere, without a word: what Linux answered to a tunnel would not see the domain's table, and would leave in clear.
    Blackhole,
}

/// One way that a route leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextHop {
    /// Out of the device with this index.
    pub device: u32,
    /// The target of a route of ours that leads the same way; none if ours cannot (by an IPv6 router).
    pub target: Option<Target>,
}

/// A route as the kernel lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedRoute {
    /// The table it is in.
    pub table: u32,
    /// Who made it.
    pub protocol: u8,
    /// Whether it leads somewhere (as opposed to local and broadcast addresses).
    pub is_forwarding: bool,
    /// What it is for.
    pub dest: Ipv4Net,
    /// Where it leads, if it is a route as we make them.
    pub target: Option<Target>,
    /// The ways it leads: several if it is a multipath route, none if it drops.
    pub hops: Vec<NextHop>,
}

/// A rule of ours: what becomes of some packets at a place among the rules.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TableRule {
    /// The rule's place among the rules; main's is 32766.
    pub priority: u32,
    /// Whose packets.
    pub packets: RulePackets,
    /// What becomes of them.
    pub verdict: RuleVerdict,
}

/// What becomes of the packets of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RuleVerdict {
    /// They are looked up in this table, and go on with the next rule when it has nothing for them.
    Lookup(u32),
    /// They go on with the first rule at this place.
    GoTo(u32),
    /// They go on with the next rule: a place to go to.
    Nothing,
}

/// Which packets a rule is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum RulePackets {
    /// All but those with this mark, which is on our own outer packets.
    Unmarked(u32),
    /// Those that come in by the interface of this name. Our own outer packets come in by none.
    From(String),
    /// All.
    All,
}

/// A link as the kernel lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedLink {
    /// Its index.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// The text that its maker put on it.
    pub alias: Option<String>,
    /// The largest packet it takes.
    pub mtu: u32,
    /// Whether it is up.
    pub is_up: bool,
}

/// Adds a route, or replaces the one that the table has for the prefix.
pub fn put_route(table: u32, protocol: u8, dest: Ipv4Net, target: Target) -> Request {
    let mut message = route(table, protocol, dest);
    match target {
        Target::Device(index) => {
            message.header.kind = RouteType::Unicast;
            message.header.scope = RouteScope::Link;
            message.attributes.push(RouteAttribute::Oif(index));
        }
        Target::Gateway(index, router) => {
            message.header.kind = RouteType::Unicast;
            message.header.scope = RouteScope::Universe;
            // The router was found reachable when main got its route. Ours does not depend on how Linux would find it.
            message.header.flags = RouteFlags::Onlink;
            let router = RouteAttribute::Gateway(RouteAddress::Inet(router));
            message.attributes.extend([RouteAttribute::Oif(index), router]);
        }
        Target::Blackhole => message.header.kind = RouteType::BlackHole,
        Target::Throw => {
            message.header.kind = RouteType::Throw;
            // When Linux looks for the gateway of somebody's route, it passes over routes of a wider scope than a link's:
            // it would pass over the throw and find our device.
            message.header.scope = RouteScope::Host;
        }
    }
    Request { message: RouteNetlinkMessage::NewRoute(message), flags: NLM_F_CREATE | NLM_F_REPLACE }
}

/// Removes our route for a prefix, wherever it leads.
pub fn delete_route(table: u32, protocol: u8, dest: Ipv4Net) -> Request {
    let mut message = route(table, protocol, dest);
    message.header.scope = RouteScope::NoWhere;
    message.header.kind = RouteType::Unspec;
    Request { message: RouteNetlinkMessage::DelRoute(message), flags: 0 }
}

/// Lists the IPv4 routes of one table, or those of one protocol in all tables.
pub fn list_routes(table: Option<u32>, protocol: Option<u8>) -> RouteNetlinkMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = AddressFamily::Inet;
    message.header.protocol = RouteProtocol::from(protocol.unwrap_or(0));
    if let Some(table) = table {
        message.attributes.push(RouteAttribute::Table(table));
    }
    RouteNetlinkMessage::GetRoute(message)
}

/// Adds a rule.
pub fn add_rule(rule: &TableRule, protocol: u8) -> Request {
    let message = RouteNetlinkMessage::NewRule(rule_message(rule, protocol));
    Request { message, flags: NLM_F_CREATE | NLM_F_EXCL }
}

/// Removes a rule.
pub fn delete_rule(rule: &TableRule, protocol: u8) -> Request {
    Request { message: RouteNetlinkMessage::DelRule(rule_message(rule, protocol)), flags: 0 }
}

/// Lists the IPv4 rules.
pub fn list_rules() -> RouteNetlinkMessage {
    let mut message = RuleMessage::default();
    message.header.family = AddressFamily::Inet;
    RouteNetlinkMessage::GetRule(message)
}

/// Lists the links.
pub fn list_links() -> RouteNetlinkMessage {
    RouteNetlinkMessage::GetLink(LinkMessage::default())
}

/// Brings a link up, with this MTU and this text on it.
pub fn set_link(index: u32, mtu: u32, alias: &str) -> Request {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.header.flags = LinkFlags::Up;
    message.header.change_mask = LinkFlags::Up;
    message.attributes = vec![LinkAttribute::Mtu(mtu), LinkAttribute::IfAlias(alias.to_owned())];
    Request { message: RouteNetlinkMessage::SetLink(message), flags: 0 }
}

/// Removes a link.
pub fn delete_link(index: u32) -> Request {
    let mut message = LinkMessage::default();
    message.header.index = index;
    Request { message: RouteNetlinkMessage::DelLink(message), flags: 0 }
}

/// Reads a listed route; `None` if it is none for IPv4.
pub fn read_route(message: &RouteNetlinkMessage) -> Option<ListedRoute> {
    let RouteNetlinkMessage::NewRoute(route) = message else { return None };
    if route.header.address_family != AddressFamily::Inet {
        return None;
    }
    let (mut table, mut address, mut device) = (u32::from(route.header.table), Ipv4Addr::UNSPECIFIED, None);
    let mut hops = Vec::new();
    for attribute in &route.attributes {
        match attribute {
            RouteAttribute::Table(id) => table = *id,
            RouteAttribute::Destination(RouteAddress::Inet(dest)) => address = *dest,
            RouteAttribute::Oif(index) => device = Some(*index),
            RouteAttribute::MultiPath(ways) => {
                hops.extend(ways.iter().map(|way| next_hop(way.interface_index, &way.attributes)));
            }
            _ => {}
        }
    }
    hops.extend(device.map(|device| next_hop(device, &route.attributes)));
    let target = match (route.header.kind, hops.as_slice()) {
        (RouteType::Unicast, [hop]) => hop.target,
        (RouteType::Throw, _) => Some(Target::Throw),
        (RouteType::BlackHole, _) => Some(Target::Blackhole),
        _ => None,
    };
    Some(ListedRoute {
        table,
        protocol: route.header.protocol.into(),
        is_forwarding: !matches!(
            route.header.kind,
            RouteType::Local | RouteType::Broadcast | RouteType::Multicast | RouteType::Anycast
        ),
        dest: Ipv4Net::new(address, route.header.destination_prefix_length).ok()?,
        target,
        hops,
    })
}

fn next_hop(device: u32, attributes: &[RouteAttribute]) -> NextHop {
    let router = attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Gateway(RouteAddress::Inet(router)) => Some(Some(Target::Gateway(device, *router))),
        RouteAttribute::Gateway(_) | RouteAttribute::Via(_) => Some(None),
        _ => None,
    });
    NextHop { device, target: router.unwrap_or(Some(Target::Device(device))) }
}

/// Reads a listed rule; `None` if this protocol did not make it, or not as we make them.
pub fn read_rule(message: &RouteNetlinkMessage, protocol: u8) -> Option<TableRule> {
    let RouteNetlinkMessage::NewRule(rule) = message else { return None };
    let (mut table, mut priority, mut is_ours) = (rule.header.table.into(), 0, false);
    let (mut mark, mut interface, mut place) = (None, None, None);
    for attribute in &rule.attributes {
        match attribute {
            RuleAttribute::Table(number) => table = *number,
            RuleAttribute::Priority(number) => priority = *number,
            RuleAttribute::Goto(number) => place = Some(*number),
            RuleAttribute::FwMark(number) => mark = Some(*number),
            RuleAttribute::Iifname(name) => interface = Some(name.clone()),
            RuleAttribute::Protocol(maker) => is_ours = u8::from(*maker) == protocol,
            _ => {}
        }
    }
    let packets = match (interface, mark) {
        (Some(name), _) => RulePackets::From(name),
        (None, Some(mark)) => RulePackets::Unmarked(mark),
        (None, None) => RulePackets::All,
    };
    let verdict = match rule.header.action {
        RuleAction::ToTable => RuleVerdict::Lookup(table),
        RuleAction::Goto => RuleVerdict::GoTo(place?),
        RuleAction::Nop => RuleVerdict::Nothing,
        _ => return None,
    };
    is_ours.then_some(TableRule { priority, packets, verdict })
}

/// Reads a listed link.
pub fn read_link(message: &RouteNetlinkMessage) -> Option<ListedLink> {
    let RouteNetlinkMessage::NewLink(link) = message else { return None };
    let (mut name, mut alias, mut mtu) = (None, None, 0);
    for attribute in &link.attributes {
        match attribute {
            LinkAttribute::Mtu(bytes) => mtu = *bytes,
            LinkAttribute::IfName(text) => name = Some(text.clone()),
            LinkAttribute::IfAlias(text) => alias = Some(text.clone()),
            _ => {}
        }
    }
    let is_up = link.header.flags.contains(LinkFlags::Up);
    Some(ListedLink { index: link.header.index, name: name?, alias, mtu, is_up })
}

fn route(table: u32, protocol: u8, dest: Ipv4Net) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = AddressFamily::Inet;
    message.header.destination_prefix_length = dest.prefix_len();
    message.header.protocol = RouteProtocol::from(protocol);
    message.header.table = RouteHeader::RT_TABLE_UNSPEC;
    message.attributes = vec![RouteAttribute::Table(table)];
    if dest.prefix_len() > 0 {
        message.attributes.push(RouteAttribute::Destination(RouteAddress::Inet(dest.network())));
    }
    message
}

fn rule_message(rule: &TableRule, protocol: u8) -> RuleMessage {
    let mut message = RuleMessage::default();
    message.header.family = AddressFamily::Inet;
    message.attributes =
        vec![RuleAttribute::Priority(rule.priority), RuleAttribute::Protocol(RouteProtocol::from(protocol))];
    message.header.action = match rule.verdict {
        RuleVerdict::Lookup(table) => {
            message.attributes.push(RuleAttribute::Table(table));
            RuleAction::ToTable
        }
        RuleVerdict::GoTo(place) => {
            message.attributes.push(RuleAttribute::Goto(place));
            RuleAction::Goto
        }
        RuleVerdict::Nothing => RuleAction::Nop,
    };
    match &rule.packets {
        RulePackets::Unmarked(mark) => {
            message.header.flags = RuleFlags::Invert;
            message.attributes.extend([RuleAttribute::FwMark(*mark), RuleAttribute::FwMask(u32::MAX)]);
        }
        // Inverting would turn the interface round as well, so that there is no mark beside it.
        RulePackets::From(interface) => message.attributes.push(RuleAttribute::Iifname(interface.clone())),
        RulePackets::All => {}
    }
    message
}
