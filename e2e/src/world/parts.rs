//! Where the programs are: the cache that `e2e/setup` fills.

use std::{
    env,
    path::{Path, PathBuf},
};

use super::WorldError;

/// The programs and files that a world is made of.
#[derive(Debug, Clone)]
pub struct Parts {
    cache: PathBuf,
}

impl Parts {
    /// The parts in `$SERIN_CACHE`, else in `serin` of the user's cache folder.
    pub fn locate() -> Self {
        let named = env::var_os("SERIN_CACHE").map(PathBuf::from);
        let shared = env::var_os("XDG_CACHE_HOME").map(|base| PathBuf::from(base).join("serin"));
        let home = env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/serin"));
        Self { cache: named.or(shared).or(home).unwrap_or_else(|| ".cache/serin".into()) }
    }

    /// The path of a program.
    ///
    /// # Errors
    /// When setup has not put it there.
    pub fn program(&self, name: &str) -> Result<PathBuf, WorldError> {
        present(self.cache.join("bin").join(name))
    }

    /// The file with Istio's CRDs.
    ///
    /// # Errors
    /// When setup has not put it there, or the Go module cache that it lies in is gone.
    pub fn istio_crds(&self) -> Result<PathBuf, WorldError> {
        present(self.cache.join("crds/istio.yaml"))
    }
}

/// A program of this workspace: in the folder that Cargo built the running test into.
///
/// # Errors
/// When it has not been built.
pub fn built(name: &str) -> Result<PathBuf, WorldError> {
    let own = env::current_exe().map_err(WorldError::io("the path of the running program"))?;
    let beside = own.ancestors().skip(1).take(2).map(|folder| folder.join(name));
    let first = own.with_file_name(name);
    beside.into_iter().find(|file| file.is_file()).ok_or(WorldError::Missing(first))
}

fn present(file: PathBuf) -> Result<PathBuf, WorldError> {
    if Path::new(&file).exists() { Ok(file) } else { Err(WorldError::Missing(file)) }
}
