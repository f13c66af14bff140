# A transit router of one's own for the sites of main.tf: its connections are in a forwarding domain apart from the
# built-in transit router's. Use it beside main.tf; the endpoints may also be given in the provider block there:
#
#   provider "alicloud" {
#     endpoints {
#       vpc = "127.0.0.1:8686"
#       cbn = "127.0.0.1:8686"
#     }
#   }
resource "alicloud_cen_instance" "wan" {
  cen_instance_name = "wan"
  description       = "the offices"
}

resource "alicloud_cen_transit_router" "wan" {
  cen_id              = alicloud_cen_instance.wan.id
  transit_router_name = "wan"
}

# The connection was attached to the built-in transit router when it was made. That attachment gives way to this one.
resource "alicloud_cen_transit_router_vpn_attachment" "branch" {
  cen_id                         = alicloud_cen_instance.wan.id
  transit_router_id              = alicloud_cen_transit_router.wan.transit_router_id
  vpn_id                         = alicloud_vpn_gateway_vpn_attachment.branch.id
  transit_router_attachment_name = "branch"
  auto_publish_route_enabled     = true

  # A region has one zone.
  zone {
    zone_id = "eu-central-1-a"
  }
}
