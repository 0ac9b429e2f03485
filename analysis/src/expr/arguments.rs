//! The static check of arguments against what a function takes.

use super::ast::{Kind, Node, Op};
use super::check::{Checker, fail};
use super::error::{Halt, Out, Stage};
use super::types::{GoKind, Signature, Ty};

impl Checker {
    /// Checks arguments against one signature and gives the type of the call.
    pub(crate) fn arguments(&mut self, at: usize, name: &str, signature: &Signature, args: &mut [Node]) -> Out<Ty> {
        if signature.results > 2 {
            let message = format!("{name} gives more than two values, so it cannot be used here");
            return Err(Halt::new(Stage::Type, at, message));
        }
        if args.len() != signature.takes.len() {
            let (wanted, given) = (signature.takes.len(), args.len());
            let message = format!("{name} takes {wanted} arguments, but {given} are given");
            return Err(Halt::new(Stage::Type, at, message));
        }
        for (arg, wanted) in args.iter_mut().zip(&signature.takes) {
            let given = self.visit(arg)?;
            if *wanted == Ty::Float && given.is_integer() {
                make_float(arg);
                continue;
            }
            if wanted.is_integer() && given.is_integer() {
                continue;
            }
            let fits = if given == Ty::Nil {
                matches!(wanted.kind(), GoKind::Interface | GoKind::Pointer)
            } else {
                given.is_unknown() || given.assignable_to(wanted)
            };
            if !fits {
                return fail(arg, format!("{name} takes {} here, not {}", wanted.plain(), given.plain()));
            }
        }
        Ok(signature.gives.clone())
    }

    /// Checks arguments against several signatures; the first that fits counts.
    pub(crate) fn overloads(&mut self, at: usize, name: &str, signatures: &[Signature], args: &mut [Node]) -> Out<Ty> {
        let mut problem = Halt::new(Stage::Type, at, format!("{name} cannot be called like this"));
        let mut closest = false;
        for signature in signatures {
            match self.arguments(at, name, signature, args) {
                Ok(ty) => return Ok(ty),
                Err(halt) => {
                    let fits = signature.takes.len() == args.len();
                    if fits || !closest {
                        problem = halt;
                    }
                    closest = closest || fits;
                }
            }
        }
        Err(problem)
    }
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
