//! The Linux routes that bring a domain's prefixes to its TUN device. Nothing else in Causeway writes routes or rules.
//!
//! # Where they are, and why
//!
//! Each domain has a routing table of its own. The rules decide which packets see it:
//!
//! ```text
//! 20197:  from all iif cw0 lookup 20200 proto 202                what came out of a tunnel stays in its domain,
//! 20197:  from all iif cw1 lookup 20201 proto 202
//! 20197:  from all iif vpc1 lookup 20201 proto 202               and so does what comes from the domain's VPC;
//! 20198:  from all iif cw0 lookup 1020200 proto 202              it finds the domain's own VPC, and no other one,
//! 20198:  from all iif cw1 lookup 1020201 proto 202              (only if there is a VPC with an interface)
//! 20198:  from all iif vpc1 lookup 1020201 proto 202
//! 20199:  from all iif cw0 goto 20201 proto 202                  what the domain has no route for passes by the others
//! 20199:  from all iif cw1 goto 20201 proto 202
//! 20199:  from all iif vpc1 goto 20201 proto 202
//! 20200:  not from all fwmark 0xca lookup 20200 proto 202        everything else that does not carry our mark
//! 20201:  from all nop proto 202                                 (before 32766: from all lookup main)
//!
//! table 20200:   10.1.0.0/16 dev cw0 proto 202 scope link        a prefix of some connection
//!                throw 10.1.7.0/24 proto 202                     main has a longer prefix inside it, and keeps it
//!
//! table 1020200: blackhole 172.16.0.0/16 proto 202               main has it behind vpc1, the interface of another domain
//!                throw 172.16.9.0/24 proto 202                   main has that elsewhere, and keeps it
//! table 1020201: 172.16.0.0/16 dev vpc1 proto 202 scope link     the domain's own VPC, as main has it
//! ```
//!
//! The domain of a VPC that lies behind an interface has no rule for everything else, so that two such domains can have the
//! same prefix. Two VPCs can have the same networks, too: each domain finds its own.
//!
//! - *Nothing crosses.* What comes from a domain sees the domain's own table, its own VPC, and then what the machine itself has
//!   that lies behind no other domain's interface, after the rules of all other domains.
//! - *No loop.* Our own outer packets (IKE and ESP) carry the mark and never see the table, so a connection may route a
//!   prefix that contains its peer's address, or 0.0.0.0/0, and its ESP still goes out of the uplink.
//! - *No leak.* The rule comes before main, so no route of main, however long ago made, takes a packet of a routed prefix
//!   away in clear. The device outlives a killed process (see [`crate::tun`]): packets are then dropped in it.
//! - *Longest prefix first*, across the two tables: what main knows more exactly, such as a LAN inside of a routed 10.0.0.0/8,
//!   is thrown back to it. Of two routes for the same prefix, ours is taken. When main forgets such a route, we hear of it and
//!   take the throw away; in between, for a tenth of a second, main's next shorter route has its packets.
//!
//! All that is ours carries our route protocol number, by which it is found again and swept after a crash.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use ipnet::Ipv4Net;
use nix::errno::Errno;

use crate::netlink::message::{self, ListedLink, ListedRoute, RulePackets, RuleVerdict, TableRule, Target};
use crate::netlink::{Netlink, NetlinkError, Request};

mod known;
mod vpcs;

pub use known::KnownRoutes;
pub use vpcs::MainRoutes;

/// The route protocol number of all that we make: 0xCA, not used by any other known routing daemon.
pub const ROUTE_PROTOCOL: u8 = 202;
/// The table of the first domain; the others' follow.
pub const TABLE_BASE: u32 = 20_200;
/// The place of our rules among the rules: before main (32766), after what an operator puts at the front.
pub const RULE_PRIORITY: u32 = 20_200;
/// The mark on our outer packets.
pub const FWMARK: u32 = 0xca;

/// Linux's main table.
pub const TABLE_MAIN: u32 = 254;

/// How far from the table of a domain that of the VPCs is.
const VPC_TABLE_DISTANCE: u32 = 1_000_000;

/// The numbers under which our routes are known, where the defaults collide with something else on the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteNumbers {
    /// See [`ROUTE_PROTOCOL`].
    pub protocol: u8,
    /// See [`TABLE_BASE`].
    pub table_base: u32,
    /// See [`RULE_PRIORITY`]; our rules take the three places before it and the one after it as well.
    pub rule_priority: u32,
    /// See [`FWMARK`].
    pub fwmark: u32,
}

