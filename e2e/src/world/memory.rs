//! Where the memory of a process goes, seen from outside.

use std::{
    fmt,
    fs::{self, File},
    io::{Read as _, Seek as _, SeekFrom},
    ops::Range,
};

use super::WorldError;

/// Resident memory by what it is, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// Pages of the program and its libraries.
    pub program: u64,
    /// Pages of the heap.
    pub heap: u64,
    /// What is in use of the heap; `None` when it can't be told.
    pub live: Option<u64>,
    /// Everything else: large allocations, which are mapped by themselves, and stacks.
    pub rest: u64,
}

/// A part of the address space.
struct Mapping {
    range: Range<u64>,
    path: String,
    resident: u64,
}

impl Memory {
    /// Looks at a process, which should stand still meanwhile.
    ///
    /// # Errors
    /// When there is no such process, or it may not be looked at.
    pub fn of(pid: u32) -> Result<Self, WorldError> {
        let file = format!("/proc/{pid}/smaps");
        let text = fs::read_to_string(&file).map_err(WorldError::io(format!("reading {file}")))?;
        let mut memory = Self::default();
        for mapping in mappings(&text) {
            if mapping.path == "[heap]" {
                memory.heap += mapping.resident;
                memory.live = live(&bytes(pid, &mapping.range)?);
            } else if mapping.path.starts_with('/') {
                memory.program += mapping.resident;
            } else {
                memory.rest += mapping.resident;
            }
        }
        Ok(memory)
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
        let mib = |bytes: u64| bytes as f64 / f64::from(1024 * 1024);
        let all = self.program + self.heap + self.rest;
        write!(f, "{:.1} MiB: program pages {:.1}, ", mib(all), mib(self.program))?;
        match self.live {
            Some(live) => {
                let held = self.heap.saturating_sub(live);
                write!(f, "live objects {:.1}, held by the allocator {:.1}, ", mib(live), mib(held))?;
            }
            None => write!(f, "heap {:.1}, ", mib(self.heap))?,
        }
        write!(f, "large objects and stacks {:.1}", mib(self.rest))
    }
}

/// The mappings in a text as `/proc/<pid>/smaps` has it.
///
/// # Source
/// `proc_pid_smaps(5)`.
fn mappings(text: &str) -> Vec<Mapping> {
    let mut mappings: Vec<Mapping> = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let (first, rest) = (words.next().unwrap_or_default(), words);
        if let Some((from, to)) = first.split_once('-')
            && let (Ok(from), Ok(to)) = (u64::from_str_radix(from, 16), u64::from_str_radix(to, 16))
        {
            let path = rest.skip(4).collect::<Vec<_>>().join(" ");
            mappings.push(Mapping { range: from..to, path, resident: 0 });
        } else if first == "Rss:"
            && let Some(mapping) = mappings.last_mut()
        {
            let kibibytes = rest.clone().next().and_then(|number| number.parse::<u64>().ok());
            mapping.resident = kibibytes.unwrap_or_default() * 1024;
        }
    }
    mappings
}

/// The bytes of a process in this range.
fn bytes(pid: u32, range: &Range<u64>) -> Result<Vec<u8>, WorldError> {
    let file = format!("/proc/{pid}/mem");
    let length = usize::try_from(range.end - range.start).unwrap_or_default();
    let read = || {
        let mut memory = File::open(&file)?;
        memory.seek(SeekFrom::Start(range.start))?;
        let mut bytes = vec![0; length];
        memory.read_exact(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(WorldError::io(format!("reading {file}")))
}

/// The bytes in use of a heap of glibc: its chunks lie one behind the other, each begins with the size of the one before and
/// its own, whose lowest bit says whether the one before is in use; the last one is free. `None` when it doesn't look like
/// that.
///
/// # Source
/// glibc, `malloc/malloc.c`, "Chunk representation".
fn live(heap: &[u8]) -> Option<u64> {
    const FLAGS: usize = 0b111;
    let header = |at: usize| -> Option<usize> {
        let word = heap.get(at + 8..at + 16)?.try_into().ok()?;
        usize::try_from(u64::from_le_bytes(word)).ok()
    };
    let (mut at, mut live) = (0, 0);
    loop {
        let size = header(at)? & !FLAGS;
        if size < 32 || !size.is_multiple_of(16) {
            return None;
        }
        let next = at.checked_add(size)?;
        if next >= heap.len() {
            return (next == heap.len()).then_some(live);
        }
        if header(next)? & 1 == 1 {
            live += u64::try_from(size).ok()?;
        }
        at = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_are_told_apart_by_their_files() {
        let text = "55d0-55e0 r-xp 00000000 08:01 42    /bin/some program\nSize: 8 kB\nRss: 4 kB\nPss: 1 kB\n\
                    60000-62000 rw-p 00000000 00:00 0    [heap]\nRss: 8 kB\n\
                    7f00-7f10 rw-p 00000000 00:00 0 \nRss: 12 kB\n";
        let read: Vec<_> = mappings(text).into_iter().map(|one| (one.path, one.range, one.resident / 1024)).collect();
        let expect = [
            ("/bin/some program".to_owned(), 0x55d0..0x55e0, 4),
            ("[heap]".to_owned(), 0x60000..0x62000, 8),
            (String::new(), 0x7f00..0x7f10, 12),
        ];
        assert_eq!(read, expect);
    }

    /// A heap of chunks: each one's size, and whether it is in use.
    fn chunks(chunks: &[(usize, bool)]) -> Vec<u8> {
        let mut heap = Vec::new();
        let mut before = true;
        for (size, used) in chunks {
            let at = heap.len();
            heap.resize(at + size, 0);
            heap[at + 8..at + 16].copy_from_slice(&(size | usize::from(before)).to_le_bytes());
            before = *used;
        }
        heap
    }

    fn check(heap: &[u8], expect: Option<u64>) {
        assert_eq!(live(heap), expect);
    }

    #[test]
    fn what_is_in_use_of_a_heap_is_counted_and_the_last_chunk_is_free() {
        check(&chunks(&[(32, true), (64, false), (128, true), (256, false)]), Some(160));
        check(&chunks(&[(32, true), (48, true), (32, false)]), Some(80));
    }

    #[test]
    fn what_does_not_look_like_a_heap_is_not_counted() {
        check(&[0; 64], None);
        check(&chunks(&[(32, true), (64, false)])[..80], None);
        check(&[], None);
    }
}
