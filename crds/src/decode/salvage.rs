//! Decoding of what can be decoded: one malformed field must neither hide the rest of its object nor stop an abort.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    Fault, attempt,
    path::{Path, Segment},
};

/// Most faults that are named within one list, or directly in one object; one with more is left out as a whole.
const MOST_IN_ONE: usize = 64;
/// Most faults that are named in one document; beyond, what holds them is left out, two levels below the root.
const MOST: usize = 256;
/// And beyond that, one level below the root.
const MOST_AT_ALL: usize = 272;

/// The value as our type without what does not fit, and a fault for each part that was left out.
///
/// Never fails: in the end nothing is left but the default. It takes at most some 300 attempts, each as long as decoding
/// the value once. Paths of faults are those of the value as it was given, also behind an item that was left out.
pub fn salvage<T: DeserializeOwned + Default>(mut value: Value) -> (T, Vec<Fault>) {
    let mut salvage = Salvage::default();
    loop {
        let misfit = match attempt(&value) {
            Ok(decoded) => return (decoded, salvage.into_faults()),
            Err(misfit) => misfit,
        };
        salvage.faults.push(misfit.fault(&salvage.given(&misfit.path)));
        if !salvage.leave_out(&misfit.path, &mut value) {
            return (T::default(), salvage.into_faults());
        }
    }
}

#[derive(Default)]
struct Salvage {
    faults: Vec<Fault>,
    /// How many faults were found in a list or an object, by its path in what is left.
    found: BTreeMap<Path, usize>,
    /// Which items of a list were left out, in order, by the path of the list as it was given.
    gone: BTreeMap<Path, Vec<usize>>,
    /// Parts that were left out as a whole, as they were given.
    whole: Vec<Path>,
}

impl Salvage {
    /// Leaves out the smallest part that is worth it; false if there is nothing left to leave out.
    fn leave_out(&mut self, path: &Path, value: &mut Value) -> bool {
        let mut part = self.part(path);
        loop {
            let given = self.given(&part);
            if part.remove(value) {
                self.note(&given);
                if part != *path {
                    self.whole.push(given);
                }
                return true;
            }
            match part.parent() {
                Some(parent) => part = parent,
                None => return false,
            }
        }
    }

    /// The place itself, or the list or object around it in which too much is wrong.
    fn part(&mut self, path: &Path) -> Path {
        match self.faults.len() {
            more if more > MOST_AT_ALL => return path.cut(1),
            more if more > MOST => return path.cut(2),
            _ => {}
        }
        let mut part = path.clone();
        for container in path.containers() {
            let found = self.found.entry(container.clone()).or_default();
            *found = found.saturating_add(1);
            if *found > MOST_IN_ONE && container.0.len() < part.0.len() {
                part = container;
            }
        }
        part
    }

    /// Remembers that an item of a list is gone, so that the places of those behind it are still known.
    fn note(&mut self, given: &Path) {
        if let (Some(Segment::Index(index)), Some(list)) = (given.0.last(), given.parent()) {
            let gone = self.gone.entry(list).or_default();
            let place = gone.partition_point(|known| known < index);
            gone.insert(place, *index);
        }
    }

    /// Where a place in what is left stood in what was given.
    fn given(&self, path: &Path) -> Path {
        let mut given = Path::default();
        for segment in &path.0 {
            let segment = match segment {
                Segment::Key(key) => Segment::Key(key.clone()),
                Segment::Index(index) => {
                    let gone = self.gone.get(&given).map_or(&[][..], Vec::as_slice);
                    Segment::Index(
                        gone.iter().fold(*index, |index, gone| if *gone <= index { index + 1 } else { index }),
                    )
                }
            };
            given.0.push(segment);
        }
        given
    }

    fn into_faults(self) -> Vec<Fault> {
        let Self { mut faults, whole, .. } = self;
        let more = whole
            .iter()
            .map(|path| Fault::saying(path.to_string(), "has more faults than are named; mend these first"));
        faults.extend(more);
        faults
    }
}
