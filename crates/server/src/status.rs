//! `causeway status`: connections, tunnels and routes at a glance, read through the API.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use crate::DataFolder;
use crate::client::{Client, Credentials, Refusal, VPC};

/// What `causeway status` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    data: DataFolder,
    /// The region; all regions that have connections otherwise.
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// How many routes of a connection, and of each kind of a VPN gateway, are shown.
    #[arg(long, default_value_t = 10)]
    routes: usize,
}

/// How many entries an operation with pages answers at most on one.
const PAGE_SIZE_MAX: usize = 50;

/// How long to wait when the account has asked as often as it may: longer than the next request takes to be allowed, so
/// that the account's other clients come before this one. It doubles with each refusal of the same request.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// How often a request is asked again: after 63 seconds, in which documented limits recover, it is given up.
const TRIES_AGAIN_MAX: u32 = 6;

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
        let mut gateways = BTreeSet::new();
        for connection in connections(&client, &region)? {
            found = true;
            show(&region, &connection, colours);
            let gateway = text(&connection, "VpnGatewayId");
            if gateway.is_empty() {
                show_routes(&client, &region, text(&connection, "VpnConnectionId"), arguments.routes)?;
            } else {
                println!("  routes  with those of {gateway}");
                gateways.insert(gateway.to_owned());
            }
        }
        for gateway in gateways {
            show_gateway(&client, &region, &gateway, arguments.routes)?;
        }
    }
    if !found {
        println!("no IPsec-VPN connections yet; make one with CreateVpnAttachment or CreateVpnConnection");
    }
    Ok(ExitCode::SUCCESS)
}

fn regions(client: &Client) -> Result<Vec<String>> {
    let answer = client.call(VPC, "DescribeRegions", &[])?;
    let regions = items(&answer["Regions"]["Region"]);
    Ok(regions.iter().map(|region| text(region, "RegionId").to_owned()).collect())
}

fn connections(client: &Client, region: &str) -> Result<Vec<Value>> {
    let of = |answer: &Value| items(&answer["VpnConnections"]["VpnConnection"]);
    let all = first(client, "DescribeVpnConnections", &[("RegionId", region)], usize::MAX, of)?;
    Ok(all.entries)
}

/// The first entries of a list.
struct Listed {
    entries: Vec<Value>,
    /// How many there are on all pages.
    total: usize,
}

/// Asks for as many pages as so many entries are on, and for one where none is wanted, since it says how many there are.
fn first(
    client: &Client,
    action: &str,
    parameters: &[(&str, &str)],
    entries_max: usize,
    of: impl Fn(&Value) -> Vec<Value>,
) -> Result<Listed> {
    let size = entries_max.clamp(1, PAGE_SIZE_MAX).to_string();
    let mut listed = Listed { entries: Vec::new(), total: 0 };
    for page in 1.. {
        let number = page.to_string();
        let paging = [("PageSize", size.as_str()), ("PageNumber", number.as_str())];
        let answer = patiently(|| client.call(VPC, action, &[&paging[..], parameters].concat()))?;
        let found = of(&answer);
        let is_last = found.is_empty();
        listed.entries.extend(found);
        let total = answer["TotalCount"].as_u64().and_then(|total| usize::try_from(total).ok());
        listed.total = total.unwrap_or(listed.entries.len());
        if is_last || listed.entries.len() >= listed.total.min(entries_max) {
            break;
        }
    }
    listed.entries.truncate(entries_max);
    Ok(listed)
}

/// Asks again after a while where the account has asked as often as it may.
fn patiently(ask: impl Fn() -> Result<Value>) -> Result<Value> {
    let mut wait = FIRST_WAIT;
    for _ in 0..TRIES_AGAIN_MAX {
        match ask() {
            Err(error) if is_throttling(&error) => std::thread::sleep(wait),
            answer => return answer,
        }
        wait *= 2;
    }
    ask()
}

fn is_throttling(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Refusal>().is_some_and(|refusal| refusal.code == "Throttling.User")
}

fn show(region: &str, connection: &Value, colours: bool) {
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
}

/// The routes of a VPN attachment.
fn show_routes(client: &Client, region: &str, connection: &str, routes_max: usize) -> Result<()> {
    let parameters = [("RegionId", region), ("VpnConnectionId", connection)];
    let of = |answer: &Value| items(&answer["VcoRouteEntries"]);
    let routes = first(client, "DescribeVcoRouteEntries", &parameters, routes_max, of)?;
    for route in &routes.entries {
        println!("{}", route_line(route));
    }
    say_how_many_more(&routes, "routes");
    Ok(())
}

/// The routes over the connections of a VPN gateway. They are the gateway's: which ones lead over a connection is told by
/// reading all of them only.
fn show_gateway(client: &Client, region: &str, gateway: &str, routes_max: usize) -> Result<()> {
    println!("{gateway}  {region}");
    let parameters = [("RegionId", region), ("VpnGatewayId", gateway)];
    let of = |answer: &Value| items(&answer["VpnRouteEntries"]["VpnRouteEntry"]);
    let routes = first(client, "DescribeVpnRouteEntries", &parameters, routes_max, of)?;
    for route in &routes.entries {
        println!("{}  over {}", route_line(route), text(route, "NextHop"));
    }
    say_how_many_more(&routes, "routes");
    let of = |answer: &Value| items(&answer["VpnPbrRouteEntries"]["VpnPbrRouteEntry"]);
    let routes = first(client, "DescribeVpnPbrRouteEntries", &parameters, routes_max, of)?;
    for route in &routes.entries {
        let (over, source) = (text(route, "NextHop"), text(route, "RouteSource"));
        let priority = route["Priority"].as_i64().unwrap_or_default();
        println!("{}  over {over}  from {source} priority {priority}", route_line(route));
    }
    say_how_many_more(&routes, "policy-based routes");
    Ok(())
}

fn route_line(route: &Value) -> String {
    let weight = route["Weight"].as_i64().unwrap_or_default();
    format!("  route  {:<18} weight {weight:<3} {}", text(route, "RouteDest"), text(route, "State"))
}

fn say_how_many_more(routes: &Listed, what: &str) {
    if routes.total > routes.entries.len() {
        println!("  … and {} {what} more (--routes {})", routes.total - routes.entries.len(), routes.total);
    }
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
