//! How to reach a cluster: the flags of kubectl.

use std::time::Duration;

use kube::{
    Client, Config,
    config::{AuthInfo, KubeConfigOptions, Kubeconfig, NamedAuthInfo, NamedCluster},
};

use super::{cluster::Cluster, error::Failure};

/// The flags of kubectl, which may stand anywhere on the command line.
#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Flags of kubectl")]
pub struct Connection {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    identity: Identity,
    #[command(flatten)]
    tls: Tls,
    #[command(flatten)]
    ignored: Ignored,
    /// How long one request may take, such as 5s; 0 is for ever
    #[arg(long, global = true, value_name = "DURATION", default_value = "0", value_parser = duration, hide_short_help = true)]
    request_timeout: Duration,
}

#[derive(clap::Args, Clone, Debug, Default)]
struct Target {
    /// The namespace; that of the context when left out
    #[arg(long, short = 'n', global = true, value_name = "NAME")]
    namespace: Option<String>,
    /// The context in the kubeconfig
    #[arg(long, global = true, value_name = "NAME")]
    context: Option<String>,
    /// The kubeconfig; that of the environment variable KUBECONFIG, or ~/.kube/config, when left out
    #[arg(long, global = true, value_name = "FILE")]
    kubeconfig: Option<String>,
    /// The cluster in the kubeconfig, instead of that of the context
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    cluster: Option<String>,
    /// The user in the kubeconfig, instead of that of the context
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    user: Option<String>,
    /// The address of the API server, instead of that in the kubeconfig
    #[arg(long, short = 's', global = true, value_name = "URL", hide_short_help = true)]
    server: Option<String>,
}

#[derive(clap::Args, Clone, Debug, Default)]
struct Identity {
    /// Act as this user
    #[arg(long = "as", global = true, value_name = "USER", hide_short_help = true)]
    impersonate: Option<String>,
    /// Act as a member of this group; may be repeated
    #[arg(long = "as-group", global = true, value_name = "GROUP", hide_short_help = true)]
    groups: Vec<String>,
    /// Act under this uid
    #[arg(long = "as-uid", global = true, value_name = "UID", hide_short_help = true)]
    uid: Option<String>,
    /// The bearer token
    #[arg(long, global = true, value_name = "TOKEN", hide_short_help = true)]
    token: Option<String>,
    /// The certificate of the client
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    client_certificate: Option<String>,
    /// The key of the client
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    client_key: Option<String>,
}

#[derive(clap::Args, Clone, Debug, Default)]
struct Tls {
    /// The certificates of the authority
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    certificate_authority: Option<String>,
    /// Do not check the certificate of the server
    #[arg(long, global = true, hide_short_help = true)]
    insecure_skip_tls_verify: bool,
    /// The name that the certificate of the server has to have
    #[arg(long = "tls-server-name", global = true, value_name = "NAME", hide_short_help = true)]
    server_name: Option<String>,
}

/// Flags that callers of kubectl's plugins pass, and that change nothing here.
#[derive(clap::Args, Clone, Debug, Default)]
struct Ignored {
    #[arg(long, global = true, hide = true)]
    cache_dir: Option<String>,
    #[arg(long, global = true, hide = true)]
    disable_compression: bool,
    #[arg(long, short = 'v', global = true, hide = true)]
    kloglevel: Option<i64>,
    #[arg(long, global = true, hide = true)]
    loglevel: Option<String>,
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let text = if text == "0" { "0s" } else { text };
    let parsed = serin_crds::duration::parse(text).ok().and_then(|span| Duration::try_from(span).ok());
    parsed.ok_or_else(|| "write a duration with its unit, such as 30s, 2m or 1h30m".to_owned())
}

impl Connection {
    /// Finds the cluster and makes a client for it. Asks nothing yet.
    ///
    /// # Errors
    /// When there is no configuration, or one that can't be used.
    pub async fn open(&self) -> Result<Cluster, Failure> {
        // Another part of the process may have chosen a provider already; that one stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut config = self.config().await?;
        config.default_retry = false;
        config.connect_timeout = Some(Duration::from_secs(10));
        config.read_timeout = (!self.request_timeout.is_zero()).then_some(self.request_timeout);
        let namespace = self.target.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        let address = config.cluster_url.to_string();
        let client =
            Client::try_from(config).map_err(|source| Failure::Connect { address, source: Box::new(source) })?;
        Ok(Cluster::new(client, &namespace))
    }

