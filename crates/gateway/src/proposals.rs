//! What a tunnel's configuration in the API means for its negotiation.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use causeway_control::resource::ike_config::{AuthAlg, EncAlg, IkeMode, IkePfs, IkeVersion};
use causeway_control::resource::ipsec_config::IpsecPfs;
use causeway_crypto::{
    Authorities, CertificateError, DhGroup, Encryption, Integrity, OwnCertificate, Prf, Secret,
};
use causeway_ike::{CertificateAuth, ChildProposal, Identity, IkeProposal, Mode, TunnelConfig};

use crate::config::Encapsulation;
use causeway_control::desired::DesiredTunnel;

/// Why a tunnel cannot be negotiated as it is configured, in words for its owner.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotNegotiable {
    /// IKEv1 has no AES-GCM for its own messages.
    #[error(
        "IkeEncAlg names AES-GCM, which ikev1 does not have: choose aes, aes192, aes256, 3des or des, or set IkeVersion to ikev2"
    )]
    NotInIkev1,
    /// The gateway does not have its address.
    #[error("the tunnel's address {0} is none of this gateway's: configure it, or make the tunnel anew")]
    NotOurAddress(Ipv4Addr),
    /// What the peer's certificate has to chain to is none itself.
    #[error("RemoteCaCert cannot be used: {0}; give the authority's certificate in PEM form")]
    RemoteCaCert(#[from] CertificateError),
    /// The peer's address is unknown.
    #[error("the customer gateway of the tunnel has no address")]
    NoPeerAddress,
}

/// The negotiation of a tunnel, from `local`, the address of this machine that stands for the tunnel's.
pub fn tunnel_config(
    tunnel: &DesiredTunnel,
    local: Option<Ipv4Addr>,
    encapsulation: Encapsulation,
) -> Result<TunnelConfig, NotNegotiable> {
    fits_version(tunnel)?;
    if tunnel.remote_address.is_unspecified() {
        return Err(NotNegotiable::NoPeerAddress);
    }
    let local = local.ok_or(NotNegotiable::NotOurAddress(tunnel.local_address))?;
    let always = encapsulation == Encapsulation::Always;
    Ok(TunnelConfig {
        local,
        remote: tunnel.remote_address,
        version: version(tunnel),
        local_id: identity(&tunnel.ike.local_id, tunnel.local_address),
        remote_id: identity(&tunnel.ike.remote_id, tunnel.remote_address),
        psk: Secret::from(tunnel.ike.psk.expose().as_bytes()),
        certificates: None,
        ike: ike_proposal(tunnel),
        ike_lifetime: Duration::from_secs(tunnel.ike.ike_lifetime_s.into()),
        child: child_proposal(tunnel),
        child_lifetime: Duration::from_secs(tunnel.ipsec.ipsec_lifetime_s.into()),
        local_ts: tunnel.local_subnets.clone(),
        remote_ts: tunnel.remote_subnets.clone(),
        dpd: tunnel.enable_dpd,
        dpd_interval: Duration::ZERO,
        nat_traversal: tunnel.enable_nat_traversal,
        force_encapsulation: tunnel.enable_nat_traversal && always,
        initiate: true,
    })
}

/// Whether the algorithms exist in the version.
pub fn fits_version(tunnel: &DesiredTunnel) -> Result<(), NotNegotiable> {
    let is_v1 = tunnel.ike.ike_version == IkeVersion::Ikev1;
    match is_v1 && encryption(tunnel.ike.ike_enc_alg).is_aead() {
        true => Err(NotNegotiable::NotInIkev1),
        false => Ok(()),
    }
}

/// The same with the certificates that the peers authenticate by, where the tunnel has them.
pub fn with_certificates(
    config: TunnelConfig,
    tunnel: &DesiredTunnel,
    own: Option<&OwnCertificate>,
) -> Result<TunnelConfig, NotNegotiable> {
    if tunnel.remote_ca_certificate.is_empty() {
        return Ok(config);
    }
    let remote_ca = Authorities::from_pem(&tunnel.remote_ca_certificate)?;
    let certificates = Some(Arc::new(CertificateAuth { remote_ca, own: own.cloned() }));
    Ok(TunnelConfig { certificates, ..config })
}

