//! Two hosts and a ping between them, with or without root; `wait` leaves them up until Ctrl-C.

use anyhow::Result;
use causeway_netlab::{Interrupt, Lab, PingOptions, ensure_rights, ping};

fn main() -> Result<()> {
    let rights = ensure_rights()?;
    let lab = Lab::new("example-pair")?;
    let (left, right) = (lab.host("left")?, lab.host("right")?);
    lab.link((&left, "eth0", &["10.0.0.1/24"]), (&right, "eth0", &["10.0.0.2/24"]))?;
    let answer = ping(&left, "10.0.0.2".parse()?, &PingOptions::default())?;
    println!("{rights:?}: {} of {} answered", answer.received, answer.sent);
    println!("look around: {} ip address", lab.enter_command(&left));
    if std::env::args().nth(1).as_deref() == Some("wait") {
        let interrupt = Interrupt::listen()?;
        println!("Ctrl-C ends this");
        let _always = interrupt.wait(None);
        println!("ending");
    }
    Ok(())
}
