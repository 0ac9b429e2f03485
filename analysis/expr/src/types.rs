//! Static types: what a value can be, before there is a value.
//!
//! # Source
//! The language runs in Go; its checks are those of Go's types, so this is the small part of Go's type system that
//! values of conditions can have.

use std::sync::Arc;

use super::ast::Op;

/// What a Go slice holds by declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ListOf {
    /// `[]interface {}`: anything.
    Any,
    /// `[]float64`: a Prometheus vector.
    Floats,
    /// `[]int`: a range.
    Ints,
    /// `[]string`: the parts of a string.
    Texts,
    /// `[][2]interface {}`: keys with their values.
    Pairs,
    /// `[2]interface {}`: one key with its value.
    Pair,
}

/// A static type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ty {
    /// Nothing is known.
    Unknown,
    /// An interface value: anything.
    Any,
    Nil,
    Bool,
    Int,
    Int64,
    Byte,
    Float,
    Text,
    /// A list; the second part is what its elements are known to be, beyond the declaration.
    List(ListOf, Option<Arc<Ty>>),
    /// `map[string]interface {}`.
    Map,
    /// `map[interface {}]interface {}`.
    Dict,
    /// `map[interface {}][]interface {}`.
    Groups,
    Time,
    Duration,
    Month,
    Weekday,
    Zone,
    Func(Arc<Signature>),
    /// The name of a builtin where it is not called: its value is nil, and it is like no other function.
    Builtin(&'static str),
}

/// What a function takes and gives.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Signature {
    pub(crate) takes: Vec<Ty>,
    pub(crate) gives: Ty,
    /// How many values it returns; two are usable, more are not.
    pub(crate) results: u8,
}

/// The kinds that Go's reflection tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GoKind {
    None,
    Interface,
    Bool,
    Int,
    Int64,
    Uint8,
    Float,
    Text,
    Slice,
    Array,
    Map,
    Struct,
    Pointer,
    Func,
}

impl Ty {
    /// A list of `[]interface {}` whose elements are of this type.
    pub(crate) fn list_of(element: Ty) -> Self {
        Self::List(ListOf::Any, Some(Arc::new(element)))
    }

    /// A list of anything.
    pub(crate) fn any_list() -> Self {
        Self::List(ListOf::Any, None)
    }

    /// The function type with these parts.
    pub(crate) fn func(takes: Vec<Ty>, gives: Ty, results: u8) -> Self {
        Self::Func(Arc::new(Signature { takes, gives, results }))
    }

    pub(crate) fn kind(&self) -> GoKind {
        match self {
            Self::Unknown | Self::Nil => GoKind::None,
            Self::Any => GoKind::Interface,
            Self::Bool => GoKind::Bool,
            Self::Int | Self::Month | Self::Weekday => GoKind::Int,
            Self::Int64 | Self::Duration => GoKind::Int64,
            Self::Byte => GoKind::Uint8,
            Self::Float => GoKind::Float,
            Self::Text => GoKind::Text,
            Self::List(ListOf::Pair, _) => GoKind::Array,
            Self::List(..) => GoKind::Slice,
            Self::Map | Self::Dict | Self::Groups => GoKind::Map,
            Self::Time => GoKind::Struct,
            Self::Zone => GoKind::Pointer,
            Self::Func(_) | Self::Builtin(_) => GoKind::Func,
        }
    }

    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown | Self::Any)
    }

    pub(crate) fn is_integer(&self) -> bool {
        matches!(self, Self::Int | Self::Int64 | Self::Byte)
    }

    pub(crate) fn is_number(&self) -> bool {
        self.is_integer() || matches!(self, Self::Float)
    }

    pub(crate) fn is_list(&self) -> bool {
        matches!(self, Self::List(..))
    }

    pub(crate) fn is_map(&self) -> bool {
        matches!(self, Self::Map | Self::Dict | Self::Groups)
    }

    /// What the elements of a list, or the values of a map, are.
    pub(crate) fn element(&self) -> Ty {
        match self {
            Self::List(_, Some(element)) => element.as_ref().clone(),
            Self::List(of, None) => of.element(),
            Self::Map | Self::Dict => Self::Any,
            Self::Groups => Self::any_list(),
            _ => Self::Unknown,
        }
    }

    /// The same list as Go declares it, without what is known beyond.
    pub(crate) fn declared(&self) -> Ty {
        match self {
            Self::List(of, _) => Self::List(*of, None),
            other => other.clone(),
        }
    }

    /// What the keys of a map are.
    pub(crate) fn key(&self) -> Ty {
        match self {
            Self::Map => Self::Text,
            Self::Dict | Self::Groups => Self::Any,
            _ => Self::Unknown,
        }
    }

    fn same_go_type(&self, other: &Ty) -> bool {
        match (self, other) {
            (Self::List(a, _), Self::List(b, _)) => a == b,
            (a, b) => a == b,
        }
    }

    /// May a value of this type stand where `other` is declared?
    pub(crate) fn assignable_to(&self, other: &Ty) -> bool {
        if *self == Self::Nil {
            return matches!(
                other.kind(),
                GoKind::Pointer | GoKind::Interface | GoKind::Func | GoKind::Map | GoKind::Slice
            );
        }
        match (self, other) {
            (Self::Unknown, _) | (_, Self::Unknown | Self::Nil) => false,
            (_, Self::Any) => true,
            (a, b) => a.same_go_type(b),
        }
    }

    /// May the two be compared with `==`?
    pub(crate) fn comparable_to(&self, other: &Ty) -> bool {
        self.is_unknown()
            || other.is_unknown()
            || *self == Self::Nil
            || *other == Self::Nil
            || (self.is_number() && other.is_number())
            || (self.is_list() && other.is_list())
            || self.assignable_to(other)
    }

    /// Where one side is unknown, could the other side fit this check?
    pub(crate) fn may_fit(&self, other: &Ty, fits: impl Fn(&Ty) -> bool) -> bool {
        (self.is_unknown() && (other.is_unknown() || fits(other))) || (other.is_unknown() && fits(self))
    }

    /// The type of a sum, difference or product of two numbers.
    pub(crate) fn promoted(&self, other: &Ty) -> Ty {
        if matches!(self, Self::Float) || matches!(other, Self::Float) { Self::Float } else { Self::Int }
    }

    /// What a person calls it, with an article.
    pub(crate) fn plain(&self) -> &'static str {
        match self {
            Self::Unknown | Self::Any => "a value of any type",
            Self::Nil => "nil",
            Self::Bool => "a bool",
            Self::Int | Self::Int64 | Self::Byte => "an integer",
            Self::Float => "a number",
            Self::Text => "a string",
            Self::List(ListOf::Floats, _) => "a list of numbers",
            Self::List(ListOf::Texts, _) => "a list of strings",
            Self::List(ListOf::Ints, _) => "a list of integers",
            Self::List(..) => "a list",
            Self::Map | Self::Dict | Self::Groups => "a map",
            Self::Time => "a time",
            Self::Duration => "a duration",
            Self::Month => "a month",
            Self::Weekday => "a day of the week",
            Self::Zone => "a time zone",
            Self::Func(_) | Self::Builtin(_) => "a function",
        }
    }
}

