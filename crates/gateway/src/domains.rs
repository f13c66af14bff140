//! The forwarding domains in being: each a TUN device, which the workers read, and a routing table with its rule.
//!
//! A device carries the name of its domain as a text (`ip link` shows it as `alias`), by which the next process finds it
//! again after a crash, together with the routes that still lead to it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant};

use causeway_control::desired::Domain;
use ipnet::Ipv4Net;

use crate::config::{GatewayConfig, OnStop, StartError};
use crate::counters::Counters;
use crate::forwarding::ForwardingTable;
use crate::netlink::message::ListedLink;
use crate::path::DomainPlane;
use crate::path::worker::Workers;
use crate::routes::{
    KnownRoutes, LinuxRoutes, MainRoutes, RouteChange, RouteError, TableInterfaces, TableRoutes, Tables,
    Visible, route_changes, table_changes, vpc_table,
};
use crate::tun::TunDevice;
use crate::watch::Changes;

mod survey;
mod vpcs;

use survey::{Lister, Survey};

pub use survey::Listed;

/// What the text on a device of ours begins with.
const ALIAS_PREFIX: &str = "causeway ";
/// Main is listed anew before a change unless that was done so short ago, or takes so long. Changes of it are heard of anyway.
pub const MAIN_LISTED_AGE: Duration = Duration::from_millis(20);
/// See [`MAIN_LISTED_AGE`].
const MAIN_LISTING_MAX: Duration = Duration::from_millis(5);

/// Why a domain is not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum DomainError {
    /// The device could not be opened.
    #[error("opening the TUN device {name}: {error}")]
    Device {
        /// Its name.
        name: String,
        /// The system's answer.
        error: io::Error,
    },
    /// The kernel's routes could not be read or written.
    #[error(transparent)]
    Routes(#[from] RouteError),
    /// There is no such domain; it has to be opened first.
    #[error("the domain is not open")]
    NotOpen,
    /// Somebody removed the device; the domain has to be opened anew.
    #[error("somebody removed the TUN device of {0:?}")]
    DeviceGone(Domain),
}

/// A domain in being.
struct OpenDomain {
    plane: Arc<DomainPlane>,
    table: u32,
    /// The prefixes that are to be there.
    prefixes: BTreeSet<Ipv4Net>,
    /// What the kernel's table holds of ours.
    present: Arc<KnownRoutes>,
    /// What main has that is not there for the domain: what lies behind the interfaces of other domains' VPCs.
    hidden: BTreeSet<Ipv4Net>,
    /// Whether anything may be in its table of the VPCs.
    sees_vpcs: bool,
    /// Which prefixes were changed in the table since it began to be listed; none while it is not.
    touched: Option<BTreeSet<Ipv4Net>>,
}

/// All domains.
pub struct Domains {
    routes: LinuxRoutes,
    config: GatewayConfig,
    open: BTreeMap<Domain, OpenDomain>,
    /// The numbers of devices and tables, also of domains that were found and are not open yet.
    slots: BTreeMap<Domain, u32>,
    /// The interfaces behind which the VPCs of domains lie.
    interfaces: BTreeMap<Domain, String>,
    /// Those of them that were there when main was listed, with their indices.
    vpc_links: BTreeMap<String, u32>,
    /// The routes of main, when they were listed, and how long that took.
    main: MainRoutes,
    main_listed: Instant,
    main_listing: Duration,
    changes: Arc<Changes>,
    lister: Lister,
    survey: Survey,
    workers: Workers,
}

