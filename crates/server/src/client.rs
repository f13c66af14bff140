//! A client of the public API, as everyone else's: it signs its requests (V3) and has no privileges.
//!
//! The sub-commands that talk to a running server use it.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail};
use aws_lc_rs::{digest, hmac};
use causeway_wire::{format_timestamp, hex, percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The file in the data folder that holds the first account's AccessKey and the server's address.
const ROOT_KEY_FILE: &str = "root-access-key.json";

/// How long an answer may take.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// What a client needs to call the API: where, and as whom.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Credentials {
    /// The account, 16 digits.
    pub account_id: String,
    /// The AccessKey's id.
    pub access_key_id: String,
    /// The AccessKey's secret.
    pub access_key_secret: String,
    /// The token, when the AccessKey is that of a role session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_token: Option<String>,
    /// Host and port of the API.
    pub endpoint: String,
    /// The region that commands take when none is given.
    pub region_id: String,
}

impl Credentials {
    /// Where they are in a data folder.
    pub fn file(data: &Path) -> PathBuf {
        data.join(ROOT_KEY_FILE)
    }

    /// Reads them from a data folder.
    pub fn load(data: &Path) -> Result<Self> {
        let file = Self::file(data);
        let text = std::fs::read_to_string(&file).with_context(|| {
            format!(
                "cannot read {}; name the folder that it is in with --data: the first start of `causeway serve` writes it into its own",
                file.display()
            )
        })?;
        serde_json::from_str(&text)
            .with_context(|| format!("{} is not what `causeway serve` wrote", file.display()))
    }
}

/// A product's API at a version.
#[derive(Debug, Clone, Copy)]
pub struct Product {
    /// The version, as sent in `x-acs-version`.
    pub version: &'static str,
}

/// The VPN gateway's API.
pub const VPC: Product = Product { version: "2016-04-28" };
/// What no provider has: how packets go, who changed what, and its undoing.
pub const CAUSEWAY: Product = Product { version: "2026-11-01" };
/// Users, AccessKeys, roles and policies.
pub const RAM: Product = Product { version: "2015-05-01" };
/// Sessions of roles.
pub const STS: Product = Product { version: "2015-04-01" };

/// Calls operations.
pub struct Client {
    credentials: Credentials,
    agent: ureq::Agent,
}

/// A refusal by the API.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {message} (request {request_id})")]
pub struct Refusal {
    /// The error code.
    pub code: String,
    /// The sentence.
    pub message: String,
    /// The request it answers.
    pub request_id: String,
}

impl Client {
    /// A client that calls as the given AccessKey.
    pub fn new(credentials: Credentials) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(ANSWER_TIME_MAX))
            .proxy(None)
            .build();
        Self { credentials, agent: config.new_agent() }
    }

    /// Calls an operation; a refusal is an error of type [`Refusal`].
    pub fn call(&self, product: Product, action: &str, parameters: &[(&str, &str)]) -> Result<Value> {
        let (status, answer) = self.ask(product, action, parameters)?;
        if (200..300).contains(&status) {
            return Ok(answer);
        }
        let member = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        bail!(Refusal { code: member("Code"), message: member("Message"), request_id: member("RequestId") })
    }

    /// Calls an operation; the HTTP status and the body, whether it is answered or refused.
    pub fn ask(&self, product: Product, action: &str, parameters: &[(&str, &str)]) -> Result<(u16, Value)> {
        let query = canonical_query(parameters);
        let headers = self.sign(product, action, &query)?;
        let mut request = self.agent.post(format!("http://{}/?{query}", self.credentials.endpoint));
        for (name, value) in &headers {
            request = request.header(*name, value);
        }
        let mut response = request.send_empty().with_context(|| {
            format!(
                "no answer from the server at {}; is `causeway serve` running?",
                self.credentials.endpoint
            )
        })?;
        let text = response.body_mut().read_to_string().context("the server's answer broke off")?;
        let answer: Value = serde_json::from_str(&text).map_err(|_not_json| {
            anyhow!("{} does not answer like a Causeway server", self.credentials.endpoint)
        })?;
        Ok((response.status().as_u16(), answer))
    }

    fn sign(&self, product: Product, action: &str, query: &str) -> Result<Vec<(&'static str, String)>> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
        let now_ms = i64::try_from(now.as_millis()).context("the clock is far in the future")?;
        let body_digest = hex(digest::digest(&digest::SHA256, b"").as_ref());
        let mut headers = vec![
            ("accept", "application/json".to_owned()),
            ("host", self.credentials.endpoint.clone()),
            ("x-acs-action", action.to_owned()),
            ("x-acs-content-sha256", body_digest.clone()),
            ("x-acs-date", format_timestamp(now_ms)),
            ("x-acs-signature-nonce", uuid::Uuid::new_v4().to_string()),
            ("x-acs-version", product.version.to_owned()),
        ];
        if let Some(token) = &self.credentials.security_token {
            headers.push(("x-acs-accesskey-id", self.credentials.access_key_id.clone()));
            headers.push(("x-acs-security-token", token.clone()));
            headers.sort();
        }
        let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let lines = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect::<String>();
        let canonical = format!("POST\n/\n{query}\n{lines}\n{names}\n{body_digest}");
        let hashed = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.credentials.access_key_secret.as_bytes());
        let signature = hex(hmac::sign(&key, format!("ACS3-HMAC-SHA256\n{hashed}").as_bytes()).as_ref());
        let authorization = format!(
            "ACS3-HMAC-SHA256 Credential={},SignedHeaders={names},Signature={signature}",
            self.credentials.access_key_id
        );
        Ok(headers.into_iter().chain([("authorization", authorization)]).collect())
    }
}

fn canonical_query(parameters: &[(&str, &str)]) -> String {
    let mut pairs: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{}={}", percent_encode(name), percent_encode(value)))
        .collect();
    pairs.sort();
    pairs.join("&")
}
