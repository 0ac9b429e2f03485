//! Files of manifests, as people name them: files, folders, standard input.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// A file and its text.
pub struct File {
    /// Its name; `-` for standard input.
    pub name: String,
    /// What it says.
    pub text: String,
}

/// Reads every file that is named, those in folders at any depth; nothing where one can't be read, which standard error tells.
pub fn read(paths: &[PathBuf]) -> Option<Vec<File>> {
    let mut files = Vec::new();
    let mut readable = true;
    for path in paths {
        if let Err((path, error)) = gather(path, &mut files) {
            readable = false;
            eprintln!("serin: can't read {}: {error}", path.display());
        }
    }
    readable.then_some(files)
}

/// Reads a file, everything in a folder, or standard input.
fn gather(path: &Path, files: &mut Vec<File>) -> Result<(), (PathBuf, io::Error)> {
    let failed = |error| (path.to_owned(), error);
    if path == Path::new("-") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map_err(failed)?;
        files.push(File { name: "-".to_owned(), text });
        return Ok(());
    }
    if !path.is_dir() {
        let text = std::fs::read_to_string(path).map_err(failed)?;
        files.push(File { name: path.display().to_string(), text });
        return Ok(());
    }
    let mut inside = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        inside.push(entry.map_err(failed)?.path());
    }
    inside.sort();
    let manifest =
        |path: &Path| path.extension().is_some_and(|end| ["yaml", "yml", "json"].iter().any(|known| end == *known));
    inside.iter().filter(|path| path.is_dir() || manifest(path)).try_for_each(|path| gather(path, files))
}
