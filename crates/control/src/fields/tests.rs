use serde::Deserialize;
use serde_json::json;

use super::{
    Asn, InternetIp, Lifetime, Name, PageSize, Psk, RouteDest, Subnets, TagKey, TunnelCidr, Weight, optional,
};

fn read<T: for<'de> Deserialize<'de>>(value: serde_json::Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

#[test]
fn numbers_are_read_from_numbers_and_from_text() {
    assert_eq!(read::<PageSize>(json!(50)).unwrap().get(), 50);
    assert_eq!(read::<PageSize>(json!("50")).unwrap().get(), 50);
    for bad in
        [json!(0), json!(51), json!("51"), json!("-1"), json!("+1"), json!("1.0"), json!(""), json!(true)]
    {
        let error = read::<PageSize>(bad.clone()).unwrap_err();
        assert!(error.contains("an integer from 1 to 50"), "{bad}: {error}");
    }
}

#[test]
fn a_life_time_of_zero_is_the_default() {
    assert_eq!(read::<Lifetime>(json!("0")).unwrap().seconds(), 86_400);
    assert_eq!(read::<Lifetime>(json!(3600)).unwrap().seconds(), 3_600);
    assert!(read::<Lifetime>(json!(86_401)).is_err());
}

#[test]
fn a_weight_is_nothing_but_zero_or_a_hundred() {
    assert_eq!(read::<Weight>(json!("0")).unwrap(), Weight::LOW);
    assert_eq!(read::<Weight>(json!(100)).unwrap(), Weight::HIGH);
    assert!(Weight::HIGH > Weight::LOW);
    for bad in [json!(1), json!(50), json!("-0x"), json!(""), json!(101), json!("1e2")] {
        assert!(read::<Weight>(bad.clone()).unwrap_err().contains("0 or 100"), "{bad}");
    }
}

#[test]
fn an_autonomous_system_may_be_dotted() {
    assert_eq!("45014".parse::<Asn>().unwrap().get(), 45_014);
    assert_eq!("1.2".parse::<Asn>().unwrap().get(), 65_538);
    assert_eq!("4294967295".parse::<Asn>().unwrap().get(), u32::MAX);
    for bad in ["", "0", "0.0", "4294967296", "1.65536", "1.2.3", "a", "-1", "1."] {
        assert!(bad.parse::<Asn>().is_err(), "{bad:?}");
    }
}

#[test]
fn a_destination_has_no_host_bits_and_the_error_says_what_is_meant() {
    assert_eq!("192.168.10.0/24".parse::<RouteDest>().unwrap().net().to_string(), "192.168.10.0/24");
    let error = "192.168.10.7/24".parse::<RouteDest>().unwrap_err();
    assert!(error.contains("192.168.10.0/24"), "{error}");
    for bad in ["", "192.168.10.0", "192.168.10.0/33", "fd00::/8", "192.168.10.0/24 ", "010.0.0.0/8"] {
        assert!(bad.parse::<RouteDest>().is_err(), "{bad:?}");
    }
}

#[test]
fn subnets_are_a_short_list_of_blocks() {
    let subnets: Vec<_> = "10.1.1.0/24, 10.1.2.0/24".parse::<Subnets>().unwrap().into();
    assert_eq!(subnets.len(), 2);
    let six = ["10.0.0.0/8"; 6].join(",");
    for bad in ["", "10.1.1.0/24,", "10.1.1.1/24", "a", six.as_str()] {
        assert!(bad.parse::<Subnets>().is_err(), "{bad:?}");
    }
}

#[test]
fn a_peer_has_an_address_at_which_it_can_be_reached() {
    for good in ["42.104.22.210", "10.0.0.1", "192.168.0.1", "203.0.113.7"] {
        assert!(good.parse::<InternetIp>().is_ok(), "{good}");
    }
    for bad in
        ["100.64.0.1", "127.0.0.1", "169.254.1.1", "224.0.0.1", "255.0.0.1", "0.0.0.0", "1.2.3", "::1", ""]
    {
        assert!(bad.parse::<InternetIp>().is_err(), "{bad:?}");
    }
}

#[test]
fn the_link_network_of_a_session_is_a_free_link_local_block() {
    assert!("169.254.11.0/30".parse::<TunnelCidr>().is_ok());
    for bad in ["169.254.0.0/30", "169.254.169.252/30", "169.254.11.0/29", "10.0.0.0/30", "169.254.11.1/30"] {
        assert!(bad.parse::<TunnelCidr>().is_err(), "{bad}");
    }
}

#[test]
fn text_is_bounded_in_characters() {
    assert!(Name::try_from("né".repeat(50)).is_ok());
    assert!(Name::try_from("n".repeat(101)).is_err());
    assert!(Name::try_from("https://x".to_owned()).is_err());
    assert!(Psk::try_from("p+s/k=1&*~'x".to_owned()).is_ok());
    for bad in ["", "with space", "quote\"", "back\\slash", "ümlaut"] {
        assert!(Psk::try_from(bad.to_owned()).is_err(), "{bad:?}");
    }
    for bad in ["", "aliyun", "acs:x", "see http://x"] {
        assert!(TagKey::try_from(bad.to_owned()).is_err(), "{bad:?}");
    }
}

#[test]
fn empty_text_stands_for_a_field_that_was_not_given() {
    #[derive(Deserialize)]
    struct Fields {
        #[serde(default, deserialize_with = "optional")]
        weight: Option<Weight>,
    }
    assert_eq!(read::<Fields>(json!({ "weight": "" })).unwrap().weight, None);
    assert_eq!(read::<Fields>(json!({})).unwrap().weight, None);
    assert_eq!(read::<Fields>(json!({ "weight": "100" })).unwrap().weight, Some(Weight::HIGH));
    assert!(read::<Fields>(json!({ "weight": "7" })).is_err());
}