impl Default for RouteNumbers {
    fn default() -> Self {
        Self {
            protocol: ROUTE_PROTOCOL,
            table_base: TABLE_BASE,
            rule_priority: RULE_PRIORITY,
            fwmark: FWMARK,
        }
    }
}

/// Why the kernel's routes are not as they should be.
#[derive(Debug, thiserror::Error)]
pub enum RouteError {
    /// It is unknown what took effect.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// The kernel refused some changes; the first is told.
    #[error("the kernel refused {refused} of {all} changes, the first ({first}) because: {errno}")]
    Refused {
        /// How many.
        refused: usize,
        /// Of how many.
        all: usize,
        /// The first of them.
        first: String,
        /// Its reason.
        errno: Errno,
    },
}

/// One change of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteChange {
    /// Adds or replaces.
    Put(Ipv4Net, Target),
    /// Removes; a route that is not there is as good as removed.
    Delete(Ipv4Net),
}

/// Where a domain's packets come from, other than from everywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableInterfaces {
    /// Its TUN device, out of which comes what came through its tunnels.
    pub device: String,
    /// The interface behind which its VPC lies, if that is known.
    pub vpc: Option<String>,
}

/// The tables of the domains, by number.
pub type Tables = BTreeMap<u32, TableInterfaces>;

/// Main's prefixes as a domain's packets see them.
#[derive(Debug, Clone, Copy)]
pub struct Visible<'a> {
    /// All.
    pub prefixes: &'a BTreeSet<Ipv4Net>,
    /// Those that are not there for the domain.
    pub hidden: &'a BTreeSet<Ipv4Net>,
}

/// The table beside that of a domain, which says what the domain sees of the VPCs.
pub fn vpc_table(table: u32) -> u32 {
    table.wrapping_add(VPC_TABLE_DISTANCE)
}

/// What a table of ours holds.
pub type TableRoutes = BTreeMap<Ipv4Net, Target>;

impl Visible<'_> {
    fn contains(&self, dest: Ipv4Net) -> bool {
        self.prefixes.contains(&dest) && !self.hidden.contains(&dest)
    }
}

impl RouteChange {
    /// What it is about.
    pub fn dest(&self) -> Ipv4Net {
        match self {
            Self::Put(dest, _) | Self::Delete(dest) => *dest,
        }
    }

    /// Does to a table in memory what the kernel does to its own.
    pub fn enter(self, table: &mut TableRoutes) {
        match self {
            Self::Put(dest, target) => drop(table.insert(dest, target)),
            Self::Delete(dest) => drop(table.remove(&dest)),
        }
    }
}

/// The kernel's side of it, over one socket.
pub struct LinuxRoutes {
    netlink: Netlink,
    numbers: RouteNumbers,
}

impl LinuxRoutes {
    /// Opens a socket into the calling thread's network namespace.
    pub fn open(numbers: RouteNumbers) -> Result<Self, RouteError> {
        Ok(Self { netlink: Netlink::open()?, numbers })
    }

    /// The netlink port of our changes.
    pub fn port(&self) -> Arc<AtomicU32> {
        self.netlink.port()
    }

    /// Applies changes to one table, in order.
    pub fn apply(&mut self, table: u32, changes: &[RouteChange]) -> Result<(), RouteError> {
        let protocol = self.numbers.protocol;
        let request = |change: &RouteChange| match *change {
            RouteChange::Put(dest, target) => message::put_route(table, protocol, dest, target),
            RouteChange::Delete(dest) => message::delete_route(table, protocol, dest),
        };
        let requests: Vec<_> = changes.iter().map(request).collect();
        let name = |index: usize| format!("{:?} in table {table}", changes[index]);
        self.send(&requests, &[Errno::ESRCH], name)
    }

    /// What a table holds of ours.
    pub fn observe(&mut self, table: u32) -> Result<TableRoutes, RouteError> {
        let all = self.list(Some(table), Some(self.numbers.protocol))?;
        let ours = all.into_iter().filter(|it| it.table == table && it.protocol == self.numbers.protocol);
        // A route of ours that does not look as we make them is none; it will be replaced.
        Ok(ours.filter_map(|route| Some((route.dest, route.target?))).collect())
    }

    /// Main's routes that others made. The VPCs lie behind the interfaces with these indices.
    pub fn observe_main(&mut self, vpcs: BTreeSet<u32>) -> Result<MainRoutes, RouteError> {
        let all = self.list(Some(TABLE_MAIN), None)?;
        let others = all.into_iter().filter(|it| it.table == TABLE_MAIN && it.is_forwarding);
        Ok(MainRoutes::new(others.collect(), vpcs))
    }

