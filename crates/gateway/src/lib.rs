//! Makes it so: reconcile, sockets, TUN, routes, forwarding table.
