//! A signed request and its answer over one kept connection: just enough HTTP to put load on a server.

use anyhow::{Context, Result, bail};
use aws_lc_rs::{digest, hmac};
use causeway_wire::{format_timestamp, hex, percent_encode};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::Key;

/// One client with one connection.
pub struct Client {
    stream: TcpStream,
    key: hmac::Key,
    credentials: Key,
    received: Vec<u8>,
    empty_digest: String,
}

/// An answer's status and body.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, JSON.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON, if the request was accepted.
    pub fn accepted(&self) -> Result<serde_json::Value> {
        if self.status != 200 {
            bail!("refused with {}: {}", self.status, String::from_utf8_lossy(&self.body));
        }
        serde_json::from_slice(&self.body).context("the answer is not JSON")
    }
}

impl Client {
    /// Connects.
    pub async fn connect(credentials: &Key) -> Result<Self> {
        let stream =
            TcpStream::connect(&credentials.endpoint).await.context("cannot connect to the server")?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            key: hmac::Key::new(hmac::HMAC_SHA256, credentials.secret.as_bytes()),
            credentials: credentials.clone(),
            received: Vec::with_capacity(16 * 1024),
            empty_digest: hex(digest::digest(&digest::SHA256, b"").as_ref()),
        })
    }

    /// Sends one operation with its parameters and reads the answer.
    pub async fn call(&mut self, action: &str, parameters: &[(&str, &str)]) -> Result<Answer> {
        let request = self.request(action, parameters);
        self.stream.write_all(request.as_bytes()).await?;
        self.answer().await
    }

    fn request(&self, action: &str, parameters: &[(&str, &str)]) -> String {
        let mut pairs: Vec<String> = parameters
            .iter()
            .chain(&[("RegionId", self.credentials.region.as_str())])
            .map(|(name, value)| format!("{}={}", percent_encode(name), percent_encode(value)))
            .collect();
        pairs.sort_unstable();
        let query = pairs.join("&");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let date = format_timestamp(i64::try_from(now).unwrap_or_default());
        let (endpoint, body, nonce) = (&self.credentials.endpoint, &self.empty_digest, uuid::Uuid::new_v4());
        let names =
            "accept;host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version";
        let headers = format!(
            "accept:application/json\nhost:{endpoint}\nx-acs-action:{action}\nx-acs-content-sha256:{body}\nx-acs-date:{date}\nx-acs-signature-nonce:{nonce}\nx-acs-version:2016-04-28\n"
        );
        let canonical = format!("POST\n/\n{query}\n{headers}\n{names}\n{body}");
        let hashed = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
        let signature = hmac::sign(&self.key, format!("ACS3-HMAC-SHA256\n{hashed}").as_bytes());
        format!(
            "POST /?{query} HTTP/1.1\r\n{}authorization: ACS3-HMAC-SHA256 Credential={},SignedHeaders={names},Signature={}\r\ncontent-length: 0\r\n\r\n",
            headers.replace('\n', "\r\n"),
            self.credentials.id,
            hex(signature.as_ref()),
        )
    }

    async fn answer(&mut self) -> Result<Answer> {
        self.received.clear();
        loop {
            if self.stream.read_buf(&mut self.received).await? == 0 {
                bail!("the server closed the connection");
            }
            if let Some(answer) = complete(&self.received)? {
                return Ok(answer);
            }
        }
    }
}

/// The answer, once all of it is there. Answers of this server always state their length.
fn complete(received: &[u8]) -> Result<Option<Answer>> {
    let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&received[..end]).context("the answer's head is not text")?;
    let status = head.get(9..12).context("the answer has no status")?.parse()?;
    let length: usize = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .context("the answer does not state its length")?
        .parse()?;
    let body = &received[end + 4..];
    Ok((body.len() >= length).then(|| Answer { status, body: body[..length].to_vec() }))
}
