"""A first session: connect a site, route to it, and stop routing to it.

Run it after `eval "$(causeway env)"`.
"""

import os
import time

from alibabacloud_tea_openapi.models import Config
from alibabacloud_vpc20160428 import models
from alibabacloud_vpc20160428.client import Client

REGION = os.environ["ALIBABA_CLOUD_REGION_ID"]

client = Client(
    Config(
        access_key_id=os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
        access_key_secret=os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
        endpoint=os.environ["CAUSEWAY_ENDPOINT"],
        protocol="http",
    )
)


def tunnel(index, customer_gateway):
    return models.CreateVpnAttachmentRequestTunnelOptionsSpecification(
        tunnel_index=index,
        customer_gateway_id=customer_gateway,
        tunnel_ike_config=models.CreateVpnAttachmentRequestTunnelOptionsSpecificationTunnelIkeConfig(
            psk="choose-a-long-one", ike_version="ikev2", ike_enc_alg="aes256", ike_auth_alg="sha256", ike_pfs="group14"
        ),
    )


def until_attached(connection):
    request = models.DescribeVpnConnectionRequest(region_id=REGION, vpn_connection_id=connection)
    while (state := client.describe_vpn_connection(request).body.state) != "attached":
        print("  the connection is", state)
        time.sleep(0.1)


site = client.create_customer_gateway(
    models.CreateCustomerGatewayRequest(region_id=REGION, ip_address="203.0.113.7", name="branch")
).body.customer_gateway_id
print("customer gateway", site)

connection = client.create_vpn_attachment(
    models.CreateVpnAttachmentRequest(
        region_id=REGION,
        name="branch",
        local_subnet="0.0.0.0/0",
        remote_subnet="0.0.0.0/0",
        tunnel_options_specification=[tunnel(1, site), tunnel(2, site)],
    )
).body.vpn_connection_id
print("connection", connection)
until_attached(connection)

route = dict(region_id=REGION, vpn_connection_id=connection, route_dest="192.168.10.0/24", next_hop=connection, weight=100)
print("route", client.create_vco_route_entry(models.CreateVcoRouteEntryRequest(**route)).body.route_dest)
until_attached(connection)

print("deleted by request", client.delete_vco_route_entry(models.DeleteVcoRouteEntryRequest(**route)).body.request_id)
until_attached(connection)
left = client.describe_vco_route_entries(
    models.DescribeVcoRouteEntriesRequest(region_id=REGION, vpn_connection_id=connection)
).body.total_count
print("routes left:", left)
