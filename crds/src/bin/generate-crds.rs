//! Writes every generated file into the repository, or below the folder that is given.

use std::{error::Error, fs, path::PathBuf};

use serin_crds::generated::{File, files};

fn main() -> Result<(), Box<dyn Error>> {
    let default = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let root = std::env::args_os().nth(1).map_or_else(default, PathBuf::from);
    for File { path, text } in files()? {
        let file = root.join(&path);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&file, text)?;
        println!("{path}");
    }
    Ok(())
}
