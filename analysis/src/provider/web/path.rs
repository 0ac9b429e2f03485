//! The path to the part of an answer that counts, as `kubectl` writes it: `{$.data.ok}`.
//!
//! It is brought into the form of RFC 9535 and kept cheap: what it costs grows with the answer, not with its square.

use jsonpath_rust::parser::model::JpQuery;
use jsonpath_rust::parser::parse_json_path;
use jsonpath_rust::query::js_path_process;
use serde_json::Value;

/// Longest path, in bytes.
const LONGEST: usize = 1024;

/// How deep brackets may be nested.
const DEEPEST: usize = 8;

/// A path that can be followed.
#[derive(Debug)]
pub(super) struct Path(JpQuery);

impl Path {
    /// Reads a path; the whole answer where it is empty.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("it has {} bytes; it may have {LONGEST}", text.len()));
        }
        let path = standard(inside(text)?)?;
        let parsed = parse_json_path(&path);
        parsed.map(Self).map_err(|_| "it cannot be read; write it like {$.data.value} or {$.items[0].count}".to_owned())
    }

    /// The first value that the path leads to.
    ///
    /// # Errors
    /// If it cannot be followed.
    pub fn first<'a>(&self, answer: &'a Value) -> Result<Option<&'a Value>, String> {
        let found = js_path_process(&self.0, answer).map_err(|_| "it cannot be followed".to_owned())?;
        Ok(found.into_iter().next().map(jsonpath_rust::query::QueryRef::val))
    }
}

/// What stands between the braces.
fn inside(text: &str) -> Result<&str, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok("$");
    }
    let inner = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).map(str::trim);
    match inner {
        Some(inner) if !inner.contains(['{', '}']) => Ok(inner),
        Some(_) => Err("it has several { }; it may have one".to_owned()),
        None => Err(format!("it has no braces around it; write {{{text}}}")),
    }
}

/// The path in the form of RFC 9535: from `$` on, and with names in quotes where they are no plain words.
fn standard(path: &str) -> Result<String, String> {
    let rest = path.strip_prefix(['$', '@']).unwrap_or(path);
    let mut scan = Scan { rest, standard: "$".to_owned(), open: 0, recursive: false };
    while let Some(next) = scan.take() {
        match next {
            quote @ ('\'' | '"') => scan.string(quote)?,
            '.' if scan.rest.starts_with('.') => scan.descend()?,
            '.' => scan.name(),
            '[' | '(' => scan.enter(next)?,
            ']' | ')' => {
                scan.open = scan.open.saturating_sub(1);
                scan.standard.push(next);
            }
            '$' if scan.open > 0 => return Err("a filter must not look at the whole answer; use @".to_owned()),
            other => scan.standard.push(other),
        }
    }
    Ok(scan.standard)
}

struct Scan<'a> {
    rest: &'a str,
    standard: String,
    open: usize,
    recursive: bool,
}

