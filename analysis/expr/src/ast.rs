//! The tree of an expression.

use super::types::Ty;
use super::value::Text;

/// A node of the tree.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// Byte offset of the token that an error points at.
    pub(crate) at: usize,
    /// Levels below and including this node.
    pub(crate) depth: usize,
    /// The static type, once checked.
    pub(crate) ty: Ty,
    /// What it is.
    pub(crate) kind: Kind,
}

/// A part of the tree that other parts own.
pub(crate) type Part = Box<Node>;

/// The operators that take two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    More,
    LessEqual,
    MoreEqual,
    In,
    Matches,
    Contains,
    StartsWith,
    EndsWith,
    Range,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
    Coalesce,
}

/// The operators that take one operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    Not,
    Minus,
    Plus,
}

/// How two values are compared, decided by their static types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compare {
    /// By value, whatever the types are.
    Any,
    /// Both are declared `int`; anything else met at run time is an error.
    Ints,
    /// Both are declared strings; anything else met at run time is an error.
    Texts,
}

/// How `in` looks into a list of constants, decided by the static types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// One by one, as `==` compares.
    Scan,
    /// In a set of ints; another type at run time is an error.
    Ints,
    /// In a set of strings; another type at run time is an error.
    Texts,
    /// Between the ends of a range.
    Between,
}

/// A call of a builtin that walks a list with a predicate or takes plain arguments.
#[derive(Debug, Clone)]
pub(crate) struct Builtin {
    pub(crate) name: &'static str,
    pub(crate) args: Vec<Node>,
    /// What to give for each element found, where `map` was merged into a search.
    pub(crate) then: Option<Part>,
    /// Is finding nothing an error?
    pub(crate) throws: bool,
    /// The count after which counting stops.
    pub(crate) enough: Option<i64>,
}

/// What a node is.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Text),
    Name(String),
    Unary(Sign, Part),
    Binary {
        op: Op,
        left: Part,
        right: Part,
        compare: Compare,
        lookup: Lookup,
    },
    /// `?.` inside stops here.
    Chain(Part),
    Member {
        base: Part,
        property: Part,
        optional: bool,
        call: bool,
    },
    Slice {
        base: Part,
        from: Option<Part>,
        to: Option<Part>,
    },
    Call {
        callee: Part,
        args: Vec<Node>,
    },
    Builtin(Builtin),
    Predicate(Part),
    /// `#`, `#index`, `#acc`.
    Pointer(String),
    Let {
        name: String,
        value: Part,
        body: Part,
    },
    Sequence(Vec<Node>),
    If {
        condition: Part,
        then: Part,
        otherwise: Part,
    },
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// A node without parts.
    pub(crate) fn leaf(at: usize, kind: Kind) -> Self {
        Self { at, depth: 1, ty: Ty::Unknown, kind }
    }

    /// A node over parts whose greatest depth is `below`.
    pub(crate) fn over(at: usize, below: usize, kind: Kind) -> Self {
        Self { at, depth: below.saturating_add(1), ty: Ty::Unknown, kind }
    }

    /// The nodes directly below.
    pub(crate) fn parts(&self) -> Vec<&Node> {
        match &self.kind {
            Kind::Nil
            | Kind::Bool(_)
            | Kind::Int(_)
            | Kind::Float(_)
            | Kind::Text(_)
            | Kind::Name(_)
            | Kind::Pointer(_) => Vec::new(),
            Kind::Unary(_, part) | Kind::Chain(part) | Kind::Predicate(part) => vec![part],
            Kind::Binary { left, right, .. } => vec![left, right],
            Kind::Member { base, property, .. } => vec![base, property],
            Kind::Slice { base, from, to } => {
                [Some(base), from.as_ref(), to.as_ref()].into_iter().flatten().map(AsRef::as_ref).collect()
            }
            Kind::Call { callee, args } => std::iter::once(callee.as_ref()).chain(args).collect(),
            Kind::Builtin(call) => call.args.iter().chain(call.then.as_deref()).collect(),
            Kind::Let { value, body, .. } => vec![value, body],
            Kind::Sequence(nodes) | Kind::List(nodes) => nodes.iter().collect(),
            Kind::If { condition, then, otherwise } => vec![condition, then, otherwise],
            Kind::Map(pairs) => pairs.iter().flat_map(|(key, value)| [key, value]).collect(),
        }
    }

    /// The nodes directly below, to be changed.
    pub(crate) fn parts_mut(&mut self) -> Vec<&mut Node> {
        match &mut self.kind {
            Kind::Nil
            | Kind::Bool(_)
            | Kind::Int(_)
            | Kind::Float(_)
            | Kind::Text(_)
            | Kind::Name(_)
            | Kind::Pointer(_) => Vec::new(),
            Kind::Unary(_, part) | Kind::Chain(part) | Kind::Predicate(part) => vec![part],
            Kind::Binary { left, right, .. } => vec![left, right],
            Kind::Member { base, property, .. } => vec![base, property],
            Kind::Slice { base, from, to } => {
                [Some(base), from.as_mut(), to.as_mut()].into_iter().flatten().map(AsMut::as_mut).collect()
            }
            Kind::Call { callee, args } => std::iter::once(callee.as_mut()).chain(args).collect(),
            Kind::Builtin(call) => call.args.iter_mut().chain(call.then.as_deref_mut()).collect(),
            Kind::Let { value, body, .. } => vec![value, body],
            Kind::Sequence(nodes) | Kind::List(nodes) => nodes.iter_mut().collect(),
            Kind::If { condition, then, otherwise } => vec![condition, then, otherwise],
            Kind::Map(pairs) => pairs.iter_mut().flat_map(|(key, value)| [key, value]).collect(),
        }
    }

    /// How many nodes there are, this one included.
    pub(crate) fn count(&self) -> usize {
        self.parts().into_iter().map(Node::count).fold(1, usize::saturating_add)
    }

    /// The property name, where the node is a constant string.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => std::str::from_utf8(text.bytes()).ok(),
            _ => None,
        }
    }

    /// Is it the variable `$env`?
    pub(crate) fn is_env(&self) -> bool {
        matches!(&self.kind, Kind::Name(name) if name == "$env")
    }
}