/// What of a tunnel's choices is weak, as a sentence for its log; none if nothing is.
pub fn weaknesses(tunnel: &DesiredTunnel) -> Option<String> {
    let (ike, child) = (ike_proposal(tunnel), child_proposal(tunnel));
    let mut weak = Vec::new();
    let mut note = |is_weak: bool, what: &str| weak.extend(is_weak.then(|| what.to_owned()));
    // Whoever has read the messages of aggressive mode can try pre-shared keys at leisure.
    let is_aggressive = version(tunnel) == causeway_ike::IkeVersion::V1(Mode::Aggressive);
    note(is_aggressive, "IkeMode");
    note(ike.encryption.is_weak(), "IkeEncAlg");
    note(ike.integrity.is_some_and(Integrity::is_weak), "IkeAuthAlg");
    note(ike.group.is_weak(), "IkePfs");
    note(child.encryption.is_weak(), "IpsecEncAlg");
    note(child.integrity.is_some_and(Integrity::is_weak), "IpsecAuthAlg");
    note(child.pfs.is_some_and(DhGroup::is_weak), "IpsecPfs");
    (!weak.is_empty()).then(|| {
        let (list, verb) = (weak.join(", "), if weak.len() == 1 { "is" } else { "are" });
        format!("{list} {verb} weak by today's measure; prefer main, aes256, sha256 and group14 where the peer can")
    })
}

fn identity(configured: &str, address: Ipv4Addr) -> Identity {
    if configured.is_empty() { Identity::Ipv4(address) } else { Identity::parse(configured) }
}

fn version(tunnel: &DesiredTunnel) -> causeway_ike::IkeVersion {
    match (tunnel.ike.ike_version, tunnel.ike.ike_mode) {
        (IkeVersion::Ikev2, _) => causeway_ike::IkeVersion::V2,
        (IkeVersion::Ikev1, IkeMode::Main) => causeway_ike::IkeVersion::V1(Mode::Main),
        (IkeVersion::Ikev1, IkeMode::Aggressive) => causeway_ike::IkeVersion::V1(Mode::Aggressive),
    }
}

fn ike_proposal(tunnel: &DesiredTunnel) -> IkeProposal {
    let auth = tunnel.ike.ike_auth_alg;
    IkeProposal {
        encryption: encryption(tunnel.ike.ike_enc_alg),
        integrity: integrity_beside(tunnel.ike.ike_enc_alg, auth),
        prf: prf(auth),
        group: match tunnel.ike.ike_pfs {
            IkePfs::Group1 => DhGroup::Modp768,
            IkePfs::Group2 => DhGroup::Modp1024,
            IkePfs::Group5 => DhGroup::Modp1536,
            IkePfs::Group14 => DhGroup::Modp2048,
            IkePfs::Group19 => DhGroup::Ecp256,
            IkePfs::Group31 => DhGroup::Curve25519,
        },
    }
}

fn child_proposal(tunnel: &DesiredTunnel) -> ChildProposal {
    ChildProposal {
        encryption: encryption(tunnel.ipsec.ipsec_enc_alg),
        integrity: integrity_beside(tunnel.ipsec.ipsec_enc_alg, tunnel.ipsec.ipsec_auth_alg),
        pfs: match tunnel.ipsec.ipsec_pfs {
            IpsecPfs::Disabled => None,
            IpsecPfs::Group1 => Some(DhGroup::Modp768),
            IpsecPfs::Group2 => Some(DhGroup::Modp1024),
            IpsecPfs::Group5 => Some(DhGroup::Modp1536),
            IpsecPfs::Group14 => Some(DhGroup::Modp2048),
            IpsecPfs::Group19 => Some(DhGroup::Ecp256),
            IpsecPfs::Group31 => Some(DhGroup::Curve25519),
        },
    }
}

fn encryption(name: EncAlg) -> Encryption {
    match name {
        EncAlg::Aes => Encryption::Aes128Cbc,
        EncAlg::Aes192 => Encryption::Aes192Cbc,
        EncAlg::Aes256 => Encryption::Aes256Cbc,
        EncAlg::Des => Encryption::DesCbc,
        EncAlg::TripleDes => Encryption::TripleDesCbc,
        EncAlg::Aes128Gcm => Encryption::Aes128Gcm16,
        EncAlg::Aes192Gcm => Encryption::Aes192Gcm16,
        EncAlg::Aes256Gcm => Encryption::Aes256Gcm16,
    }
}

