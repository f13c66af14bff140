//! The commands with which a person looks around in the running demo.

use causeway_netlab::Host;

use super::stage::Stage;
use super::topology::{SITES, Site};

/// What to type in another terminal.
pub fn lines(stage: &Stage) -> Vec<String> {
    let mut lines = vec!["Look around, in another terminal:".to_owned()];
    lines.extend(looking(stage).unwrap_or_default());
    lines.extend(calling(stage).unwrap_or_default());
    lines
}

fn looking(stage: &Stage) -> Option<Vec<String>> {
    let network = stage.network().ok()?;
    let enter = |host: &Host| stage.lab.enter_command(host);
    let mut lines = vec![
        format!("  ping a site        {} ping {}", enter(&network.lan), SITES[1].host),
        format!("  watch the wire     {} tcpdump -ni switch", enter(network.internet.host())),
    ];
    if let Ok(gateway) = stage.gateway() {
        let data = gateway.data().display();
        lines.push(format!(
            "  what there is      {} {} status --data {data}",
            enter(&network.gateway),
            program()
        ));
        lines.push(format!("  the gateway's log  tail -f {}", gateway.log().display()));
    }
    if let Ok(peers) = stage.peers() {
        let pairs = network.sites.iter().zip(peers.look());
        let look = |(site, command): (&Site, String)| {
            let command = command.replacen("causeway ", &format!("{} ", program()), 1);
            format!("  look at {:<10} {} {command}", site.plan.name, enter(&site.router))
        };
        lines.extend(pairs.map(look));
    }
    Some(lines)
}

/// How to put the deleted route back, with the tools that people have.
fn calling(stage: &Stage) -> Option<Vec<String>> {
    let (network, gateway) = (stage.network().ok()?, stage.gateway().ok()?);
    let connection = stage.attachment(0).ok()?;
    let lan = SITES[0].lan;
    Some(vec![
        String::new(),
        "Call the API yourself, from a shell on the gateway, and put the deleted route back:".to_owned(),
        format!("  {} bash", stage.lab.enter_command(&network.gateway)),
        format!("  eval \"$({} env --data {})\"", program(), gateway.data().display()),
        format!(
            "  aliyun vpc CreateVcoRouteEntry --endpoint $CAUSEWAY_ENDPOINT --insecure --RegionId {} \\\n    \
             --VpnConnectionId {connection} --RouteDest {lan} --NextHop {connection} --Weight 100",
            super::server::REGION
        ),
        "or with the Python SDK (alibabacloud_vpc20160428), for which that shell has the credentials:"
            .to_owned(),
        "  client = Client(Config(endpoint=os.environ['CAUSEWAY_ENDPOINT'], protocol='http',".to_owned(),
        "      access_key_id=os.environ['ALIBABA_CLOUD_ACCESS_KEY_ID'],".to_owned(),
        "      access_key_secret=os.environ['ALIBABA_CLOUD_ACCESS_KEY_SECRET']))".to_owned(),
        format!(
            "  client.create_vco_route_entry(CreateVcoRouteEntryRequest(region_id='{}',\n      \
             vpn_connection_id='{connection}', route_dest='{lan}', next_hop='{connection}', weight=100))",
            super::server::REGION
        ),
    ])
}

/// This program as a person types it.
fn program() -> String {
    super::this_program().map_or_else(|_unknown| "causeway".to_owned(), |path| path.display().to_string())
}
