//! Which of main's routes the packets of a domain may follow. What lies behind the interface of a VPC is there for the domains
//! of that VPC only, and a domain finds its own VPC although another one has the same networks.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;

use super::{TableRoutes, has_shorter};
use crate::netlink::message::{ListedRoute, NextHop, Target};

/// What main holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MainRoutes {
    /// The prefixes of its routes, the default route aside.
    pub prefixes: BTreeSet<Ipv4Net>,
    /// The routes of each prefix that has one over the interface of a VPC, the preferred one first.
    over_vpcs: BTreeMap<Ipv4Net, Vec<Vec<NextHop>>>,
    /// The interfaces of the VPCs.
    vpcs: BTreeSet<u32>,
}

impl MainRoutes {
    /// What these routes say of the VPCs that lie behind the interfaces with these indices.
    pub fn new(listed: Vec<ListedRoute>, vpcs: BTreeSet<u32>) -> Self {
        let mut over_vpcs = BTreeMap::<_, Vec<_>>::new();
        let mut prefixes = BTreeSet::new();
        for route in listed {
            prefixes.insert(route.dest);
            over_vpcs.entry(route.dest).or_default().push(route.hops);
        }
        over_vpcs.retain(|_, routes| routes.iter().flatten().any(|hop| vpcs.contains(&hop.device)));
        prefixes.remove(&Ipv4Net::default());
        Self { prefixes, over_vpcs, vpcs }
    }

    /// What becomes of the packets of a domain, whose VPC lies behind the interface `own`, before they follow main: its own
    /// VPC's networks are found, those of other VPCs are not there, and whatever else main knows inside of them is left to it.
    pub fn of_domain(&self, own: Option<u32>) -> TableRoutes {
        let verdict = |(dest, routes): (&Ipv4Net, &Vec<_>)| Some((*dest, self.verdict(routes, own)?));
        let mut table: TableRoutes = self.over_vpcs.iter().filter_map(verdict).collect();
        let verdicts: BTreeSet<_> = table.keys().copied().collect();
        let left = self.prefixes.difference(&verdicts).filter(|dest| has_shorter(&verdicts, **dest));
        table.extend(left.map(|dest| (*dest, Target::Throw)));
        table
    }

    fn verdict(&self, routes: &[Vec<NextHop>], own: Option<u32>) -> Option<Target> {
        if let Some(hop) = routes.iter().flatten().find(|hop| Some(hop.device) == own) {
            return hop.target;
        }
        let is_of_vpc = |hop: &NextHop| self.vpcs.contains(&hop.device);
        routes.first()?.iter().any(is_of_vpc).then_some(Target::Blackhole)
    }
}

#[cfg(test)]
mod tests;
