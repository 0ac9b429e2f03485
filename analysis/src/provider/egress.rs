//! Where metric requests may go: the cluster administrator's list, and addresses that no metric needs.
//!
//! Whoever can write an `AnalysisTemplate` chooses the address that the controller connects to. Without a fence that
//! reaches cloud metadata services and whatever listens on the controller's own loopback.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use reqwest::Url;
use url::Host;

/// Which destinations metric requests may have.
///
/// The default allows every destination but loopback, link-local, multicast and unspecified addresses and the known
/// metadata addresses; a rule allows its own destination whatever address that has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Egress {
    /// Destinations that are allowed without a look at their address.
    pub listed: Vec<EgressRule>,
    /// Whether everything that is not listed is refused.
    pub only_listed: bool,
    /// Further addresses to refuse unless listed, such as those of the API server.
    pub refused: Vec<IpAddr>,
}

/// One allowed destination, written `[scheme://]host[:port]`; `*.` in front of the host stands for any subdomain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EgressRule {
    scheme: Option<String>,
    host: String,
    port: Option<u16>,
}

/// Why a text is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not of the form [scheme://]host[:port]")]
pub struct RuleError(String);

/// How a destination got past [`Egress::admit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// A rule names it; its address doesn't matter.
    Listed,
    /// Nothing names it; its address must be looked at.
    Open,
}

impl Egress {
    /// Says whether a request may go to `url`, as far as that is known before its name is resolved.
    ///
    /// # Errors
    /// A sentence for users: what was refused, why, and who can change it.
    pub fn admit(&self, url: &Url) -> Result<Admission, String> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("metrics are read over http or https, not {}", url.scheme()));
        }
        let Some(host) = url.host() else {
            return Err("the address names no host".into());
        };
        if self.listed.iter().any(|rule| rule.covers(url)) {
            return Ok(Admission::Listed);
        }
        if self.only_listed {
            return Err(format!(
                "{host} is not among the metric addresses that the cluster administrator allows; add it to --metric-allow"
            ));
        }
        let literal = match host {
            Host::Ipv4(ip) => Some(IpAddr::V4(ip)),
            Host::Ipv6(ip) => Some(IpAddr::V6(ip)),
            Host::Domain(_) => None,
        };
        match literal {
            Some(ip) => self.admit_address(ip).map(|()| Admission::Open),
            None => Ok(Admission::Open),
        }
    }

    /// Says whether a connection may be made to an address that no rule names.
    ///
    /// # Errors
    /// A sentence for users.
    pub fn admit_address(&self, ip: IpAddr) -> Result<(), String> {
        let kind = kind_of(ip).or_else(|| self.refused.contains(&ip).then_some("reserved"));
        match kind {
            Some(kind) => Err(format!(
                "{ip} is a {kind} address, where metrics are not read unless the cluster administrator lists it in --metric-allow"
            )),
            None => Ok(()),
        }
    }
}

/// The name of the refused range that an address is in, if any.
fn kind_of(ip: IpAddr) -> Option<&'static str> {
    match ip {
        IpAddr::V4(v4) => kind_of_v4(v4),
        IpAddr::V6(v6) => kind_of_v6(v6),
    }
}

fn kind_of_v4(ip: Ipv4Addr) -> Option<&'static str> {
    // Alibaba Cloud serves its metadata from a shared address.
    const ALIBABA: Ipv4Addr = Ipv4Addr::new(100, 100, 100, 200);
    match ip {
        _ if ip.octets()[0] == 0 => Some("unspecified"),
        _ if ip.is_loopback() => Some("loopback"),
        _ if ip.is_link_local() => Some("link-local"),
        _ if ip.is_multicast() || ip.is_broadcast() => Some("multicast"),
        ALIBABA => Some("metadata"),
        _ => None,
    }
}

fn kind_of_v6(ip: Ipv6Addr) -> Option<&'static str> {
    // AWS serves its metadata over IPv6 from this one.
    const AWS: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254);
    if ip.is_unspecified() {
        return Some("unspecified");
    }
    if ip.is_loopback() {
        return Some("loopback");
    }
    if let Some(inner) = embedded_v4(ip) {
        return kind_of_v4(inner);
    }
    match ip {
        _ if ip.is_unicast_link_local() => Some("link-local"),
        _ if ip.is_multicast() => Some("multicast"),
        AWS => Some("metadata"),
        _ => None,
    }
}

/// The IPv4 address that an IPv6 address stands for: mapped, compatible, NAT64 or 6to4.
fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let joined = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match ip.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            Some(joined(high, low))
        }
        _ => None,
    }
}

impl EgressRule {
    /// Whether the rule names the destination of `url`.
    fn covers(&self, url: &Url) -> bool {
        let scheme = self.scheme.as_deref().is_none_or(|scheme| scheme == url.scheme());
        let port = self.port.is_none_or(|port| Some(port) == url.port_or_known_default());
        let host = url.host_str().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
        let named = match self.host.strip_prefix("*.") {
            Some(parent) => host.strip_suffix(parent).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
            None => host == self.host,
        };
        scheme && port && named
    }
}

