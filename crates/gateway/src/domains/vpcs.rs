//! Which VPCs the packets of a domain find: their own one, and none of another domain.

use std::collections::{BTreeMap, BTreeSet};

use causeway_control::desired::Domain;
use ipnet::Ipv4Net;

use super::{DomainError, Domains};
use crate::netlink::message::Target;
use crate::routes::{RouteError, TableRoutes, table_changes, vpc_table};

impl Domains {
    /// The interfaces behind which the VPCs of domains lie, as far as they are there, with their indices.
    pub(super) fn list_vpc_links(&mut self) -> Result<BTreeMap<String, u32>, RouteError> {
        if self.interfaces.is_empty() {
            return Ok(BTreeMap::new());
        }
        let names: BTreeSet<_> = self.interfaces.values().cloned().collect();
        let links = self.routes.links()?.into_iter().filter(|link| names.contains(&link.name));
        Ok(links.map(|link| (link.name, link.index)).collect())
    }

    /// Makes a domain's table of the VPCs, and what its own table leaves to main, be what main has now; `touched` is what has
    /// changed in main. The table is looked at each time: Linux does not tell which routes go with a VPC's interface.
    pub(super) fn check_vpcs(&mut self, domain: &Domain, touched: &[Ipv4Net]) -> Result<usize, DomainError> {
        let own = self.interfaces.get(domain).and_then(|name| self.vpc_links.get(name)).copied();
        let wanted = self.main.of_domain(own);
        let is_hidden = |(_, target): &(&Ipv4Net, &Target)| **target == Target::Blackhole;
        let hidden: BTreeSet<Ipv4Net> = match own {
            Some(_) => wanted.iter().filter(is_hidden).map(|(dest, _)| *dest).collect(),
            // The table of a domain without an interface is there for the whole machine, which has all VPCs.
            None => BTreeSet::new(),
        };
        let open = self.open.get_mut(domain).ok_or(DomainError::NotOpen)?;
        let mut touched = touched.to_vec();
        touched.extend(open.hidden.symmetric_difference(&hidden));
        open.hidden = hidden;
        let of_vpcs = self.change_vpcs(domain, wanted);
        Ok(self.change(domain, &touched, |_| {})? + of_vpcs?)
    }

    fn change_vpcs(&mut self, domain: &Domain, wanted: TableRoutes) -> Result<usize, DomainError> {
        let open = self.open.get_mut(domain).ok_or(DomainError::NotOpen)?;
        if wanted.is_empty() && !open.sees_vpcs {
            return Ok(0);
        }
        let table = vpc_table(open.table);
        let changes = table_changes(&self.routes.observe(table)?, &wanted);
        open.sees_vpcs = true;
        if let Err(error) = self.routes.apply(table, &changes) {
            self.changes.note_ours();
            return Err(error.into());
        }
        open.sees_vpcs = !wanted.is_empty();
        Ok(changes.len())
    }
}
