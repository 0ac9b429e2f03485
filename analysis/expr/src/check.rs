//! The static check: finds what cannot work on any value, before there is a value.

use super::ast::{Kind, Lookup, Node, Op, Part, Sign};
use super::builtins;
use super::error::{EvalError, Out, Stage};
use super::functions;
use super::types::{self, GoKind, Ty};

/// Checks a tree for a `result` of this type (none where there is no `result`) and gives the type of the whole.
pub(crate) fn check(tree: &mut Node, result: Option<&Ty>) -> Out<Ty> {
    let mut checker = Checker { result: result.cloned(), variables: Vec::new(), predicates: Vec::new(), patterns: 0 };
    checker.visit(tree)
}

pub(crate) struct Checker {
    result: Option<Ty>,
    variables: Vec<(String, Ty)>,
    /// The predicates we are in, innermost last.
    pub(crate) predicates: Vec<Scope>,
    /// How many patterns have been seen.
    patterns: usize,
}

/// How many constant patterns an expression may have.
const MAX_PATTERNS: usize = 50;

/// What `#` and its variants mean in a predicate.
pub(crate) struct Scope {
    pub(crate) list: Ty,
    pub(crate) index: bool,
    pub(crate) accumulator: bool,
}

/// Says what is wrong with the types at a node.
pub(crate) fn fail<T>(node: &Node, message: impl Into<String>) -> Out<T> {
    Err(EvalError::new(Stage::Type, node.at, message))
}

impl Checker {
    /// Checks a node, notes its type in it, and gives the type.
    pub(crate) fn visit(&mut self, node: &mut Node) -> Out<Ty> {
        let ty = self.type_of(node)?;
        node.ty = ty.clone();
        Ok(ty)
    }

    fn type_of(&mut self, node: &mut Node) -> Out<Ty> {
        let at = node.at;
        Ok(match &mut node.kind {
            Kind::Nil => Ty::Nil,
            Kind::Bool(_) => Ty::Bool,
            Kind::Int(_) => Ty::Int,
            Kind::Float(_) => Ty::Float,
            Kind::Text(_) => Ty::Text,
            Kind::Name(name) => match self.name(name, true) {
                Some(ty) => ty,
                None => return Err(unknown_name(at, name)),
            },
            Kind::Unary(sign, part) => return self.unary(at, *sign, part),
            Kind::Binary { op: Op::In, left, right, lookup, .. } => return self.membership(at, left, right, lookup),
            Kind::Binary { op, left, right, .. } => {
                let op = *op;
                return self.binary(at, op, left, right);
            }
            Kind::Chain(part) | Kind::Predicate(part) => self.visit(part)?,
            Kind::Member { .. } => return self.member(node),
            Kind::Slice { base, from, to } => return self.slice(at, base, [from, to]),
            Kind::Call { callee, args } => return self.call(at, callee, args),
            Kind::Builtin(call) => return builtins::check(self, at, call),
            Kind::Pointer(name) => return self.pointer(at, name),
            Kind::Let { name, value, body } => return self.declaration(at, name, value, body),
            Kind::Sequence(nodes) => {
                let mut last = Ty::Unknown;
                for node in nodes {
                    last = self.visit(node)?;
                }
                last
            }
            Kind::If { condition, then, otherwise } => return self.choice(condition, then, otherwise),
            Kind::List(nodes) => return self.list(nodes),
            Kind::Map(pairs) => {
                for (key, value) in pairs {
                    self.visit(key)?;
                    self.visit(value)?;
                }
                Ty::Map
            }
        })
    }

    /// The type of a variable, of something given, or of a builtin.
    fn name(&self, name: &str, builtin: bool) -> Option<Ty> {
        let variable = self.variables.iter().rev().find(|(known, _)| known == name).map(|(_, ty)| ty.clone());
        if variable.is_some() {
            return variable;
        }
        if name == "$env" {
            return Some(Ty::Unknown);
        }
        let builtin = if builtin { builtins::find(name).map(|known| Ty::Builtin(known.name)) } else { None };
        self.given(name).or(builtin)
    }

    /// The type of what Argo gives: `result` and the functions around it.
    fn given(&self, name: &str) -> Option<Ty> {
        match &self.result {
            Some(result) if name == "result" => Some(result.clone()),
            None if !functions::ALWAYS_GIVEN.contains(&name) => None,
            _ => functions::given(name),
        }
    }

