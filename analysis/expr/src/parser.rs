//! From tokens to a tree: operators by binding strength, statements, conditionals.

use super::ast::{Compare, Kind, Lookup, Node, Op, Sign, deepest};
use super::error::{EvalError, Out, Stage};
use super::lexer::{Token, TokenKind, tokens};

/// How deeply expressions may be nested in the text.
pub(crate) const MAX_NESTING: usize = 64;
/// How many levels a tree may have; `a && b && c` has one per operator.
pub(crate) const MAX_DEPTH: usize = 200;
/// How long an expression may be, in bytes.
pub(crate) const MAX_SOURCE: usize = 64 * 1024;
/// How many nodes a tree may have.
pub(crate) const MAX_NODES: usize = 10_000;

/// Reads an expression.
pub(crate) fn parse(source: &str) -> Out<Node> {
    if source.len() > MAX_SOURCE {
        let length = source.len();
        return Err(EvalError::limit(format!("the expression is {length} bytes long; it may be {MAX_SOURCE} at most")));
    }
    let tokens = tokens(source)?;
    let end = Token { kind: TokenKind::End, text: String::new(), at: source.len() };
    let mut parser = Parser { tokens, position: 0, end, nesting: 0, predicates: 0, nodes: 0 };
    let node = parser.sequence()?;
    if parser.current().kind != TokenKind::End {
        return parser.unexpected();
    }
    Ok(node)
}

pub(crate) struct Parser {
    tokens: Vec<Token>,
    position: usize,
    end: Token,
    nesting: usize,
    /// How many predicates we are in.
    pub(crate) predicates: usize,
    nodes: usize,
}

impl Parser {
    pub(crate) fn current(&self) -> &Token {
        self.tokens.get(self.position).unwrap_or(&self.end)
    }

    pub(crate) fn advance(&mut self) -> Token {
        let token = self.current().clone();
        self.position = self.position.saturating_add(1);
        token
    }

    pub(crate) fn at_operator(&self, text: &str) -> bool {
        self.current().is_operator(text)
    }

    pub(crate) fn at_bracket(&self, text: &str) -> bool {
        self.current().is_bracket(text)
    }

    /// Steps over an operator if it is there.
    pub(crate) fn skip_operator(&mut self, text: &str) -> bool {
        let hit = self.at_operator(text);
        if hit {
            self.advance();
        }
        hit
    }

    pub(crate) fn expect_operator(&mut self, text: &str) -> Out<()> {
        if self.skip_operator(text) { Ok(()) } else { self.missing(text) }
    }

    pub(crate) fn expect_bracket(&mut self, text: &str) -> Out<()> {
        if self.at_bracket(text) {
            self.advance();
            return Ok(());
        }
        self.missing(text)
    }

    pub(crate) fn expect_name(&mut self) -> Out<Token> {
        if self.current().kind == TokenKind::Name {
            return Ok(self.advance());
        }
        self.missing("a name")
    }

    pub(crate) fn fail<T>(&self, message: impl Into<String>) -> Out<T> {
        Err(EvalError::new(Stage::Syntax, self.current().at, message))
    }

    pub(crate) fn unexpected<T>(&self) -> Out<T> {
        let found = self.current().describe();
        self.fail(format!("{found} is not expected here"))
    }

    fn missing<T>(&self, wanted: &str) -> Out<T> {
        let found = self.current().describe();
        self.fail(format!("{wanted} is missing before {found}"))
    }

    /// Counts a new node and refuses trees that are too deep or too large.
    pub(crate) fn admit(&mut self, node: Node) -> Out<Node> {
        self.nodes = self.nodes.saturating_add(1);
        if self.nodes > MAX_NODES {
            return Err(EvalError::limit(format!("the expression has more than {MAX_NODES} parts")).at(node.at));
        }
        if node.depth > MAX_DEPTH {
            return Err(EvalError::limit(format!("the expression is more than {MAX_DEPTH} levels deep")).at(node.at));
        }
        Ok(node)
    }

    /// One or more expressions with `;` between them; the last one counts.
    pub(crate) fn sequence(&mut self) -> Out<Node> {
        let first = self.expression(0)?;
        if !self.at_operator(";") {
            return Ok(first);
        }
        let at = first.at;
        let mut nodes = vec![first];
        while self.skip_operator(";") {
            if self.current().kind == TokenKind::End {
                break;
            }
            nodes.push(self.expression(0)?);
        }
        if nodes.len() == 1 {
            return nodes.pop().map_or_else(|| self.unexpected(), Ok);
        }
        let below = deepest(&nodes);
        self.admit(Node::over(at, below, Kind::Sequence(nodes)))
    }

    /// An expression whose operators bind at least this strongly.
    pub(crate) fn expression(&mut self, strength: u32) -> Out<Node> {
        self.nesting = self.nesting.saturating_add(1);
        if self.nesting > MAX_NESTING {
            let at = self.current().at;
            return Err(
                EvalError::limit(format!("the expression is nested more than {MAX_NESTING} levels deep")).at(at)
            );
        }
        let node = if strength == 0 && self.at_operator("let") {
            self.declaration()
        } else if strength == 0 && self.at_operator("if") {
            self.if_else()
        } else {
            self.operators(strength)
        };
        self.nesting = self.nesting.saturating_sub(1);
        node
    }