    /// Makes the rules be exactly those of these tables.
    pub fn put_rules(&mut self, tables: &Tables) -> Result<(), RouteError> {
        let protocol = self.numbers.protocol;
        let listed = self.netlink.dump(&message::list_rules())?;
        let present: Vec<_> = listed.iter().filter_map(|rule| message::read_rule(rule, protocol)).collect();
        let wanted = rules_wanted(tables, self.numbers);
        let mut kept = BTreeSet::new();
        // What is there twice, or otherwise than wanted, goes.
        let surplus: Vec<_> = present
            .into_iter()
            .filter(|rule| !(wanted.contains(rule) && kept.insert(rule.clone())))
            .collect();
        let mut missing: Vec<_> = wanted.difference(&kept).collect();
        // A table is only looked up when those are told to pass by that it is not for.
        missing.sort_by_key(|rule| {
            let kind = match rule.verdict {
                RuleVerdict::Nothing => 0,
                RuleVerdict::GoTo(_) => 1,
                RuleVerdict::Lookup(_) => 2,
            };
            (kind, std::cmp::Reverse(rule.priority))
        });
        let added = missing.into_iter().map(|rule| message::add_rule(rule, protocol));
        let requests: Vec<_> =
            added.chain(surplus.iter().map(|rule| message::delete_rule(rule, protocol))).collect();
        self.send(&requests, &[Errno::EEXIST, Errno::ENOENT], |_| "a routing rule".to_owned())
    }

    /// Removes every route of ours that is in none of these tables: what another process of ours left behind.
    pub fn sweep(&mut self, tables: &Tables) -> Result<usize, RouteError> {
        let protocol = self.numbers.protocol;
        let all = self.list(None, Some(protocol))?;
        let is_kept =
            |table: u32| tables.contains_key(&table) || tables.keys().any(|it| vpc_table(*it) == table);
        let stale: Vec<_> =
            all.into_iter().filter(|it| it.protocol == protocol && !is_kept(it.table)).collect();
        let requests: Vec<_> =
            stale.iter().map(|route| message::delete_route(route.table, protocol, route.dest)).collect();
        self.send(&requests, &[Errno::ESRCH], |index| format!("{:?}", stale[index]))?;
        Ok(stale.len())
    }

    /// The links there are.
    pub fn links(&mut self) -> Result<Vec<ListedLink>, RouteError> {
        let all = self.netlink.dump(&message::list_links())?;
        Ok(all.iter().filter_map(message::read_link).collect())
    }

    /// Brings a link up with this MTU and writes a text on it.
    pub fn set_link(&mut self, index: u32, mtu: u16, alias: &str) -> Result<(), RouteError> {
        self.send(&[message::set_link(index, mtu.into(), alias)], &[], |_| format!("setting up link {index}"))
    }

    /// Removes a link, and with it all routes that lead to it.
    pub fn delete_link(&mut self, index: u32) -> Result<(), RouteError> {
        self.send(&[message::delete_link(index)], &[Errno::ENODEV], |_| format!("removing link {index}"))
    }

