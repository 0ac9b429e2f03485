//! Foreign texts in our sentences.

/// How much of a foreign text is quoted, in characters.
const LIMIT: usize = 160;

/// The beginning of a foreign text on one line.
pub(super) fn quote(text: &str) -> String {
    let mut words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let mut line = words.next().unwrap_or_default().to_owned();
    for word in words {
        if line.len() > LIMIT {
            break;
        }
        line.push(' ');
        line.push_str(word);
    }
    if line.chars().count() <= LIMIT {
        return line;
    }
    let start: String = line.chars().take(LIMIT).collect();
    format!("{start}…")
}
