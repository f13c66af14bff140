//! What is known of the routes that a domain has in Linux. All of its connections share them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use ipnet::Ipv4Net;

use super::TableRoutes;
use crate::netlink::message::Target;

/// What a domain's table holds of ours, as far as is known: as it was last made and checked. The packet path never looks here.
#[derive(Debug, Default)]
pub struct KnownRoutes(Mutex<TableRoutes>);

impl KnownRoutes {
    /// A table that holds this.
    pub fn new(routes: TableRoutes) -> Self {
        Self(Mutex::new(routes))
    }

    /// To look at all of them, or to note a change.
    pub fn lock(&self) -> MutexGuard<'_, TableRoutes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether packets for `dest` that see the table go to the device with this index: by the route of `dest` itself, or by
    /// that of the longest prefix around it.
    pub fn lead_to(&self, dest: Ipv4Net, device: u32) -> bool {
        let routes = self.lock();
        let mut prefixes = std::iter::successors(Some(dest), Ipv4Net::supernet);
        prefixes.find_map(|prefix| routes.get(&prefix)) == Some(&Target::Device(device))
    }
}
