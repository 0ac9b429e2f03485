//! The static check of arguments against what a function takes.

use super::ast::{Kind, Node, Op};
use super::check::{Checker, fail};
use super::error::{EvalError, Out, Stage};
use super::types::{GoKind, Signature, Ty};

impl Checker {
    /// Checks arguments against one signature and gives the type of the call.
    pub(crate) fn arguments(&mut self, at: usize, name: &str, signature: &Signature, args: &mut [Node]) -> Out<Ty> {
        self.overloads(at, name, std::slice::from_ref(signature), args)
    }

    /// Checks arguments against several signatures; the first that fits counts.
    pub(crate) fn overloads(&mut self, at: usize, name: &str, signatures: &[Signature], args: &mut [Node]) -> Out<Ty> {
        for arg in args.iter_mut() {
            self.visit(arg)?;
        }
        let mut problem = None;
        for signature in signatures {
            match fit(at, name, signature, args) {
                Ok(()) => {
                    for (arg, wanted) in args.iter_mut().zip(&signature.takes) {
                        if *wanted == Ty::Float && arg.ty.is_integer() {
                            make_float(arg);
                        }
                    }
                    return Ok(signature.gives.clone());
                }
                // A mistake in the type of an argument says more than one in their number.
                Err(halt) if signature.takes.len() == args.len() => problem = Some(halt),
                Err(halt) => problem = problem.or(Some(halt)),
            }
        }
        Err(problem.unwrap_or_else(|| EvalError::new(Stage::Type, at, format!("{name} cannot be called like this"))))
    }
}

/// Checks arguments, whose types are known, against a signature.
fn fit(at: usize, name: &str, signature: &Signature, args: &[Node]) -> Out<()> {
    if signature.results > 2 {
        let message = format!("{name} gives more than two values, so it cannot be used here");
        return Err(EvalError::new(Stage::Type, at, message));
    }
    if args.len() != signature.takes.len() {
        let (wanted, given) = (signature.takes.len(), args.len());
        let plural = if wanted == 1 { "" } else { "s" };
        let message = format!("{name} takes {wanted} argument{plural}, but {given} are given");
        return Err(EvalError::new(Stage::Type, at, message));
    }
    for (arg, wanted) in args.iter().zip(&signature.takes) {
        let given = &arg.ty;
        let fits = match given {
            Ty::Nil => matches!(wanted.kind(), GoKind::Interface | GoKind::Pointer),
            given if given.is_integer() && wanted.is_number() => true,
            given => given.is_unknown() || given.assignable_to(wanted),
        };
        if !fits {
            return fail(arg, format!("{name} takes {} here, not {}", wanted.plain(), given.plain()));
        }
    }
    Ok(())
}

/// Turns integer constants into floats where a float is wanted; other integers stay and fail at run time.
fn make_float(node: &mut Node) {
    match &mut node.kind {
        Kind::Int(value) => {
            node.kind = Kind::Float(super::numbers::to_float(*value));
            node.ty = Ty::Float;
        }
        Kind::Unary(_, part) => make_float(part),
        Kind::Binary { op: Op::Add | Op::Subtract | Op::Multiply, left, right, .. } => {
            make_float(left);
            make_float(right);
        }
        _ => {}
    }
}
