//! What can go wrong between the command line and a cluster, in sentences that say what to do.

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Nobody says where a cluster is.
    #[error(
        "no cluster is configured: neither --kubeconfig, nor $KUBECONFIG, nor ~/.kube/config names one; pass --kubeconfig \
         FILE (`serin demo --listen 8001` writes one to try things out)"
    )]
    NoCluster,
    /// The kubeconfig can't be used.
    #[error("the kubeconfig can't be used: {0}")]
    Kubeconfig(kube::config::KubeconfigError),
    /// No client can be made.
    #[error("can't make a client for {address}")]
    Connect {
        /// The address of the API server.
        address: String,
        /// Why.
        source: Box<kube::Error>,
    },
    /// The server refused.
    #[error("{0}")]
    Refused(String),
    /// The object is not there.
    #[error("{0}")]
    NotFound(String),
    /// Somebody else has written in the meantime.
    #[error("{0}")]
    Conflict(String),
    /// The server did not answer.
    #[error("the API server does not answer: {0}; is it running, and is this the right context?")]
    Unreachable(String),
    /// What the server says makes no sense.
    #[error("the API server sent an answer that can't be read: {0}")]
    Answer(String),
    /// A command that can't be carried out as it is written.
    #[error("{0}")]
    Usage(String),
    /// What was asked for has come out badly.
    #[error("{0}")]
    Outcome(String),
}

impl Failure {
    /// Makes a failure of what kube says; `kind` names the objects that were asked for, such as `rollouts.argoproj.io`.
    pub(super) fn of(error: kube::Error, kind: &str) -> Self {
        match error {
            kube::Error::Api(status) => Self::refused(&status, kind),
            kube::Error::SerdeError(error) => Self::Answer(error.to_string()),
            kube::Error::FromUtf8(error) => Self::Answer(error.to_string()),
            error => Self::Unreachable(innermost(&error)),
        }
    }

    fn refused(status: &kube::core::Status, kind: &str) -> Self {
        let said = status.message.clone();
        match (status.code, status.reason.as_str()) {
            // Without a name in it, the server does not know the kind at all.
            (404, _) if status.details.as_ref().is_none_or(|details| details.name.is_empty()) => {
                Self::Refused(format!(
                    "the API server does not know {kind}; install the custom resource definitions: kubectl apply -f crds/generated"
                ))
            }
            (404, _) => Self::NotFound(said),
            (409, "Conflict") => Self::Conflict(said),
            (401, _) => Self::Refused(
                "the API server does not accept the credentials of the kubeconfig; log in again".to_owned(),
            ),
            _ => Self::Refused(said),
        }
    }
}

/// What lies at the bottom of an error.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