    fn operators(&mut self, strength: u32) -> Out<Node> {
        let mut left = self.primary()?;
        let mut after_coalesce = false;
        while self.current().kind == TokenKind::Operator {
            let token = self.current().clone();
            if token.text == "|" {
                if strength > 0 {
                    break;
                }
                self.advance();
                let name = self.expect_name()?;
                left = self.call(&name, Some(left))?;
                after_coalesce = false;
                continue;
            }
            let negated = token.text == "not";
            let symbol = if negated { self.negated_operator()? } else { token.clone() };
            let Some((op, own)) = Op::of(&symbol.text).filter(|(_, own)| *own >= strength) else {
                break;
            };
            if after_coalesce && op != Op::Coalesce {
                let text = &symbol.text;
                return self.fail(format!("?? and {text} need parentheses around one of them"));
            }
            self.advance();
            if negated {
                self.advance();
            }
            left = self.apply(left, op, own, token.at)?;
            if negated {
                left = self.unary(Sign::Not, left, token.at)?;
            }
            after_coalesce = op == Op::Coalesce;
        }
        if strength == 0 { self.conditional(left) } else { Ok(left) }
    }

    /// The operator after `not`, which stays where it is.
    fn negated_operator(&self) -> Out<Token> {
        let next = self.tokens.get(self.position.saturating_add(1)).unwrap_or(&self.end);
        if matches!(next.text.as_str(), "in" | "matches" | "contains" | "startsWith" | "endsWith") {
            return Ok(next.clone());
        }
        let found = next.describe();
        Err(EvalError::new(Stage::Syntax, next.at, format!("{found} is not expected after `not`")))
    }

    /// Reads what is right of an operator; `a < b < c` means `a < b && b < c`.
    fn apply(&mut self, left: Node, op: Op, strength: u32, at: usize) -> Out<Node> {
        let tighter = if op == Op::Power { strength } else { strength.saturating_add(1) };
        let mut right = self.expression(tighter)?;
        if !op.chains() || self.next_chained().is_none() {
            return self.binary(op, left, right, at);
        }
        let copy = self.copy(&right)?;
        let mut whole = self.binary(op, left, copy, at)?;
        while let Some(next) = self.next_chained() {
            let at = self.advance().at;
            let middle = right;
            right = self.expression(tighter)?;
            let copy = self.copy(&right)?;
            let more = self.binary(next, middle, copy, at)?;
            whole = self.binary(Op::And, whole, more, at)?;
        }
        Ok(whole)
    }

    /// The comparison that continues a chain, if the current token is one.
    fn next_chained(&self) -> Option<Op> {
        let token = Some(self.current()).filter(|token| token.kind == TokenKind::Operator)?;
        Op::of(&token.text).map(|(op, _)| op).filter(|op| op.chains())
    }

    /// A second copy of a node; copies count, so that nested ones cannot grow without bound.
    fn copy(&mut self, node: &Node) -> Out<Node> {
        self.nodes = self.nodes.saturating_add(node.count());
        self.admit(node.clone())
    }

    pub(crate) fn binary(&mut self, op: Op, left: Node, right: Node, at: usize) -> Out<Node> {
        let below = left.depth.max(right.depth);
        let (left, right) = (Box::new(left), Box::new(right));
        let kind = Kind::Binary { op, left, right, compare: Compare::Any, lookup: Lookup::Scan };
        self.admit(Node::over(at, below, kind))
    }

    pub(crate) fn unary(&mut self, sign: Sign, node: Node, at: usize) -> Out<Node> {
        let below = node.depth;
        self.admit(Node::over(at, below, Kind::Unary(sign, Box::new(node))))
    }

    fn declaration(&mut self) -> Out<Node> {
        self.advance();
        let name = self.expect_name()?;
        self.expect_operator("=")?;
        let value = self.expression(0)?;
        self.expect_operator(";")?;
        let body = self.sequence()?;
        let below = value.depth.max(body.depth);
        let kind = Kind::Let { name: name.text, value: Box::new(value), body: Box::new(body) };
        self.admit(Node::over(name.at, below, kind))
    }

    fn if_else(&mut self) -> Out<Node> {
        let at = self.advance().at;
        let condition = self.expression(0)?;
        self.expect_bracket("{")?;
        let then = self.sequence()?;
        self.expect_bracket("}")?;
        self.expect_operator("else")?;
        let otherwise = if self.at_operator("if") {
            self.expression(0)?
        } else {
            self.expect_bracket("{")?;
            let node = self.sequence()?;
            self.expect_bracket("}")?;
            node
        };
        self.choice(condition, then, otherwise, at)
    }

    fn choice(&mut self, condition: Node, then: Node, otherwise: Node, at: usize) -> Out<Node> {
        let below = deepest([&condition, &then, &otherwise]);
        let (condition, then, otherwise) = (Box::new(condition), Box::new(then), Box::new(otherwise));
        self.admit(Node::over(at, below, Kind::If { condition, then, otherwise }))
    }

    /// `condition ? then : otherwise`, or `value ?: otherwise`.
    fn conditional(&mut self, mut node: Node) -> Out<Node> {
        while self.at_operator("?") {
            let at = self.advance().at;
            let then = if self.at_operator(":") { self.copy(&node)? } else { self.expression(0)? };
            self.expect_operator(":")?;
            let otherwise = self.expression(0)?;
            node = self.choice(node, then, otherwise, at)?;
        }
        Ok(node)
    }
}
