//! What an operation is, and how one is found.

use causeway_wire::Params;
use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::ids::RegionId;
use crate::operations;
use crate::permission::Permission;
use crate::tx::Tx;

/// A product: a family of operations with a version of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Product {
    /// Virtual private clouds, which the VPN gateway belongs to.
    Vpc,
    /// Cloud Enterprise Network: the transit routers.
    Cbn,
    /// Resource Access Management: RAM users, their AccessKeys and policies.
    Ram,
    /// The Security Token Service.
    Sts,
    /// What no provider has: how a packet goes, who changed what, and its undoing.
    Causeway,
}

impl Product {
    /// The name of the product.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vpc => "Vpc",
            Self::Cbn => "Cbn",
            Self::Ram => "Ram",
            Self::Sts => "Sts",
            Self::Causeway => "Causeway",
        }
    }

    /// The version that requests name; no two products have the same.
    pub const fn version(self) -> &'static str {
        match self {
            Self::Vpc => "2016-04-28",
            Self::Cbn => "2017-09-12",
            Self::Ram => "2015-05-01",
            Self::Sts => "2015-04-01",
            Self::Causeway => "2026-11-01",
        }
    }

    /// Whether its operations take client tokens. Those of Ram do not: the answer to one, which may show the
    /// secret of an AccessKey, is not kept to be answered again.
    pub const fn takes_client_tokens(self) -> bool {
        !matches!(self, Self::Ram)
    }
}

/// Whether an operation changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It does not.
    Read,
    /// It may.
    Write,
}

/// What a request with `DryRun` that passes every check is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DryRun {
    /// `DryRunOperation`, and what it would have changed.
    Refused,
    /// Nothing but the `RequestId`, as some pages of the documentation have it.
    Answered,
}

/// So many requests in so many seconds, for each account, region and operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RateLimit {
    /// How many requests.
    pub requests: u32,
    /// In how many seconds.
    pub per_seconds: u32,
}

impl RateLimit {
    /// So many requests in a minute.
    pub const fn per_minute(requests: u32) -> Self {
        Self { requests, per_seconds: 60 }
    }
}

/// An operation: everything about it is in the file that implements this.
pub trait Operation: 'static {
    /// Its name: the `Action` of a request.
    const NAME: &'static str;
    /// Its product.
    const PRODUCT: Product = Product::Vpc;
    /// Whether it changes anything.
    const KIND: Kind;
    /// The documented rate limit, if there is one.
    const RATE_LIMIT: Option<RateLimit> = None;
    /// What a request with `DryRun` that passes every check is answered.
    const DRY_RUN: DryRun = DryRun::Refused;
    /// The codes with which it refuses, beside those about parameters, access and client tokens.
    const ERRORS: &'static [&'static ErrorCode];
    /// What it takes.
    type Request: DeserializeOwned + JsonSchema + 'static;
    /// What it answers, beside the `RequestId`.
    type Response: Serialize + JsonSchema;

    /// The region it is about, if the request says one.
    fn region(request: &Self::Request) -> Option<&RegionId>;

    /// What the caller must be allowed to do.
    fn permission(request: &Self::Request) -> Permission;

    /// Plans it: reads and writes in the transaction, and answers. Pure: no clock, no randomness, no I/O.
    ///
    /// # Errors
    ///
    /// Why it is refused; then nothing of the transaction is kept.
    fn plan(request: Self::Request, tx: &mut Tx<'_>) -> Result<Self::Response, ApiError>;
}

/// An operation whose types are hidden, so that all can be in one list.
#[derive(Clone, Copy)]
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// Its product.
    pub product: Product,
    /// Whether it changes anything.
    pub kind: Kind,
    /// The documented rate limit, if there is one.
    pub rate_limit: Option<RateLimit>,
    /// What a request with `DryRun` that passes every check is answered.
    pub dry_run: DryRun,
    /// The codes with which it refuses.
    pub errors: &'static [&'static ErrorCode],
    decode: fn(&Params) -> Result<Box<dyn Call>, ApiError>,
    request_schema: fn() -> Schema,
    response_schema: fn() -> Schema,
}

