//! The configuration for the peer of a connection.

use serde_json::{Value, json};

use crate::testing::World;

const DOWNLOAD: &str = "DownloadVpnConnectionConfig";

fn download(world: &mut World, connection: &str) -> Value {
    world.call(DOWNLOAD, &[("VpnConnectionId", connection)]).unwrap()["VpnConnectionConfig"].clone()
}

#[test]
fn both_tunnels_are_told_from_the_side_of_the_peer() {
    let mut world = World::new();
    let gateway =
        world.call("CreateCustomerGateway", &[("IpAddress", "198.51.100.7"), ("Asn", "65001")]).unwrap();
    let gateway = gateway["CustomerGatewayId"].as_str().unwrap().to_owned();
    let created = world.call(
        "CreateVpnAttachment",
        &[
            ("LocalSubnet", "10.0.0.0/8"),
            ("RemoteSubnet", "192.168.10.0/24,192.168.11.0/24"),
            ("TunnelOptionsSpecification.1.CustomerGatewayId", &gateway),
            ("TunnelOptionsSpecification.1.TunnelIkeConfig.LocalId", "gateway.example"),
            ("TunnelOptionsSpecification.1.TunnelIkeConfig.Psk", "a-key"),
            ("TunnelOptionsSpecification.1.TunnelBgpConfig.TunnelCidr", "169.254.11.0/30"),
            ("TunnelOptionsSpecification.1.TunnelBgpConfig.LocalBgpIp", "169.254.11.1"),
            ("TunnelOptionsSpecification.2.CustomerGatewayId", &gateway),
        ],
    );
    let connection = created.unwrap()["VpnConnectionId"].as_str().unwrap().to_owned();
    let config = download(&mut world, &connection);
    assert_eq!(config["LocalSubnet"], "192.168.10.0/24,192.168.11.0/24");
    assert_eq!(config["RemoteSubnet"], "10.0.0.0/8");
    assert_eq!((&config["Local"], &config["Remote"]), (&json!(""), &json!("")));
    let tunnels = config["TunnelsConfig"]["TunnelConfig"].as_array().unwrap();
    assert_eq!(
        (&tunnels[0]["Local"], &tunnels[0]["Remote"]),
        (&json!("198.51.100.7"), &json!("203.0.113.1"))
    );
    assert_eq!(
        (&tunnels[1]["Local"], &tunnels[1]["Remote"]),
        (&json!("198.51.100.7"), &json!("203.0.113.2"))
    );
    assert_eq!(tunnels[0]["IkeConfig"]["RemoteId"], "gateway.example");
    assert_eq!(tunnels[0]["IkeConfig"]["LocalId"], "198.51.100.7");
    assert_eq!(tunnels[1]["IkeConfig"]["RemoteId"], "203.0.113.2");
    assert_eq!(
        (&tunnels[0]["IkeConfig"]["Psk"], &tunnels[0]["IkeConfig"]["IkeLifetime"]),
        (&json!("a-key"), &json!(86_400))
    );
    assert_eq!(tunnels[0]["IpsecConfig"]["IpsecLifetime"], 86_400);
    let session = json!({
        "LocalAsn": "65001",
        "LocalBgpIp": "169.254.11.2",
        "PeerAsn": "45104",
        "PeerBgpIp": "169.254.11.1",
        "TunnelCidr": "169.254.11.0/30",
        "TunnelId": tunnels[0]["TunnelId"],
    });
    assert_eq!(config["BgpConfigs"]["BgpConfig"], json!([session]));
}

#[test]
fn a_connection_of_one_tunnel_is_told_in_the_older_form() {
    let mut world = World::new();
    let gateway = world.customer_gateway("198.51.100.7");
    let parameters =
        [("LocalSubnet", "10.0.0.0/8"), ("RemoteSubnet", "192.168.10.0/24"), ("CustomerGatewayId", &gateway)];
    let created = world.call("CreateVpnAttachment", &parameters).unwrap();
    let connection = created["VpnConnectionId"].as_str().unwrap().to_owned();
    let config = download(&mut world, &connection);
    assert_eq!((&config["Local"], &config["Remote"]), (&json!("198.51.100.7"), &json!("203.0.113.1")));
    assert_eq!(config["IkeConfig"]["IkeVersion"], "ikev1");
    assert_eq!(config["IkeConfig"]["RemoteId"], "203.0.113.1");
    assert_eq!(config["TunnelsConfig"]["TunnelConfig"], json!([]));
    // What the vendor's devices cannot do is refused.
    let vendor = [("VpnConnectionId", connection.as_str()), ("Vendor", "CiscoIosXe")];
    let refusal = world.refusal(DOWNLOAD, &vendor);
    assert_eq!(refusal.code(), "InvalidVendor");
    assert!(refusal.recommend().contains("no version ikev1"), "{}", refusal.recommend());
}

#[test]
fn a_vendor_gets_its_own_text_beside_the_documented_answer() {
    let (mut world, connection) = World::with_connection();
    let id = ("VpnConnectionId", connection.as_str());
    assert_eq!(world.call(DOWNLOAD, &[id]).unwrap().get("VendorConfig"), None);
    for vendor in ["strongswan", "libreswan", "ciscoiosxe", "JuniperSRX", "FortiGate", "MikroTik", "VyOS"] {
        let answer = world.call(DOWNLOAD, &[id, ("Vendor", vendor)]).unwrap();
        let text = answer["VendorConfig"].as_str().unwrap();
        assert!(text.contains("203.0.113.1") && text.contains("203.0.113.2"), "{text}");
        assert!(answer["VpnConnectionConfig"].is_object());
    }
    assert_eq!(world.refusal(DOWNLOAD, &[id, ("Vendor", "Abacus")]).code(), "InvalidVendor");
    let refusal = world.refusal(DOWNLOAD, &[("VpnConnectionId", "vco-nothing")]);
    assert_eq!(refusal.code(), "InvalidVpnConnectionInstanceId.NotFound");
}
