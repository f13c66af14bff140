//! How fast one core seals and opens packets of 1,400 bytes: `cargo bench -p causeway-esp`.

use std::hint::black_box;
use std::time::Duration;

use causeway_crypto::{Encryption, GcmLibrary, Integrity, Protection};
use causeway_esp::{InboundSa, NEXT_HEADER_IPV4, OutboundSa, ReplayWindow, SequenceNumbers};
use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput};

const SPI: u32 = 0xc0ff_ee01;
const INNER_LEN: u16 = 1_400;

/// A name, and how one direction is protected.
type Suite = (String, Box<dyn Fn() -> Protection>);

/// AES-GCM by each library that has it, and the most frequent of the others.
fn suites() -> Vec<Suite> {
    let mut suites: Vec<Suite> = Vec::new();
    for (name, encryption) in
        [("aes_128_gcm", Encryption::Aes128Gcm16), ("aes_256_gcm", Encryption::Aes256Gcm16)]
    {
        for library in GcmLibrary::ALL {
            let chosen = if library == GcmLibrary::of_this_processor() { "_chosen" } else { "" };
            let name = format!("{name}_{library:?}{chosen}");
            suites.push((name, Box::new(move || protection(library, encryption, None))));
        }
    }
    for (name, encryption, integrity) in [
        ("aes_256_cbc_sha256", Encryption::Aes256Cbc, Integrity::HmacSha256_128),
        ("3des_sha1", Encryption::TripleDesCbc, Integrity::HmacSha1_96),
    ] {
        let library = GcmLibrary::of_this_processor();
        suites.push((name.to_owned(), Box::new(move || protection(library, encryption, Some(integrity)))));
    }
    suites
}

fn protection(library: GcmLibrary, encryption: Encryption, integrity: Option<Integrity>) -> Protection {
    let encryption_key: Vec<u8> = (1..).take(encryption.key_material_len()).collect();
    let integrity_key: Vec<u8> = (101..).take(integrity.map_or(0, Integrity::key_len)).collect();
    Protection::new_by(library, encryption, integrity, &encryption_key, &integrity_key)
        .expect("the keys are as long as they should be")
}

fn inner() -> Vec<u8> {
    let mut inner = vec![9; usize::from(INNER_LEN)];
    inner[0] = 0x45;
    inner[2..4].copy_from_slice(&INNER_LEN.to_be_bytes());
    inner
}

type Group<'a> = BenchmarkGroup<'a, criterion::measurement::WallTime>;

fn seal(group: &mut Group<'_>, (name, keys): &Suite) {
    let sa = OutboundSa::new(SPI, keys(), SequenceNumbers::Extended);
    let (headroom, tailroom) = (sa.headroom(), sa.tailroom(usize::from(INNER_LEN)));
    let mut buffer = [vec![0; headroom], inner(), vec![0; tailroom]].concat();
    let at = headroom..headroom + usize::from(INNER_LEN);
    group.bench_function(format!("seal_in_place/{name}"), |bencher| {
        bencher.iter(|| sa.seal_in_place(black_box(&mut buffer), at.clone(), NEXT_HEADER_IPV4));
    });
}

fn open(group: &mut Group<'_>, (name, keys): &Suite) {
    let out = OutboundSa::new(SPI, keys(), SequenceNumbers::Extended);
    let into =
        InboundSa::new(SPI, keys(), ReplayWindow::new(ReplayWindow::DEFAULT_SIZE, SequenceNumbers::Extended));
    let inner = inner();
    let next_packet = || {
        let mut packet = Vec::with_capacity(out.sealed_len(inner.len()));
        out.seal(&inner, NEXT_HEADER_IPV4, &mut packet).expect("64 bits of numbers suffice");
        packet
    };
    group.bench_function(format!("open/{name}"), |bencher| {
        bencher.iter_batched_ref(next_packet, |packet| into.open(black_box(packet)), BatchSize::SmallInput);
    });
    assert_eq!(into.traffic().packets, out.traffic().packets, "every packet must have been opened");
}

fn seal_and_open(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("esp_1400");
    group.throughput(Throughput::Bytes(u64::from(INNER_LEN)));
    for suite in &suites() {
        seal(&mut group, suite);
        open(&mut group, suite);
    }
    group.finish();
}

fn main() {
    let mut criterion =
        Criterion::default().measurement_time(Duration::from_secs(2)).without_plots().configure_from_args();
    seal_and_open(&mut criterion);
    criterion.final_summary();
}
