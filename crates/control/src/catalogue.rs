//! The error codes of the API: code, HTTP status, sentence, and what the caller can do about it.
//!
//! Codes and sentences are the provider's where it documents them; clients compare both. A code marked
//! "ours" has none documented for its case and follows the nearest sibling.

use crate::error::ErrorCode;

macro_rules! catalogue {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:literal, $message:literal, $remedy:literal;)*) => {
        $(
            $(#[$doc])*
            pub static $name: ErrorCode =
                ErrorCode { code: $code, status: $status, message: $message, remedy: $remedy };
        )*

        /// Every code there is.
        pub static ALL: &[&ErrorCode] = &[$(&$name),*];
    };
}

catalogue! {
    // Parameters.

    /// A required parameter is absent.
    MISSING_PARAMETER = "Missing{ParameterName}", 400, "{ParameterName} is mandatory for this action.",
        "Send the parameter.";
    /// A parameter is not what it should be.
    INVALID_PARAMETER = "Invalid{ParameterName}", 400, "Specified parameter {ParameterName} is not valid.", "";
    /// The name of a resource.
    INVALID_NAME = "InvalidName", 400, "The name is not valid",
        "A name has 1 to 100 characters and does not begin with http:// or https://.";
    /// The description of a resource.
    INVALID_DESCRIPTION = "InvalidDescription", 400, "The description is not valid",
        "A description has 1 to 100 characters and does not begin with http:// or https://.";
    /// The networks on the gateway's side.
    ILLEGAL_LOCAL_SUBNET = "IllegalParam.LocalSubnet", 400, "The specified \"LocalSubnet\" (%s) is invalid.",
        "Send CIDR blocks without host bits, separated by commas, such as 10.1.1.0/24,10.1.2.0/24.";
    /// The networks on the peer's side.
    ILLEGAL_REMOTE_SUBNET = "IllegalParam.RemoteSubnet", 400, "The specified \"RemoteSubnet\" (%s) is invalid.",
        "Send CIDR blocks without host bits, separated by commas, such as 10.1.1.0/24,10.1.2.0/24.";
    /// The address of a customer gateway.
    IP_ADDRESS_WRONG_FORMAT = "InvalidIpAddress.WrongFormat", 400, "Specified IpAddress is invalid.",
        "Send the IPv4 address at which the peer is reached; it cannot lie in 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/4, 255.0.0.0/8 or 0.0.0.0/8.";
    /// A name in Ram with letters that it cannot have, or too many.
    INVALID_RAM_NAME = "InvalidParameter.{ParameterName}.InvalidChars", 400,
        "The parameter - \"{ParameterName}\" contains invalid chars.", "";
    /// A text in Ram that is too long.
    INVALID_RAM_LENGTH = "InvalidParameter.{ParameterName}.Length", 400,
        "The parameter - \"{ParameterName}\" beyond the length limit.", "";
    /// An address or a number in Ram that is none.
    INVALID_RAM_FORMAT = "InvalidParameter.{ParameterName}.Format", 400,
        "The format of the parameter - \"{ParameterName}\" is incorrect.", "";
    /// A trust policy that cannot be understood; the sentence says where and why.
    INVALID_TRUST_POLICY = "InvalidParameter.AssumeRolePolicyDocument", 400, "%s", "";
    /// A number or a name that a request of Sts cannot have.
    INVALID_STS_PARAMETER = "InvalidParameter.{ParameterName}", 400, "The parameter {ParameterName} is wrongly formed.", "";
    /// A session's own policy that cannot be understood.
    INVALID_POLICY_GRAMMAR = "InvalidParameter.PolicyGrammar", 400,
        "The parameter Policy has not passed grammar check.", "";
    /// Neither kind of RAM policy.
    INVALID_POLICY_TYPE = "InvalidParameter.PolicyType", 400, "The parameter - \"PolicyType\" is incorrect.",
        "Send Custom or System.";
    /// A RAM policy that cannot be understood; the sentence says where and why.
    MALFORMED_POLICY_DOCUMENT = "MalformedPolicyDocument", 400, "%s", "";
    /// `DryRun` was set, and every check passed.
    DRY_RUN = "DryRunOperation", 400, "Request validation has been passed with DryRun flag set.",
        "Send the request without DryRun to carry it out.";

    // Who may.

    /// The caller has a role session, or names another account as the owner of the resource.
    FORBIDDEN = "Forbidden", 403, "User not authorized to operate on the specified resource.",
        "Call with an AccessKey of the account that owns the resource, and without the ResourceOwnerId or ResourceOwnerAccount of another one.";
    /// The caller is a RAM user whose policies do not allow it. The service spells it so.
    FORBIDDEN_SUB_USER = "Forbbiden.SubUser", 403,
        "User not authorized to operate on the specified resource as your account is created by another user.",
        "Attach a RAM policy that allows the action on the resource to the RAM user (causeway keys).";
    /// Somebody may not have a role.
    NO_PERMISSION = "NoPermission", 403, "%s",
        "Name the caller in the trust policy of the role (UpdateRole), and allow it sts:AssumeRole on the role.";
    /// The AccessKey of a role session without the token of the session.
    MISSING_SECURITY_TOKEN = "MissingSecurityToken", 400, "SecurityToken is mandatory for this action.",
        "Send the SecurityToken that AssumeRole answered with the AccessKey.";
    /// The session's time is up, or its role is no more.
    SECURITY_TOKEN_EXPIRED = "InvalidSecurityToken.Expired", 400, "Specified SecurityToken is expired.",
        "Call AssumeRole again.";
    /// A token that this server did not make.
    SECURITY_TOKEN_MALFORMED = "InvalidSecurityToken.Malformed", 400, "Specified SecurityToken is malformed.",
        "Send the SecurityToken as AssumeRole answered it, to the server that answered it.";
    /// A token that came with another AccessKey.
    SECURITY_TOKEN_MISMATCH = "InvalidSecurityToken.MismatchWithAccessKey", 400,
        "Specified SecurityToken mismatch with the AccessKey.",
        "Send the AccessKey and the SecurityToken of one answer of AssumeRole; the AccessKey of a user has no SecurityToken.";
    /// No such AccessKey.
    ACCESS_KEY_NOT_FOUND = "InvalidAccessKeyId.NotFound", 404, "Specified access key is not found.",
        "Check the AccessKey id and the endpoint: the key must have been made by this server (causeway keys).";
    /// The AccessKey is switched off.
    ACCESS_KEY_INACTIVE = "InvalidAccessKeyId.Inactive", 400, "Specified access key is disabled.",
        "Enable the AccessKey or use another one.";

    // Which operation.

    /// No such operation.
    ACTION_NOT_FOUND = "InvalidAction.NotFound", 404,
        "Specified api is not found, please check your url and method.",
        "Check the Action.";
    /// The operation exists in another version.
    INVALID_VERSION = "InvalidVersion", 400, "Specified parameter Version is not valid.", "";
    /// Neither GET nor POST.
    UNSUPPORTED_HTTP_METHOD = "UnsupportedHTTPMethod", 403, "This http method is not supported.", "Use GET or POST.";

    // Again.

    /// The client token belongs to another request.
    IDEMPOTENT_PARAMETER_MISMATCH = "IdempotentParameterMismatch", 400,
        "Request uses a client token in a previous request but is not identical to that request.",
        "Use a new ClientToken for a new request.";
    /// The request with the same client token has not been answered yet.
    LAST_TOKEN_PROCESSING = "LastTokenProcessing", 403, "The last token request is processing", "Try again shortly.";
    /// The documented rate limit.
    THROTTLING_USER = "Throttling.User", 400, "Request was denied due to user flow control.",
        "Try again after the time in the header x-acs-retry-after.";
    /// A connection is `updating` and takes no second change.
    CONNECTION_CONFIGURING = "VpnConnection.Configuring", 400, "The specified service is configuring.",
        "Wait until DescribeVpnConnection answers another State than updating, and try again.";
    /// As much as the quota allows is there already.
    QUOTA_FULL = "Resource.QuotaFull", 400, "The quota of resource is full",
        "Delete what is not needed, or raise the quota in the server's configuration.";

    // Which resource.

    /// No such region.
    REGION_NOT_FOUND = "InvalidRegionId.NotFound", 404,
        "The specified region is not found during access authentication.",
        "Use a RegionId that DescribeRegions answers, or add the region to the server's configuration.";
    /// No such customer gateway in this account and region.
    CUSTOMER_GATEWAY_NOT_FOUND = "InvalidCustomerGatewayInstanceId.NotFound", 404,
        "The specified customer gateway instance id does not exist.",
        "Check the id (cgw-...) and the RegionId.";
    /// Two customer gateways of a region cannot have one address.
    IP_ADDRESS_EXISTS = "InvalidIpAddress.AlreadyExist", 400, "Specified IpAddress is already exist.",
        "Use the customer gateway that has this address.";
    /// A customer gateway that connections use cannot be deleted.
    CUSTOMER_GATEWAY_IN_USE = "DependencyViolation.VpnConnection", 400,
        "There are vpn connections on specified customer gateway not deleted.",
        "Delete the IPsec-VPN connections that use the customer gateway first.";
    /// No such IPsec-VPN connection in this account and region.
    VPN_CONNECTION_NOT_FOUND = "InvalidVpnConnectionInstanceId.NotFound", 404,
        "The specified vpn connection instance id does not exist.",
        "Check the id (vco-...) and the RegionId.";
    /// No such VPN gateway of this account in this region.
    VPN_GATEWAY_NOT_FOUND = "InvalidVpnGatewayInstanceId.NotFound", 404,
        "The specified vpn gateway instance id does not exist.",
        "Check the id (vpn-...) and the RegionId; DescribeVpnGateways answers the VPN gateways there are.";
    /// No such diagnosis in this account and region, or it is forgotten; ours.
    DIAGNOSE_NOT_FOUND = "InvalidDiagnoseId.NotFound", 404, "The specified diagnose id does not exist.",
        "Check the id (vpndgn-...) and the RegionId, or call DiagnoseVpnGateway again: only the latest diagnoses are kept.";
    /// A change of the VPN gateway is not in force yet.
    VPN_GATEWAY_CONFIGURING = "VpnGateway.Configuring", 400, "The specified service is configuring.",
        "Wait until DescribeVpnGateway answers the Status active, then try again.";
    /// Nobody owes anything here, so that this is never answered.
    VPN_GATEWAY_FINANCIAL_LOCKED = "VpnGateway.FinancialLocked", 400, "The specified service is financial locked.", "";
    /// More policy-based routes than a VPN gateway can have.
    POLICY_BASED_ROUTE_QUOTA = "QuotaExceeded.PolicyBasedRoute", 400,
        "The maximum number of policy-based routes is exceeded. Existing routes: %s. Routes to be created: %s. Maximum routes: %s.",
        "Name fewer networks, delete routes that are not needed, or send AutoConfigRoute=false.";
    /// A connection of the same VPN gateway does the same.
    VPN_CONNECTION_EXISTS = "InvalidVpnConnection.AlreadyExists", 400, "Vpn connection already exists.",
        "Use that connection, or name other networks or another customer gateway.";
    /// A VPN gateway that was paid for in advance cannot be deleted before its time is over.
    VPN_GATEWAY_PREPAID = "ForbiddenRelease", 403, "Forbidden to release a prepaid instance within validity period",
        "DescribeVpnGateway answers the end of the period as EndTime; a gateway with the InstanceChargeType POSTPAY can be deleted at any time.";
    /// A VPN gateway with connections cannot be deleted.
    VPN_GATEWAY_IN_USE = "VpnDependencyViolation.VpnConnection", 400,
        "There are vpn connections on specified vpn gateway not deleted.",
        "Delete the IPsec-VPN connections of the VPN gateway first.";
    /// No such VPC in this account and region.
    VPC_NOT_FOUND = "InvalidVpcID.NotFound", 404, "The specified VPC does not exist.",
        "Check the id (vpc-...) and the RegionId; DescribeVpcs answers the VPCs there are.";
    /// No such vSwitch in this account and region.
    V_SWITCH_NOT_FOUND = "InvalidVSwitchId.NotFound", 404, "The specified vSwitch does not exist.",
        "Check the id (vsw-...) and the RegionId; DescribeVSwitches answers the vSwitches there are.";
    /// A VPC with vSwitches cannot be deleted.
    VPC_HAS_V_SWITCHES = "DependencyViolation.VSwitch", 400, "Specified object has dependent resources.",
        "Delete the vSwitches of the VPC first.";
    /// A VPC or a vSwitch that a VPN gateway is in cannot be deleted.
    NETWORK_IN_USE = "DependencyViolation.Instance", 400, "Specified object has dependent resources.",
        "Delete the VPN gateways in it first, and wait until DescribeVpnGateway answers none.";
    /// The configuration names the VPC; ours.
    VPC_CONFIGURED = "OperationUnsupported.ConfiguredVpc", 400,
        "The specified VPC does not support this operation.",
        "The server's configuration makes the VPC known: change it there, at [[vpcs]].";
    /// A vSwitch's network is a part of another one's, or has one as its part.
    CIDR_BLOCK_OVERLAPPED = "InvalidCidrBlock.Overlapped", 400,
        "Specified CIDR block overlapped with other subnets.",
        "Send a CIDR block of the VPC that no other vSwitch has a part of.";
    /// The connection is not attached to a transit router; ours.
    CONNECTION_NOT_ATTACHED = "IncorrectStatus.VpnConnection", 400,
        "The status of the specified vpn connection does not support this operation.",
        "Attach the IPsec-VPN connection to a transit router with CreateTransitRouterVpnAttachment.";
    /// The connection was attached by CreateTransitRouterVpnAttachment, which is to be undone first; ours.
    CONNECTION_STILL_ATTACHED = "DependencyViolation.TransitRouterVpnAttachment", 400,
        "The specified vpn connection is attached to a transit router.",
        "Detach it with DeleteTransitRouterVpnAttachment first.";
    /// The route is there with another weight, or is there already.
    ROUTE_CONFLICT = "VpnRouteEntry.Conflict", 400, "The specified route entry has conflict.", "";
    /// No such route.
    ROUTE_NOT_FOUND = "InvalidRouteEntry.NotFound", 404, "The specified route entry does not exist.",
        "DescribeVcoRouteEntries answers the routes of the connection.";
    /// No such transit router in this account and region.
    TRANSIT_ROUTER_NOT_FOUND = "InvalidTransitRouterId.NotFound", 404, "The specified TransitRouterId does not exist.",
        "ListTransitRouters answers the transit routers of the region, the built-in one among them.";
    /// No such Cloud Enterprise Network instance in this account.
    CEN_NOT_FOUND = "ParameterCenInstanceId", 404, "The specified CenId is not found.",
        "Check the id (cen-...); DescribeCens answers the CEN instances there are.";
    /// The transit router to be deleted is not there: a code of its own, which clients take as gone.
    TRANSIT_ROUTER_GONE = "ParameterInstanceId", 404, "The specified TransitRouterId does not exist.",
        "ListTransitRouters answers the transit routers there are.";
    /// A Cloud Enterprise Network instance has one transit router in a region; ours.
    TRANSIT_ROUTER_EXISTS = "InvalidOperation.TransitRouterExist", 400,
        "The CEN instance has a transit router in the region already.",
        "Use that transit router, or another CEN instance.";
    /// The transit router is built in.
    TRANSIT_ROUTER_BUILT_IN = "OperationUnsupported.TransitRouterType", 400,
        "The type of the specified transit router does not support this operation.",
        "The built-in transit router of a region stays as it is; make another one with CreateTransitRouter.";
    /// Connections are attached to the transit router, or to one of the Cloud Enterprise Network instance.
    STILL_ATTACHED_TO = "InvalidOperation.AttachedChildInstanceExist", 400,
        "Operation is invalid because instances are still attached.",
        "Detach them with DeleteTransitRouterVpnAttachment first.";
    /// No such attachment.
    TRANSIT_ROUTER_ATTACHMENT_NOT_FOUND = "InvalidTransitRouterAttachmentId.NotFound", 404,
        "The specified TransitRouterAttachmentId does not exist.",
        "ListTransitRouterVpnAttachments answers the attachments there are.";
    /// Somebody has attached the connection already; ours.
    ALREADY_ATTACHED = "OperationFailed.VpnConnectionAttached", 400,
        "The specified vpn connection is attached to a transit router already.",
        "Detach it with DeleteTransitRouterVpnAttachment first.";
    /// A resource to be tagged is not there.
    RESOURCE_NOT_FOUND = "InvalidResourceId.NotFound", 404, "The specified ResourceIds are not found in our records.",
        "Check the ids, the ResourceType and the RegionId.";
    /// More tags than a resource may have.
    TAGS_EXCEEDED = "NumberExceed.Tags", 400, "The Tags parameter's number is exceed, Valid : 20",
        "A resource has at most 20 tags; remove some with UnTagResources.";

    // What requests changed.

    /// No such change is remembered; ours.
    CHANGE_NOT_FOUND = "InvalidChangeRequestId.NotFound", 404, "The specified change is not found in our records.",
        "ListChanges answers the changes that are remembered; older ones are forgotten as the server's configuration says.";
    /// What a change touched is not as the change left it; ours.
    CONFLICTING_CHANGE = "ConflictingChange", 409, "The specified change touched what has been changed since.",
        "Revert the later change first, or make the change by hand.";
    /// A change that cannot be undone; ours.
    CHANGE_NOT_REVERTIBLE = "OperationUnsupported.RevertChange", 400, "The specified change cannot be reverted.", "";

    // RAM users, their AccessKeys and policies.

    /// No such RAM user.
    RAM_USER_NOT_FOUND = "EntityNotExist.User", 404, "The user does not exist.",
        "ListUsers answers the RAM users there are.";
    /// No such AccessKey of this RAM user, or of the account.
    USER_ACCESS_KEY_NOT_FOUND = "EntityNotExist.User.AccessKey", 404, "The user access key does not exist.",
        "ListAccessKeys answers the AccessKeys there are; send the UserName of the RAM user whose AccessKey it is.";
    /// The policy is not attached to the RAM user.
    USER_POLICY_NOT_FOUND = "EntityNotExist.User.Policy", 404, "The indicate policy of the user does not exist.",
        "ListPoliciesForUser answers the policies that are attached to the RAM user.";
    /// No such policy.
    POLICY_NOT_FOUND = "EntityNotExist.Policy", 404, "The policy does not exist.",
        "ListPolicies answers the policies there are; check the PolicyType too.";
    /// No such version of a policy.
    POLICY_VERSION_NOT_FOUND = "EntityNotExist.Policy.Version", 404, "The policy version does not exist.",
        "ListPolicyVersions answers the versions there are.";
    /// No such role.
    ROLE_NOT_FOUND = "EntityNotExist.Role", 404, "The role does not exist.", "ListRoles answers the roles there are.";
    /// The policy is not attached to the role.
    ROLE_POLICY_NOT_FOUND = "EntityNotExist.Role.Policy", 404, "The indicate policy of the role does not exist.",
        "ListPoliciesForRole answers the policies that are attached to the role.";
    /// A role has this name.
    ROLE_EXISTS = "EntityAlreadyExists.Role", 409, "The role does already EXIST.", "Choose another RoleName.";
    /// A policy with this name is attached to the role.
    ROLE_POLICY_EXISTS = "EntityAlreadyExists.Role.Policy", 409, "The role has already been attached this policy.", "";
    /// A role with policies cannot be deleted.
    ROLE_HAS_POLICY = "DeleteConflict.Role.Policy", 409,
        "The role CAN NOT has any attached policy while deleting the role.",
        "Detach the policies of the role with DetachPolicyFromRole first.";
    /// A policy that is attached to a role cannot be deleted.
    POLICY_HAS_ROLE = "DeleteConflict.Policy.Role", 409,
        "The policy CAN NOT been attached to any role while deleting the policy.",
        "Detach the policy from all roles with DetachPolicyFromRole first.";
    /// A policy with several versions cannot be deleted.
    POLICY_HAS_VERSION = "DeleteConflict.Policy.Version", 409,
        "The policy CAN NOT has any non-default version while deleting the policy.",
        "Delete the other versions with DeletePolicyVersion first, or send CascadingDelete.";
    /// The version that decides cannot be deleted.
    VERSION_IS_DEFAULT = "DeleteConflict.PolicyVersion.Default", 409,
        "The default version of the policy CAN NOT be deleted.",
        "Make another version the default with SetDefaultPolicyVersion first.";
    /// As many roles as there can be.
    TOO_MANY_ROLES = "LimitExceeded.Role", 409, "The count of roles beyond the current limits.",
        "Delete roles that are not needed.";
    /// As many policies as a role can have.
    TOO_MANY_ROLE_POLICIES = "LimitExceeded.Role.Policy", 409,
        "The policy count of the role attached policies beyond the current limits.",
        "Detach policies that are not needed, or put their statements into one policy.";
    /// As many versions as a policy can have.
    TOO_MANY_VERSIONS = "LimitExceeded.Policy.Version", 409,
        "The count of policy versions beyond the current limits.",
        "Delete a version with DeletePolicyVersion, or send the RotateStrategy DeleteOldestNonDefaultVersionWhenLimitExceeded.";
    /// A RAM user has this name.
    RAM_USER_EXISTS = "EntityAlreadyExists.User", 409, "The user does already EXIST.", "Choose another UserName.";
    /// A policy with this name is attached to the RAM user.
    USER_POLICY_EXISTS = "EntityAlreadyExists.User.Policy", 409, "The user has already been attached this policy.", "";
    /// A policy has this name.
    POLICY_EXISTS = "EntityAlreadyExists.Policy", 409, "The policy does already EXIST.",
        "Choose another PolicyName; those of System policies cannot be taken.";
    /// A RAM user with AccessKeys cannot be deleted.
    USER_HAS_ACCESS_KEY = "DeleteConflict.User.AccessKey", 409,
        "The user CAN NOT has any access key while deleting the user.",
        "Delete the AccessKeys of the RAM user with DeleteAccessKey first.";
    /// A RAM user with policies cannot be deleted.
    USER_HAS_POLICY = "DeleteConflict.User.Policy", 409,
        "The user CAN NOT has any attached policy while deleting the user.",
        "Detach the policies of the RAM user with DetachPolicyFromUser first.";
    /// A policy that is attached cannot be deleted.
    POLICY_HAS_USER = "DeleteConflict.Policy.User", 409,
        "The policy CAN NOT been attached to any user while deleting the policy.",
        "Detach the policy from all RAM users with DetachPolicyFromUser first.";
    /// Without its last active AccessKey nobody could act for the account any more; ours.
    LAST_ROOT_ACCESS_KEY = "DeleteConflict.Account.AccessKey", 409,
        "The last active access key of the account CAN NOT be deleted or deactivated.",
        "Create another AccessKey of the account with CreateAccessKey first, and sign with that one.";
    /// As many RAM users as there can be.
    TOO_MANY_USERS = "LimitExceeded.User", 409, "The count of users beyond the current limits.",
        "Delete RAM users that are not needed.";
    /// As many AccessKeys as one RAM user, or the account itself, can have.
    TOO_MANY_ACCESS_KEYS = "LimitExceeded.User.AccessKey", 409,
        "The access key count of the user access keys beyond the current limits.",
        "Delete an AccessKey that is not needed.";
    /// As many policies as a RAM user can have.
    TOO_MANY_USER_POLICIES = "LimitExceeded.User.Policy", 409,
        "The policy count of the user attached policies beyond the current limits.",
        "Detach policies that are not needed, or put their statements into one policy.";
    /// As many policies as there can be.
    TOO_MANY_POLICIES = "LimitExceeded.Policy", 409, "The count of policy beyond the current limits.",
        "Delete policies that are not needed.";

    // The server's own faults.

    /// Something is broken here.
    INTERNAL_ERROR = "InternalError", 500,
        "The request processing has failed due to some unknown error, exception or failure.",
        "Look for the RequestId in the server's log.";
    /// Something is unavailable here for the moment.
    SERVICE_UNAVAILABLE = "ServiceUnavailable", 503,
        "The request has failed due to a temporary failure of the server.",
        "Try again; the server's log says what failed.";
}