    fn unary(&mut self, at: usize, sign: Sign, part: &mut Node) -> Out<Ty> {
        let ty = self.visit(part)?;
        match sign {
            Sign::Not if ty == Ty::Bool || ty.is_unknown() => Ok(Ty::Bool),
            Sign::Minus | Sign::Plus if ty.is_number() => Ok(ty),
            Sign::Minus | Sign::Plus if ty.is_unknown() => Ok(Ty::Unknown),
            _ => {
                let (wanted, symbol) = match sign {
                    Sign::Not => ("a bool", "not"),
                    Sign::Minus => ("a number", "-"),
                    Sign::Plus => ("a number", "+"),
                };
                let plain = ty.plain();
                Err(EvalError::new(Stage::Type, at, format!("`{symbol}` takes {wanted}, not {plain}")))
            }
        }
    }

    fn binary(&mut self, at: usize, op: Op, left: &mut Node, right: &mut Node) -> Out<Ty> {
        let l = self.visit(left)?;
        let r = self.visit(right)?;
        if let (Op::Matches, Some(pattern)) = (op, right.as_text()) {
            self.patterns = self.patterns.saturating_add(1);
            if self.patterns > MAX_PATTERNS {
                return Err(EvalError::limit(format!("the expression has more than {MAX_PATTERNS} patterns")).at(at));
            }
            super::pattern::compile(pattern).map_err(|message| EvalError::new(Stage::Type, at, message))?;
        }
        types::binary(op, &l, &r).ok_or_else(|| mismatch(at, op, (left, &l), (right, &r)))
    }

    fn membership(&mut self, at: usize, left: &mut Node, right: &mut Node, lookup: &mut Lookup) -> Out<Ty> {
        let l = self.visit(left)?;
        let r = self.visit(right)?;
        *lookup = Lookup::Scan;
        let fits = if r.is_map() {
            l.is_unknown() || l.assignable_to(&r.key())
        } else if r.is_list() {
            l.comparable_to(&r.element())
        } else {
            r.is_unknown()
                || (l.is_unknown() && r == Ty::Text)
                || ((l.is_unknown() || l == Ty::Text) && r.kind() == GoKind::Struct)
        };
        if fits { Ok(Ty::Bool) } else { Err(mismatch(at, Op::In, (left, &l), (right, &r))) }
    }

    fn member(&mut self, node: &mut Node) -> Out<Ty> {
        let Kind::Member { base, property, optional, call } = &mut node.kind else {
            return Ok(Ty::Unknown);
        };
        if base.is_env() {
            base.ty = Ty::Unknown;
            property.ty = Ty::Text;
            let Some(name) = property.as_text() else {
                self.visit(property)?;
                return Ok(Ty::Unknown);
            };
            return match self.given(name) {
                Some(ty) => Ok(ty),
                None if *optional => Ok(Ty::Unknown),
                None => Err(unknown_name(node.at, name)),
            };
        }
        let ty = self.visit(base)?;
        let key = self.visit(property)?;
        if ty.is_unknown() {
            return Ok(Ty::Unknown);
        }
        let plain = ty.plain();
        if let Some(name) = property.as_text() {
            if let Some(method) = functions::method(&ty, name) {
                return Ok(method);
            }
            if !ty.is_map() {
                let what = if *call { "method" } else { "field" };
                let hint = result_hint(base, &ty);
                return fail(property, format!("{plain} has no {what} {name}{hint}"));
            }
        }
        if ty.is_map() {
            if key.is_unknown() || key.assignable_to(&ty.key()) {
                return Ok(ty.element());
            }
            return fail(property, format!("a map is indexed with a string, not with {}", key.plain()));
        }
        if ty.is_list() {
            if key.is_integer() || key.is_unknown() {
                return Ok(ty.element());
            }
            return fail(property, format!("a list is indexed with an integer, not with {}", key.plain()));
        }
        fail(property, format!("{plain} has no elements, so it cannot be indexed"))
    }

    fn slice(&mut self, at: usize, base: &mut Node, ends: [&mut Option<Part>; 2]) -> Out<Ty> {
        let ty = self.visit(base)?;
        if ty.is_unknown() {
            return Ok(Ty::Unknown);
        }
        if !matches!(ty, Ty::Text | Ty::List(..)) {
            let plain = ty.plain();
            return Err(EvalError::new(Stage::Type, at, format!("only a list or a string can be sliced, not {plain}")));
        }
        for end in ends.into_iter().flatten() {
            let key = self.visit(end)?;
            if !key.is_integer() && !key.is_unknown() {
                return fail(end, format!("the ends of a slice are integers, not {}", key.plain()));
            }
        }
        Ok(ty)
    }

