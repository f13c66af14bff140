//! A packet socket (packet(7)) with a filter in the kernel, so that it keeps up with gigabits.

use std::io::IoSliceMut;
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use nix::cmsg_space;
use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use socket2::{Domain, Protocol, SockFilter, Socket, Type};

/// How much the kernel keeps for us while we are busy.
const RECEIVE_BUFFER_BYTES: usize = 64 << 20;

/// How often a quiet capture looks whether it shall end.
const TIMEOUT: Duration = Duration::from_millis(20);

/// Which frames to hear.
#[derive(Clone, Copy, Debug)]
pub(super) enum Listen {
    /// Those that the interface with this index sends or receives.
    To(u32),
    /// Those that enter through any interface but this one: what a switch is given, each frame once.
    EnteringAllBut(u32),
}

/// An open capture socket.
#[derive(Debug)]
pub(super) struct PacketSocket {
    socket: Socket,
    buffer: Vec<u8>,
    control: Vec<u8>,
    dropped: u32,
}

/// What a capture socket gives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    /// The frame, or as much of it as is looked at.
    pub bytes: &'a [u8],
    /// When the kernel saw it.
    pub at: SystemTime,
    /// How many frames it had no room for until then.
    pub dropped: u32,
}

pub(super) fn interface_index(name: &str) -> Result<u32> {
    if_nametoindex(name).with_context(|| format!("there is no interface {name}"))
}

impl PacketSocket {
    /// Opens one in the namespace of the calling thread; frames are cut to `snap_bytes`.
    pub(super) fn open(listen: Listen, snap_bytes: u32) -> Result<Self> {
        let all = i32::from((libc::ETH_P_ALL as u16).to_be());
        let socket = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(all)))
            .context("opening a packet socket")?;
        socket.attach_filter(&filter(listen, snap_bytes)).context("attaching the capture filter")?;
        // Beyond the usual limit where we may; up to it where not.
        if setsockopt(&socket.as_fd(), sockopt::RcvBufForce, &RECEIVE_BUFFER_BYTES).is_err() {
            socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES).context("sizing the capture buffer")?;
        }
        setsockopt(&socket.as_fd(), sockopt::RxqOvfl, &1).context("asking for the count of lost frames")?;
        setsockopt(&socket.as_fd(), sockopt::ReceiveTimestampns, &true).context("asking for time stamps")?;
        socket.set_read_timeout(Some(TIMEOUT)).context("setting a time limit")?;
        let buffer = vec![0; snap_bytes as usize];
        let mut this = Self { socket, buffer, control: cmsg_space!(TimeSpec, u32), dropped: 0 };
        this.forget_what_came_before_the_filter()?;
        Ok(this)
    }

    /// The next frame; `None` after a short time without one.
    pub(super) fn receive(&mut self) -> Result<Option<Frame<'_>>> {
        let mut parts = [IoSliceMut::new(&mut self.buffer)];
        let received =
            recvmsg::<()>(self.socket.as_raw_fd(), &mut parts, Some(&mut self.control), MsgFlags::empty());
        let message = match received {
            Ok(message) => message,
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(None),
            Err(error) => return Err(error).context("reading from the capture socket"),
        };
        let mut at = None;
        for part in message.cmsgs().context("reading a frame's time stamp")? {
            match part {
                ControlMessageOwned::ScmTimestampns(time) => at = system_time(time),
                ControlMessageOwned::RxqOvfl(count) => self.dropped = count,
                _ => {}
            }
        }
        let length = message.bytes;
        let frame = self.buffer.get(..length).unwrap_or_default();
        Ok(Some(Frame { bytes: frame, at: at.unwrap_or_else(SystemTime::now), dropped: self.dropped }))
    }

    fn forget_what_came_before_the_filter(&mut self) -> Result<()> {
        self.socket.set_nonblocking(true)?;
        while self.receive()?.is_some() {}
        self.socket.set_nonblocking(false)?;
        Ok(())
    }
}

fn system_time(time: TimeSpec) -> Option<SystemTime> {
    let (seconds, nanos) = (u64::try_from(time.tv_sec()).ok()?, u32::try_from(time.tv_nsec()).ok()?);
    UNIX_EPOCH.checked_add(Duration::new(seconds, nanos))
}

/// A classic BPF program (bpf(4)): which frames, and how much of each.
fn filter(listen: Listen, snap_bytes: u32) -> Vec<SockFilter> {
    // Negative offsets ask the kernel about the frame instead of reading from it (linux/filter.h).
    const ANCILLARY: u32 = (-0x1000_i32) as u32;
    const PACKET_TYPE: u32 = ANCILLARY + 4;
    const INTERFACE: u32 = ANCILLARY + 8;
    const OUTGOING: u32 = 4;
    let load = |what| SockFilter::new((libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16, 0, 0, what);
    let jump_if_equal = |value, yes, no| {
        SockFilter::new((libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16, yes, no, value)
    };
    let keep = |bytes| SockFilter::new((libc::BPF_RET | libc::BPF_K) as u16, 0, 0, bytes);
    match listen {
        Listen::To(index) => vec![load(INTERFACE), jump_if_equal(index, 0, 1), keep(snap_bytes), keep(0)],
        Listen::EnteringAllBut(index) => vec![
            load(INTERFACE),
            jump_if_equal(index, 3, 0),
            load(PACKET_TYPE),
            jump_if_equal(OUTGOING, 1, 0),
            keep(snap_bytes),
            keep(0),
        ],
    }
}