impl ListOf {
    fn element(self) -> Ty {
        match self {
            Self::Any | Self::Pair => Ty::Any,
            Self::Floats => Ty::Float,
            Self::Ints => Ty::Int,
            Self::Texts => Ty::Text,
            Self::Pairs => Ty::List(Self::Pair, None),
        }
    }

    /// The Go name of the list.
    pub(crate) fn go_name(self) -> &'static str {
        match self {
            Self::Any => "[]interface {}",
            Self::Floats => "[]float64",
            Self::Ints => "[]int",
            Self::Texts => "[]string",
            Self::Pairs => "[][2]interface {}",
            Self::Pair => "[2]interface {}",
        }
    }
}

/// The type of `left op right`, or none if the operator does not take these.
pub(crate) fn binary(op: Op, l: &Ty, r: &Ty) -> Option<Ty> {
    let numbers = l.is_number() && r.is_number();
    let either = |fits: &dyn Fn(&Ty) -> bool| l.may_fit(r, fits);
    let text = |t: &Ty| matches!(t, Ty::Text);
    let logic = |t: &Ty| matches!(t, Ty::Bool);
    let ordered = |t: &Ty| t.is_number() || matches!(t, Ty::Text | Ty::Time | Ty::Duration);
    match op {
        Op::Equal | Op::NotEqual => l.comparable_to(r).then_some(Ty::Bool),
        Op::Or | Op::And => ((logic(l) && logic(r)) || either(&logic)).then_some(Ty::Bool),
        Op::Less | Op::More | Op::LessEqual | Op::MoreEqual => {
            let same = matches!((l, r), (Ty::Text, Ty::Text) | (Ty::Time, Ty::Time) | (Ty::Duration, Ty::Duration));
            (numbers || same || either(&ordered)).then_some(Ty::Bool)
        }
        Op::Matches | Op::Contains | Op::StartsWith | Op::EndsWith => {
            ((text(l) && text(r)) || either(&text)).then_some(Ty::Bool)
        }
        Op::Range => {
            let integers = l.is_integer() && r.is_integer();
            (integers || either(&Ty::is_integer)).then(|| Ty::list_of(Ty::Int))
        }
        Op::Modulo => ((l.is_integer() && r.is_integer()) || either(&Ty::is_integer)).then_some(Ty::Int),
        Op::Divide | Op::Power => (numbers || either(&Ty::is_number)).then_some(Ty::Float),
        Op::Add | Op::Subtract | Op::Multiply => arithmetic(op, l, r),
        Op::Coalesce => Some(coalesce(l, r)),
        Op::In => None,
    }
}

fn arithmetic(op: Op, l: &Ty, r: &Ty) -> Option<Ty> {
    if l.is_number() && r.is_number() {
        return Some(l.promoted(r));
    }
    let known = match (op, l, r) {
        (Op::Add, Ty::Text, Ty::Text) => Some(Ty::Text),
        (Op::Add | Op::Subtract, Ty::Time, Ty::Duration) | (Op::Add, Ty::Duration, Ty::Time) => Some(Ty::Time),
        (Op::Subtract, Ty::Time, Ty::Time) | (_, Ty::Duration, Ty::Duration) => Some(Ty::Duration),
        (Op::Multiply, Ty::Duration, n) | (Op::Multiply, n, Ty::Duration) if n.is_number() => Some(Ty::Duration),
        _ => None,
    };
    let fits = |t: &Ty| match op {
        Op::Add => t.is_number() || matches!(t, Ty::Text | Ty::Time | Ty::Duration),
        Op::Subtract => t.is_number() || matches!(t, Ty::Time | Ty::Duration),
        _ => t.is_number() || matches!(t, Ty::Duration),
    };
    known.or_else(|| l.may_fit(r, fits).then_some(Ty::Unknown))
}

fn coalesce(l: &Ty, r: &Ty) -> Ty {
    match (l, r) {
        (Ty::Nil, r) => r.clone(),
        (l, Ty::Nil) => l.clone(),
        (l, r) if r.assignable_to(l) => l.clone(),
        _ => Ty::Unknown,
    }
}
