//! The operations, one file each. Beside them, what some of them have in common.

pub mod associate_vpn_gateway_with_certificate;
pub mod assume_role;
pub mod cbn;
pub mod check_vpn_bgp_enabled;
pub mod create_customer_gateway;
pub mod create_enhanced_vpn_gateway;
pub mod create_transit_router_vpn_attachment;
pub mod create_v_switch;
pub mod create_vco_route_entry;
pub mod create_vpc;
pub mod create_vpn_attachment;
pub mod create_vpn_connection;
pub mod create_vpn_gateway;
pub mod create_vpn_pbr_route_entry;
pub mod create_vpn_route_entry;
pub mod delete_customer_gateway;
pub mod delete_enhanced_vpn_gateway;
pub mod delete_transit_router_vpn_attachment;
pub mod delete_v_switch;
pub mod delete_vco_route_entry;
pub mod delete_vpc;
pub mod delete_vpn_attachment;
pub mod delete_vpn_connection;
pub mod delete_vpn_gateway;
pub mod delete_vpn_pbr_route_entry;
pub mod delete_vpn_route_entry;
pub mod describe_customer_gateway;
pub mod describe_customer_gateways;
pub mod describe_regions;
pub mod describe_route_table_list;
pub mod describe_tag_keys;
pub mod describe_tags;
pub mod describe_v_switch_attributes;
pub mod describe_v_switches;
pub mod describe_vco_route_entries;
pub mod describe_vpc_attribute;
pub mod describe_vpcs;
pub mod describe_vpn_attachments;
pub mod describe_vpn_connection;
pub mod describe_vpn_connection_logs;
pub mod describe_vpn_connections;
pub mod describe_vpn_cross_account_authorizations;
pub mod describe_vpn_gateway;
pub mod describe_vpn_gateway_available_zones;
pub mod describe_vpn_gateways;
pub mod describe_vpn_pbr_route_entries;
pub mod describe_vpn_route_entries;
pub mod describe_zones;
pub mod diagnose_vpn_connections;
pub mod diagnose_vpn_gateway;
pub mod dissociate_vpn_gateway_with_certificate;
pub mod download_vpn_connection_config;
pub mod explain_route;
pub mod get_caller_identity;
pub mod get_vpn_gateway_diagnose_result;
pub mod grant_instance_to_transit_router;
pub mod known_networks;
pub mod list_changes;
pub mod list_tag_resources;
pub mod list_transit_router_vpn_attachments;
pub mod list_vpn_certificate_associations;
pub mod modify_customer_gateway_attribute;
pub mod modify_tunnel_attribute;
pub mod modify_v_switch_attribute;
pub mod modify_vco_route_entry_weight;
pub mod modify_vpc_attribute;
pub mod modify_vpn_attachment_attribute;
pub mod modify_vpn_connection_attribute;
pub mod modify_vpn_gateway_attribute;
pub mod modify_vpn_pbr_route_entry_attribute;
pub mod modify_vpn_pbr_route_entry_priority;
pub mod modify_vpn_pbr_route_entry_weight;
pub mod modify_vpn_route_entry_weight;
pub mod move_vpn_resource_group;
pub mod publish_vpn_route_entry;
pub mod ram;
pub mod revert_change;
pub mod revoke_instance_from_transit_router;
pub mod tag_resources;
pub mod un_tag_resources;
pub mod update_enhanced_vpn_gateway;
pub mod update_transit_router_vpn_attachment_attribute;

pub mod success;
pub mod tagging;
pub mod transit_router_grant;
pub mod tunnels;
pub mod vco_route;
pub mod vpn_gateway_change;
pub mod vpn_gateway_deletion;
pub mod vpn_route;

use crate::operation::Entry;

