//! The policies that every account has.

use super::{NamedPolicy, PolicyType};

/// 2015-05-01, the date of the product's version: they are as old as the product.
const CREATED_MS: i64 = 1_430_438_400_000;

/// The policies that every account has, by name.
pub const SYSTEM: &[NamedPolicy<'static>] = &[
    system(
        "AdministratorAccess",
        "Provides full access to everything in the account.",
        r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
    ),
    system(
        "AliyunSTSAssumeRoleAccess",
        "Provides the right to assume the roles that trust the user.",
        r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}"#,
    ),
    system(
        "AliyunVPCFullAccess",
        "Provides full access to the operations of Vpc.",
        r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"vpc:*","Resource":"*"}]}"#,
    ),
    system(
        "AliyunVPCReadOnlyAccess",
        "Provides read-only access to the operations of Vpc.",
        r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":["vpc:Describe*","vpc:List*","vpc:Get*","vpc:Check*"],"Resource":"*"}]}"#,
    ),
    system(
        "ReadOnlyAccess",
        "Provides read-only access to everything in the account.",
        r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":["*:Describe*","*:List*","*:Get*","*:BatchGet*","*:Query*","*:BatchQuery*"],"Resource":"*"}]}"#,
    ),
];

const fn system(
    name: &'static str,
    description: &'static str,
    document: &'static str,
) -> NamedPolicy<'static> {
    NamedPolicy {
        policy_type: PolicyType::System,
        name,
        description,
        document,
        default_version: 1,
        versions: &[],
        tags: None,
        created_ms: CREATED_MS,
        updated_ms: CREATED_MS,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::{IpAddr, Ipv4Addr};

    use super::SYSTEM;
    use crate::access::{self, AccessRequest, evaluate};

    fn allows(name: &str, action: &str) -> bool {
        let policy = SYSTEM.iter().find(|policy| policy.name == name).unwrap();
        let request = AccessRequest {
            action,
            resource: "acs:vpc:eu-central-1:1234567890123456:vpnconnection/vco-1",
            source_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            secure_transport: false,
            now_ms: 0,
            resource_tags: &BTreeMap::new(),
            request_tags: &BTreeMap::new(),
            is_new: false,
        };
        evaluate(&[access::Policy::parse(policy.document).unwrap()], &request).is_allowed()
    }

    #[test]
    fn every_policy_of_the_system_can_be_parsed_and_understood() {
        for policy in SYSTEM {
            let parsed = access::Policy::parse(policy.document).unwrap();
            assert!(parsed.conditions_not_understood().is_empty(), "{}", policy.name);
        }
        assert!(SYSTEM.is_sorted_by_key(|policy| policy.name));
    }

    #[test]
    fn each_policy_of_the_system_allows_what_its_name_says() {
        let actions =
            ["vpc:DescribeVpnConnection", "vpc:DeleteVpnConnection", "ram:ListUsers", "ram:CreateAccessKey"];
        let allowed = |name: &str| actions.map(|action| allows(name, action));
        assert_eq!(allowed("AdministratorAccess"), [true, true, true, true]);
        assert_eq!(allowed("AliyunVPCFullAccess"), [true, true, false, false]);
        assert_eq!(allowed("AliyunVPCReadOnlyAccess"), [true, false, false, false]);
        assert_eq!(allowed("ReadOnlyAccess"), [true, false, true, false]);
    }
}
