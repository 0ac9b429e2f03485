//! Values of flags, as people write them for Argo Rollouts.

use std::time::Duration;

use serin_analysis::provider::EgressRule;

/// Reads `15s` or `1m30s` as Go does, or `2 minutes`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let go = serin_crds::duration::parse(text).ok().and_then(|duration| Duration::try_from(duration).ok());
    let read = go.or_else(|| humantime::parse_duration(text).ok());
    read.ok_or_else(|| "write it as 15s, 1m30s or 500ms".to_owned())
}

/// Reads a truth as Go does.
pub(super) fn truth(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("write true or false".to_owned()),
    }
}

/// Reads a port; 0 lets the system choose one.
pub(super) fn port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| "a port is a number from 0 to 65535".to_owned())
}

/// Makes a rule of an address: its scheme, host and port, without its path and credentials.
pub(super) fn origin_rule(address: &str) -> Option<EgressRule> {
    let (scheme, rest) = address.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}").parse().ok()
}