/// The list: an operation that is not in it does not exist.
pub(crate) const ALL: &[Entry] = &[
    Entry::of::<associate_vpn_gateway_with_certificate::AssociateVpnGatewayWithCertificate>(),
    Entry::of::<assume_role::AssumeRole>(),
    Entry::of::<check_vpn_bgp_enabled::CheckVpnBgpEnabled>(),
    Entry::of::<create_customer_gateway::CreateCustomerGateway>(),
    Entry::of::<create_enhanced_vpn_gateway::CreateEnhancedVpnGateway>(),
    Entry::of::<create_transit_router_vpn_attachment::CreateTransitRouterVpnAttachment>(),
    Entry::of::<create_v_switch::CreateVSwitch>(),
    Entry::of::<create_vco_route_entry::CreateVcoRouteEntry>(),
    Entry::of::<create_vpc::CreateVpc>(),
    Entry::of::<create_vpn_attachment::CreateVpnAttachment>(),
    Entry::of::<create_vpn_connection::CreateVpnConnection>(),
    Entry::of::<create_vpn_gateway::CreateVpnGateway>(),
    Entry::of::<create_vpn_pbr_route_entry::CreateVpnPbrRouteEntry>(),
    Entry::of::<create_vpn_route_entry::CreateVpnRouteEntry>(),
    Entry::of::<delete_customer_gateway::DeleteCustomerGateway>(),
    Entry::of::<delete_enhanced_vpn_gateway::DeleteEnhancedVpnGateway>(),
    Entry::of::<delete_transit_router_vpn_attachment::DeleteTransitRouterVpnAttachment>(),
    Entry::of::<delete_v_switch::DeleteVSwitch>(),
    Entry::of::<delete_vco_route_entry::DeleteVcoRouteEntry>(),
    Entry::of::<delete_vpc::DeleteVpc>(),
    Entry::of::<delete_vpn_attachment::DeleteVpnAttachment>(),
    Entry::of::<delete_vpn_connection::DeleteVpnConnection>(),
    Entry::of::<delete_vpn_gateway::DeleteVpnGateway>(),
    Entry::of::<delete_vpn_pbr_route_entry::DeleteVpnPbrRouteEntry>(),
    Entry::of::<delete_vpn_route_entry::DeleteVpnRouteEntry>(),
    Entry::of::<describe_customer_gateway::DescribeCustomerGateway>(),
    Entry::of::<describe_customer_gateways::DescribeCustomerGateways>(),
    Entry::of::<describe_regions::DescribeRegions>(),
    Entry::of::<describe_route_table_list::DescribeRouteTableList>(),
    Entry::of::<describe_tag_keys::DescribeTagKeys>(),
    Entry::of::<describe_tags::DescribeTags>(),
    Entry::of::<describe_v_switch_attributes::DescribeVSwitchAttributes>(),
    Entry::of::<describe_v_switches::DescribeVSwitches>(),
    Entry::of::<describe_vco_route_entries::DescribeVcoRouteEntries>(),
    Entry::of::<describe_vpc_attribute::DescribeVpcAttribute>(),
    Entry::of::<describe_vpcs::DescribeVpcs>(),
    Entry::of::<describe_vpn_attachments::DescribeVpnAttachments>(),
    Entry::of::<describe_vpn_connection::DescribeVpnConnection>(),
    Entry::of::<describe_vpn_connection_logs::DescribeVpnConnectionLogs>(),
    Entry::of::<describe_vpn_connections::DescribeVpnConnections>(),
    Entry::of::<describe_vpn_cross_account_authorizations::DescribeVpnCrossAccountAuthorizations>(),
    Entry::of::<describe_vpn_gateway::DescribeVpnGateway>(),
    Entry::of::<describe_vpn_gateway_available_zones::DescribeVpnGatewayAvailableZones>(),
    Entry::of::<describe_vpn_gateways::DescribeVpnGateways>(),
    Entry::of::<describe_vpn_pbr_route_entries::DescribeVpnPbrRouteEntries>(),
    Entry::of::<describe_vpn_route_entries::DescribeVpnRouteEntries>(),
    Entry::of::<describe_zones::DescribeZones>(),
    Entry::of::<diagnose_vpn_connections::DiagnoseVpnConnections>(),
    Entry::of::<diagnose_vpn_gateway::DiagnoseVpnGateway>(),
    Entry::of::<dissociate_vpn_gateway_with_certificate::DissociateVpnGatewayWithCertificate>(),
    Entry::of::<download_vpn_connection_config::DownloadVpnConnectionConfig>(),
    Entry::of::<explain_route::ExplainRoute>(),
    Entry::of::<get_caller_identity::GetCallerIdentity>(),
    Entry::of::<get_vpn_gateway_diagnose_result::GetVpnGatewayDiagnoseResult>(),
    Entry::of::<grant_instance_to_transit_router::GrantInstanceToTransitRouter>(),
    Entry::of::<list_changes::ListChanges>(),
    Entry::of::<list_tag_resources::ListTagResources>(),
    Entry::of::<list_transit_router_vpn_attachments::ListTransitRouterVpnAttachments>(),
    Entry::of::<list_vpn_certificate_associations::ListVpnCertificateAssociations>(),
    Entry::of::<modify_customer_gateway_attribute::ModifyCustomerGatewayAttribute>(),
    Entry::of::<modify_tunnel_attribute::ModifyTunnelAttribute>(),
    Entry::of::<modify_v_switch_attribute::ModifyVSwitchAttribute>(),
    Entry::of::<modify_vco_route_entry_weight::ModifyVcoRouteEntryWeight>(),
    Entry::of::<modify_vpc_attribute::ModifyVpcAttribute>(),
    Entry::of::<modify_vpn_attachment_attribute::ModifyVpnAttachmentAttribute>(),
    Entry::of::<modify_vpn_connection_attribute::ModifyVpnConnectionAttribute>(),
    Entry::of::<modify_vpn_gateway_attribute::ModifyVpnGatewayAttribute>(),
    Entry::of::<modify_vpn_pbr_route_entry_attribute::ModifyVpnPbrRouteEntryAttribute>(),
    Entry::of::<modify_vpn_pbr_route_entry_priority::ModifyVpnPbrRouteEntryPriority>(),
    Entry::of::<modify_vpn_pbr_route_entry_weight::ModifyVpnPbrRouteEntryWeight>(),
    Entry::of::<modify_vpn_route_entry_weight::ModifyVpnRouteEntryWeight>(),
    Entry::of::<move_vpn_resource_group::MoveVpnResourceGroup>(),
    Entry::of::<publish_vpn_route_entry::PublishVpnRouteEntry>(),
    Entry::of::<revert_change::RevertChange>(),
    Entry::of::<revoke_instance_from_transit_router::RevokeInstanceFromTransitRouter>(),
    Entry::of::<tag_resources::TagResources>(),
    Entry::of::<un_tag_resources::UnTagResources>(),
    Entry::of::<update_enhanced_vpn_gateway::UpdateEnhancedVpnGateway>(),
    Entry::of::<update_transit_router_vpn_attachment_attribute::UpdateTransitRouterVpnAttachmentAttribute>(),
    Entry::of::<cbn::create_cen::CreateCen>(),
    Entry::of::<cbn::create_transit_router::CreateTransitRouter>(),
    Entry::of::<cbn::delete_cen::DeleteCen>(),
    Entry::of::<cbn::delete_transit_router::DeleteTransitRouter>(),
    Entry::of::<cbn::describe_cen_attached_child_instances::DescribeCenAttachedChildInstances>(),
    Entry::of::<cbn::describe_cens::DescribeCens>(),
    Entry::of::<cbn::list_tag_resources::ListTagResources>(),
    Entry::of::<cbn::list_transit_router_available_resource::ListTransitRouterAvailableResource>(),
    Entry::of::<cbn::list_transit_routers::ListTransitRouters>(),
    Entry::of::<cbn::modify_cen_attribute::ModifyCenAttribute>(),
    Entry::of::<cbn::move_resource_group::MoveResourceGroup>(),
    Entry::of::<cbn::tag_resources::TagResources>(),
    Entry::of::<cbn::untag_resources::UntagResources>(),
    Entry::of::<cbn::update_transit_router::UpdateTransitRouter>(),
    Entry::of::<ram::attach_policy_to_role::AttachPolicyToRole>(),
    Entry::of::<ram::attach_policy_to_user::AttachPolicyToUser>(),
    Entry::of::<ram::create_access_key::CreateAccessKey>(),
    Entry::of::<ram::create_policy::CreatePolicy>(),
    Entry::of::<ram::create_policy_version::CreatePolicyVersion>(),
    Entry::of::<ram::create_role::CreateRole>(),
    Entry::of::<ram::create_user::CreateUser>(),
    Entry::of::<ram::delete_access_key::DeleteAccessKey>(),
    Entry::of::<ram::delete_policy::DeletePolicy>(),
    Entry::of::<ram::delete_policy_version::DeletePolicyVersion>(),
    Entry::of::<ram::delete_role::DeleteRole>(),
    Entry::of::<ram::delete_user::DeleteUser>(),
    Entry::of::<ram::detach_policy_from_role::DetachPolicyFromRole>(),
    Entry::of::<ram::detach_policy_from_user::DetachPolicyFromUser>(),
    Entry::of::<ram::get_policy::GetPolicy>(),
    Entry::of::<ram::get_policy_version::GetPolicyVersion>(),
    Entry::of::<ram::get_role::GetRole>(),
    Entry::of::<ram::get_user::GetUser>(),
    Entry::of::<ram::list_access_keys::ListAccessKeys>(),
    Entry::of::<ram::list_entities_for_policy::ListEntitiesForPolicy>(),
    Entry::of::<ram::list_policies::ListPolicies>(),
    Entry::of::<ram::list_policies_for_role::ListPoliciesForRole>(),
    Entry::of::<ram::list_policies_for_user::ListPoliciesForUser>(),
    Entry::of::<ram::list_policy_versions::ListPolicyVersions>(),
    Entry::of::<ram::list_roles::ListRoles>(),
    Entry::of::<ram::list_tag_resources::ListTagResources>(),
    Entry::of::<ram::list_users::ListUsers>(),
    Entry::of::<ram::set_default_policy_version::SetDefaultPolicyVersion>(),
    Entry::of::<ram::tag_resources::TagResources>(),
    Entry::of::<ram::untag_resources::UntagResources>(),
    Entry::of::<ram::update_access_key::UpdateAccessKey>(),
    Entry::of::<ram::update_role::UpdateRole>(),
    Entry::of::<ram::update_user::UpdateUser>(),
];

#[cfg(test)]
mod tests;
