//! From tokens to a tree: literals, names, calls, members, slices.

use super::ast::{Builtin, Kind, Node, Sign, deepest};
use super::builtins::{self, Takes};
use super::error::Out;
use super::lexer::{Token, TokenKind};
use super::numbers;
use super::parser::Parser;

impl Parser {
    /// A value with the signs before it and the members after it.
    pub(crate) fn primary(&mut self) -> Out<Node> {
        let token = self.current().clone();
        if token.kind == TokenKind::Operator {
            let sign = match token.text.as_str() {
                "not" | "!" => Some((Sign::Not, 50)),
                "-" => Some((Sign::Minus, 90)),
                "+" => Some((Sign::Plus, 90)),
                _ => None,
            };
            if let Some((sign, strength)) = sign {
                self.advance();
                let operand = self.expression(strength)?;
                let node = self.unary(sign, operand, token.at)?;
                return self.postfix(node);
            }
            if self.predicates > 0 && matches!(token.text.as_str(), "#" | ".") {
                let node = self.pointer(&token)?;
                return self.postfix(node);
            }
            if token.text == "::" {
                self.advance();
                let name = self.expect_name()?;
                let node = self.call(&name, None)?;
                return self.postfix(node);
            }
        }
        if token.is_bracket("(") {
            self.advance();
            let node = self.sequence()?;
            self.expect_bracket(")")?;
            return self.postfix(node);
        }
        self.secondary(token)
    }

    fn pointer(&mut self, token: &Token) -> Out<Node> {
        let mut name = String::new();
        if token.text == "#" {
            self.advance();
            if self.current().kind == TokenKind::Name {
                name = self.advance().text;
            }
        }
        self.admit(Node::leaf(token.at, Kind::Pointer(name)))
    }

    fn secondary(&mut self, token: Token) -> Out<Node> {
        let at = token.at;
        match token.kind {
            TokenKind::Name => {
                self.advance();
                let node = match token.text.as_str() {
                    "true" => return self.admit(Node::leaf(at, Kind::Bool(true))),
                    "false" => return self.admit(Node::leaf(at, Kind::Bool(false))),
                    "nil" => return self.admit(Node::leaf(at, Kind::Nil)),
                    _ if self.at_bracket("(") => self.call(&token, None)?,
                    _ => self.admit(Node::leaf(at, Kind::Name(token.text)))?,
                };
                self.postfix(node)
            }
            TokenKind::Number => match numbers::literal(&token.text) {
                Ok(kind) => {
                    self.advance();
                    self.admit(Node::leaf(at, kind))
                }
                Err(message) => self.fail(message),
            },
            TokenKind::Text => {
                self.advance();
                let node = self.admit(Node::leaf(at, Kind::Text(token.text.into())))?;
                self.postfix(node)
            }
            TokenKind::Bracket if token.text == "[" => {
                let node = self.list()?;
                self.postfix(node)
            }
            TokenKind::Bracket if token.text == "{" => {
                let node = self.map()?;
                self.postfix(node)
            }
            _ if matches!(token.text.as_str(), "#" | ".") => self
                .fail("# and .name stand for an element; they only work inside a predicate such as all(list, # > 0)"),
            _ => self.unexpected(),
        }
    }

    fn list(&mut self) -> Out<Node> {
        let at = self.advance().at;
        let mut nodes = Vec::new();
        while !self.at_bracket("]") {
            if !nodes.is_empty() {
                self.expect_operator(",")?;
                if self.at_bracket("]") {
                    break;
                }
            }
            nodes.push(self.expression(0)?);
        }
        self.expect_bracket("]")?;
        let below = deepest(&nodes);
        self.admit(Node::over(at, below, Kind::List(nodes)))
    }

    fn map(&mut self) -> Out<Node> {
        let at = self.advance().at;
        let mut pairs: Vec<(Node, Node)> = Vec::new();
        while !self.at_bracket("}") {
            if !pairs.is_empty() {
                self.expect_operator(",")?;
                if self.at_bracket("}") {
                    break;
                }
            }
            let key = self.map_key()?;
            self.expect_operator(":")?;
            let value = self.expression(0)?;
            pairs.push((key, value));
        }
        self.expect_bracket("}")?;
        let below = deepest(pairs.iter().flat_map(|(key, value)| [key, value]));
        self.admit(Node::over(at, below, Kind::Map(pairs)))
    }

    fn map_key(&mut self) -> Out<Node> {
        let token = self.current().clone();
        match token.kind {
            TokenKind::Number | TokenKind::Text | TokenKind::Name => {
                self.advance();
                self.admit(Node::leaf(token.at, Kind::Text(token.text.into())))
            }
            _ if token.is_bracket("(") => self.expression(0),
            _ => {
                let found = token.describe();
                self.fail(format!("a map key is a string, a name, a number or (an expression), not {found}"))
            }
        }
    }

    /// A call by name; `piped` is the first argument where it came through `|`.
    pub(crate) fn call(&mut self, name: &Token, piped: Option<Node>) -> Out<Node> {
        let Some(builtin) = builtins::find(&name.text) else {
            let callee = self.admit(Node::leaf(name.at, Kind::Name(name.text.clone())))?;
            let args = self.arguments(piped)?;
            return self.call_node(callee, args, name.at);
        };
        let args = match builtin.takes {
            Takes::Values => self.arguments(piped)?,
            Takes::Predicate { optional, last } => self.predicate_arguments(piped, optional, last)?,
        };
        let below = deepest(&args);
        let call = Builtin { name: builtin.name, args, then: None, throws: false, enough: None };
        self.admit(Node::over(name.at, below, Kind::Builtin(call)))
    }

