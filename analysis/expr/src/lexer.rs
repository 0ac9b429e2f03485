//! From text to tokens.

use super::error::{EvalError, Out, Stage};
use super::escape;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Name,
    Number,
    Text,
    Operator,
    Bracket,
    End,
}

/// One token with the byte offset where it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) text: String,
    pub(crate) at: usize,
}

impl Token {
    /// Is it this operator?
    pub(crate) fn is_operator(&self, text: &str) -> bool {
        self.kind == TokenKind::Operator && self.text == text
    }

    /// Is it this bracket?
    pub(crate) fn is_bracket(&self, text: &str) -> bool {
        self.kind == TokenKind::Bracket && self.text == text
    }

    /// How an error message names it.
    pub(crate) fn describe(&self) -> String {
        match self.kind {
            TokenKind::End => "the end of the expression".to_owned(),
            TokenKind::Text => format!("the string {:?}", self.text),
            _ => format!("`{}`", self.text),
        }
    }
}

/// Splits an expression into tokens; the last one is always `End`.
pub(crate) fn tokens(source: &str) -> Out<Vec<Token>> {
    let mut lexer = Lexer { source, position: 0, found: Vec::new() };
    while lexer.step()? {}
    Ok(lexer.found)
}

/// Can the character start or continue a name?
pub(crate) fn is_name_char(c: char) -> bool {
    c == '_' || c == '$' || c.is_alphanumeric()
}

struct Lexer<'a> {
    source: &'a str,
    position: usize,
    found: Vec<Token>,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        self.source.get(self.position..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.position = self.position.saturating_add(c.len_utf8());
        Some(c)
    }

    fn accept(&mut self, set: &str) -> bool {
        let hit = self.peek().is_some_and(|c| set.contains(c));
        if hit {
            self.next();
        }
        hit
    }

    fn accept_run(&mut self, set: &str) {
        while self.accept(set) {}
    }

    fn word(&self, start: usize) -> &str {
        self.source.get(start..self.position).unwrap_or("")
    }

    fn emit(&mut self, kind: TokenKind, start: usize) {
        let text = self.word(start).to_owned();
        self.found.push(Token { kind, text, at: start });
    }

    fn fail<T>(at: usize, message: impl Into<String>) -> Out<T> {
        Err(EvalError::new(Stage::Syntax, at, message))
    }

    /// Reads one token; false after the end.
    fn step(&mut self) -> Out<bool> {
        let start = self.position;
        let Some(c) = self.next() else {
            self.emit(TokenKind::End, start);
            return Ok(false);
        };
        match c {
            c if c.is_whitespace() => {}
            '\'' | '"' => {
                let text = self.quoted(start, c)?;
                self.found.push(Token { kind: TokenKind::Text, text, at: start });
            }
            '`' => {
                let text = self.raw(start)?;
                self.found.push(Token { kind: TokenKind::Text, text, at: start });
            }
            '0'..='9' => {
                self.position = start;
                self.number(start)?;
            }
            '(' | ')' | '[' | ']' | '{' | '}' => self.emit(TokenKind::Bracket, start),
            '/' => self.slash(start)?,
            '#' => self.pointer(start),
            '.' => {
                if self.peek().is_some_and(|c| c.is_ascii_digit()) {
                    self.position = start;
                    self.number(start)?;
                } else {
                    self.accept(".");
                    self.emit(TokenKind::Operator, start);
                }
            }
            '?' => self.operator(start, ".?"),
            '|' => self.operator(start, "|"),
            ':' => self.operator(start, ":"),
            ',' | ';' | '%' | '+' | '-' | '^' => self.emit(TokenKind::Operator, start),
            '&' | '!' | '=' | '*' | '<' | '>' => self.operator(start, "&=*"),
            c if is_name_char(c) => self.name(start),
            c => return Self::fail(start, format!("the character {c:?} has no meaning here")),
        }
        Ok(true)
    }

    fn operator(&mut self, start: usize, second: &str) {
        self.accept(second);
        self.emit(TokenKind::Operator, start);
    }

    fn name(&mut self, start: usize) {
        while self.peek().is_some_and(is_name_char) {
            self.next();
        }
        let kind = match self.word(start) {
            "not" | "in" | "or" | "and" | "matches" | "contains" | "startsWith" | "endsWith" | "let" | "if"
            | "else" => TokenKind::Operator,
            _ => TokenKind::Name,
        };
        self.emit(kind, start);
    }

    fn pointer(&mut self, start: usize) {
        self.accept("#");
        self.emit(TokenKind::Operator, start);
        let name = self.position;
        while self.peek().is_some_and(is_name_char) {
            self.next();
        }
        if self.position > name {
            self.emit(TokenKind::Name, name);
        }
    }

    fn number(&mut self, start: usize) -> Out<()> {
        let mut digits = "0123456789_";
        if self.accept("0") {
            if self.accept("xX") {
                digits = "0123456789abcdefABCDEF_";
            } else if self.accept("oO") {
                digits = "01234567_";
            } else if self.accept("bB") {
                digits = "01_";
            }
        }
        self.accept_run(digits);
        if self.rest().starts_with("..") {
            self.emit(TokenKind::Number, start);
            return Ok(());
        }
        if self.accept(".") {
            self.accept_run(digits);
        }
        if self.accept("eE") {
            self.accept("+-");
            self.accept_run(digits);
        }
        if self.peek().is_some_and(is_name_char) {
            self.next();
            let word = self.word(start);
            return Self::fail(start, format!("`{word}` is not a number"));
        }
        self.emit(TokenKind::Number, start);
        Ok(())
    }

    fn slash(&mut self, start: usize) -> Out<()> {
        if self.accept("/") {
            while self.next().is_some_and(|c| c != '\n') {}
        } else if self.accept("*") {
            let Some(length) = self.rest().find("*/") else {
                return Self::fail(start, "the comment is not closed; add */");
            };
            self.position = self.position.saturating_add(length).saturating_add(2);
        } else {
            self.emit(TokenKind::Operator, start);
        }
        Ok(())
    }

    fn quoted(&mut self, start: usize, quote: char) -> Out<String> {
        let begin = self.position;
        loop {
            let here = self.position;
            match self.next() {
                None | Some('\n') => {
                    return Self::fail(start, format!("the string is not closed; add {quote}"));
                }
                Some('\\') => {
                    self.next();
                }
                Some(c) if c == quote => {
                    let body = self.source.get(begin..here).unwrap_or("");
                    return escape::unescape(body, quote)
                        .map_err(|message| EvalError::new(Stage::Syntax, start, message));
                }
                Some(_) => {}
            }
        }
    }

    fn raw(&mut self, start: usize) -> Out<String> {
        let mut text = String::new();
        loop {
            match self.next() {
                None => return Self::fail(start, "the string is not closed; add `"),
                Some('`') if self.peek() == Some('`') => {
                    self.next();
                    text.push('`');
                }
                Some('`') => return Ok(text),
                Some(c) => text.push(c),
            }
        }
    }
}
