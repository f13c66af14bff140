//! The file format of tcpdump: what was captured, for a person to look at with the usual tools.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

/// The magic number of files whose times are in nanoseconds.
const MAGIC_NANOSECONDS: u32 = 0xa1b2_3c4d;
const LINK_TYPE_ETHERNET: u32 = 1;

/// A capture file that is being written.
#[derive(Debug)]
pub(super) struct PcapFile {
    path: PathBuf,
    file: BufWriter<File>,
}

impl PcapFile {
    pub(super) fn create(path: &Path, snap_bytes: u32) -> Result<Self> {
        let file =
            File::create(path).with_context(|| format!("creating the capture file {}", path.display()))?;
        let mut this = Self { path: path.to_owned(), file: BufWriter::new(file) };
        let mut header = MAGIC_NANOSECONDS.to_le_bytes().to_vec();
        header.extend([2, 0, 4, 0]); // version 2.4
        header.extend([0; 8]); // times in UTC, accuracy not told
        header.extend(snap_bytes.to_le_bytes());
        header.extend(LINK_TYPE_ETHERNET.to_le_bytes());
        this.put(&header)?;
        Ok(this)
    }

    pub(super) fn write(&mut self, frame: &[u8], at: SystemTime) -> Result<()> {
        let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let length = u32::try_from(frame.len()).context("a frame of over 4 GB")?;
        let mut header = Vec::with_capacity(16);
        for field in [since.as_secs() as u32, since.subsec_nanos(), length, length] {
            header.extend(field.to_le_bytes());
        }
        self.put(&header)?;
        self.put(frame)
    }

    pub(super) fn finish(mut self) -> Result<()> {
        self.file.flush().with_context(|| format!("writing the capture file {}", self.path.display()))
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.file
            .write_all(bytes)
            .with_context(|| format!("writing the capture file {}", self.path.display()))
    }
}
