//! Arguments in the strings of a query: whoever gives a value for a string chooses a value, not another query.
//!
//! Argo pastes the text of an argument into the query, wherever its tag stands: a metric name, a window, a list of
//! matchers, a whole expression. That stays so. Only a value that ends the string in which the template has put it is
//! taken for what it is: something that the author of the template did not mean.

/// An argument that ends the string in which it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakOut {
    /// The inside of its tag, such as `args.app`.
    pub tag: String,
    /// What the string is quoted with.
    pub quote: char,
}

/// Checks that every value that stands in a string of the query stays in it, escapes included.
///
/// # Errors
/// The first argument that doesn't.
pub fn check_substitution<'v>(template: &str, value_of: impl Fn(&str) -> Option<&'v str>) -> Result<(), BreakOut> {
    let mut place = Place::default();
    let mut pasted = Place::default();
    let mut last = None;
    let mut rest = template;
    while let Some((text, (tag, after))) = cut(rest) {
        same(&mut place, &mut pasted, text, last.as_ref())?;
        let value = value_of(tag).unwrap_or_default();
        if let Some(quote) = place.quote() {
            let this = BreakOut { tag: tag.to_owned(), quote };
            for c in value.chars() {
                pasted.read(c);
                if pasted.quote() != Some(quote) {
                    return Err(this);
                }
            }
            // To the author a tag is a character like others.
            place.read('x');
            last = Some(this);
        } else {
            value.chars().for_each(|c| pasted.read(c));
            place = pasted;
        }
        rest = after;
    }
    same(&mut place, &mut pasted, rest, last.as_ref())
}

/// The text before the first tag, the inside of the tag, and what comes after it.
fn cut(template: &str) -> Option<(&str, (&str, &str))> {
    let (text, tag) = template.split_once("{{")?;
    let (tag, after) = tag.split_once("}}")?;
    Some((text, (tag.trim(), after)))
}

/// Reads a text of the template as its author did and as it stands now; a value before it may have made a difference.
fn same(place: &mut Place, pasted: &mut Place, text: &str, last: Option<&BreakOut>) -> Result<(), BreakOut> {
    for c in text.chars() {
        place.read(c);
        pasted.read(c);
        if let (true, Some(last)) = (place.quote() != pasted.quote(), last) {
            return Err(last.clone());
        }
    }
    Ok(())
}

/// Where in a query a reader is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Place {
    /// Outside of strings.
    #[default]
    Code,
    /// In a comment, up to the end of the line.
    Comment,
    /// In a string.
    String { quote: char, escaped: bool },
}

impl Place {
    /// Goes on by one character.
    pub(super) fn read(&mut self, c: char) {
        *self = match *self {
            Self::Code => match c {
                '"' | '\'' | '`' => Self::String { quote: c, escaped: false },
                '#' => Self::Comment,
                _ => Self::Code,
            },
            Self::Comment if matches!(c, '\n' | '\r') => Self::Code,
            Self::Comment => Self::Comment,
            Self::String { quote, escaped: true } => Self::String { quote, escaped: false },
            Self::String { quote, .. } if c == quote => Self::Code,
            // A raw string knows no escapes.
            Self::String { quote, .. } => Self::String { quote, escaped: c == '\\' && quote != '`' },
        };
    }

    /// The quote of the string around this place.
    fn quote(self) -> Option<char> {
        match self {
            Self::String { quote, .. } => Some(quote),
            Self::Code | Self::Comment => None,
        }
    }
}
