//! The `ip` command of iproute2.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};

/// Says clearly what is missing when there is no `ip` command.
pub(crate) fn check_present() -> Result<()> {
    match Command::new("ip").arg("-Version").output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => bail!("`ip -Version` failed: {}", String::from_utf8_lossy(&output.stderr).trim()),
        Err(error) => bail!(
            "cannot run the command `ip` ({error}); it makes the hosts of the lab. Install it: apt-get install -y iproute2"
        ),
    }
}

/// `ip ARGUMENTS`; gives what it printed.
pub(crate) fn ip(arguments: &[&str]) -> Result<String> {
    let output = Command::new("ip")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("running ip {}", arguments.join(" ")))?;
    printed(&output, || format!("ip {}", arguments.join(" ")))
}

/// `ip -batch`, in the namespace `netns`: all lines in one process, and the first that fails ends it.
pub(crate) fn batch(netns: &str, lines: &[String]) -> Result<()> {
    let mut child = Command::new("ip")
        .args(["-n", netns, "-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("running ip -batch")?;
    let mut text = lines.join("\n");
    text.push('\n');
    let written = child.stdin.take().context("ip -batch has no input")?.write_all(text.as_bytes());
    let output = child.wait_with_output().context("waiting for ip -batch")?;
    printed(&output, || format!("ip -n {netns} -batch, of these lines:\n{text}"))?;
    written.context("writing to ip -batch")
}

fn printed(output: &Output, what: impl Fn() -> String) -> Result<String> {
    if !output.status.success() {
        bail!("{}: {}", String::from_utf8_lossy(&output.stderr).trim(), what());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
