//! The parameters and the members of the answers, held against what the provider's SDK declares.

use crate::operation::Product;
use crate::testing::declared::check;

/// Operation, parameters, members of the answer. The SDK reads nothing else, and nothing else is answered. Two
/// things that the SDK declares are left out: `TransitRouterCidrList` of CreateTransitRouter and of
/// ListTransitRouters, the addresses of private VPN gateways, which a transit router here does not have.
const DECLARED: [(&str, &str, &str); 14] = [
    ("CreateCen", "Description Name ProtectionLevel Tag", "CenId"),
    (
        "CreateTransitRouter",
        "CenId RegionId SupportMulticast Tag TransitRouterDescription TransitRouterName",
        "TransitRouterId",
    ),
    ("DeleteCen", "CenId", ""),
    ("DeleteTransitRouter", "TransitRouterId", ""),
    (
        "DescribeCenAttachedChildInstances",
        "CenId ChildInstanceRegionId ChildInstanceType PageNumber PageSize",
        "ChildInstances.ChildInstance: CenId ChildInstanceAttachTime ChildInstanceId ChildInstanceOwnerId ChildInstanceRegionId ChildInstanceType ManagedService Status
         PageNumber
         PageSize
         TotalCount",
    ),
    (
        "DescribeCens",
        "Filter PageNumber PageSize ResourceGroupId Tag",
        "Cens.Cen: CenId CreationTime Description Ipv6Level Name ProtectionLevel ResourceGroupId Status
         Cens.Cen.CenBandwidthPackageIds.CenBandwidthPackageId
         Cens.Cen.Tags.Tag: Key Value
         PageNumber
         PageSize
         TotalCount",
    ),
    (
        "ListTagResources",
        "NextToken PageSize RegionId ResourceId ResourceType Tag",
        "NextToken
         TagResources.TagResource: ResourceId ResourceType TagKey TagValue",
    ),
    (
        "ListTransitRouterAvailableResource",
        "RegionId SupportMulticast",
        "AvailableZones
         MasterZones
         SlaveZones
         SupportMulticast",
    ),
    (
        "ListTransitRouters",
        "CenId FeatureFilter PageNumber PageSize RegionId Status Tag TransitRouterId TransitRouterName Type",
        "PageNumber
         PageSize
         TotalCount
         TransitRouters: AliUid CenId CreationTime RegionId Status SupportMulticast TransitRouterDescription TransitRouterId TransitRouterName Type
         TransitRouters.Tags: Key Value",
    ),
    ("ModifyCenAttribute", "CenId Description Name ProtectionLevel", ""),
    ("MoveResourceGroup", "NewResourceGroupId ResourceId ResourceType", ""),
    ("TagResources", "RegionId ResourceId ResourceType Tag", ""),
    ("UntagResources", "All RegionId ResourceId ResourceType TagKey", ""),
    (
        "UpdateTransitRouter",
        "RegionId TransitRouterDescription TransitRouterId TransitRouterName",
        "",
    ),
];

/// Whether the table has an operation of Cbn.
pub(in crate::operations) fn is_declared(name: &str) -> bool {
    DECLARED.iter().any(|(declared, ..)| *declared == name)
}

#[test]
fn every_operation_takes_and_answers_what_the_sdk_declares() {
    for (name, parameters, members) in DECLARED {
        check(Product::Cbn, name, parameters, members);
    }
}
