//! Stateless cookies (RFC 7296, 2.6): a peer that shows that it receives at its address may cost us memory.

use std::net::SocketAddrV4;
use std::time::Duration;

use causeway_crypto::{Prf, Random, Secret, constant_time_eq};

/// Makes and recognises cookies. Keeps nothing per peer.
pub(crate) struct CookieJar {
    current: Option<CookieSecret>,
    /// Still good for cookies that were made just before the secret was replaced.
    previous: Option<CookieSecret>,
    version: u8,
}

struct CookieSecret {
    version: u8,
    secret: Secret,
    made: Duration,
}

/// What a cookie vouches for.
#[derive(Clone, Copy)]
pub(crate) struct Visitor<'a> {
    pub address: SocketAddrV4,
    pub spi: u64,
    pub nonce: &'a [u8],
}

impl CookieJar {
    pub(crate) fn new() -> Self {
        CookieJar { current: None, previous: None, version: 0 }
    }

    /// The cookie that this visitor has to return.
    pub(crate) fn bake(
        &mut self,
        visitor: Visitor<'_>,
        random: &mut dyn Random,
        now: Duration,
        lifetime: Duration,
    ) -> Vec<u8> {
        self.rotate(random, now, lifetime);
        self.current.as_ref().map(|secret| secret.cookie(visitor)).unwrap_or_default()
    }

    /// Whether this is the cookie that the visitor was given, not long ago.
    pub(crate) fn recognises(
        &self,
        cookie: &[u8],
        visitor: Visitor<'_>,
        now: Duration,
        lifetime: Duration,
    ) -> bool {
        [&self.current, &self.previous]
            .into_iter()
            .flatten()
            .filter(|secret| now.saturating_sub(secret.made) < lifetime * 2)
            .any(|secret| constant_time_eq(&secret.cookie(visitor), cookie))
    }

    fn rotate(&mut self, random: &mut dyn Random, now: Duration, lifetime: Duration) {
        let fresh = self.current.as_ref().is_some_and(|secret| now.saturating_sub(secret.made) < lifetime);
        if !fresh {
            let mut bytes = vec![0; 32];
            random.fill(&mut bytes);
            self.version = self.version.wrapping_add(1);
            self.previous = self.current.take();
            self.current =
                Some(CookieSecret { version: self.version, secret: Secret::new(bytes), made: now });
        }
    }
}

impl CookieSecret {
    fn cookie(&self, visitor: Visitor<'_>) -> Vec<u8> {
        let (ip, port) = (visitor.address.ip().octets(), visitor.address.port().to_be_bytes());
        let spi = visitor.spi.to_be_bytes();
        let mut cookie = vec![self.version];
        cookie.extend(Prf::HmacSha256.mac(self.secret.as_bytes(), &[&ip, &port, &spi, visitor.nonce]));
        cookie
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use causeway_crypto::SeededRandom;

    use super::{CookieJar, Visitor};

    const LIFETIME: Duration = Duration::from_secs(60);

    fn visitor(port: u16, spi: u64, nonce: &[u8]) -> Visitor<'_> {
        Visitor { address: std::net::SocketAddrV4::new([10, 0, 0, 1].into(), port), spi, nonce }
    }

    #[test]
    fn a_cookie_is_good_for_the_visitor_it_was_given_to_only() {
        let (mut jar, mut random) = (CookieJar::new(), SeededRandom::new(1));
        let cookie = jar.bake(visitor(500, 7, b"nonce"), &mut random, Duration::ZERO, LIFETIME);
        let recognised = |visitor| jar.recognises(&cookie, visitor, Duration::ZERO, LIFETIME);
        assert!(recognised(visitor(500, 7, b"nonce")));
        assert!(!recognised(visitor(501, 7, b"nonce")));
        assert!(!recognised(visitor(500, 8, b"nonce")));
        assert!(!recognised(visitor(500, 7, b"Nonce")));
        assert!(!jar.recognises(&[], visitor(500, 7, b"nonce"), Duration::ZERO, LIFETIME));
    }

    #[test]
    fn a_cookie_outlives_one_change_of_the_secret_and_not_two() {
        let (mut jar, mut random) = (CookieJar::new(), SeededRandom::new(1));
        let cookie = jar.bake(visitor(500, 7, b"n"), &mut random, Duration::ZERO, LIFETIME);
        let after = LIFETIME + Duration::from_secs(1);
        assert_ne!(jar.bake(visitor(500, 7, b"n"), &mut random, after, LIFETIME), cookie);
        assert!(jar.recognises(&cookie, visitor(500, 7, b"n"), after, LIFETIME));
        jar.bake(visitor(500, 7, b"n"), &mut random, after * 2, LIFETIME);
        assert!(!jar.recognises(&cookie, visitor(500, 7, b"n"), after * 2, LIFETIME));
    }
}
