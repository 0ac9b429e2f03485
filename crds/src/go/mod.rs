//! How Go sees our JSON: field order, what it leaves out when empty, how it prints strings and quantities.
//!
//! Hashes of pod templates and steps are taken over what Go's encoder would write, so it has to be told to the byte.
//!
//! # Source
//! `encoding/json` (package documentation), `k8s.io/api/core/v1` v0.34 to v0.37, `k8s.io/apimachinery/pkg/api/resource`.

mod defaults;
mod misfit;
mod quantity;
mod shape;
mod table;

pub(crate) use misfit::{Misfit, misfits};
pub(crate) use shape::{Purpose, Tree, shape};
#[cfg(test)]
pub(crate) use table::Table;
pub(crate) use table::{Kind, struct_kind, table};