impl Scan<'_> {
    fn take(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next();
        self.rest = chars.as_str();
        next
    }

    fn enter(&mut self, bracket: char) -> Result<(), String> {
        self.open += 1;
        self.standard.push(bracket);
        if self.open > DEEPEST { Err(format!("brackets are nested more than {DEEPEST} deep")) } else { Ok(()) }
    }

    /// `..`, once at most and in no filter: with more of them the cost is no longer that of one walk.
    fn descend(&mut self) -> Result<(), String> {
        self.take();
        if std::mem::replace(&mut self.recursive, true) || self.open > 0 {
            return Err("it may have .. once, and not in a filter".to_owned());
        }
        self.standard.push('.');
        if self.rest.starts_with('[') {
            self.standard.push('.');
        } else {
            self.name();
        }
        Ok(())
    }

    /// A string, as it is.
    fn string(&mut self, quote: char) -> Result<(), String> {
        self.standard.push(quote);
        while let Some(next) = self.take() {
            self.standard.push(next);
            match next {
                '\\' => {
                    let escaped = self.take();
                    self.standard.extend(escaped);
                }
                _ if next == quote => return Ok(()),
                _ => {}
            }
        }
        Err(format!("a {quote} has no end"))
    }

    /// A name after a point; a backslash takes the character after it into the name.
    fn name(&mut self) {
        let after_digit = self.standard.ends_with(|c: char| c.is_ascii_digit());
        if self.open > 0 && after_digit && self.rest.starts_with(|c: char| c.is_ascii_digit()) {
            // A number such as 1.5.
            self.standard.push('.');
            return;
        }
        let mut name = String::new();
        while let Some(next) = self.rest.chars().next() {
            let ends = match self.open {
                0 => ".[".contains(next),
                _ => ".[]()=<>!&|,'\"".contains(next) || next.is_whitespace(),
            };
            if ends {
                break;
            }
            self.take();
            match next {
                '\\' => name.extend(self.take()),
                next => name.push(next),
            }
        }
        self.push_name(name.trim());
    }

    fn push_name(&mut self, name: &str) {
        let recursive = self.standard.ends_with('.');
        let word = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && !name.starts_with(|c: char| c.is_ascii_digit());
        match name {
            // `{.}` is the whole answer.
            "" => {}
            "*" => self.standard.push_str(".*"),
            name if word => {
                self.standard.push('.');
                self.standard.push_str(name);
            }
            name => {
                if recursive {
                    self.standard.push('.');
                }
                let quoted = name.replace('\\', "\\\\").replace('\'', "\\'");
                self.standard.push_str("['");
                self.standard.push_str(&quoted);
                self.standard.push_str("']");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer() -> Value {
        json!({
            "key": [{"key2": {"value": "true", "n": 5}}, {"key2": {"value": "no", "n": 7}}],
            "ratio": 1.5, "x-y": {"z": 3}, "a.b": 4, "9": "nine", "d": null, "it's": 6,
            "items": [{"name": "a-b", "ok-ish": true, "v": 1.5}, {"name": "c", "ok-ish": false, "v": 2.5}],
        })
    }

    fn check(path: &str, expect: Value) {
        let found = Path::of(path).and_then(|found| Ok(found.first(&answer())?.cloned()));
        assert_eq!(found, Ok(Some(expect)), "{path}");
    }

    #[test]
    fn paths_are_followed_as_kubectl_writes_them() {
        check("{$}", answer());
        check("", answer());
        check("{.}", answer());
        check("{@.ratio}", json!(1.5));
        check("{$.key[0].key2.value}", json!("true"));
        check("{.key[1].key2.n}", json!(7));
        check("{ .key[-1:].key2.n }", json!(7));
        check("{$.key[*].key2.n}", json!(5));
        check("{$..n}", json!(5));
        check("{$..['n']}", json!(5));
        check("{.x-y.z}", json!(3));
        check("{.x-y['z']}", json!(3));
        check("{$['x-y'].z}", json!(3));
        check("{$[\"x-y\"].z}", json!(3));
        check(r"{.a\.b}", json!(4));
        check("{.9}", json!("nine"));
        check("{.it's}", json!(6));
        check("{.d}", Value::Null);
        check("{.items[?(@.name=='c')].v}", json!(2.5));
        check("{.items[?(@.name == \"a-b\")].v}", json!(1.5));
        check("{.items[?(@.v > 1.7)].name}", json!("c"));
        check("{.items[?(@.ok-ish==false)].name}", json!("c"));
        check("{.items[?(@.v>1 && @.name!='a-b')].name}", json!("c"));
        check("{.items[0,1].name}", json!("a-b"));
    }

    #[test]
    fn a_path_that_leads_nowhere_finds_nothing() {
        for path in ["{.nope}", "{.key[5]}", "{.ratio.x}", "{.items[?(@.v > 9)]}", "{..nope}"] {
            assert_eq!(Path::of(path).unwrap().first(&answer()), Ok(None), "{path}");
        }
    }

    #[test]
    fn what_is_no_path_or_could_cost_too_much_is_refused() {
        let check = |path: &str, expect: &str| {
            let why = Path::of(path).unwrap_err();
            assert!(why.contains(expect), "{path}: {why}");
        };
        check("$.a", "write {$.a}");
        check("{.a} and {.b}", "several { }");
        check("{.a[}", "cannot be read");
        check("{range .items}", "cannot be read");
        check("{.a['b}", "has no end");
        check("{$..a..b}", ".. once");
        check("{.a[?(@..b)]}", ".. once");
        check("{.a[?(@.b == $.c)]}", "use @");
        check(&format!("{{.a[?{}@.b]}}", "(".repeat(20)), "nested");
        check(&format!("{{.{}}}", "a".repeat(2000)), "2003 bytes");
    }

    #[test]
    fn following_a_path_through_a_large_answer_stays_cheap() {
        let large: Value = (0..50_000).map(|n| json!({"a": {"b": n}})).collect();
        for path in ["{..b}", "{[*].a.b}", "{[?(@.a.b > 49998)].a.b}", "{..*}"] {
            let began = std::time::Instant::now();
            assert!(Path::of(path).unwrap().first(&large).unwrap().is_some(), "{path}");
            assert!(began.elapsed() < std::time::Duration::from_secs(5), "{path}: {:?}", began.elapsed());
        }
    }
}
