//! Escapes in quoted strings.

use std::iter::Peekable;
use std::str::Chars;

/// Reads the inside of a quoted string: escapes are replaced, line ends become `\n`.
pub(crate) fn unescape(body: &str, quote: char) -> Result<String, String> {
    let mut text = String::with_capacity(body.len());
    let mut chars = body.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => text.push(escape(&mut chars, quote)?),
            '\r' => {
                if chars.peek() == Some(&'\n') {
                    chars.next();
                }
                text.push('\n');
            }
            c => text.push(c),
        }
    }
    Ok(text)
}

fn escape(chars: &mut Peekable<Chars<'_>>, quote: char) -> Result<char, String> {
    let Some(c) = chars.next() else {
        return Err("a string ends in a backslash; write \\\\ for a backslash".to_owned());
    };
    Ok(match c {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        '\\' => '\\',
        c if c == quote => c,
        'x' => hex(chars, 2)?,
        'u' if chars.peek() == Some(&'{') => braces(chars)?,
        'u' => hex(chars, 4)?,
        'U' => hex(chars, 8)?,
        '0'..='3' => octal(c, chars)?,
        c => return Err(format!("\\{c} is not an escape; write \\\\{c} for a backslash and {c}")),
    })
}

/// A code point; those that no text can hold become the replacement character.
fn code_point(value: u32) -> Result<char, String> {
    if value > 0x0010_FFFF {
        return Err(format!("there is no character with the number {value:x}"));
    }
    Ok(char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER))
}

fn hex(chars: &mut Peekable<Chars<'_>>, digits: usize) -> Result<char, String> {
    let mut value: u32 = 0;
    for _ in 0..digits {
        let digit = chars.next().and_then(|c| c.to_digit(16));
        let Some(digit) = digit else {
            return Err(format!("this escape takes {digits} hexadecimal digits"));
        };
        value = value.wrapping_mul(16).wrapping_add(digit);
    }
    code_point(value)
}

fn braces(chars: &mut Peekable<Chars<'_>>) -> Result<char, String> {
    chars.next();
    let mut value: u32 = 0;
    let mut count = 0_usize;
    loop {
        match chars.next() {
            Some('}') if count > 0 => return code_point(value),
            Some(c) if count < 6 && c.is_ascii_hexdigit() => {
                value = value.wrapping_mul(16).wrapping_add(c.to_digit(16).unwrap_or(0));
                count = count.saturating_add(1);
            }
            _ => return Err("\\u{...} takes one to six hexadecimal digits".to_owned()),
        }
    }
}

fn octal(first: char, chars: &mut Peekable<Chars<'_>>) -> Result<char, String> {
    let mut value = first.to_digit(8).unwrap_or(0);
    for _ in 0..2 {
        let Some(digit) = chars.next().and_then(|c| c.to_digit(8)) else {
            return Err("an octal escape takes three digits".to_owned());
        };
        value = value.wrapping_mul(8).wrapping_add(digit);
    }
    code_point(value)
}
