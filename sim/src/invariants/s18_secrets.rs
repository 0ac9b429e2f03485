//! S18: what a Secret holds is in nothing that we write.

use super::{History, Violation, WriteRecord, broken};

/// Checks the whole of every object that we write against the values of all Secrets.
pub fn check(history: &History, write: &WriteRecord) -> Result<(), Box<Violation>> {
    let Some(after) = write.after.as_deref().filter(|_| !history.secrets().is_empty()) else {
        return Ok(());
    };
    let text = after.to_string();
    match history.secrets().iter().find(|(value, _)| text.contains(value.as_str())) {
        Some((_, secret)) => broken("S18", write, format!("it holds a value of the Secret {}", secret.name)),
        None => Ok(()),
    }
}
