//! Who calls the API server: one user per component, so that the audit log says who wrote what.

use std::{
    fmt::Write as _,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use http::{Request, Response};
use hyper::body::{Body as HttpBody, Incoming};
use hyper_util::{
    client::legacy::{Client as HyperClient, Error as TransportError, connect::HttpConnector},
    rt::TokioExecutor,
};
use kube::{
    Client, Config,
    client::{Body, ConfigExt},
    config::{KubeConfigOptions, Kubeconfig},
};
use tower::{ServiceBuilder, util::BoxCloneSyncService};

use super::{WorldError, network};

/// A user of the API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum User {
    /// The harness itself; may do everything.
    Admin,
    /// The controller; may do what its role allows.
    Serin,
    /// A second controller beside the first; may do the same.
    SerinBeside,
    /// A person with a client in hand.
    Person,
    /// A tool that applies what stands in Git.
    Gitops,
    /// The stand-in for the kubelet.
    Kubelet,
    /// The mesh's control plane.
    Istiod,
    /// The controllers of Kubernetes.
    ControllerManager,
}

impl User {
    /// All users.
    pub const ALL: [Self; 8] = [
        Self::Admin,
        Self::Serin,
        Self::SerinBeside,
        Self::Person,
        Self::Gitops,
        Self::Kubelet,
        Self::Istiod,
        Self::ControllerManager,
    ];

    /// The name in the audit log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Serin => "serin",
            Self::SerinBeside => "serin-beside",
            Self::Person => "person",
            Self::Gitops => "gitops",
            Self::Kubelet => "kubelet",
            Self::Istiod => "istiod",
            Self::ControllerManager => "kcm",
        }
    }

    /// The user of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|user| user.name() == name)
    }

    /// Says whether this is a controller under test.
    pub const fn is_controller(self) -> bool {
        matches!(self, Self::Serin | Self::SerinBeside)
    }

    /// The bearer token. No secret: the API server listens in the world's own network only.
    fn token(self) -> String {
        format!("token-of-{}", self.name())
    }

    /// The groups. All but the controller may do everything: roles of parts that are not ours are not under test.
    const fn groups(self) -> &'static str {
        match self {
            Self::Serin | Self::SerinBeside => "serin",
            _ => "system:masters",
        }
    }
}

/// The API server's file of tokens.
pub(super) fn token_file() -> String {
    User::ALL.iter().fold(String::new(), |mut text, user| {
        let name = user.name();
        let _ = writeln!(text, "{},{name},{name},\"{}\"", user.token(), user.groups());
        text
    })
}

/// The kubeconfigs of all users, as files.
#[derive(Debug, Clone)]
pub struct Users {
    folder: PathBuf,
}

impl Users {
    /// Writes a kubeconfig per user.
    pub(super) fn write(root: &Path, authority: &Path) -> Result<Self, WorldError> {
        let folder = root.join("users");
        fs::create_dir_all(&folder).map_err(WorldError::io("making the users' folder"))?;
        let users = Self { folder };
        for user in User::ALL {
            let file = users.kubeconfig(user);
            fs::write(&file, kubeconfig(user, authority))
                .map_err(WorldError::io(format!("writing {}", file.display())))?;
        }
        Ok(users)
    }

    /// The path of the user's kubeconfig.
    pub fn kubeconfig(&self, user: User) -> PathBuf {
        self.folder.join(format!("{}.kubeconfig", user.name()))
    }

    /// A client with the user's credentials.
    pub(super) async fn client(&self, user: User) -> Result<Client, WorldError> {
        let config = self.config(user).await?;
        let transport: Transport<Body> = transport(&config).map_err(WorldError::kube("making a client"))?;
        let authority = config.auth_layer().map_err(WorldError::kube("making a client"))?;
        let service = ServiceBuilder::new()
            .layer(config.base_uri_layer())
            .option_layer(authority)
            .map_err(tower::BoxError::from)
            .service(transport);
        Ok(Client::new(service, config.default_namespace))
    }

    /// Connections to the API server, without credentials: who sends on what others have sent has theirs.
    pub(super) async fn transport<B>(&self, user: User) -> Result<Transport<B>, WorldError>
    where
        B: HttpBody + Send + Unpin + 'static,
        B::Data: Send,
        B::Error: Into<tower::BoxError>,
    {
        transport(&self.config(user).await?).map_err(WorldError::kube("making a client"))
    }

    async fn config(&self, user: User) -> Result<Config, WorldError> {
        let read = Kubeconfig::read_from(self.kubeconfig(user)).map_err(WorldError::malformed("the kubeconfig"))?;
        let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await;
        config.map_err(WorldError::malformed("the kubeconfig"))
    }
}

/// What carries calls to the API server.
pub(super) type Transport<B> = BoxCloneSyncService<Request<B>, Response<Incoming>, TransportError>;

/// A transport that sends what it has at once: kube's own waits on an idle connection for an acknowledgement that the server
/// delays, up to 40 ms, which would stand in every figure and in every race with the controller.
fn transport<B>(config: &Config) -> Result<Transport<B>, kube::Error>
where
    B: HttpBody + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<tower::BoxError>,
{
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    let secured = config.rustls_https_connector_with_connector(connector)?;
    Ok(Transport::new(HyperClient::builder(TokioExecutor::new()).build(secured)))
}

fn kubeconfig(user: User, authority: &Path) -> String {
    let cluster =
        format!("{{server: 'https://{}', certificate-authority: '{}'}}", network::KUBE_API, authority.display());
    kubeconfig_to(user, &cluster)
}

/// A kubeconfig that leads to this address, in plain HTTP.
pub(super) fn plain_kubeconfig(user: User, to: SocketAddr) -> String {
    kubeconfig_to(user, &format!("{{server: 'http://{to}'}}"))
}

fn kubeconfig_to(user: User, cluster: &str) -> String {
    format!(
        "apiVersion: v1\n\
         kind: Config\n\
         current-context: world\n\
         clusters:\n\
         - name: world\n  cluster: {cluster}\n\
         contexts:\n\
         - name: world\n  context: {{cluster: world, user: {name}, namespace: default}}\n\
         users:\n\
         - name: {name}\n  user: {{token: {token}}}\n",
        name = user.name(),
        token = user.token(),
    )
}
