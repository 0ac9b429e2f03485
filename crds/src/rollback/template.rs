//! Texts with places such as `{{to}}`, which values are filled into.

/// Places in the template of a commit message.
pub const MESSAGE_PLACES: &[&str] = &[
    "rollout",
    "namespace",
    "revision",
    "from",
    "to",
    "images",
    "cause",
    "reason",
    "run",
    "metric",
    "value",
    "condition",
    "duration",
    "decision",
    "policy",
    "ticket",
];
/// Places in the path of a file; `labels.NAME` beside them.
pub const FILE_PLACES: &[&str] = &["rollout", "namespace"];

/// A part of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part<'a> {
    Text(&'a str),
    Place(&'a str),
}

/// Fills a text; `look_up` gives the value of a place.
///
/// # Errors
/// A place that has no value, or that is not closed, in words that follow the path of the field.
pub fn fill(text: &str, look_up: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut filled = String::with_capacity(text.len());
    for part in parts(text)? {
        match part {
            Part::Text(text) => filled.push_str(text),
            Part::Place(place) => match look_up(place) {
                Some(value) => filled.push_str(&value),
                None => return Err(format!("has {{{{{place}}}}}, for which there is no value")),
            },
        }
    }
    Ok(filled)
}

/// What is wrong with a template whose places `known` lists; labels may be among them where `labels` says so.
pub(crate) fn fault(text: &str, known: &[&str], labels: bool) -> Option<String> {
    let parts = match parts(text) {
        Ok(parts) => parts,
        Err(why) => return Some(why),
    };
    let unknown = parts.into_iter().find_map(|part| match part {
        Part::Place(place) if known.contains(&place) => None,
        Part::Place(place) if labels && place.strip_prefix("labels.").is_some_and(|name| !name.is_empty()) => None,
        Part::Place(place) => Some(place),
        Part::Text(_) => None,
    })?;
    let labels = if labels { ", labels.NAME" } else { "" };
    Some(format!("has {{{{{unknown}}}}}, which nobody knows; the places are {}{labels}", known.join(", ")))
}

fn parts(text: &str) -> Result<Vec<Part<'_>>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (place, behind) = after.split_once("}}").ok_or("has {{ without }}")?;
        parts.extend([Part::Text(before), Part::Place(place.trim())]);
        rest = behind;
    }
    parts.push(Part::Text(rest));
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_and_unknown_ones_are_named() {
        let look_up = |place: &str| (place == "to").then(|| "v1 {{from}}".to_owned());
        assert_eq!(
            fill("back to {{ to }}!", look_up),
            Ok("back to v1 {{from}}!".to_owned()),
            "values are not templates"
        );
        assert_eq!(fill("{{x}}", look_up), Err("has {{x}}, for which there is no value".to_owned()));
        assert_eq!(fill("{{to", look_up), Err("has {{ without }}".to_owned()));
        assert_eq!(fault("apps/{{labels.team}}/{{rollout}}", FILE_PLACES, true), None);
        let why = "has {{labels.}}, which nobody knows; the places are rollout, namespace, labels.NAME";
        assert_eq!(fault("{{labels.}}", FILE_PLACES, true), Some(why.to_owned()));
    }
}