impl Domains {
    /// None yet; these will read their devices. Opens the socket through which routes are written.
    pub fn new(config: &GatewayConfig, workers: Workers) -> Result<Self, StartError> {
        let device = Path::new("/dev/net/tun");
        if !device.exists() {
            return Err(StartError::NoTun);
        }
        if let Err(error) = std::fs::OpenOptions::new().read(true).write(true).open(device) {
            return Err(match error.raw_os_error() {
                Some(libc::ENODEV | libc::ENXIO | libc::ENOENT) => StartError::NoTun,
                _ => StartError::of_system("opening /dev/net/tun", error),
            });
        }
        Ok(Self {
            routes: LinuxRoutes::open(config.numbers)?,
            config: config.clone(),
            open: BTreeMap::new(),
            slots: BTreeMap::new(),
            interfaces: BTreeMap::new(),
            vpc_links: BTreeMap::new(),
            main: MainRoutes::default(),
            main_listed: Instant::now(),
            main_listing: Duration::ZERO,
            changes: Arc::default(),
            lister: Lister::start(config.numbers)?,
            survey: Survey::default(),
            workers,
        })
    }

    /// Looks for what a process before us left: devices of domains that are still wanted are kept with their routes, so that
    /// nothing of theirs leaves in clear meanwhile; everything else of ours is removed.
    pub fn recover(&mut self, wanted: &BTreeSet<Domain>) -> Result<(), RouteError> {
        self.list_main()?;
        for link in self.routes.links()? {
            let Some(slot) = self.slot_of(&link) else { continue };
            let alias = link.alias.unwrap_or_default();
            match wanted.iter().find(|domain| alias_of(domain) == alias) {
                Some(domain) => drop(self.slots.insert(domain.clone(), slot)),
                None if alias.starts_with(ALIAS_PREFIX) => {
                    tracing::info!(device = link.name, "removed a device that was left behind");
                    self.routes.delete_link(link.index)?;
                }
                None => {}
            }
        }
        let tables = self.tables();
        let swept = self.routes.sweep(&tables)?;
        if swept > 0 {
            tracing::info!(routes = swept, "removed routes that were left behind");
        }
        self.routes.put_rules(&tables)
    }

    /// Says behind which interface a domain's VPC lies. The rule of a domain that is open follows when the rules are put.
    pub fn set_interface(&mut self, domain: &Domain, interface: Option<String>) {
        match interface {
            Some(name) => drop(self.interfaces.insert(domain.clone(), name)),
            None => drop(self.interfaces.remove(domain)),
        }
    }

    /// The packet path of a domain, which is opened if it is not.
    pub fn open(&mut self, domain: &Domain) -> Result<Arc<DomainPlane>, DomainError> {
        if let Some(open) = self.open.get(domain) {
            return Ok(Arc::clone(&open.plane));
        }
        let slot = self.free_slot(domain)?;
        let opened = self.start(domain, slot)?;
        let plane = Arc::clone(&opened.plane);
        self.slots.insert(domain.clone(), slot);
        self.open.insert(domain.clone(), opened);
        self.watch_devices();
        self.routes.put_rules(&self.tables())?;
        self.check_vpcs(domain, &[])?;
        Ok(plane)
    }

    /// The packet path of a domain that is open.
    pub fn plane(&self, domain: &Domain) -> Result<&Arc<DomainPlane>, DomainError> {
        self.open.get(domain).map(|open| &open.plane).ok_or(DomainError::NotOpen)
    }

    /// What is known of the Linux routes of a domain that is open.
    pub fn known_routes(&self, domain: &Domain) -> Result<Arc<KnownRoutes>, DomainError> {
        self.open.get(domain).map(|open| Arc::clone(&open.present)).ok_or(DomainError::NotOpen)
    }

    /// Removes a domain with its device, table and rule.
    pub fn close(&mut self, domain: &Domain) -> Result<(), DomainError> {
        let Some(open) = self.open.remove(domain) else { return Ok(()) };
        self.slots.remove(domain);
        let interface = self.interfaces.remove(domain);
        self.watch_devices();
        self.workers.remove(&open.plane);
        self.routes.delete_link(open.plane.device.index())?;
        // Throws lead to no device and do not go with it.
        for table in [open.table, vpc_table(open.table)] {
            let left = self.routes.observe(table)?;
            self.routes.apply(table, &table_changes(&left, &TableRoutes::new()))?;
        }
        self.routes.put_rules(&self.tables())?;
        match interface {
            // What lay behind it is nobody's now.
            Some(_) => self.check_main().map(drop),
            None => Ok(()),
        }
    }

