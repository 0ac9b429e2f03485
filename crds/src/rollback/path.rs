//! Paths of fields in YAML files, such as `spec.containers[name=web].image`.

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The value of a key.
    Key(String),
    /// An item, counted from 0.
    Index(usize),
    /// The one item whose key has this value.
    Where(String, String),
}

/// Most steps of a path.
const MOST: usize = 32;

/// Reads a path: keys behind dots, `[2]`, `[name=web]`, and `["a.key"]` for keys with dots.
///
/// # Errors
/// What is wrong, in words that follow the path of the field that it stands in.
pub fn parse(text: &str) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (step, after) = if let Some(inside) = rest.strip_prefix('[') {
            bracket(inside)?
        } else {
            let word = rest.strip_prefix('.').filter(|_| !steps.is_empty()).unwrap_or(rest);
            let end = word.find(['.', '[']).unwrap_or(word.len());
            let (key, after) = word.split_at_checked(end).unwrap_or((word, ""));
            if key.is_empty() {
                return Err("has a dot without a key; quote keys with dots like [\"a.key\"]".to_owned());
            }
            (Step::Key(key.to_owned()), after)
        };
        steps.push(step);
        rest = after;
    }
    match steps.len() {
        0 => Err("is empty; write it like spec.containers[name=web].image".to_owned()),
        1..=MOST => Ok(steps),
        _ => Err(format!("has more than {MOST} parts")),
    }
}

/// What stands in brackets, and what follows them.
fn bracket(inside: &str) -> Result<(Step, &str), String> {
    let unclosed = || "has [ without ]".to_owned();
    if let Some(quoted) = inside.strip_prefix('"') {
        let (key, after) = quoted.split_once("\"]").ok_or_else(unclosed)?;
        return Ok((Step::Key(key.to_owned()), after));
    }
    let (word, after) = inside.split_once(']').ok_or_else(unclosed)?;
    let step = match word.split_once('=') {
        Some((key, value)) if !key.is_empty() && !value.is_empty() => Step::Where(key.to_owned(), value.to_owned()),
        _ => Step::Index(word.parse().map_err(|_| format!("has [{word}]; write a number, or a key and its value"))?),
    };
    Ok((step, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_step_by_step() {
        let key = |text: &str| Step::Key(text.to_owned());
        let expect = vec![key("spec"), key("containers"), Step::Where("name".into(), "web".into()), key("image")];
        assert_eq!(parse("spec.containers[name=web].image"), Ok(expect));
        assert_eq!(parse("a[\"b.c\"][2]"), Ok(vec![key("a"), key("b.c"), Step::Index(2)]));
        for wrong in ["", ".a", "a..b", "a.", "a[", "a[x]", "a[=b]", "a[\"b]"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert!(parse("a.".repeat(40).trim_end_matches('.')).is_err());
    }
}
