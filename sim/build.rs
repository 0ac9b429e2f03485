//! Lists the files below `scenarios/`, so that a new one ships without being named anywhere else.

use std::{env, error::Error, fmt::Write as _, fs, path::Path};

/// Scenarios, and what they take their manifests from.
const FOLDERS: [(&str, &str); 3] = [("", "SCENARIOS"), ("base/", "BASES"), ("seed/", "SEEDS")];

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("scenarios");
    let mut lists = String::new();
    for (folder, name) in FOLDERS {
        let path = root.join(folder);
        println!("cargo::rerun-if-changed={}", path.display());
        let mut files: Vec<_> =
            fs::read_dir(&path)?.map(|entry| Ok(entry?.path())).collect::<Result<_, std::io::Error>>()?;
        files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
        files.sort();
        writeln!(lists, "const {name}: &[(&str, &str)] = &[")?;
        for file in files {
            let short = format!("{folder}{}", file.file_name().unwrap_or_default().display());
            writeln!(lists, "    ({short:?}, include_str!({:?})),", file.display().to_string())?;
        }
        writeln!(lists, "];")?;
    }
    fs::write(Path::new(&env::var("OUT_DIR")?).join("shipped.rs"), lists)?;
    Ok(())
}