    /// Ends all domains as the configuration has it.
    pub fn stop(mut self) {
        match self.config.on_stop {
            OnStop::Hold => {
                tracing::info!(
                    "packets for the routes are dropped until the gateway runs again, or `causeway release`"
                );
            }
            OnStop::Release => {
                for domain in self.names() {
                    if let Err(error) = self.close(&domain) {
                        tracing::warn!(%error, "removing a device; the next start will");
                    }
                }
            }
        }
    }

    /// From now on changes are made there, where the devices are not: the kernel refuses them.
    #[cfg(test)]
    pub fn change_routes_of(&mut self, routes: LinuxRoutes) {
        self.routes = routes;
    }

    /// The netlink port of our changes.
    pub fn netlink_port(&self) -> Arc<AtomicU32> {
        self.routes.port()
    }

    /// What others have changed, which somebody else has to note there.
    pub fn changes(&self) -> Arc<Changes> {
        Arc::clone(&self.changes)
    }

    /// The domains that are open.
    pub fn names(&self) -> Vec<Domain> {
        self.open.keys().cloned().collect()
    }

    /// Has Linux routes for these prefixes from now on.
    pub fn add_prefixes(&mut self, domain: &Domain, dests: &[Ipv4Net]) -> Result<(), DomainError> {
        if self.main_listing < MAIN_LISTING_MAX && self.main_listed.elapsed() > MAIN_LISTED_AGE {
            // The error of another domain keeps none waiting: it is noted, and that domain is looked at soon.
            if let Err(error) = self.check_main() {
                tracing::warn!(%error, "taking over what has changed in main");
            }
        }
        self.change(domain, dests, |prefixes| prefixes.extend(dests)).map(drop)
    }

    /// Has no Linux routes for these prefixes any more.
    pub fn remove_prefixes(&mut self, domain: &Domain, dests: &[Ipv4Net]) -> Result<(), DomainError> {
        self.change(domain, dests, |prefixes| {
            for dest in dests {
                prefixes.remove(dest);
            }
        })
        .map(drop)
    }

    /// Looks at the devices, and brings up those that somebody took down.
    pub fn check_links(&mut self) -> Result<(), DomainError> {
        let links = self.routes.links()?;
        for (domain, open) in &self.open {
            let device = &open.plane.device;
            let gone = || DomainError::DeviceGone(domain.clone());
            let link = links.iter().find(|link| link.index == device.index()).ok_or_else(gone)?;
            let (mtu, alias) = (self.config.mtu, alias_of(domain));
            if !link.is_up || link.mtu != u32::from(mtu) || link.alias.as_ref() != Some(&alias) {
                self.routes.set_link(link.index, mtu, &alias)?;
            }
        }
        Ok(())
    }

    /// Takes over what has changed in main.
    pub fn check_main(&mut self) -> Result<usize, DomainError> {
        let before = std::mem::take(&mut self.main);
        if let Err(error) = self.list_main() {
            self.main = before;
            return Err(error.into());
        }
        let touched: Vec<_> = before.prefixes.symmetric_difference(&self.main.prefixes).copied().collect();
        let mut changes = Ok(0);
        for domain in self.names() {
            let changed = self.check_vpcs(&domain, &touched);
            changes = changes.and_then(|sum| Ok(sum + changed?));
        }
        changes
    }

    /// Makes the rules be those of the open domains.
    pub fn check_rules(&mut self) -> Result<(), DomainError> {
        Ok(self.routes.put_rules(&self.tables())?)
    }