    async fn config(&self) -> Result<Config, Failure> {
        let target = &self.target;
        let read = match &target.kubeconfig {
            Some(path) => Kubeconfig::read_from(path),
            None => Kubeconfig::read(),
        };
        let kubeconfig = match read {
            Ok(kubeconfig) => kubeconfig,
            Err(_) if target.kubeconfig.is_none() && target.server.is_some() => Kubeconfig::default(),
            Err(_) if target.kubeconfig.is_none() && Self::in_cluster() => {
                return Config::incluster().map_err(|_| Failure::NoCluster);
            }
            Err(kube::config::KubeconfigError::ReadConfig(..)) if target.kubeconfig.is_none() => {
                return Err(Failure::NoCluster);
            }
            Err(error) => return Err(Failure::Kubeconfig(error)),
        };
        let options = KubeConfigOptions {
            context: target.context.clone(),
            cluster: target.cluster.clone(),
            user: target.user.clone(),
        };
        let (kubeconfig, options) = self.overridden(kubeconfig, options);
        Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(Failure::Kubeconfig)
    }

    fn in_cluster() -> bool {
        std::env::var_os("KUBERNETES_SERVICE_HOST").is_some()
    }

    /// Puts what the flags say into copies of the cluster and the user that are asked for.
    fn overridden(&self, mut file: Kubeconfig, mut options: KubeConfigOptions) -> (Kubeconfig, KubeConfigOptions) {
        const OURS: &str = "flags of the command line";
        let named = options.context.clone().or_else(|| file.current_context.clone());
        let context = file.contexts.iter().find(|one| Some(&one.name) == named.as_ref());
        let context = context.and_then(|one| one.context.clone());
        let cluster = options.cluster.clone().or_else(|| Some(context.as_ref()?.cluster.clone()));
        let user = options.user.clone().or_else(|| context.as_ref()?.user.clone());
        if self.changes_cluster() {
            let known = file.clusters.iter().find(|one| Some(&one.name) == cluster.as_ref());
            let changed = self.cluster(known.and_then(|one| one.cluster.clone()).unwrap_or_default());
            file.clusters.push(NamedCluster {
                name: OURS.to_owned(),
                cluster: Some(changed),
                ..NamedCluster::default()
            });
            options.cluster = Some(OURS.to_owned());
        }
        if self.changes_user() {
            let known = file.auth_infos.iter().find(|one| Some(&one.name) == user.as_ref());
            let changed = self.user(known.and_then(|one| one.auth_info.clone()).unwrap_or_default());
            file.auth_infos.push(NamedAuthInfo {
                name: OURS.to_owned(),
                auth_info: Some(changed),
                ..NamedAuthInfo::default()
            });
            options.user = Some(OURS.to_owned());
        }
        if context.is_none() && options.cluster.is_some() && options.context.is_none() {
            // Without a kubeconfig the flags alone say where to go.
            let context = kube::config::Context { cluster: OURS.to_owned(), ..kube::config::Context::default() };
            file.contexts.push(kube::config::NamedContext {
                name: OURS.to_owned(),
                context: Some(context),
                ..kube::config::NamedContext::default()
            });
            options.context = Some(OURS.to_owned());
        }
        (file, options)
    }

    fn changes_cluster(&self) -> bool {
        let tls = &self.tls;
        let named = tls.certificate_authority.is_some() || tls.server_name.is_some();
        self.target.server.is_some() || named || tls.insecure_skip_tls_verify
    }

    fn changes_user(&self) -> bool {
        let Identity { impersonate, groups, uid, token, client_certificate, client_key } = &self.identity;
        let given = [impersonate, uid, token, client_certificate, client_key];
        !groups.is_empty() || given.into_iter().any(Option::is_some)
    }

