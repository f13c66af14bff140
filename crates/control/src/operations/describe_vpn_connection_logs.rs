//! `DescribeVpnConnectionLogs`: shows what happened to an IPsec-VPN connection.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{MinutePeriod, PageNumber, PageSize, optional};
use crate::ids::{RegionId, TunnelId, VpnConnectionId};
use crate::observed::LogEntry;
use crate::operation::{Kind, Operation, RateLimit};
use crate::page::Page;
use crate::permission::{Permission, Target};
use crate::tx::Tx;

/// See the module.
pub struct DescribeVpnConnectionLogs;

/// Pages through the log of a connection, the oldest line first: from `From` to `To`, or so many minutes from the
/// one or until the other, or until now.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region of the connection.
    pub region_id: RegionId,
    /// The connection.
    pub vpn_connection_id: VpnConnectionId,
    /// The beginning, in UNIX seconds.
    #[serde(default, deserialize_with = "optional_seconds")]
    pub from: Option<u32>,
    /// How many minutes: 10 unless it is given.
    #[serde(default, deserialize_with = "optional")]
    pub minute_period: Option<MinutePeriod>,
    /// Which page, from 1.
    #[serde(default, deserialize_with = "optional")]
    pub page_number: Option<PageNumber>,
    /// How many lines on a page: 10 unless it is given.
    #[serde(default, deserialize_with = "optional")]
    pub page_size: Option<PageSize>,
    /// The end, in UNIX seconds.
    #[serde(default, deserialize_with = "optional_seconds")]
    pub to: Option<u32>,
    /// Only lines about this tunnel.
    #[serde(default, deserialize_with = "optional")]
    pub tunnel_id: Option<TunnelId>,
}

/// A page of lines.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    /// How many lines there are on all pages.
    count: i32,
    data: LogListView,
    is_completed: bool,
    page_number: i32,
    page_size: i32,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct LogListView {
    logs: Vec<String>,
}

impl Operation for DescribeVpnConnectionLogs {
    const NAME: &'static str = "DescribeVpnConnectionLogs";
    const KIND: Kind = Kind::Read;
    const RATE_LIMIT: Option<RateLimit> = Some(RateLimit::per_minute(600));
    const ERRORS: &'static [&'static ErrorCode] = &[&catalogue::VPN_CONNECTION_NOT_FOUND];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        let target = Target::VpnConnection(request.vpn_connection_id.clone());
        Permission::on("vpc:DescribeVpnConnectionLogs", target)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let connection = tx.vpn_connection(&request.region_id, &request.vpn_connection_id)?;
        let of_connection = |id: &TunnelId| connection.tunnels.iter().any(|tunnel| tunnel.id == *id);
        if request.tunnel_id.as_ref().is_some_and(|id| !of_connection(id)) {
            return Err(ApiError::invalid("TunnelId", "a tunnel of the connection"));
        }
        let (from_ms, to_ms) = period(&request, tx.now_ms())?;
        let about = |entry: &LogEntry| request.tunnel_id.is_none() || entry.line.tunnel == request.tunnel_id;
        let lines = tx.logs().lines(&connection.id, from_ms, to_ms);
        let page = Page::new(request.page_number, request.page_size);
        let (lines, count) = page.of(lines.iter().filter(|entry| about(entry)));
        Ok(Response {
            count,
            data: LogListView { logs: lines.into_iter().map(ToString::to_string).collect() },
            is_completed: true,
            page_number: page.number(),
            page_size: page.size(),
        })
    }
}

/// From when to when, both included, in UNIX milliseconds.
fn period(request: &Request, now_ms: i64) -> Result<(i64, i64), ApiError> {
    let length_ms = i64::from(request.minute_period.unwrap_or_default().get()) * 60_000;
    let ms = |seconds: u32| i64::from(seconds) * 1_000;
    // The end is a whole second.
    let end_ms = |seconds: u32| ms(seconds) + 999;
    let (from_ms, to_ms) = match (request.from, request.to) {
        (Some(from), Some(to)) => (ms(from), end_ms(to)),
        (Some(from), None) => (ms(from), ms(from) + length_ms),
        (None, Some(to)) => (end_ms(to) - length_ms, end_ms(to)),
        (None, None) => (now_ms.saturating_sub(length_ms), now_ms),
    };
    if from_ms > to_ms { Err(ApiError::invalid("From", "a time before To")) } else { Ok((from_ms, to_ms)) }
}

/// UNIX seconds; empty text stands for a time that was not given.
fn optional_seconds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let text: Option<String> = optional(deserializer)?;
    let seconds = |text: String| text.parse().map_err(|_| serde::de::Error::custom("UNIX seconds"));
    text.map(seconds).transpose()
}