    fn call(&mut self, at: usize, callee: &mut Node, args: &mut [Node]) -> Out<Ty> {
        let ty = self.visit(callee)?;
        if callee.is_env() {
            return Err(EvalError::new(Stage::Type, at, "$env is a map, so it cannot be called"));
        }
        if ty.is_unknown() {
            return Ok(Ty::Unknown);
        }
        let name = match &callee.kind {
            Kind::Name(name) => name.clone(),
            Kind::Member { property, .. } => property.as_text().unwrap_or("the function").to_owned(),
            _ => "the function".to_owned(),
        };
        let Ty::Func(signature) = ty else {
            let plain = ty.plain();
            return Err(EvalError::new(Stage::Type, at, format!("{name} is {plain}, so it cannot be called")));
        };
        self.arguments(at, &name, &signature, args)
    }

    fn pointer(&self, at: usize, name: &str) -> Out<Ty> {
        let Some(scope) = self.predicates.last() else {
            return Err(EvalError::new(Stage::Type, at, "# only works inside a predicate such as all(list, # > 0)"));
        };
        match name {
            "" if scope.list.is_unknown() => Ok(Ty::Unknown),
            "" => Ok(scope.list.element()),
            "index" if scope.index => Ok(Ty::Int),
            "acc" if scope.accumulator => Ok(Ty::Unknown),
            _ => Err(EvalError::new(
                Stage::Type,
                at,
                format!("#{name} is not known here; map and reduce have #index, and reduce has #acc"),
            )),
        }
    }

    fn declaration(&mut self, at: usize, name: &str, value: &mut Node, body: &mut Node) -> Out<Ty> {
        let taken = self.variables.iter().any(|(known, _)| known == name);
        if taken || self.given(name).is_some() || builtins::find(name).is_some() {
            return Err(EvalError::new(Stage::Type, at, format!("{name} already has a meaning; choose another name")));
        }
        let ty = self.visit(value)?;
        self.variables.push((name.to_owned(), ty));
        let whole = self.visit(body);
        self.variables.pop();
        whole
    }

    fn choice(&mut self, condition: &mut Node, then: &mut Node, otherwise: &mut Node) -> Out<Ty> {
        let ty = self.visit(condition)?;
        if ty != Ty::Bool && !ty.is_unknown() {
            return fail(condition, format!("a condition is true or false, not {}", ty.plain()));
        }
        let a = self.visit(then)?;
        let b = self.visit(otherwise)?;
        Ok(match (&a, &b) {
            (Ty::Nil, _) => b,
            (_, Ty::Nil) => a,
            _ if !a.assignable_to(&b) => Ty::Unknown,
            (Ty::List(..), Ty::List(..)) => {
                let (x, y) = (a.element(), b.element());
                if x.assignable_to(&y) && y.assignable_to(&x) { a } else { Ty::any_list() }
            }
            _ => a,
        })
    }

    fn list(&mut self, nodes: &mut [Node]) -> Out<Ty> {
        let mut alike = true;
        let mut last: Option<Ty> = None;
        for node in nodes {
            let ty = self.visit(node)?;
            alike = alike && last.as_ref().is_none_or(|before| before.kind() == ty.kind());
            last = Some(ty);
        }
        Ok(if alike { Ty::list_of(last.unwrap_or(Ty::Unknown)) } else { Ty::any_list() })
    }
}

fn unknown_name(at: usize, name: &str) -> EvalError {
    let message = if name == "result" {
        "there is no `result` here".to_owned()
    } else {
        format!("the name {name} is not known; the value of the metric is called result")
    };
    EvalError::new(Stage::Type, at, message)
}

/// The advice for a list of samples that is used as one number.
fn result_hint(node: &Node, ty: &Ty) -> &'static str {
    let whole = matches!(&node.kind, Kind::Name(name) if name == "result");
    if whole && ty.is_list() { "; use result[0] for its first element" } else { "" }
}

fn mismatch(at: usize, op: Op, left: (&Node, &Ty), right: (&Node, &Ty)) -> EvalError {
    let symbol = op.symbol();
    let (l, r) = (left.1.plain(), right.1.plain());
    let mut hint = result_hint(left.0, left.1);
    if hint.is_empty() {
        hint = result_hint(right.0, right.1);
    }
    EvalError::new(Stage::Type, at, format!("`{symbol}` does not work between {l} and {r}{hint}"))
}
