//! `causeway explain`: how packets go, step by step, read through the API.

use std::io::IsTerminal;
use std::net::Ipv4Addr;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::DataFolder;
use crate::client::{CAUSEWAY, Client, Credentials, VPC};

/// What `causeway explain` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    data: DataFolder,
    /// An IPsec-VPN connection (vco-…) or an IPv4 address.
    #[arg(value_name = "CONNECTION|ADDRESS")]
    subject: String,
    /// The destination of one of the connection's routes, such as 10.2.0.0/16.
    #[arg(value_name = "ROUTE_DEST")]
    route_dest: Option<String>,
    /// Where the packet comes from.
    #[arg(long, value_name = "ADDRESS")]
    source: Option<Ipv4Addr>,
    /// The transit router among whose routes an address is looked for; the built-in one otherwise.
    #[arg(long, value_name = "TR", conflicts_with = "vpn_gateway")]
    transit_router: Option<String>,
    /// The VPN gateway among whose routes an address is looked for instead.
    #[arg(long, value_name = "VPN")]
    vpn_gateway: Option<String>,
    /// The region; the one of the connection, or the default one for an address, otherwise.
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
}

/// Prints the steps. The exit status is 1 where packets are not forwarded.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let credentials = Credentials::load(&arguments.data.path())?;
    let default_region = credentials.region_id.clone();
    let client = Client::new(credentials);
    let is_connection = arguments.subject.starts_with("vco-");
    if !is_connection && arguments.subject.parse::<Ipv4Addr>().is_err() {
        bail!("{} is neither a connection (vco-…) nor an IPv4 address", arguments.subject);
    }
    let region = match &arguments.region {
        Some(region) => region.clone(),
        None if is_connection => region_of(&client, &arguments.subject)?,
        None => default_region,
    };
    let source = arguments.source.map(|address| address.to_string());
    let subject = if is_connection { "VpnConnectionId" } else { "DestinationAddress" };
    let named = [
        ("RouteDest", arguments.route_dest.as_deref()),
        ("SourceAddress", source.as_deref()),
        ("TransitRouterId", arguments.transit_router.as_deref()),
        ("VpnGatewayId", arguments.vpn_gateway.as_deref()),
    ];
    let mut parameters = vec![("RegionId", region.as_str()), (subject, arguments.subject.as_str())];
    parameters.extend(named.into_iter().filter_map(|(name, value)| Some((name, value?))));
    let answer = client.call(CAUSEWAY, "ExplainRoute", &parameters)?;
    let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    print!("{}", page(&answer, colours));
    let is_anywhere = arguments.transit_router.is_none() && arguments.vpn_gateway.is_none();
    if is_anywhere && answer["Conclusion"]["Code"] == "NoRouteForDestination" {
        print!("{}", elsewhere(&gateways(&client, &region)));
    }
    Ok(if answer["Forwards"] == true { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The region that a connection is in.
fn region_of(client: &Client, connection: &str) -> Result<String> {
    let answer = client.call(VPC, "DescribeRegions", &[])?;
    let regions = answer["Regions"]["Region"].as_array().cloned().unwrap_or_default();
    let has = |region: &&str| {
        let parameters = [("RegionId", *region), ("VpnConnectionId", connection)];
        client.call(VPC, "DescribeVpnConnection", &parameters).is_ok()
    };
    let found = regions.iter().filter_map(|region| region["RegionId"].as_str()).find(has);
    found.map(str::to_owned).with_context(|| format!("no region has the connection {connection}"))
}

/// The VPN gateways of a region; none for whoever may not list them.
fn gateways(client: &Client, region: &str) -> Vec<String> {
    let parameters = [("RegionId", region), ("PageSize", "50")];
    let answer = client.call(VPC, "DescribeVpnGateways", &parameters).unwrap_or_default();
    let gateways = answer["VpnGateways"]["VpnGateway"].as_array();
    gateways.into_iter().flatten().map(|gateway| text(gateway, "VpnGatewayId").to_owned()).collect()
}

/// Where else there may be a route when the built-in transit router has none.
fn elsewhere(gateways: &[String]) -> String {
    match gateways {
        [] => String::new(),
        [one] => format!("The VPN gateway {one} has routes of its own: ask with --vpn-gateway {one}.\n"),
        [first, ..] => {
            format!(
                "{} VPN gateways have routes of their own: ask with --vpn-gateway {first}, or another one.\n",
                gateways.len()
            )
        }
    }
}

/// The answer for people: a check mark or a cross for each step, and what to do.
fn page(answer: &Value, colours: bool) -> String {
    let mut page = String::new();
    for step in answer["Steps"].as_array().into_iter().flatten() {
        page += &line(step, colours);
    }
    let conclusion = &answer["Conclusion"];
    let verdict = if answer["Forwards"] == true { "forwards" } else { "does not forward" };
    page += &format!("\n{verdict} ({})\n", text(conclusion, "Code"));
    page
}

fn line(step: &Value, colours: bool) -> String {
    let (mark, colour) = match text(step, "Outcome") {
        "passed" => ("✓", 32),
        "failed" => ("✗", 31),
        "hint" => ("!", 33),
        _ => ("?", 33),
    };
    let mark = if colours { format!("\x1b[{colour}m{mark}\x1b[0m") } else { mark.to_owned() };
    let mut line = format!("{mark} {}\n", text(step, "Message"));
    if !text(step, "Remedy").is_empty() {
        line += &format!("    {}\n", text(step, "Remedy"));
    }
    line
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{elsewhere, page};

    #[test]
    fn each_step_has_its_mark_and_what_to_do() {
        let step = |outcome: &str, remedy: &str| json!({ "Outcome": outcome, "Message": format!("It {outcome}."), "Remedy": remedy });
        let answer = json!({
            "Steps": [step("passed", ""), step("hint", ""), step("failed", "Do it.")],
            "Conclusion": { "Code": "TunnelDown" },
            "Forwards": false,
        });
        let expected =
            "✓ It passed.\n! It hint.\n✗ It failed.\n    Do it.\n\ndoes not forward (TunnelDown)\n";
        assert_eq!(page(&answer, false), expected);
    }

    #[test]
    fn vpn_gateways_are_named_where_there_are_some() {
        let said = |names: &[&str]| elsewhere(&names.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(said(&[]), "");
        assert!(said(&["vpn-a"]).contains("ask with --vpn-gateway vpn-a."));
        assert!(said(&["vpn-a", "vpn-b"]).starts_with("2 VPN gateways"));
    }
}
