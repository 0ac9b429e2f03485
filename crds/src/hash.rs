//! Hashes of pod templates and of steps, equal to those of Argo Rollouts, so that taking over renames nothing.
//!
//! # Source
//! FNV-1a (Fowler, Noll, Vo) and Kubernetes' alphabet for names that spell nothing.

use serde_json::Value;

use crate::{
    go::{Kind, Purpose, shape, struct_kind, table},
    rollout::CanaryStep,
};

/// Letters and digits of hashes: no vowels, none that look alike.
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// The hash of a pod template, such as `674d8cf959`.
///
/// Nothing is defaulted first. Fields that Kubernetes does not know don't count, as in Argo Rollouts.
pub fn pod_template(template: &Value, collision_count: Option<i32>) -> String {
    let tree = shape(table(), &struct_kind("PodTemplateSpec"), template, Purpose::Hash);
    let mut hash = Fnv32::new();
    hash.write(tree.to_json().as_bytes());
    if let Some(count) = collision_count {
        hash.write(&count.to_le_bytes());
        hash.write(&[0; 4]);
    }
    hash.print()
}

/// The hash of the steps of a canary; no steps have one too.
pub fn steps(steps: &[CanaryStep]) -> String {
    let value = if steps.is_empty() { Value::Null } else { serde_json::to_value(steps).unwrap_or_default() };
    let kind = Kind::List(Box::new(struct_kind("CanaryStep")));
    let mut hash = Fnv32::new();
    hash.write(shape(table(), &kind, &value, Purpose::Hash).to_json().as_bytes());
    hash.print()
}

/// FNV-1a with 32 bits.
struct Fnv32(u32);

impl Fnv32 {
    const fn new() -> Self {
        Self(0x811c_9dc5)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
        }
    }

    fn print(&self) -> String {
        let letter = |digit: u8| ALPHABET.get(usize::from(digit) % ALPHABET.len()).copied().unwrap_or_default();
        self.0.to_string().bytes().map(|digit| char::from(letter(digit))).collect()
    }
}

#[cfg(test)]
mod tests;