    fn call_node(&mut self, callee: Node, args: Vec<Node>, at: usize) -> Out<Node> {
        let below = deepest(&args).max(callee.depth);
        self.admit(Node::over(at, below, Kind::Call { callee: Box::new(callee), args }))
    }

    fn arguments(&mut self, piped: Option<Node>) -> Out<Vec<Node>> {
        let mut args: Vec<Node> = piped.into_iter().collect();
        let before = args.len();
        self.expect_bracket("(")?;
        while !self.at_bracket(")") {
            if args.len() > before {
                self.expect_operator(",")?;
                if self.at_bracket(")") {
                    break;
                }
            }
            args.push(self.expression(0)?);
        }
        self.expect_bracket(")")?;
        Ok(args)
    }

    /// A list, a predicate (which may be left out if `optional`), and a `last` argument that may follow.
    fn predicate_arguments(&mut self, piped: Option<Node>, optional: bool, last: bool) -> Out<Vec<Node>> {
        let mut args: Vec<Node> = piped.into_iter().collect();
        self.expect_bracket("(")?;
        let mut first = true;
        let limit = if last { 3 } else { 2 };
        while args.len() < limit {
            if self.at_bracket(")") {
                let needed = if optional { 1 } else { 2 };
                if args.len() >= needed {
                    break;
                }
                return self.fail("an argument is missing: write a list, then a predicate such as # > 0");
            }
            if !first {
                self.expect_operator(",")?;
            }
            first = false;
            let arg = if args.len() == 1 { self.predicate()? } else { self.expression(0)? };
            args.push(arg);
        }
        self.skip_operator(",");
        self.expect_bracket(")")?;
        Ok(args)
    }

    fn predicate(&mut self) -> Out<Node> {
        let at = self.current().at;
        let braces = self.at_bracket("{");
        self.predicates = self.predicates.saturating_add(1);
        let node = if braces {
            self.advance();
            let node = self.sequence()?;
            self.expect_bracket("}")?;
            node
        } else {
            let node = self.expression(0)?;
            if self.at_operator(";") {
                return self.fail("a predicate with ; needs { } around it");
            }
            node
        };
        self.predicates = self.predicates.saturating_sub(1);
        let below = node.depth;
        self.admit(Node::over(at, below, Kind::Predicate(Box::new(node))))
    }

    /// The members, indexes, slices and method calls after a value.
    fn postfix(&mut self, mut node: Node) -> Out<Node> {
        loop {
            if self.at_operator(".") || self.at_operator("?.") {
                let optional = self.advance().text == "?.";
                if optional && self.at_bracket("[") {
                    node = self.index(node, true)?;
                } else {
                    node = self.member(node, optional)?;
                }
            } else if self.at_bracket("[") {
                node = self.index(node, false)?;
            } else {
                return Ok(node);
            }
        }
    }

    fn member(&mut self, base: Node, optional: bool) -> Out<Node> {
        let token = self.current().clone();
        let word = token.kind == TokenKind::Operator && token.text.chars().all(|c| c.is_ascii_alphabetic());
        if token.kind != TokenKind::Name && !word {
            let found = token.describe();
            return self.fail(format!("a field name is missing before {found}"));
        }
        self.advance();
        let at = token.at;
        let property = Box::new(self.admit(Node::leaf(at, Kind::Text(token.text.into())))?);
        let (base, chained) = match base.kind {
            Kind::Chain(inner) => (inner, true),
            _ => (Box::new(base), false),
        };
        let call = self.at_bracket("(");
        let below = base.depth;
        let member = Kind::Member { base, property, optional, call };
        let mut node = self.admit(Node::over(at, below, member))?;
        if call {
            let args = self.arguments(None)?;
            node = self.call_node(node, args, at)?;
        }
        if chained || optional { self.chain(node) } else { Ok(node) }
    }

    fn chain(&mut self, node: Node) -> Out<Node> {
        let (at, below) = (node.at, node.depth);
        self.admit(Node::over(at, below, Kind::Chain(Box::new(node))))
    }

    /// `[index]`, `[from:to]`, with either end left out.
    fn index(&mut self, base: Node, optional: bool) -> Out<Node> {
        let at = self.advance().at;
        let from = if self.at_operator(":") { None } else { Some(Box::new(self.expression(0)?)) };
        if self.skip_operator(":") {
            let to = if self.at_bracket("]") { None } else { Some(Box::new(self.expression(0)?)) };
            self.expect_bracket("]")?;
            let below = [&from, &to].into_iter().flatten().map(|part| part.depth).fold(base.depth, usize::max);
            return self.admit(Node::over(at, below, Kind::Slice { base: Box::new(base), from, to }));
        }
        let Some(property) = from else {
            return self.unexpected();
        };
        self.expect_bracket("]")?;
        let below = base.depth.max(property.depth);
        let member = Kind::Member { base: Box::new(base), property, optional, call: false };
        let node = self.admit(Node::over(at, below, member))?;
        if optional { self.chain(node) } else { Ok(node) }
    }
}
