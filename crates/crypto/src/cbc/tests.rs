use hex_literal::hex;

use super::{CbcCipher, NotWholeBlocks};
use crate::encryption::Encryption;
use crate::protection::WrongKeyLength;

const CBC: [Encryption; 5] = [
    Encryption::DesCbc,
    Encryption::TripleDesCbc,
    Encryption::Aes128Cbc,
    Encryption::Aes192Cbc,
    Encryption::Aes256Cbc,
];

#[track_caller]
fn assert_vector(encryption: Encryption, key: &[u8], iv: &[u8], plaintext: &[u8], ciphertext: &[u8]) {
    let cipher = CbcCipher::new(encryption, key).unwrap();
    let mut data = plaintext.to_vec();
    cipher.encrypt(iv, &mut data).unwrap();
    assert_eq!(data, ciphertext);
    cipher.decrypt(iv, &mut data).unwrap();
    assert_eq!(data, plaintext);
}

/// RFC 3602 section 4, cases 1 and 2.
#[test]
fn aes_128_gives_what_rfc_3602_says() {
    assert_vector(
        Encryption::Aes128Cbc,
        &hex!("06a9214036b8a15b512e03d534120006"),
        &hex!("3dafba429d9eb430b422da802c9fac41"),
        b"Single block msg",
        &hex!("e353779c1079aeb82708942dbe77181a"),
    );
    assert_vector(
        Encryption::Aes128Cbc,
        &hex!("c286696d887c9aa0611bbb3e2025a45a"),
        &hex!("562e17996d093d28ddb3ba695a2e6f58"),
        &hex!("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"),
        &hex!("d296cd94c2cccf8a3a863028b5e1dc0a7586602d253cfff91b8266bea6d61ab1"),
    );
}

const SP_800_38A_IV: [u8; 16] = hex!("000102030405060708090a0b0c0d0e0f");
const SP_800_38A_PLAINTEXT: [u8; 64] = hex!(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
);

/// NIST SP 800-38A sections F.2.3 and F.2.5.
#[test]
fn aes_192_and_aes_256_give_what_sp_800_38a_says() {
    assert_vector(
        Encryption::Aes192Cbc,
        &hex!("8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b"),
        &SP_800_38A_IV,
        &SP_800_38A_PLAINTEXT,
        &hex!(
            "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a"
            "571b242012fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd"
        ),
    );
    assert_vector(
        Encryption::Aes256Cbc,
        &hex!("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"),
        &SP_800_38A_IV,
        &SP_800_38A_PLAINTEXT,
        &hex!(
            "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
            "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b"
        ),
    );
}

/// FIPS 81 appendix C, and the vector that three-key 3DES is commonly checked with.
#[test]
fn des_and_triple_des_give_the_published_vectors() {
    assert_vector(
        Encryption::DesCbc,
        &hex!("0123456789abcdef"),
        &hex!("1234567890abcdef"),
        b"Now is the time for all ",
        &hex!("e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6"),
    );
    assert_vector(
        Encryption::TripleDesCbc,
        &hex!("0123456789abcdeff1e0d3c2b5a49786fedcba9876543210"),
        &hex!("fedcba9876543210"),
        b"7654321 Now is the time for \0\0\0\0",
        &hex!("3fe301c962ac01d02213763c1cbd4cdc799657c064ecf5d41c673812cfde9675"),
    );
}

#[test]
fn a_key_of_another_length_is_refused() {
    for encryption in CBC {
        for len in (0..64).filter(|len| *len != encryption.key_len()) {
            let refused = CbcCipher::new(encryption, &vec![7; len]).err();
            assert_eq!(refused, Some(WrongKeyLength::Encryption { encryption, len }));
        }
    }
}

#[test]
fn an_algorithm_that_is_no_cbc_mode_is_refused() {
    let encryption = Encryption::Aes128Gcm16;
    assert_eq!(CbcCipher::new(encryption, &[7; 16]).err(), Some(WrongKeyLength::NotCbc { encryption }));
}

#[test]
fn data_that_is_not_whole_blocks_is_refused_and_left_alone() {
    for encryption in CBC {
        let cipher = CbcCipher::new(encryption, &vec![7; encryption.key_len()]).unwrap();
        let block_len = cipher.block_len();
        for (iv_len, data_len) in [(block_len, block_len + 1), (block_len, 7), (block_len - 1, block_len)] {
            let mut data = vec![1; data_len];
            assert_eq!(cipher.encrypt(&vec![0; iv_len], &mut data), Err(NotWholeBlocks));
            assert_eq!(cipher.decrypt(&vec![0; iv_len], &mut data), Err(NotWholeBlocks));
            assert_eq!(data, vec![1; data_len]);
        }
        cipher.encrypt(&vec![0; block_len], &mut []).unwrap();
    }
}
