"""DownloadVpnConnectionConfig with `Vendor`: a peer that is configured with the answer, word for word, passes traffic."""

import json

from aliyunsdkvpc.request.v20160428.DownloadVpnConnectionConfigRequest import DownloadVpnConnectionConfigRequest

from clients import ENDPOINT, OldSdk
from sites import GATEWAY_LAN, PEER_ADDRESS, PEER_LAN, PEER_LAN_HOST, PSK, StrongSwan, ping, until


class AsDownloaded(StrongSwan):
    """charon with connections that somebody else wrote."""

    def __init__(self, namespace, text):
        super().__init__(namespace)
        self.text = text

    def _connections_file(self):
        return self.text


def downloaded(sdk, connection):
    """The configuration as an SDK that does not know the extension gets it."""
    request = DownloadVpnConnectionConfigRequest()
    request.set_endpoint(ENDPOINT)
    request.set_protocol_type("http")
    request.set_VpnConnectionId(connection)
    request.add_query_param("Vendor", "strongswan")
    return json.loads(sdk.client.do_action_with_exception(request))["VendorConfig"]


def test_charon_with_the_downloaded_configuration_brings_both_tunnels_up_and_passes_traffic(hosts, gateway):
    credentials = gateway.credentials()
    sdk = OldSdk(credentials["AccessKeyId"], credentials["AccessKeySecret"])
    customer = sdk.call("CreateCustomerGateway", IpAddress=PEER_ADDRESS)["CustomerGatewayId"]
    tunnel = {
        "CustomerGatewayId": customer,
        "TunnelIkeConfig": {"Psk": PSK, "IkeVersion": "ikev2", "IkeEncAlg": "aes256", "IkeAuthAlg": "sha256", "IkePfs": "group14"},
        "TunnelIpsecConfig": {"IpsecEncAlg": "aes256", "IpsecAuthAlg": "sha256", "IpsecPfs": "group14"},
    }
    connection = sdk.call(
        "CreateVpnAttachment",
        LocalSubnet=GATEWAY_LAN,
        RemoteSubnet=PEER_LAN,
        TunnelOptionsSpecification=[{**tunnel, "TunnelIndex": index} for index in (1, 2)],
    )["VpnConnectionId"]
    peer = None
    try:
        peer = AsDownloaded(hosts.peer, downloaded(sdk, connection)).start()
        described = lambda: sdk.call("DescribeVpnConnection", VpnConnectionId=connection)
        tunnels = lambda: described()["TunnelOptionsSpecification"]["TunnelOptions"]
        up = lambda: all(tunnel["Status"] == "ipsec_sa_established" for tunnel in tunnels())
        until(up, 20, f"both tunnels up; charon says\n{peer.log()}\nwe say\n{gateway.log()}")
        until(lambda: described()["State"] == "attached", 5, "the connection is attached")
        sdk.call("CreateVcoRouteEntry", VpnConnectionId=connection, RouteDest=PEER_LAN, NextHop=connection, Weight=100)
        until(lambda: described()["State"] == "attached", 5, "the route is in force")
        assert ping(hosts.lan, PEER_LAN_HOST) == 3, f"charon says\n{peer.log()}\nwe say\n{gateway.log()}"
    finally:
        if peer:
            peer.stop()
        sdk.call("DeleteVpnAttachment", VpnConnectionId=connection)
        sdk.call("DeleteCustomerGateway", CustomerGatewayId=customer)
