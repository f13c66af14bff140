//! HTTP: accepts connections, reads one bounded request at a time and hands it to the API.
//!
//! Every limit has a clear answer: a body that is too large is refused with 413 in the API's envelope, a
//! client that takes too long loses its connection, one connection more than the bound waits in the
//! system's backlog. A slow client holds a connection and a task, nothing that others need.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use axum::routing::get;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tower::ServiceExt;

use crate::api::{Answer, Api, Received, http_refusal};

/// How much a client may ask for at once.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The largest body, in bytes.
    pub body_bytes_max: usize,
    /// How many connections may be open.
    pub connections_max: usize,
    /// How long a request may take to arrive.
    pub request_time_max: Duration,
}

/// The most headers of one request, and the most bytes they may take together.
const HEADERS_MAX: usize = 64;
const HEADER_BYTES_MAX: usize = 32 * 1024;

/// How long open requests may finish after the server was told to stop.
const DRAIN: Duration = Duration::from_secs(5);

/// Serves until `stop` turns true, then lets open requests finish.
pub async fn serve(listener: TcpListener, api: Arc<Api>, bounds: Bounds, stop: watch::Receiver<bool>) {
    let router =
        Router::new().route("/healthz", get(async || "ok\n")).fallback(receive).with_state((api, bounds));
    serve_router(listener, router, bounds, stop).await;
}

/// The same for whatever else answers HTTP.
pub async fn serve_router(
    listener: TcpListener,
    router: Router,
    bounds: Bounds,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(bounds.connections_max));
    loop {
        let next = tokio::select! {
            next = next_client(&listener, &places) => next,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let Some((place, stream, remote)) = next else { return };
        stream.set_nodelay(true).ok();
        let service = router.clone().map_request(move |mut request: Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(ConnectInfo(remote));
            request.map(Body::new)
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(bounds.request_time_max)
            .max_headers(HEADERS_MAX)
            .max_buf_size(HEADER_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        let mut stop = stop.clone();
        tokio::spawn(async move {
            let _place = place;
            let mut connection = std::pin::pin!(connection);
            let told_to_stop = tokio::select! {
                ended = connection.as_mut() => Err(ended),
                _ = async { stop.wait_for(|stop| *stop).await.is_ok() } => Ok(()),
            };
            let ended = match told_to_stop {
                Err(ended) => ended,
                Ok(()) => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%remote, %error, "a client's connection ended early");
            }
        });
    }
    let all = u32::try_from(bounds.connections_max).unwrap_or(u32::MAX);
    if tokio::time::timeout(DRAIN, places.acquire_many(all)).await.is_err() {
        tracing::info!("some clients had not finished when the server stopped");
    }
}

/// The next client, once there is a place for it. None if there are to be no places any more.
async fn next_client(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(OwnedSemaphorePermit, TcpStream, SocketAddr)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => return Some((place, stream, remote)),
            Err(error) => {
                // Out of descriptors, or a client that left at once: neither may end the server.
                tracing::warn!(%error, "a client could not be accepted");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

async fn receive(
    State((api, bounds)): State<(Arc<Api>, Bounds)>,
    ConnectInfo(remote): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let limited = Limited::new(body, bounds.body_bytes_max);
    let body = match tokio::time::timeout(bounds.request_time_max, limited.collect()).await {
        Err(_elapsed) => {
            return answer(http_refusal(408, "RequestTimeout", "The body did not arrive in time."));
        }
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            return {
                answer(http_refusal(413, "RequestTooLarge", "The body is larger than this server accepts."))
            };
        }
        Ok(Err(_broken)) => {
            return {
                answer(http_refusal(400, "ContentLengthDoesNotMatch", "The body of the request broke off."))
            };
        }
        Ok(Ok(body)) => body.to_bytes(),
    };
    answer(api.call(received(&parts, body, remote)).await)
}

fn received(parts: &axum::http::request::Parts, body: Bytes, remote: SocketAddr) -> Received {
    // A header that is not text cannot be one that a signature covers; it is read as best as can be.
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Received {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
        body,
        source: remote.ip(),
    }
}

fn answer(answer: Answer) -> Response<Body> {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    let mut put = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    put("content-type", answer.content_type);
    put("x-acs-request-id", &answer.request_id);
    if let Some(retry_after_ms) = answer.retry_after_ms {
        put("x-acs-retry-after", &retry_after_ms.to_string());
    }
    response
}