/// None where the encryption authenticates by itself; the configured algorithm is only the PRF's then.
fn integrity_beside(cipher: EncAlg, name: AuthAlg) -> Option<Integrity> {
    (!encryption(cipher).is_aead()).then(|| integrity(name))
}

fn integrity(name: AuthAlg) -> Integrity {
    match name {
        AuthAlg::Md5 => Integrity::HmacMd5_96,
        AuthAlg::Sha1 => Integrity::HmacSha1_96,
        AuthAlg::Sha256 => Integrity::HmacSha256_128,
        AuthAlg::Sha384 => Integrity::HmacSha384_192,
        AuthAlg::Sha512 => Integrity::HmacSha512_256,
    }
}

fn prf(name: AuthAlg) -> Prf {
    match name {
        AuthAlg::Md5 => Prf::HmacMd5,
        AuthAlg::Sha1 => Prf::HmacSha1,
        AuthAlg::Sha256 => Prf::HmacSha256,
        AuthAlg::Sha384 => Prf::HmacSha384,
        AuthAlg::Sha512 => Prf::HmacSha512,
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use causeway_control::resource::ike_config::{AuthAlg, EncAlg, IkeMode, IkePfs, IkeVersion};
    use causeway_control::resource::ipsec_config::IpsecPfs;
    use causeway_crypto::{DhGroup, Encryption, Prf};
    use causeway_ike::{Identity, Mode};

    use super::{NotNegotiable, tunnel_config, weaknesses, with_certificates};
    use crate::config::Encapsulation;
    use crate::samples;
    use causeway_control::desired::DesiredTunnel;

    const HERE: Option<Ipv4Addr> = Some(Ipv4Addr::new(10, 0, 0, 5));

    #[test]
    fn behind_a_translator_we_negotiate_from_our_own_address_with_the_public_one_as_identity() {
        let tunnel = samples::tunnel("tun-1", 0);
        let config = tunnel_config(&tunnel, HERE, Encapsulation::Always).unwrap();
        assert_eq!(Some(config.local), HERE);
        assert_eq!(config.local_id, Identity::Ipv4(tunnel.local_address));
        assert_eq!(config.remote_id, Identity::Ipv4(tunnel.remote_address));
        assert!(config.initiate && config.nat_traversal && config.force_encapsulation);
        let config = tunnel_config(&tunnel, HERE, Encapsulation::WhenTranslated).unwrap();
        assert!(config.nat_traversal && !config.force_encapsulation);
    }

    #[test]
    fn every_choice_of_the_api_has_its_algorithm() {
        let mut tunnel = samples::tunnel("tun-1", 0);
        tunnel.ike.ike_enc_alg = EncAlg::TripleDes;
        tunnel.ike.ike_auth_alg = AuthAlg::Sha384;
        tunnel.ike.ike_pfs = IkePfs::Group14;
        tunnel.ipsec.ipsec_enc_alg = EncAlg::Aes256;
        tunnel.ipsec.ipsec_pfs = IpsecPfs::Disabled;
        let config = tunnel_config(&tunnel, HERE, Encapsulation::Always).unwrap();
        assert_eq!(config.ike.encryption, Encryption::TripleDesCbc);
        assert_eq!((config.ike.prf, config.ike.group), (Prf::HmacSha384, DhGroup::Modp2048));
        assert_eq!((config.child.encryption, config.child.pfs), (Encryption::Aes256Cbc, None));
    }

    #[test]
    fn an_algorithm_that_authenticates_by_itself_is_proposed_without_another() {
        let mut tunnel = samples::tunnel("tun-1", 0);
        tunnel.ike.ike_enc_alg = EncAlg::Aes256Gcm;
        tunnel.ike.ike_auth_alg = AuthAlg::Sha256;
        tunnel.ike.ike_pfs = IkePfs::Group31;
        tunnel.ipsec.ipsec_enc_alg = EncAlg::Aes128Gcm;
        tunnel.ipsec.ipsec_pfs = IpsecPfs::Group19;
        let config = tunnel_config(&tunnel, HERE, Encapsulation::Always).unwrap();
        assert_eq!((config.ike.integrity, config.ike.prf), (None, Prf::HmacSha256));
        assert_eq!(config.ike.group, DhGroup::Curve25519);
        assert_eq!((config.child.encryption, config.child.integrity), (Encryption::Aes128Gcm16, None));
        assert_eq!(config.child.pfs, Some(DhGroup::Ecp256));
    }

    #[test]
    fn a_name_as_identity_is_taken_as_it_is() {
        let mut tunnel = samples::tunnel("tun-1", 0);
        tunnel.ike.local_id = "gw.example.com".to_owned();
        tunnel.ike.remote_id = String::new();
        let config = tunnel_config(&tunnel, HERE, Encapsulation::Always).unwrap();
        assert_eq!(config.local_id, Identity::Fqdn("gw.example.com".to_owned()));
        assert_eq!(config.remote_id, Identity::Ipv4(tunnel.remote_address));
    }

    fn refused(tunnel: &DesiredTunnel, local: Option<Ipv4Addr>) -> NotNegotiable {
        tunnel_config(tunnel, local, Encapsulation::Always).unwrap_err()
    }

    #[test]
    fn what_cannot_be_negotiated_says_why() {
        let mut tunnel = samples::tunnel("tun-1", 0);
        assert_eq!(refused(&tunnel, None), NotNegotiable::NotOurAddress(tunnel.local_address));
        tunnel.remote_address = Ipv4Addr::UNSPECIFIED;
        assert_eq!(refused(&tunnel, HERE), NotNegotiable::NoPeerAddress);
        tunnel.ike.ike_version = IkeVersion::Ikev1;
        tunnel.ike.ike_enc_alg = EncAlg::Aes192Gcm;
        assert_eq!(refused(&tunnel, HERE), NotNegotiable::NotInIkev1);
    }

    #[test]
    fn the_version_and_the_mode_are_those_of_the_configuration() {
        let mut tunnel = samples::tunnel("tun-1", 0);
        let negotiated = |tunnel: &DesiredTunnel| {
            let config = tunnel_config(tunnel, HERE, Encapsulation::Always).unwrap();
            config.version
        };
        assert_eq!(negotiated(&tunnel), causeway_ike::IkeVersion::V2);
        tunnel.ike.ike_version = IkeVersion::Ikev1;
        for (mode, expected) in [(IkeMode::Main, Mode::Main), (IkeMode::Aggressive, Mode::Aggressive)] {
            tunnel.ike.ike_mode = mode;
            assert_eq!(negotiated(&tunnel), causeway_ike::IkeVersion::V1(expected));
        }
    }

    #[test]
    fn an_authority_that_is_no_certificate_is_refused_by_name() {
        let mut tunnel = samples::tunnel("tun-1", 0);
        let config = tunnel_config(&tunnel, HERE, Encapsulation::Always).unwrap();
        tunnel.remote_ca_certificate =
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----".to_owned();
        let error = with_certificates(config.clone(), &tunnel, None).unwrap_err();
        assert!(error.to_string().starts_with("RemoteCaCert cannot be used"), "{error}");
        tunnel.remote_ca_certificate.clear();
        assert_eq!(with_certificates(config.clone(), &tunnel, None), Ok(config));
    }

    #[test]
    fn weak_choices_are_named() {
        let mut tunnel = samples::tunnel("tun-1", 0);
        tunnel.ike.ike_pfs = IkePfs::Group14;
        tunnel.ipsec.ipsec_pfs = IpsecPfs::Group14;
        assert_eq!(weaknesses(&tunnel), None);
        tunnel.ike.ike_enc_alg = EncAlg::Des;
        tunnel.ipsec.ipsec_auth_alg = AuthAlg::Md5;
        assert!(weaknesses(&tunnel).unwrap().starts_with("IkeEncAlg, IpsecAuthAlg are weak"));
        (tunnel.ike.ike_version, tunnel.ike.ike_mode) = (IkeVersion::Ikev1, IkeMode::Aggressive);
        assert!(weaknesses(&tunnel).unwrap().starts_with("IkeMode, IkeEncAlg, IpsecAuthAlg are weak"));
    }
}
