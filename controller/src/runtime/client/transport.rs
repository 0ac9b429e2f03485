//! The way to the API server: TCP without delay, a proxy where there is one, TLS, and timeouts.
//!
//! kube's own way leaves Nagle's algorithm on: a PATCH on an idle connection then waits, some 40 ms, until the server
//! acknowledges what went before. An abort is such a PATCH.

use http::Uri;
use hyper::body::Incoming;
use hyper::rt::{Read, Write};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connection, HttpConnector};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioExecutor;
use kube::Config;
use kube::client::{Body, ConfigExt as _};
use serin_analysis::provider::Proxies;
use tower::util::BoxCloneService;
use tower::{BoxError, Service, ServiceBuilder, ServiceExt as _};

/// Sends requests to the API server of a configuration, logged in as it says.
pub(super) type Transport = BoxCloneService<http::Request<Body>, http::Response<Incoming>, BoxError>;

/// Makes the way to the API server.
///
/// # Errors
/// The configuration holds something that cannot be used, such as a broken certificate or a proxy of an unknown kind.
pub(super) fn transport(config: &Config, proxies: &Proxies) -> kube::Result<Transport> {
    let Some(proxy) = proxy(config, proxies) else { return over(tcp(), config) };
    match proxy.uri().scheme_str() {
        Some("http") => over(tunnel(&proxy, tcp()), config),
        Some("https") => over(tunnel(&proxy, config.rustls_https_connector_with_connector(tcp())?), config),
        _ => Err(kube::Error::ProxyProtocolUnsupported { proxy_url: Box::new(proxy.uri().clone()) }),
    }
}

/// TCP that sends at once what it is given.
fn tcp() -> HttpConnector {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp
}

/// Finds the proxy before the API server: the one that the kubeconfig names, else that of the environment.
fn proxy(config: &Config, proxies: &Proxies) -> Option<Intercept> {
    let text = |url: &Option<_>| url.as_ref().map(ToString::to_string).unwrap_or_default();
    let (http, https) = (text(&proxies.http), text(&proxies.https));
    // kube fills in that of the environment too, and does not look at whom it is not for.
    let of_environment: Option<Uri> = https.parse().ok();
    let named = config.proxy_url.as_ref().filter(|uri| {
        let other = of_environment.as_ref();
        other.is_none_or(|other| uri.authority() != other.authority())
    });
    let matcher = match named {
        Some(uri) => Matcher::builder().all(uri.to_string()),
        None => Matcher::builder().http(http).https(https).no(proxies.exceptions()),
    };
    matcher.build().intercept(&config.cluster_url)
}

fn tunnel<C>(proxy: &Intercept, connector: C) -> Tunnel<C> {
    let tunnel = Tunnel::new(proxy.uri().clone(), connector);
    match proxy.basic_auth() {
        Some(auth) => tunnel.with_auth(auth.clone()),
        None => tunnel,
    }
}

fn over<C>(connector: C, config: &Config) -> kube::Result<Transport>
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: Connection + Read + Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: std::error::Error + Send + Sync + 'static,
{
    let mut connector = TimeoutConnector::new(config.rustls_https_connector_with_connector(connector)?);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    connector.set_reset_reader_on_write(config.reset_reader_on_write);
    let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build(connector);
    let stack = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(client);
    Ok(stack.map_err(BoxError::from).boxed_clone())
}

#[cfg(test)]
mod tests;