/// The code for a parameter that is there and cannot be accepted.
///
/// An id whose form is wrong is an id that does not exist, and is told so.
pub(crate) fn invalid(field: &str) -> &'static ErrorCode {
    match field.rsplit('.').next().unwrap_or(field) {
        "Name" => &INVALID_NAME,
        "Description" => &INVALID_DESCRIPTION,
        "IpAddress" => &IP_ADDRESS_WRONG_FORMAT,
        "LocalSubnet" => &ILLEGAL_LOCAL_SUBNET,
        "RemoteSubnet" => &ILLEGAL_REMOTE_SUBNET,
        "RegionId" => &REGION_NOT_FOUND,
        "CustomerGatewayId" => &CUSTOMER_GATEWAY_NOT_FOUND,
        "VpnConnectionId" => &VPN_CONNECTION_NOT_FOUND,
        "VpnGatewayId" | "VpnInstanceId" => &VPN_GATEWAY_NOT_FOUND,
        "DiagnoseId" => &DIAGNOSE_NOT_FOUND,
        "CenId" => &CEN_NOT_FOUND,
        "TransitRouterId" => &TRANSIT_ROUTER_NOT_FOUND,
        "TransitRouterAttachmentId" => &TRANSIT_ROUTER_ATTACHMENT_NOT_FOUND,
        "UserName" | "NewUserName" | "PolicyName" | "RoleName" => &INVALID_RAM_NAME,
        "MaxSessionDuration" | "NewMaxSessionDuration" => &INVALID_RAM_FORMAT,
        "DurationSeconds" | "RoleSessionName" | "RoleArn" => &INVALID_STS_PARAMETER,
        "VersionId" => &POLICY_VERSION_NOT_FOUND,
        "DisplayName" | "NewDisplayName" | "Comments" | "NewComments" => &INVALID_RAM_LENGTH,
        "Email" | "NewEmail" | "MobilePhone" | "NewMobilePhone" => &INVALID_RAM_FORMAT,
        "PolicyType" => &INVALID_POLICY_TYPE,
        "ChangeRequestId" => &CHANGE_NOT_FOUND,
        "UserAccessKeyId" => &USER_ACCESS_KEY_NOT_FOUND,
        _ => &INVALID_PARAMETER,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::ALL;

    #[test]
    fn no_code_is_there_twice() {
        let codes: BTreeSet<&str> = ALL.iter().map(|entry| entry.code).collect();
        assert_eq!(codes.len(), ALL.len());
    }

    #[test]
    fn codes_contain_no_code_of_another_case() {
        // Clients find a code by looking for it anywhere in the answer.
        for entry in ALL {
            for other in ALL.iter().filter(|other| other.code != entry.code && other.code.contains('.')) {
                assert!(!entry.message.contains(other.code), "{} in {}", other.code, entry.code);
                assert!(!entry.remedy.contains(other.code), "{} in {}", other.code, entry.code);
            }
        }
    }

    #[test]
    fn every_code_is_a_client_error_or_a_server_error() {
        for entry in ALL {
            assert!((400..=599).contains(&entry.status), "{}", entry.code);
            assert!(!entry.message.is_empty(), "{}", entry.code);
        }
    }
}
