use hex_literal::hex;

use super::{Hash, sha1};

/// RFC 1321 appendix A.5, FIPS 180-4 examples.
#[test]
fn every_hash_gives_its_standards_digest_of_abc() {
    let digest = |hash: Hash| hash.digest(&[b"a", b"", b"bc"]);
    assert_eq!(digest(Hash::Md5), hex!("900150983cd24fb0d6963f7d28e17f72"));
    assert_eq!(digest(Hash::Sha1), hex!("a9993e364706816aba3e25717850c26c9cd0d89d"));
    assert_eq!(
        digest(Hash::Sha256),
        hex!("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    );
    assert_eq!(
        digest(Hash::Sha384),
        hex!(
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
            "8086072ba1e7cc2358baeca134c825a7"
        )
    );
    assert_eq!(
        digest(Hash::Sha512),
        hex!(
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        )
    );
}

#[test]
fn the_sha1_of_nat_detection_is_the_sha1_of_the_parts_in_a_row() {
    assert_eq!(sha1(&[b"ab", b"c"]), hex!("a9993e364706816aba3e25717850c26c9cd0d89d"));
}

#[test]
fn every_digest_is_as_long_as_announced() {
    for hash in [Hash::Md5, Hash::Sha1, Hash::Sha256, Hash::Sha384, Hash::Sha512] {
        assert_eq!(hash.digest(&[]).len(), hash.output_len());
    }
}