    fn cluster(&self, mut cluster: kube::config::Cluster) -> kube::config::Cluster {
        cluster.server = self.target.server.clone().or(cluster.server);
        if let Some(file) = &self.tls.certificate_authority {
            (cluster.certificate_authority, cluster.certificate_authority_data) = (Some(file.clone()), None);
        }
        if self.tls.insecure_skip_tls_verify {
            cluster.insecure_skip_tls_verify = Some(true);
            (cluster.certificate_authority, cluster.certificate_authority_data) = (None, None);
        }
        cluster.tls_server_name = self.tls.server_name.clone().or(cluster.tls_server_name);
        cluster
    }

    fn user(&self, mut user: AuthInfo) -> AuthInfo {
        let identity = &self.identity;
        user.impersonate = identity.impersonate.clone().or(user.impersonate);
        user.impersonate_uid = identity.uid.clone().or(user.impersonate_uid);
        if !identity.groups.is_empty() {
            user.impersonate_groups = Some(identity.groups.clone());
        }
        if let Some(token) = &identity.token {
            (user.token, user.token_file, user.exec) = (Some(token.clone().into()), None, None);
        }
        if let Some(file) = &identity.client_certificate {
            (user.client_certificate, user.client_certificate_data) = (Some(file.clone()), None);
        }
        if let Some(file) = &identity.client_key {
            (user.client_key, user.client_key_data) = (Some(file.clone()), None);
        }
        user
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};

    use super::*;

    const FILE: &str = "
current-context: a
contexts:
- {name: a, context: {cluster: a, user: a, namespace: shop}}
- {name: b, context: {cluster: b, user: b}}
clusters:
- {name: a, cluster: {server: \"http://a\"}}
- {name: b, cluster: {server: \"http://b\"}}
users:
- {name: a, user: {username: of-a}}
- {name: b, user: {username: of-b}}
";

    /// Where these flags lead, as whom, and to which namespace.
    async fn leads(flags: &str, file: &str) -> Option<(String, Option<String>, String)> {
        let command = Connection::augment_args(clap::Command::new("serin"));
        let matches = command.get_matches_from(std::iter::once("serin").chain(flags.split_whitespace()));
        let flags = Connection::from_arg_matches(&matches).ok()?;
        let options = KubeConfigOptions {
            context: flags.target.context.clone(),
            cluster: flags.target.cluster.clone(),
            user: flags.target.user.clone(),
        };
        let (file, options) = flags.overridden(Kubeconfig::from_yaml(file).ok()?, options);
        let config = Config::from_custom_kubeconfig(file, &options).await.ok()?;
        let AuthInfo { impersonate, username, token, .. } = config.auth_info;
        let user = impersonate.or(token.map(|_| "a token".to_owned())).or(username);
        Some((config.cluster_url.to_string(), user, config.default_namespace))
    }

    #[tokio::test]
    async fn flags_come_before_the_kubeconfig() {
        let check = async |flags: &str, url: &str, user: Option<&str>, namespace: &str| {
            let seen = leads(flags, FILE).await;
            assert_eq!(seen, Some((url.to_owned(), user.map(str::to_owned), namespace.to_owned())), "{flags}");
        };
        check("", "http://a/", Some("of-a"), "shop").await;
        check("--context b", "http://b/", Some("of-b"), "default").await;
        check("--cluster b", "http://b/", Some("of-a"), "shop").await;
        check("--user b", "http://a/", Some("of-b"), "shop").await;
        check("--server http://c", "http://c/", Some("of-a"), "shop").await;
        check("--token of-c", "http://a/", Some("a token"), "shop").await;
        check("--as alice", "http://a/", Some("alice"), "shop").await;
        assert_eq!(leads("--context c", FILE).await, None);
        let bare = leads("--server http://c", "{}").await;
        assert_eq!(bare, Some(("http://c/".to_owned(), None, "default".to_owned())), "flags alone");
    }

    #[test]
    fn a_duration_has_a_unit_or_is_0() {
        assert_eq!((duration("0"), duration("1m30s")), (Ok(Duration::ZERO), Ok(Duration::from_secs(90))));
        assert!(duration("5").is_err() && duration("-1s").is_err() && duration("soon").is_err());
    }
}
