//! Writes the CRDs into `crds/generated`, or into the folder that is given.

use std::{error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let default = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("generated");
    let folder = std::env::args_os().nth(1).map_or_else(default, PathBuf::from);
    fs::create_dir_all(&folder)?;
    for crd in serin_crds::schema::crds() {
        let path = folder.join(&crd.file);
        fs::write(&path, crd.to_yaml()?)?;
        println!("{}", path.display());
    }
    Ok(())
}
