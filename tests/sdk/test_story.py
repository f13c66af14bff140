"""The main story, with each SDK: connect a site, route to it, stop routing to it."""

import uuid

import pytest

from clients import BOTH
from sites import PEER_ADDRESS, PEER_LAN, PEER_LAN_HOST, PSK, ping, until

TUNNEL = {
    "TunnelIkeConfig": {
        "Psk": PSK,
        "IkeVersion": "ikev2",
        "IkeEncAlg": "aes",
        "IkeAuthAlg": "sha1",
        "IkePfs": "group2",
    },
    "TunnelIpsecConfig": {"IpsecEncAlg": "aes", "IpsecAuthAlg": "sha1", "IpsecPfs": "group2"},
}


def sdk_of(kind, gateway):
    credentials = gateway.credentials()
    return kind(credentials["AccessKeyId"], credentials["AccessKeySecret"])


def tunnels(customer_gateway):
    return [{**TUNNEL, "TunnelIndex": index, "CustomerGatewayId": customer_gateway} for index in (1, 2)]


def connection_of(sdk, connection):
    return sdk.call("DescribeVpnConnection", VpnConnectionId=connection)


def statuses(sdk, connection):
    answer = connection_of(sdk, connection)
    return [tunnel["Status"] for tunnel in answer["TunnelOptionsSpecification"]["TunnelOptions"]]


def routes_of(sdk, connection):
    answer = sdk.call("DescribeVcoRouteEntries", VpnConnectionId=connection)
    return [(route["RouteDest"], route["Weight"]) for route in answer["VcoRouteEntries"]]


@pytest.mark.parametrize("kind", BOTH, ids=lambda kind: kind.name)
def test_a_site_is_connected_routed_and_no_longer_routed(kind, hosts, gateway, peer):
    sdk = sdk_of(kind, gateway)
    customer = sdk.call("CreateCustomerGateway", IpAddress=PEER_ADDRESS, Name="site")["CustomerGatewayId"]
    created = sdk.call(
        "CreateVpnAttachment",
        LocalSubnet="0.0.0.0/0",
        RemoteSubnet="0.0.0.0/0",
        Name="site",
        EffectImmediately=True,
        TunnelOptionsSpecification=tunnels(customer),
    )
    connection = created["VpnConnectionId"]
    assert connection.startswith("vco-")
    try:
        up = ["ipsec_sa_established"] * 2
        until(lambda: statuses(sdk, connection) == up, 20, f"both tunnels up; charon says\n{peer.log()}\nwe say\n{gateway.log()}")
        until(lambda: connection_of(sdk, connection)["State"] == "attached", 5, "the connection is attached")
        assert ping(hosts.lan, PEER_LAN_HOST) == 0, "nothing may pass before there is a route"

        route = dict(VpnConnectionId=connection, RouteDest=PEER_LAN, NextHop=connection, Weight=100)
        made = sdk.call("CreateVcoRouteEntry", **route)
        assert (made["RouteDest"], made["Weight"], made["State"]) == (PEER_LAN, 100, "published")
        assert routes_of(sdk, connection) == [(PEER_LAN, 100)], "a read sees what was acknowledged"
        until(lambda: connection_of(sdk, connection)["State"] == "attached", 5, "the route is in force")
        assert ping(hosts.lan, PEER_LAN_HOST) == 3, f"the route forwards; we say\n{gateway.log()}"

        token = str(uuid.uuid4())
        deleted = sdk.call("DeleteVcoRouteEntry", ClientToken=token, **route)
        again = sdk.call("DeleteVcoRouteEntry", ClientToken=token, **route)
        assert deleted["RequestId"] == again["RequestId"]
        assert connection_of(sdk, connection)["State"] in ("updating", "attached")
        assert routes_of(sdk, connection) == []
        until(lambda: connection_of(sdk, connection)["State"] == "attached", 5, "the gateway has stopped forwarding")
        assert ping(hosts.lan, PEER_LAN_HOST) == 0, "a deleted route does not forward"
        assert statuses(sdk, connection) == up, "the tunnels stay up without routes"
    finally:
        sdk.call("DeleteVpnAttachment", VpnConnectionId=connection)
        sdk.call("DeleteCustomerGateway", CustomerGatewayId=customer)
    listed = sdk.call("DescribeVpnConnections")
    assert connection not in [one["VpnConnectionId"] for one in listed["VpnConnections"]["VpnConnection"]]
