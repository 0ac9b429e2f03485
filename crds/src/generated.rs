//! Every file of the repository that is made from this crate.

use crate::{rbac, schema};

/// A file and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Path from the root of the repository.
    pub path: String,
    /// The whole text.
    pub text: String,
}

/// All of them: the CRDs and the chart's copies of them, and what is made of the tables of rights.
///
/// The chart has copies and no links, because some tools that fetch charts out of Git drop links.
///
/// # Errors
/// When a CRD cannot be written as YAML.
pub fn files() -> Result<Vec<File>, serde_saphyr::ser::Error> {
    let mut files = vec![
        File { path: "controller/role.yaml".to_owned(), text: rbac::role_file() },
        File { path: "charts/serin/files/rbac.yaml".to_owned(), text: rbac::chart_file() },
    ];
    for crd in schema::crds() {
        let text = crd.to_yaml()?;
        files.push(File { path: format!("charts/serin/files/crds/{}", crd.file), text: text.clone() });
        files.push(File { path: format!("crds/generated/{}", crd.file), text });
    }
    files.push(File { path: "charts/serin/files/gitops/rbac.yaml".to_owned(), text: rbac::loop_file() });
    let (file, text) = (schema::loop_crd().file, schema::loop_crd().to_yaml()?);
    files.push(File { path: format!("charts/serin/files/gitops/{file}"), text: text.clone() });
    files.push(File { path: format!("crds/generated/gitops/{file}"), text });
    Ok(files)
}
