use super::{
    AccessKeyId, AccountId, IdSource, RegionId, RequestId, Secret, TransitRouterAttachmentId,
    TransitRouterId, VpnConnectionId,
};

#[test]
fn an_id_has_its_prefix_and_a_plain_suffix() {
    for good in ["vco-a", "vco-p0w5112fgnl2ihlmftest", "vco-does-not-exist", "vco-NOTEXIST"] {
        assert_eq!(good.parse::<VpnConnectionId>().unwrap().as_str(), good);
    }
    let long = format!("vco-{}", "a".repeat(65));
    for bad in ["", "vco-", "vco", "cgw-a", "VCO-a", "vco-a/b", "vco-a b", "vco-é", " vco-a", long.as_str()]
    {
        assert!(bad.parse::<VpnConnectionId>().is_err(), "{bad:?}");
    }
}

#[test]
fn an_attachment_is_not_a_transit_router() {
    assert!("tr-attach-abc".parse::<TransitRouterAttachmentId>().is_ok());
    assert!("tr-attach-abc".parse::<TransitRouterId>().is_err());
    assert!("tr-abc".parse::<TransitRouterId>().is_ok());
}

#[test]
fn accounts_are_sixteen_digits() {
    assert!("1234567890123456".parse::<AccountId>().is_ok());
    for bad in ["123456789012345", "12345678901234567", "123456789012345a", ""] {
        assert!(bad.parse::<AccountId>().is_err(), "{bad:?}");
    }
    let generated = AccountId::generate(&mut IdSource::new([7; 32]));
    assert!(generated.as_str().parse::<AccountId>().is_ok());
    assert!(!generated.as_str().starts_with('0'));
}

#[test]
fn the_same_seed_gives_the_same_ids_and_no_id_twice() {
    let take = |seed| {
        let mut source = IdSource::new([seed; 32]);
        (0..100).map(|_| VpnConnectionId::generate(&mut source)).collect::<Vec<_>>()
    };
    assert_eq!(take(1), take(1));
    let mut both = [take(1), take(2)].concat();
    both.sort();
    both.dedup();
    assert_eq!(both.len(), 200);
    assert!(both.iter().all(|id| id.as_str().len() == 26));
    assert!(both.iter().all(|id| id.as_str().parse::<VpnConnectionId>().is_ok()));
}

#[test]
fn a_generated_key_has_the_documented_length_and_only_letters_and_digits() {
    let psk = IdSource::new([3; 32]).next_psk();
    assert_eq!(psk.expose().len(), 16);
    assert!(psk.expose().bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let key = AccessKeyId::generate(&mut IdSource::new([3; 32]));
    assert!(key.as_str().starts_with("LTAI") && key.as_str().len() == 24);
}

#[test]
fn the_built_in_transit_router_depends_on_account_and_region_alone() {
    let account = |text: &str| text.parse::<AccountId>().unwrap();
    let region = |text: &str| text.parse::<RegionId>().unwrap();
    let one = TransitRouterId::built_in(&account("1234567890123456"), &region("eu-central-1"));
    assert_eq!(one, TransitRouterId::built_in(&account("1234567890123456"), &region("eu-central-1")));
    assert_ne!(one, TransitRouterId::built_in(&account("1234567890123456"), &region("eu-west-1")));
    assert_ne!(one, TransitRouterId::built_in(&account("1234567890123457"), &region("eu-central-1")));
    assert!(one.as_str().parse::<TransitRouterId>().is_ok());
}

#[test]
fn a_request_id_is_an_upper_case_uuid() {
    let id = RequestId::from_random([0xab; 16]);
    assert_eq!(id.as_str(), "ABABABAB-ABAB-4BAB-ABAB-ABABABABABAB");
    assert!(id.as_str().parse::<RequestId>().is_ok());
    assert!("abababab-abab-4bab-abab-abababababab".parse::<RequestId>().is_err());
}

#[test]
fn a_secret_does_not_show_in_debug_output() {
    let secret = Secret::new("p+s/k=1");
    assert_eq!(format!("{secret:?}"), "Secret(..)");
    assert_eq!(serde_json::to_string(&secret).unwrap(), "\"p+s/k=1\"");
}
