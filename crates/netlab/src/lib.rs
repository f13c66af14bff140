//! Hosts on one machine: network namespaces, links, captures, strongSwan peers.
