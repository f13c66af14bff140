//! SSL certificates of VPN gateways: what is noted, listed and refused.

use crate::testing::World;

const ASSOCIATE: &str = "AssociateVpnGatewayWithCertificate";
const DISSOCIATE: &str = "DissociateVpnGatewayWithCertificate";
const LIST: &str = "ListVpnCertificateAssociations";

fn national_gateway(world: &mut World) -> String {
    let asked = [("VpcId", "vpc-a"), ("Bandwidth", "100"), ("VpnType", "NationalStandard")];
    let answer = world.call("CreateVpnGateway", &asked).unwrap();
    world.settle();
    answer["VpnGatewayId"].as_str().unwrap().to_owned()
}

fn listed(world: &mut World, pairs: &[(&str, &str)]) -> Vec<String> {
    let answer = world.call(LIST, pairs).unwrap();
    let relations = answer["VpnCertificateRelations"].as_array().unwrap();
    relations.iter().map(|it| it["CertificateId"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_gateway_has_a_certificate_of_each_type_until_it_is_dissociated() {
    let mut world = World::new();
    let gateway = national_gateway(&mut world);
    let of = |kind, certificate| {
        [("VpnGatewayId", gateway.as_str()), ("CertificateType", kind), ("CertificateId", certificate)]
    };
    world.call(ASSOCIATE, &of("Encryption", "cert-e")).unwrap();
    assert_eq!(world.vpn_gateway_status(&gateway), "updating");
    assert_eq!(world.refusal(ASSOCIATE, &of("Signature", "cert-s")).code(), "VpnGateway.Configuring");
    assert_eq!(world.refusal(DISSOCIATE, &of("Encryption", "cert-e")).code(), "VpnGateway.Configuring");
    world.settle();
    world.call(ASSOCIATE, &of("Signature", "cert-s")).unwrap();
    world.settle();
    // The same again changes nothing; another one has to wait for its place.
    world.call(ASSOCIATE, &of("Signature", "cert-s")).unwrap();
    assert_eq!(world.vpn_gateway_status(&gateway), "active");
    let refusal = world.refusal(ASSOCIATE, &of("Signature", "cert-t"));
    assert_eq!(refusal.code(), "InvalidCertificateType");
    assert!(refusal.recommend().contains("cert-s is to be dissociated first"), "{}", refusal.recommend());
    assert_eq!(listed(&mut world, &[]), ["cert-e", "cert-s"]);
    assert_eq!(world.refusal(DISSOCIATE, &of("Encryption", "cert-s")).code(), "InvalidCertificateId");
    world.call(DISSOCIATE, &of("Encryption", "cert-e")).unwrap();
    assert_eq!(listed(&mut world, &[]), ["cert-s"]);
    assert_eq!(world.restored(), world.state);
}

#[test]
fn a_dry_run_of_an_association_is_answered_and_changes_nothing() {
    let mut world = World::new();
    let gateway = national_gateway(&mut world);
    let asked = [
        ("VpnGatewayId", gateway.as_str()),
        ("CertificateType", "Encryption"),
        ("CertificateId", "cert-e"),
        ("DryRun", "true"),
        ("ClientToken", "token"),
    ];
    let before = world.state.clone();
    let answer = world.call(ASSOCIATE, &asked).unwrap();
    let members: Vec<&String> = answer.as_object().unwrap().keys().collect();
    assert_eq!(members, ["RequestId"]);
    assert_eq!(world.state, before);
    world.call(ASSOCIATE, &asked[..3]).unwrap();
    world.settle();
    assert_eq!(world.refusal(DISSOCIATE, &asked).code(), "DryRunOperation");
}

#[test]
fn what_cannot_have_certificates_and_what_is_no_certificate_is_refused() {
    let mut world = World::new();
    let (usual, national) = (world.vpn_gateway("vpc-a"), national_gateway(&mut world));
    for (gateway, kind, certificate, code) in [
        (usual.as_str(), "Encryption", "cert-e", "InvalidVpnGatewayInstanceId.NotFound"),
        ("vpn-none", "Encryption", "cert-e", "InvalidVpnGatewayInstanceId.NotFound"),
        (&national, "Other", "cert-e", "InvalidCertificateType"),
        (&national, "Encryption", "a b", "InvalidCertificateId"),
    ] {
        let asked = [("VpnGatewayId", gateway), ("CertificateType", kind), ("CertificateId", certificate)];
        assert_eq!(world.refusal(ASSOCIATE, &asked).code(), code);
    }
}

#[test]
fn associations_are_filtered_and_paged() {
    let mut world = World::new();
    let mut gateways = Vec::new();
    for number in 0..3 {
        let gateway = national_gateway(&mut world);
        for kind in ["Encryption", "Signature"] {
            let certificate = format!("cert-{number}-{kind}");
            let asked = [
                ("VpnGatewayId", gateway.as_str()),
                ("CertificateType", kind),
                ("CertificateId", certificate.as_str()),
            ];
            world.call(ASSOCIATE, &asked).unwrap();
            world.settle();
        }
        gateways.push(gateway);
    }
    assert_eq!(
        listed(&mut world, &[("VpnGatewayId.1", &gateways[1]), ("CertificateType", "Signature")]),
        ["cert-1-Signature"]
    );
    assert_eq!(listed(&mut world, &[("CertificateId.1", "cert-2-Encryption")]), ["cert-2-Encryption"]);
    let (mut together, mut token) = (Vec::new(), String::new());
    loop {
        let page = world.call(LIST, &[("MaxResults", "4"), ("NextToken", &token)]).unwrap();
        assert_eq!((&page["TotalCount"], &page["MaxResults"]), (&6.into(), &4.into()));
        let relations = page["VpnCertificateRelations"].as_array().unwrap();
        together.extend(relations.iter().map(|it| it["CertificateId"].as_str().unwrap().to_owned()));
        match page["NextToken"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    together.sort();
    together.dedup();
    assert_eq!(together.len(), 6);
    assert_eq!(world.refusal(LIST, &[("MaxResults", "21")]).code(), "InvalidMaxResults");
}
