//! etcd, the API server and the controller manager.

use std::{fs, path::Path, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};

use super::{
    Parts, Server, WorldError,
    network::{API_SERVER, ETCD, ETCD_PEER, KUBE_API, SERVICES},
    server::Launch,
    users::{User, Users, token_file},
};

/// How long the API server may take to be ready.
const LIMIT: Duration = Duration::from_secs(60);
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
    let (private, public) = signing_key()?;
    let files = [
        ("service-accounts.key", private),
        ("service-accounts.pub", public),
        ("tokens.csv", token_file()),
        ("audit-policy.yaml", include_str!("audit-policy.yaml").to_owned()),
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
        .flag("service-account-key-file", "service-accounts.pub")
        .flag("service-account-signing-key-file", "service-accounts.key")
        .flag("service-cluster-ip-range", SERVICES)
        .flag("token-auth-file", "tokens.csv")
        .flag("authorization-mode", "RBAC")
        .flag("audit-policy-file", "audit-policy.yaml")
        .flag("audit-log-path", "audit.log")
        .flag("audit-log-maxsize", "4096")
        .flag("profiling", "false")
        .start()?;
    let authority = folder.join("certificates/apiserver.crt");
    // Written just before the server listens.
    let written = async || {
        let whole = fs::read_to_string(&authority).is_ok_and(|text| text.contains("-----END"));
        whole.then_some(()).ok_or("no file")
    };
    server.until("certificate", LIMIT, written).await?;
    let users = Users::write(root, &authority)?;
    let client = users.client(User::Admin).await?;
    let ready = async || {
        let request = http::Request::get("/readyz").body(Vec::new()).map_err(kube::Error::HttpError)?;
        client.request_text(request).await.map(drop)
    };
    server.until("readiness", LIMIT, ready).await?;
    Ok((server, users))
}

/// Starts the controllers of Kubernetes.
pub(super) fn controller_manager(parts: &Parts, root: &Path, users: &Users) -> Result<Server, WorldError> {
    let program = parts.program("kube-controller-manager")?;
    let key = root.join("kube-apiserver/service-accounts.key");
    Launch::new("kube-controller-manager", program, root)
        .flag("kubeconfig", users.kubeconfig(User::ControllerManager))
        .flag("leader-elect", "false")
        .flag("controllers", WITHOUT)
        .flag("service-account-private-key-file", key)
        .flag("secure-port", "0")
        // Fifteen seconds are long for a test.
        .flag("horizontal-pod-autoscaler-sync-period", "1s")
        .flag("kube-api-qps", "200")
        .flag("kube-api-burst", "400")
        .flag("profiling", "false")
        .start()
}

/// What precedes the point of a P-256 key in its public form.
///
/// # Source
/// RFC 5480, `SubjectPublicKeyInfo` with `id-ecPublicKey` and `secp256r1`.
const P256_PUBLIC: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// A fresh key for service-account tokens, as PEM: its private and its public form.
fn signing_key() -> Result<(String, String), WorldError> {
    let what = "a key for service accounts";
    let (kind, chance) = (&ECDSA_P256_SHA256_ASN1_SIGNING, SystemRandom::new());
    let private = EcdsaKeyPair::generate_pkcs8(kind, &chance).map_err(WorldError::malformed(what))?;
    let pair = EcdsaKeyPair::from_pkcs8(kind, private.as_ref(), &chance).map_err(WorldError::malformed(what))?;
    let public = [&P256_PUBLIC, pair.public_key().as_ref()].concat();
    Ok((pem("PRIVATE KEY", private.as_ref()), pem("PUBLIC KEY", &public)))
}

fn pem(kind: &str, bytes: &[u8]) -> String {
    let encoded = BASE64_STANDARD.encode(bytes);
    format!("-----BEGIN {kind}-----\n{encoded}\n-----END {kind}-----\n")
}
