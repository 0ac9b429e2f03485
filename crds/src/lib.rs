//! The API of Serin: types, units, names, hashes and the generated CRDs.
//!
//! Runs nothing and needs no client: everything here is a pure function or a plain type.

#![allow(
    clippy::doc_markdown,
    reason = "names of kinds and fields are words here, and the comments become descriptions in the CRDs"
)]

pub mod analysis;
pub mod decode;
pub mod duration;
pub mod experiment;
#[cfg(feature = "schema")]
pub mod generated;
mod go;
pub mod hash;
pub mod int_or_string;
pub mod lenient;
pub mod names;
mod object;
pub mod rbac;
pub mod rollback;
pub mod rollout;
#[cfg(feature = "schema")]
pub mod schema;
pub mod template;
pub mod time;
pub mod unsupported;
pub mod validate;

pub use decode::{Fault, decode, salvage};
pub use int_or_string::IntOrString;
