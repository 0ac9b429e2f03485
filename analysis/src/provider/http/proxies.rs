//! Proxies between the controller and whom it asks.

use reqwest::{ClientBuilder, NoProxy, Proxy, Url};

/// Whom no proxy stands in front of, whatever is configured.
const LOCAL: &str = "localhost,127.0.0.0/8,::1";

/// Proxies for requests, by the scheme of what they ask for. The default has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    /// For `http`.
    pub http: Option<Url>,
    /// For `https`.
    pub https: Option<Url>,
    /// Hosts, domains and networks that are asked directly, separated by commas; `*` for all.
    pub except: String,
}

impl Proxies {
    /// Reads `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, in capitals or not; `variable` looks one up.
    ///
    /// # Errors
    /// Names the variable that holds no address.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let given = |name: &str| {
            let value = variable(name).or_else(|| variable(&name.to_ascii_lowercase()));
            value.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        let address = |name: &str| {
            let Some(value) = given(name) else { return Ok(None) };
            let value = if value.contains("://") { value } else { format!("http://{value}") };
            // It may hold a password, and is not told.
            let url = Url::parse(&value).ok().filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https"));
            url.map(Some)
                .ok_or_else(|| format!("{name} is no address of an HTTP proxy; write it like http://proxy:3128"))
        };
        let except = given("NO_PROXY").unwrap_or_default();
        Ok(Self { http: address("HTTP_PROXY")?, https: address("HTTPS_PROXY")?, except })
    }

    /// The hosts of the proxies themselves, which may have any address.
    pub(super) fn hosts(&self) -> Vec<String> {
        let hosts = self.http.iter().chain(&self.https).filter_map(Url::host_str);
        hosts.map(str::to_owned).collect()
    }

    /// Whom no proxy stands in front of, separated by commas: who is configured, and this machine.
    pub fn exceptions(&self) -> String {
        format!("{LOCAL},{}", self.except)
    }

    /// Puts the proxies in front of a client.
    pub(super) fn set(&self, mut builder: ClientBuilder) -> Result<ClientBuilder, reqwest::Error> {
        for (address, proxy) in [(&self.http, Proxy::http as fn(Url) -> _), (&self.https, Proxy::https)] {
            if let Some(address) = address {
                let except = NoProxy::from_string(&self.exceptions());
                builder = builder.proxy(proxy(address.clone())?.no_proxy(except));
            }
        }
        Ok(builder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<Proxies, String> {
        Proxies::of(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn proxies_are_read_as_other_programs_read_them() {
        assert_eq!(of(&[]), Ok(Proxies::default()));
        let found = of(&[
            ("HTTP_PROXY", "proxy:3128"),
            ("https_proxy", "http://u:p@secure:1"),
            ("NO_PROXY", ".svc,10.0.0.0/8"),
        ]);
        let url = |text: &str| Some(Url::parse(text).expect("url"));
        let expect = Proxies {
            http: url("http://proxy:3128"),
            https: url("http://u:p@secure:1"),
            except: ".svc,10.0.0.0/8".to_owned(),
        };
        assert_eq!(found, Ok(expect.clone()));
        assert_eq!(expect.hosts(), ["proxy", "secure"]);
        for wrong in ["socks5://x", "http://:8080", "a b"] {
            let why = of(&[("HTTPS_PROXY", wrong)]).unwrap_err();
            assert!(why.starts_with("HTTPS_PROXY is no address") && !why.contains(wrong), "{why}");
        }
    }
}
