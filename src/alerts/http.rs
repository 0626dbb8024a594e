//! HTTP as the targets need it: one agent, no redirects, a limit of time. In: a JSON body with its headers. Out: taken,
//! or why not. Used by `webhook` and `alertmanager`.

use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};

use super::delivery::Refusal;

/// An agent that trusts what this machine trusts.
pub fn agent(timeout: Duration) -> Agent {
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    // A redirect would take a signed body to where nobody said it may go.
    Agent::config_builder()
        .tls_config(tls)
        .timeout_global(Some(timeout))
        .max_redirects(0)
        .http_status_as_error(false)
        .user_agent(concat!("TrueVision/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

/// Posts JSON. A 2xx is taken; 408, 425, 429 and 5xx may be taken later; everything else never will.
pub fn post(agent: &Agent, url: &str, body: &str, headers: &[(&str, &str)]) -> Result<(), Refusal> {
    let mut request = agent.post(url).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut response = request.send(body).map_err(|error| Refusal::Unreachable(error.to_string()))?;
    let status = response.status().as_u16();
    if response.status().is_success() {
        return Ok(());
    }
    // Some of what it says, for people; it may be long or no text.
    let said = response.body_mut().with_config().limit(512).read_to_string().unwrap_or_default();
    let message = format!("the receiver answered {status}: {}", said.trim());
    match status {
        408 | 425 | 429 | 500.. => Err(Refusal::Later(message)),
        _ => Err(Refusal::Never(message)),
    }
}
