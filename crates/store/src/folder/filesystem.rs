//! What kind of file system a path is on.

use std::io;
use std::path::Path;

/// How far a file system can be trusted with a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSystem {
    /// On a disk of this machine.
    Local,
    /// In memory: as good as local, until the machine restarts.
    Memory,
    /// Behind a network, another machine or a user-space program, where locks, shared memory maps and syncs are not
    /// what SQLite needs them to be. Carries the name.
    Network(&'static str),
}

/// The file systems that are refused, by the number that statfs(2) gives (linux/magic.h and the drivers' sources).
///
/// FUSE is among them: it may be a local disk, but it may as well be sshfs, an object store, or a folder that a
/// desktop shares with a virtual machine, and nothing tells them apart.
const NETWORK: [(u32, &str); 18] = [
    (0x0000_6969, "NFS"),
    (0x0000_517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
    (0x0102_1997, "9p"),
    (0x6573_5546, "FUSE"),
    (0x00c3_6400, "Ceph"),
    (0x5346_414f, "AFS"),
    (0x6b41_4653, "kAFS"),
    (0x7375_7245, "Coda"),
    (0x0000_564c, "NCP"),
    (0x7461_636f, "OCFS2"),
    (0x0116_1970, "GFS2"),
    (0x0bd0_0bd0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x1983_0326, "BeeGFS"),
    (0x786f_4256, "VirtualBox shared folder"),
    (0xbacb_acbc, "VMware shared folder"),
];

/// tmpfs and ramfs.
const MEMORY: [u32; 2] = [0x0102_1994, 0x8584_58f6];

impl FileSystem {
    /// The file system that an existing path is on.
    pub fn of(path: &Path) -> io::Result<Self> {
        let status = nix::sys::statfs::statfs(path)?;
        // The width of the field depends on the platform; the numbers themselves have 32 bits.
        Ok(Self::from_magic(status.filesystem_type().0 as u32))
    }

    fn from_magic(magic: u32) -> Self {
        if MEMORY.contains(&magic) {
            return Self::Memory;
        }
        let network = NETWORK.iter().find(|(number, _name)| *number == magic);
        network.map_or(Self::Local, |(_number, name)| Self::Network(name))
    }
}

#[cfg(test)]
mod tests {
    use super::FileSystem;

    #[test]
    fn network_file_systems_are_told_from_local_ones() {
        assert_eq!(FileSystem::from_magic(0x6969), FileSystem::Network("NFS"));
        assert_eq!(FileSystem::from_magic(0xff53_4d42), FileSystem::Network("CIFS"));
        assert_eq!(FileSystem::from_magic(0x6573_5546), FileSystem::Network("FUSE"));
        assert_eq!(FileSystem::from_magic(0xef53), FileSystem::Local, "ext4");
        assert_eq!(FileSystem::from_magic(0x794c_7630), FileSystem::Local, "overlayfs");
    }

    #[test]
    fn this_machine_answers() {
        assert!(!matches!(FileSystem::of("/proc".as_ref()).unwrap(), FileSystem::Network(_)));
        FileSystem::of("/nonexistent".as_ref()).unwrap_err();
    }
}
