//! The HTTP request as this crate wants to see it.

/// A request that an HTTP server has taken apart and of which nothing has been decoded yet.
#[derive(Debug, Clone, Copy)]
pub struct HttpRequest<'a> {
    /// The method as sent, in upper case.
    pub method: &'a str,
    /// The part of the target before the first `?`, as sent.
    pub path: &'a str,
    /// The part of the target after the first `?`, as sent; empty when there is none.
    pub query: &'a str,
    /// Names in lower case, values as sent, in the order in which they came.
    pub headers: &'a [(String, String)],
    /// The body, already freed from its transfer encoding (see [`crate::chunked`]).
    pub body: &'a [u8],
}

impl<'a> HttpRequest<'a> {
    /// The value of the first header of this lower-case name, without surrounding white space.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.values(name).next()
    }

    /// The values of all headers of this lower-case name, without surrounding white space.
    pub(crate) fn values(&self, name: &str) -> impl Iterator<Item = &'a str> {
        let headers: &'a [(String, String)] = self.headers;
        headers
            .iter()
            .filter(move |(header, _)| header == name)
            .map(|(_, value)| value.trim_matches([' ', '\t']))
    }
}
