//! `causeway status`: connections, tunnels and routes at a glance, read through the API.

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::Result;
use serde_json::Value;

use crate::DataFolder;
use crate::client::{Client, Credentials, VPC};

/// What `causeway status` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    data: DataFolder,
    /// The region; all regions that have connections otherwise.
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// How many routes of a connection are shown.
    #[arg(long, default_value_t = 10)]
    routes: usize,
}

/// What an operation with pages answers at most on one.
const PAGE: &str = "50";

/// Prints the tables.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let client = Client::new(Credentials::load(&arguments.data.path())?);
    let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let regions = match &arguments.region {
        Some(region) => vec![region.clone()],
        None => regions(&client)?,
    };
    let mut found = false;
    for region in regions {
        for connection in pages(&client, "DescribeVpnConnections", &region, &[], connections_of)? {
            found = true;
            show(&client, &region, &connection, arguments.routes, colours)?;
        }
    }
    if !found {
        println!("no IPsec-VPN connections yet; make one with CreateVpnAttachment");
    }
    Ok(ExitCode::SUCCESS)
}

fn regions(client: &Client) -> Result<Vec<String>> {
    let answer = client.call(VPC, "DescribeRegions", &[])?;
    let regions = items(&answer["Regions"]["Region"]);
    Ok(regions.iter().map(|region| text(region, "RegionId").to_owned()).collect())
}

fn connections_of(answer: &Value) -> Vec<Value> {
    items(&answer["VpnConnections"]["VpnConnection"])
}

fn routes_of(answer: &Value) -> Vec<Value> {
    items(&answer["VcoRouteEntries"])
}

/// All pages of an operation.
fn pages(
    client: &Client,
    action: &str,
    region: &str,
    parameters: &[(&str, &str)],
    of: fn(&Value) -> Vec<Value>,
) -> Result<Vec<Value>> {
    let mut all = Vec::new();
    for page in 1.. {
        let number = page.to_string();
        let paging = [("RegionId", region), ("PageSize", PAGE), ("PageNumber", number.as_str())];
        let answer = client.call(VPC, action, &[&paging[..], parameters].concat())?;
        let found = of(&answer);
        let last = found.is_empty();
        all.extend(found);
        if last || all.len() as u64 >= answer["TotalCount"].as_u64().unwrap_or_default() {
            break;
        }
    }
    Ok(all)
}

fn show(client: &Client, region: &str, connection: &Value, routes_max: usize, colours: bool) -> Result<()> {
    let id = text(connection, "VpnConnectionId");
    println!("{id}  {}  {region}  {}", text(connection, "Name"), paint(text(connection, "State"), colours));
    for tunnel in items(&connection["TunnelOptionsSpecification"]["TunnelOptions"]) {
        println!(
            "  tunnel {}  {:<7} {:<16} -> {:<16} {}",
            tunnel["TunnelIndex"].as_i64().unwrap_or_default(),
            text(&tunnel, "Role"),
            text(&tunnel, "InternetIp"),
            text(&tunnel, "CustomerGatewayId"),
            paint(text(&tunnel, "Status"), colours),
        );
    }
    if items(&connection["TunnelOptionsSpecification"]["TunnelOptions"]).is_empty() {
        println!(
            "  tunnel     {:<16} -> {:<16} {}",
            text(connection, "InternetIp"),
            text(connection, "CustomerGatewayId"),
            paint(text(connection, "Status"), colours),
        );
    }
    let check = &connection["VcoHealthCheck"];
    if text(check, "Enable") == "true" {
        let (from, to) = (text(check, "Sip"), text(check, "Dip"));
        println!("  health  {from} -> {to}  {}", paint(text(check, "Status"), colours));
    }
    let routes = pages(client, "DescribeVcoRouteEntries", region, &[("VpnConnectionId", id)], routes_of)?;
    for route in routes.iter().take(routes_max) {
        let weight = route["Weight"].as_i64().unwrap_or_default();
        println!("  route  {:<18} weight {weight:<3} {}", text(route, "RouteDest"), text(route, "State"));
    }
    if routes.len() > routes_max {
        println!("  … and {} routes more (--routes {})", routes.len() - routes_max, routes.len());
    }
    Ok(())
}

fn items(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// Green for what is as it should be, yellow for what is on its way, red for the rest.
fn paint(word: &str, colours: bool) -> String {
    if !colours {
        return word.to_owned();
    }
    let colour = match word {
        "attached" | "active" | "ipsec_sa_established" | "success" => 32,
        "init" | "attaching" | "updating" | "ike_sa_established" | "provisioning" => 33,
        _ => 31,
    };
    format!("\x1b[{colour}m{word}\x1b[0m")
}