    fn list(&mut self, table: Option<u32>, protocol: Option<u8>) -> Result<Vec<ListedRoute>, RouteError> {
        match self.netlink.dump(&message::list_routes(table, protocol)) {
            Ok(all) => Ok(all.iter().filter_map(message::read_route).collect()),
            // A table that never had a route does not exist.
            Err(NetlinkError::Dump(Errno::ENOENT)) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    fn send(
        &mut self,
        requests: &[Request],
        harmless: &[Errno],
        name: impl Fn(usize) -> String,
    ) -> Result<(), RouteError> {
        let mut refused = self.netlink.batch(requests)?;
        refused.retain(|it| !harmless.contains(&it.errno));
        match refused.first() {
            None => Ok(()),
            Some(first) => Err(RouteError::Refused {
                refused: refused.len(),
                all: requests.len(),
                first: name(first.index),
                errno: first.errno,
            }),
        }
    }
}

/// The rules of the domains; see the module.
fn rules_wanted(tables: &Tables, numbers: RouteNumbers) -> BTreeSet<TableRule> {
    let RouteNumbers { rule_priority: priority, fwmark, .. } = numbers;
    let mut rules = BTreeSet::new();
    let has_vpcs = tables.values().any(|interfaces| interfaces.vpc.is_some());
    for (&table, TableInterfaces { device, vpc }) in tables {
        let lookup = RuleVerdict::Lookup(table);
        for name in std::iter::once(device).chain(vpc) {
            let packets = RulePackets::From(name.clone());
            let skip = RuleVerdict::GoTo(priority + 1);
            rules.insert(TableRule { priority: priority - 3, packets: packets.clone(), verdict: lookup });
            if has_vpcs {
                let verdict = RuleVerdict::Lookup(vpc_table(table));
                rules.insert(TableRule { priority: priority - 2, packets: packets.clone(), verdict });
            }
            rules.insert(TableRule { priority: priority - 1, packets, verdict: skip });
        }
        if vpc.is_none() {
            rules.insert(TableRule { priority, packets: RulePackets::Unmarked(fwmark), verdict: lookup });
        }
    }
    if !tables.is_empty() {
        let (packets, verdict) = (RulePackets::All, RuleVerdict::Nothing);
        rules.insert(TableRule { priority: priority + 1, packets, verdict });
    }
    rules
}

/// What a domain's table should hold for a prefix: the way to the device for those that are to be there, and a throw for each
/// route of main inside of one.
pub fn wanted_route(
    dest: Ipv4Net,
    prefixes: &BTreeSet<Ipv4Net>,
    main: Visible<'_>,
    device: u32,
) -> Option<Target> {
    match prefixes.contains(&dest) {
        true => Some(Target::Device(device)),
        false => (main.contains(dest) && has_shorter(prefixes, dest)).then_some(Target::Throw),
    }
}

/// What a domain's table should hold of the prefixes in a range: its own to the device, and a throw for each route of main inside
/// of one.
pub fn table_wanted(
    prefixes: &BTreeSet<Ipv4Net>,
    main: Visible<'_>,
    device: u32,
    range: impl RangeBounds<Ipv4Net> + Clone,
) -> TableRoutes {
    let dests = prefixes.range(range.clone()).chain(main.prefixes.range(range));
    dests.filter_map(|dest| Some((*dest, wanted_route(*dest, prefixes, main, device)?))).collect()
}

fn has_shorter(prefixes: &BTreeSet<Ipv4Net>, dest: Ipv4Net) -> bool {
    std::iter::successors(dest.supernet(), Ipv4Net::supernet).any(|shorter| prefixes.contains(&shorter))
}

/// The changes that make a table hold what it should. Throws are put first and deleted last, so that at no moment a
/// packet that main keeps goes into a tunnel.
pub fn table_changes(present: &TableRoutes, wanted: &TableRoutes) -> Vec<RouteChange> {
    let put = wanted.iter().filter(|(dest, target)| present.get(dest) != Some(target));
    let mut changes: Vec<_> = put.map(|(dest, target)| RouteChange::Put(*dest, *target)).collect();
    changes.sort_by_key(|change| !matches!(change, RouteChange::Put(_, Target::Throw)));
    let mut deleted: Vec<_> = present.iter().filter(|(dest, _)| !wanted.contains_key(dest)).collect();
    deleted.sort_by_key(|(_, target)| matches!(target, Target::Throw));
    changes.extend(deleted.into_iter().map(|(dest, _)| RouteChange::Delete(*dest)));
    changes
}

/// The changes of a table after `touched` prefixes came or went: those that making the whole table anew would give, found
/// by looking at these prefixes, and at what is inside of them, only.
pub fn route_changes(
    present: &TableRoutes,
    prefixes: &BTreeSet<Ipv4Net>,
    main: Visible<'_>,
    touched: &[Ipv4Net],
    device: u32,
) -> Vec<RouteChange> {
    let mut affected: BTreeSet<Ipv4Net> = touched.iter().copied().collect();
    for dest in touched {
        affected.extend(main.prefixes.range(inside(*dest)));
        affected.extend(present.range(inside(*dest)).map(|(dest, _)| dest));
    }
    let wanted = |dest: &Ipv4Net| Some((*dest, wanted_route(*dest, prefixes, main, device)?));
    let before = affected.iter().filter_map(|dest| Some((*dest, *present.get(dest)?))).collect();
    table_changes(&before, &affected.iter().filter_map(wanted).collect())
}

/// The prefixes inside of one, as a range of an ordered map. Ordered by address and then by length, they are next to each
/// other.
fn inside(dest: Ipv4Net) -> (Bound<Ipv4Net>, Bound<Ipv4Net>) {
    (Bound::Excluded(dest), Bound::Included(Ipv4Net::from(dest.broadcast())))
}

#[cfg(test)]
mod tests;