    fn change(
        &mut self,
        domain: &Domain,
        touched: &[Ipv4Net],
        change: impl FnOnce(&mut BTreeSet<Ipv4Net>),
    ) -> Result<usize, DomainError> {
        let open = self.open.get_mut(domain).ok_or(DomainError::NotOpen)?;
        let before: Vec<_> = touched.iter().copied().filter(|dest| open.prefixes.contains(dest)).collect();
        let device = open.plane.device.index();
        change(&mut open.prefixes);
        let main = Visible { prefixes: &self.main.prefixes, hidden: &open.hidden };
        let changes = route_changes(&open.present.lock(), &open.prefixes, main, touched, device);
        if let Some(touched) = &mut open.touched {
            touched.extend(changes.iter().map(RouteChange::dest));
        }
        if let Err(error) = self.routes.apply(open.table, &changes) {
            // Some may have taken effect. What is wanted is what it was, and the table is to be looked at.
            for dest in touched {
                open.prefixes.remove(dest);
            }
            open.prefixes.extend(before);
            self.changes.note_ours();
            return Err(error.into());
        }
        let mut present = open.present.lock();
        changes.iter().for_each(|change| change.enter(&mut present));
        Ok(changes.len())
    }

    fn list_main(&mut self) -> Result<(), RouteError> {
        let begin = Instant::now();
        self.vpc_links = self.list_vpc_links()?;
        self.main = self.routes.observe_main(self.vpc_links.values().copied().collect())?;
        (self.main_listed, self.main_listing) = (Instant::now(), begin.elapsed());
        Ok(())
    }

    fn start(&mut self, domain: &Domain, slot: u32) -> Result<OpenDomain, DomainError> {
        let name = self.device_name(slot);
        let device = TunDevice::open(&name, self.config.workers.get())
            .map_err(|error| DomainError::Device { name: name.clone(), error })?;
        self.routes.set_link(device.index(), self.config.mtu, &alias_of(domain))?;
        let table = self.config.numbers.table_base + slot;
        let present = self.routes.observe(table)?;
        let plane = Arc::new(DomainPlane {
            device,
            table: ForwardingTable::default(),
            counters: Counters::default(),
        });
        self.workers.add(&plane).map_err(|error| DomainError::Device { name, error })?;
        let present = Arc::new(KnownRoutes::new(present));
        Ok(OpenDomain {
            plane,
            table,
            prefixes: BTreeSet::new(),
            present,
            hidden: BTreeSet::new(),
            sees_vpcs: true,
            touched: None,
        })
    }

    /// The domain's number, or the first that neither another domain nor another program's link has.
    fn free_slot(&mut self, domain: &Domain) -> Result<u32, DomainError> {
        if let Some(slot) = self.slots.get(domain) {
            return Ok(*slot);
        }
        let links = self.routes.links()?;
        let mut taken: BTreeSet<u32> = links.iter().filter_map(|link| self.slot_of(link)).collect();
        taken.extend(self.slots.values());
        Ok((0..).find(|slot| !taken.contains(slot)).unwrap_or_default())
    }

    fn slot_of(&self, link: &ListedLink) -> Option<u32> {
        link.name.strip_prefix(&self.config.device_prefix)?.parse().ok()
    }

    fn watch_devices(&self) {
        self.changes.set_devices(self.open.values().map(|open| open.plane.device.index()));
    }

    fn device_name(&self, slot: u32) -> String {
        format!("{}{slot}", self.config.device_prefix)
    }

    /// The tables of the domains, each with the interfaces from which packets take it.
    fn tables(&self) -> Tables {
        let table = |(domain, slot): (&Domain, &u32)| {
            let vpc = self.interfaces.get(domain).cloned();
            let interfaces = TableInterfaces { device: self.device_name(*slot), vpc };
            (self.config.numbers.table_base + slot, interfaces)
        };
        self.slots.iter().map(table).collect()
    }
}

fn alias_of(domain: &Domain) -> String {
    format!("{ALIAS_PREFIX}{}/{}/{}", domain.account, domain.region, domain.owner)
}
