//! Istio: weights in a `VirtualService`, pod hashes in a `DestinationRule`.
//!
//! Pure functions over raw JSON: which routes are ours, what they send to the canary now, and the smallest JSON Patch
//! that changes it. Everything else in the object stays byte for byte as its owner left it.

pub mod patch;
pub mod route;
pub mod subsets;

pub use patch::{Cause, weight_patch};
pub use route::{Observed, RouteFault, Target, observe};

/// The annotation by which a `VirtualService` remembers that a revision was aborted.
///
/// It goes out in the same write as weight 0, so that a controller that dies right after it finishes the abort.
pub const ABORTED_ANNOTATION: &str = "rollouts.serin.dev/aborted-revision";

/// The Service that a destination's host names: the text before the first dot.
pub(crate) fn service_of(host: &str) -> &str {
    host.split('.').next().unwrap_or_default()
}
