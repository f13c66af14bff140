//! The only module with `unsafe`: socket options and scheduling, for which no crate we use has a safe function.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// Lets routers fragment what is larger than the way to the peer (RFC 4303, 3.3.4, of the outer packet), and the kernel what
/// is larger than our own link. What the kernel hears of the way does not count for the socket, because anybody can say it;
/// [`crate::path::probe`] finds out.
pub fn allow_fragmentation(socket: &impl AsFd) -> io::Result<()> {
    set_int(socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_OMIT)
}

/// Lets a raw ICMP socket receive nothing but "destination unreachable" (`man 7 raw`, ICMP_FILTER: bits are what is kept away).
pub fn receive_only_unreachable(socket: &impl AsFd) -> io::Result<()> {
    const ICMP_FILTER: libc::c_int = 1;
    const DESTINATION_UNREACHABLE: libc::c_int = 3;
    set_int(socket, libc::SOL_RAW, ICMP_FILTER, !(1 << DESTINATION_UNREACHABLE))
}

/// Asks for a receive buffer beyond the limit for ordinary users (needs CAP_NET_ADMIN).
pub fn force_receive_buffer(socket: &impl AsFd, bytes: usize) -> io::Result<()> {
    set_int(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, bytes.try_into().unwrap_or(libc::c_int::MAX))
}

/// Asks for a send buffer beyond the limit for ordinary users (needs CAP_NET_ADMIN).
pub fn force_send_buffer(socket: &impl AsFd, bytes: usize) -> io::Result<()> {
    set_int(socket, libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, bytes.try_into().unwrap_or(libc::c_int::MAX))
}

/// Whether this thread is scheduled as threads are when nobody has said how.
pub fn is_scheduled_as_other() -> bool {
    // SAFETY: takes a number and gives one. 0 is the calling thread.
    unsafe { libc::sched_getscheduler(0) == libc::SCHED_OTHER }
}

/// Schedules this thread as `SCHED_OTHER` or `SCHED_BATCH` (`man 7 sched`); its niceness stays.
pub fn schedule_as(policy: libc::c_int) -> io::Result<()> {
    // SAFETY: a structure of numbers, for which zero is what these policies want.
    let parameters: libc::sched_param = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel reads `parameters`, which lives until the call returns. 0 is the calling thread.
    let result = unsafe { libc::sched_setscheduler(0, policy, &raw const parameters) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn set_int(
    socket: &impl AsFd,
    level: libc::c_int,
    option: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    let length = libc::socklen_t::try_from(size_of_val(&value)).unwrap_or(0);
    // SAFETY: the descriptor is open as long as it is borrowed, and the kernel reads `length` bytes from `value`, which is
    // that long and lives until the call returns.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            option,
            std::ptr::from_ref(&value).cast::<libc::c_void>(),
            length,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
