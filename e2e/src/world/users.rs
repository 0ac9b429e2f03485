//! Who calls the API server: one user per component, so that the audit log says who wrote what.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use hyper_util::{
    client::legacy::{Client as Transport, connect::HttpConnector},
    rt::TokioExecutor,
};
use kube::{
    Client, Config,
    client::{Body, ConfigExt},
    config::{KubeConfigOptions, Kubeconfig},
};
use tower::ServiceBuilder;

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
        let file = self.kubeconfig(user);
        let read = Kubeconfig::read_from(&file).map_err(WorldError::malformed("the kubeconfig"))?;
        let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default())
            .await
            .map_err(WorldError::malformed("the kubeconfig"))?;
        prompt_client(&config).map_err(WorldError::kube("making a client"))
    }
}

/// A client that sends what it has at once: kube's own waits on an idle connection for an acknowledgement that the server
/// delays, up to 40 ms, which would stand in every figure and in every race with the controller.
fn prompt_client(config: &Config) -> Result<Client, kube::Error> {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    let secured = config.rustls_https_connector_with_connector(connector)?;
    let transport: Transport<_, Body> = Transport::builder(TokioExecutor::new()).build(secured);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .map_err(tower::BoxError::from)
        .service(transport);
    Ok(Client::new(service, config.default_namespace.clone()))
}

fn kubeconfig(user: User, authority: &Path) -> String {
    format!(
        "apiVersion: v1\n\
         kind: Config\n\
         current-context: world\n\
         clusters:\n\
         - name: world\n  cluster: {{server: 'https://{server}', certificate-authority: '{authority}'}}\n\
         contexts:\n\
         - name: world\n  context: {{cluster: world, user: {name}, namespace: default}}\n\
         users:\n\
         - name: {name}\n  user: {{token: {token}}}\n",
        server = network::KUBE_API,
        authority = authority.display(),
        name = user.name(),
        token = user.token(),
    )
}
