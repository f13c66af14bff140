//! An HTTP request out of bytes, as it comes over the wire: what a server's HTTP library would hand on.

use causeway_wire::{HttpRequest, chunked};

/// The longest body that is taken out of chunks, in bytes.
const BODY_BYTES_MAX: usize = 1 << 20;

/// A request, taken apart.
pub struct Request {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    /// Takes a request apart; `None` for what no HTTP library would hand on.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).ok()?;
        let (request_line, headers) = head.split_once("\r\n").unwrap_or((head, ""));
        let mut words = request_line.split(' ');
        let (method, target) = (words.next()?, words.next()?);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers = headers.split("\r\n").filter(|line| !line.is_empty());
        let headers: Vec<_> = headers
            .map(|line| line.split_once(':'))
            .map(|header| header.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())))
            .collect::<Option<_>>()?;
        let is_chunked =
            headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
        let body = &bytes[end + 4..];
        let body = if is_chunked { chunked::decode(body, BODY_BYTES_MAX).ok()? } else { body.to_vec() };
        let (method, path, query) = (method.to_owned(), path.to_owned(), query.to_owned());
        Some(Self { method, path, query, headers, body })
    }

    /// The request as `wire` wants it.
    pub fn as_wire(&self) -> HttpRequest<'_> {
        let Self { method, path, query, headers, body } = self;
        HttpRequest { method, path, query, headers, body }
    }
}