/// The greatest depth among nodes.
pub(crate) fn deepest<'a>(nodes: impl IntoIterator<Item = &'a Node>) -> usize {
    nodes.into_iter().map(|node| node.depth).max().unwrap_or(0)
}

impl Op {
    /// The operator of a token with its binding strength; all but powers bind to the left.
    pub(crate) fn of(text: &str) -> Option<(Self, u32)> {
        Some(match text {
            "or" | "||" => (Self::Or, 10),
            "and" | "&&" => (Self::And, 15),
            "==" => (Self::Equal, 20),
            "!=" => (Self::NotEqual, 20),
            "<" => (Self::Less, 20),
            ">" => (Self::More, 20),
            "<=" => (Self::LessEqual, 20),
            ">=" => (Self::MoreEqual, 20),
            "in" => (Self::In, 20),
            "matches" => (Self::Matches, 20),
            "contains" => (Self::Contains, 20),
            "startsWith" => (Self::StartsWith, 20),
            "endsWith" => (Self::EndsWith, 20),
            ".." => (Self::Range, 25),
            "+" => (Self::Add, 30),
            "-" => (Self::Subtract, 30),
            "*" => (Self::Multiply, 60),
            "/" => (Self::Divide, 60),
            "%" => (Self::Modulo, 60),
            "**" | "^" => (Self::Power, 100),
            "??" => (Self::Coalesce, 500),
            _ => return None,
        })
    }

    /// The usual spelling.
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Self::Or => "||",
            Self::And => "&&",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::More => ">",
            Self::LessEqual => "<=",
            Self::MoreEqual => ">=",
            Self::In => "in",
            Self::Matches => "matches",
            Self::Contains => "contains",
            Self::StartsWith => "startsWith",
            Self::EndsWith => "endsWith",
            Self::Range => "..",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
            Self::Power => "**",
            Self::Coalesce => "??",
        }
    }

    /// May it be chained, as in `0 < x < 1`?
    pub(crate) fn chains(self) -> bool {
        matches!(self, Self::Less | Self::More | Self::LessEqual | Self::MoreEqual)
    }
}