impl Entry {
    /// The entry of an operation.
    pub const fn of<O: Operation>() -> Self {
        Self {
            name: O::NAME,
            product: O::PRODUCT,
            kind: O::KIND,
            rate_limit: O::RATE_LIMIT,
            dry_run: O::DRY_RUN,
            errors: O::ERRORS,
            decode: decode::<O>,
            request_schema: || schema_for!(O::Request),
            response_schema: || schema_for!(O::Response),
        }
    }

    /// The name that no other operation has, such as `Cbn:TagResources`.
    pub fn full_name(&self) -> String {
        format!("{}:{}", self.product.name(), self.name)
    }

    /// The parameters of its own. Every operation also takes those of [`crate::core::Common`].
    pub fn request_schema(&self) -> Schema {
        (self.request_schema)()
    }

    /// What it answers. Every answer also has the `RequestId`.
    pub fn response_schema(&self) -> Schema {
        (self.response_schema)()
    }

    /// Reads the parameters of a request.
    ///
    /// # Errors
    ///
    /// Which parameter is missing or cannot be accepted.
    pub fn decode(&self, params: &Params) -> Result<Box<dyn Call>, ApiError> {
        (self.decode)(params)
    }
}

/// A request that has been decoded, its types hidden.
pub trait Call {
    /// The region it is about.
    fn region(&self) -> Option<&RegionId>;
    /// What the caller must be allowed to do.
    fn permission(&self) -> Permission;
    /// Plans it and answers.
    ///
    /// # Errors
    ///
    /// Why it is refused.
    fn plan(self: Box<Self>, tx: &mut Tx<'_>) -> Result<Value, ApiError>;
}

struct Decoded<O: Operation>(O::Request);

impl<O: Operation> Call for Decoded<O> {
    fn region(&self) -> Option<&RegionId> {
        O::region(&self.0)
    }

    fn permission(&self) -> Permission {
        O::permission(&self.0)
    }

    fn plan(self: Box<Self>, tx: &mut Tx<'_>) -> Result<Value, ApiError> {
        let response = O::plan(self.0, tx)?;
        // Only a map whose keys are not text could fail here, and no answer has one.
        serde_json::to_value(response).map_err(|_not_json| ApiError::new(&catalogue::INTERNAL_ERROR))
    }
}

fn decode<O: Operation>(params: &Params) -> Result<Box<dyn Call>, ApiError> {
    Ok(Box::new(Decoded::<O>(params.decode_into()?)))
}

/// All operations.
pub fn all() -> &'static [Entry] {
    operations::ALL
}

/// The operation of a name: `Cbn:TagResources`, or `DeleteVcoRouteEntry`, which is the first of the list where several products have one.
pub fn named(name: &str) -> Option<&'static Entry> {
    let (product, name) = name.split_once(':').map_or((None, name), |(product, name)| (Some(product), name));
    all().iter().find(|entry| entry.name == name && product.is_none_or(|it| it == entry.product.name()))
}

/// Finds an operation by the version and the action that a request names.
///
/// # Errors
///
/// `InvalidAction.NotFound` when no product has it, `InvalidVersion` when another version has it.
pub fn find(version: &str, action: &str) -> Result<&'static Entry, ApiError> {
    let named: Vec<&'static Entry> = all().iter().filter(|entry| entry.name == action).collect();
    if let Some(entry) = named.iter().find(|entry| entry.product.version() == version) {
        return Ok(entry);
    }
    if named.is_empty() {
        return Err(ApiError::new(&catalogue::ACTION_NOT_FOUND));
    }
    let versions: Vec<&str> = named.iter().map(|entry| entry.product.version()).collect();
    let detail = format!("{action} exists in version {}.", versions.join(" and "));
    Err(ApiError::new(&catalogue::INVALID_VERSION).detail(detail))
}
