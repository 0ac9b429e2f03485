//! What all who are asked over HTTP have in common.

use http::HeaderValue;
use serin_analysis::provider::FetchError;
use serin_analysis::secret::Secret;

/// The header of a bearer token.
///
/// # Errors
/// The token cannot stand in a header.
pub fn bearer(token: &Secret) -> Result<HeaderValue, String> {
    let value = HeaderValue::try_from(format!("Bearer {}", token.expose().trim()));
    let mut value = value.map_err(|_| "the token holds letters that no header may have".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

/// Why there was no answer.
pub fn sentence(error: &FetchError) -> String {
    match error {
        FetchError::Refused(_) => {
            "the address may not be reached; the administrator of the cluster can name it in --allow".to_owned()
        }
        other => other.to_string(),
    }
}