impl FromStr for EgressRule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let refuse = || RuleError(text.to_owned());
        let (scheme, rest) = match text.trim().split_once("://") {
            Some((scheme @ ("http" | "https"), rest)) => (Some(scheme.to_owned()), rest),
            Some(_) => return Err(refuse()),
            None => (None, text.trim()),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let wildcard = rest.starts_with("*.");
        let plain = rest.strip_prefix("*.").unwrap_or(rest);
        let stars_or_path = plain.contains(['*', '/', '?', '#', '@']);
        let has_port = plain.rsplit_once(':').is_some_and(|(_, port)| !port.is_empty() && !port.contains(']'));
        // The URL parser brings names and literals to the form that requests have.
        let url = Url::parse(&format!("http://{plain}")).map_err(|_| refuse())?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(refuse)?;
        if stars_or_path || (wildcard && url.domain().is_none()) {
            return Err(refuse());
        }
        let port = if has_port { url.port_or_known_default() } else { None };
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        Ok(Self { scheme, host: if wildcard { format!("*.{host}") } else { host }, port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn egress(listed: &[&str], only_listed: bool) -> Egress {
        let listed = listed.iter().map(|rule| rule.parse().expect("rule")).collect();
        Egress { listed, only_listed, refused: vec![IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1))] }
    }

    fn check(egress: &Egress, url: &str, expect: Result<Admission, &str>) {
        let got = egress.admit(&Url::parse(url).expect("url"));
        match (&got, expect) {
            (Ok(got), Ok(expect)) => assert_eq!(*got, expect, "{url}"),
            (Err(got), Err(expect)) => assert!(got.contains(expect), "{url}: {got}"),
            _ => panic!("{url}: {got:?} instead of {expect:?}"),
        }
    }

    #[test]
    fn addresses_that_no_metric_needs_are_refused_in_every_spelling() {
        let open = egress(&[], false);
        for url in [
            "http://127.0.0.1:9090",
            "http://127.8.9.10",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://[::1]:9090",
            "http://[::ffff:127.0.0.1]/",
            "http://[::127.0.0.1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://[2002:7f00:1::]/",
        ] {
            check(&open, url, Err("loopback"));
        }
        for url in
            ["http://169.254.169.254/latest/", "http://[fe80::1]/", "http://[::ffff:a9fe:a9fe]/", "http://[febf::1]/"]
        {
            check(&open, url, Err("link-local"));
        }
        for url in ["http://0.0.0.0/", "http://0.1.2.3/", "http://[::]/"] {
            check(&open, url, Err("unspecified"));
        }
        check(&open, "http://[fd00:ec2::254]/", Err("metadata"));
        check(&open, "http://100.100.100.200/", Err("metadata"));
        check(&open, "http://224.0.0.1/", Err("multicast"));
        check(&open, "http://10.0.0.1/", Err("reserved"));
        check(&open, "ftp://prometheus/", Err("http or https"));
        check(&open, "file:///etc/passwd", Err("http or https"));
    }

    #[test]
    fn everything_else_is_open_until_only_the_list_counts() {
        check(&egress(&[], false), "http://prometheus:9090", Ok(Admission::Open));
        check(&egress(&[], false), "https://10.2.3.4/prom", Ok(Admission::Open));
        check(&egress(&["prometheus:9090"], true), "http://thanos:9090", Err("--metric-allow"));
        check(&egress(&["prometheus:9090"], true), "http://prometheus:9090/x", Ok(Admission::Listed));
    }

    #[test]
    fn a_rule_names_exactly_its_destination() {
        let cases = [
            ("127.0.0.1:9090", "http://127.0.0.1:9090/", true),
            ("127.0.0.1:9090", "http://127.0.0.1:9091/", false),
            ("[::1]:9090", "http://[::1]:9090/", true),
            ("localhost", "http://LOCALHOST:1234/", true),
            ("https://prom", "http://prom/", false),
            ("https://prom", "https://prom:8443/", true),
            ("prom:80", "http://prom/", true),
            ("prom:443", "http://prom/", false),
            ("*.example.org", "http://a.b.example.org./", true),
            ("*.example.org", "http://example.org/", false),
            ("*.example.org", "http://evilexample.org/", false),
        ];
        for (rule, url, expect) in cases {
            let got = egress(&[rule], true).admit(&Url::parse(url).expect("url")).is_ok();
            assert_eq!(got, expect, "{rule} for {url}");
        }
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for text in ["", "http://", "ftp://x", "a b", "x/path", "*", "a.*.b", "user@host", "*.1.2.3.4", "host:99999"] {
            assert!(text.parse::<EgressRule>().is_err(), "{text}");
        }
    }
}
