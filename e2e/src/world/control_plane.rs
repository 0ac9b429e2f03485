//! etcd, the API server and the controller manager.

use std::{fs, path::Path, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair},
};

use super::{
    Parts, Server, WorldError,
    network::{API_SERVER, ETCD, ETCD_PEER, KUBE_API, SERVICES},
    server::Launch,
    users::{User, Users, token_file},
    wait::eventually,
};

const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// Controllers of Kubernetes that a world does without: they need a cloud, nodes that report, or certificates.
const WITHOUT: &str = "*,-node-lifecycle-controller,-node-ipam-controller,-node-route-controller,-service-lb-controller,\
    -cloud-node-lifecycle-controller,-certificatesigningrequest-signing-controller,-certificatesigningrequest-approving-controller,\
    -certificatesigningrequest-cleaner-controller,-persistentvolume-binder-controller,-persistentvolume-attach-detach-controller,\
    -persistentvolume-expander-controller,-ephemeral-volume-controller,-bootstrap-signer-controller,-token-cleaner-controller,\
    -root-ca-certificate-publisher-controller";

/// Starts etcd. Without `fsync` it forgets everything when the machine stops, which is no loss for a test.
pub(super) fn etcd(parts: &Parts, root: &Path, fsync: bool) -> Result<Server, WorldError> {
    let mut launch = Launch::new("etcd", parts.program("etcd")?, root)
        .flag("data-dir", "state")
        .flag("listen-client-urls", format!("http://{ETCD}"))
        .flag("advertise-client-urls", format!("http://{ETCD}"))
        .flag("listen-peer-urls", format!("http://{ETCD_PEER}"))
        .flag("initial-advertise-peer-urls", format!("http://{ETCD_PEER}"))
        .flag("initial-cluster", format!("default=http://{ETCD_PEER}"))
        .flag("log-level", "warn");
    if !fsync {
        launch = launch.arg("--unsafe-no-fsync");
    }
    launch.start()
}

/// Starts the API server and waits until it is ready; answers it with the users' kubeconfigs.
pub(super) async fn api_server(parts: &Parts, root: &Path) -> Result<(Server, Users), WorldError> {
    let launch = Launch::new("kube-apiserver", parts.program("kube-apiserver")?, root);
    let folder = launch.folder().to_owned();
    let files = [
        ("service-accounts.pem", signing_key()?),
        ("tokens.csv", token_file()),
        (
            "audit-policy.yaml",
            include_str!("audit-policy.yaml").to_owned(),
        ),
    ];
    fs::create_dir_all(&folder).map_err(WorldError::io("making the API server's folder"))?;
    for (name, text) in files {
        fs::write(folder.join(name), text).map_err(WorldError::io(format!("writing {name}")))?;
    }
    let mut server = launch
        .flag("etcd-servers", format!("http://{ETCD}"))
        .flag("bind-address", KUBE_API.ip().to_string())
        .flag("secure-port", KUBE_API.port().to_string())
        .flag("advertise-address", API_SERVER)
        .flag("endpoint-reconciler-type", "none")
        .flag("cert-dir", "certificates")
        .flag("service-account-issuer", ISSUER)
        .flag("service-account-key-file", "service-accounts.pem")
        .flag("service-account-signing-key-file", "service-accounts.pem")
        .flag("service-cluster-ip-range", SERVICES)
        .flag("token-auth-file", "tokens.csv")
        .flag("authorization-mode", "RBAC")
        .flag("audit-policy-file", "audit-policy.yaml")
        .flag("audit-log-path", "audit.log")
        .flag("audit-log-maxsize", "4096")
        .flag("profiling", "false")
        .start()?;
    let authority = folder.join("certificates/apiserver.crt");
    let limit = Duration::from_secs(60);
    eventually("the API server's certificate", limit, || async {
        // Written just before the server listens.
        let written = fs::read_to_string(&authority).is_ok_and(|text| text.contains("-----END"));
        written.then_some(()).ok_or("no file")
    })
    .await?;
    let users = Users::write(root, &authority)?;
    let client = users.client(User::Admin).await?;
    eventually("the API server's readiness", limit, || async {
        let request = http::Request::get("/readyz")
            .body(Vec::new())
            .map_err(|error| error.to_string())?;
        client
            .request_text(request)
            .await
            .map_err(|error| error.to_string())
    })
    .await
    .inspect_err(|_| eprintln!("{}", server.tail(20)))?;
    server.check()?;
    Ok((server, users))
}

/// Starts the controllers of Kubernetes.
pub(super) fn controller_manager(
    parts: &Parts,
    root: &Path,
    users: &Users,
) -> Result<Server, WorldError> {
    let program = parts.program("kube-controller-manager")?;
    let key = root.join("kube-apiserver/service-accounts.pem");
    Launch::new("kube-controller-manager", program, root)
        .flag("kubeconfig", users.kubeconfig(User::ControllerManager))
        .flag("leader-elect", "false")
        .flag("controllers", WITHOUT)
        .flag("service-account-private-key-file", key)
        .flag("secure-port", "0")
        .flag("kube-api-qps", "200")
        .flag("kube-api-burst", "400")
        .flag("profiling", "false")
        .start()
}

/// A fresh key for service-account tokens, as PEM.
fn signing_key() -> Result<String, WorldError> {
    let document =
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())
            .map_err(WorldError::malformed("a key for service accounts"))?;
    let encoded = BASE64_STANDARD.encode(document.as_ref());
    Ok(format!(
        "-----BEGIN PRIVATE KEY-----\n{encoded}\n-----END PRIVATE KEY-----\n"
    ))
}
