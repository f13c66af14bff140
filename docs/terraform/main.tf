# A site with two tunnels and a route. After `eval "$(causeway env)"`:
#   terraform init && terraform apply
terraform {
  required_providers {
    alicloud = {
      source = "aliyun/alicloud"
    }
  }
}

provider "alicloud" {
  protocol               = "HTTP"
  skip_region_validation = true
  # The endpoints come from the environment (ALIBABA_CLOUD_ENDPOINT_VPC and its siblings).
}

variable "psk" {
  type      = string
  sensitive = true
}

resource "alicloud_vpn_customer_gateway" "branch" {
  customer_gateway_name = "branch"
  ip_address            = "203.0.113.7"
}

resource "alicloud_vpn_gateway_vpn_attachment" "branch" {
  vpn_attachment_name = "branch"
  local_subnet        = "0.0.0.0/0"
  remote_subnet       = "0.0.0.0/0"

  dynamic "tunnel_options_specification" {
    for_each = [1, 2]
    content {
      tunnel_index         = tunnel_options_specification.value
      customer_gateway_id  = alicloud_vpn_customer_gateway.branch.id
      enable_dpd           = true
      enable_nat_traversal = true
      tunnel_ike_config {
        psk          = var.psk
        ike_version  = "ikev2"
        ike_enc_alg  = "aes256"
        ike_auth_alg = "sha256"
        ike_pfs      = "group14"
      }
      tunnel_ipsec_config {
        ipsec_enc_alg  = "aes256"
        ipsec_auth_alg = "sha256"
        ipsec_pfs      = "group14"
      }
    }
  }
}

resource "alicloud_vpn_gateway_vco_route" "branch" {
  vpn_connection_id = alicloud_vpn_gateway_vpn_attachment.branch.id
  next_hop          = alicloud_vpn_gateway_vpn_attachment.branch.id
  route_dest        = "192.168.10.0/24"
  weight            = 100
}
