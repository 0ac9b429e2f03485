//! What the operating system knows of this process, read at each scrape.

use std::fs;

use super::Page;

/// Clock ticks a second in `/proc`; fixed on Linux for programs.
const TICKS: f64 = 100.0;

/// Figures of this process, as the kernel shows them under `/proc`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Process {
    /// Seconds of processor time, user and system.
    pub cpu_seconds: f64,
    /// Bytes in memory.
    pub resident_bytes: f64,
    /// Bytes of address space.
    pub virtual_bytes: f64,
    /// When the process began, in seconds since 1970.
    pub start_seconds: f64,
    /// Open file descriptors.
    pub open_files: f64,
    /// Most file descriptors that may be open.
    pub most_files: f64,
    /// Threads.
    pub threads: f64,
}

impl Process {
    /// Reads the figures of this process; `None` where there is no `/proc`.
    pub fn read() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let system = fs::read_to_string("/proc/stat").unwrap_or_default();
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let files = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        let mut process = parse(&stat, &status, &system, &limits)?;
        process.open_files = u32::try_from(files).map_or(f64::NAN, f64::from);
        Some(process)
    }

    /// Writes the figures under the names that Prometheus' client libraries use.
    pub fn write(self, page: &mut Page) {
        let mut one = |name: &str, help: &str, kind: &str, value: f64| {
            page.family(name, help, kind);
            page.sample(name, &[], value);
        };
        one("process_cpu_seconds_total", "Processor time, user and system.", "counter", self.cpu_seconds);
        one("process_resident_memory_bytes", "Memory in use.", "gauge", self.resident_bytes);
        one("process_virtual_memory_bytes", "Address space in use.", "gauge", self.virtual_bytes);
        one("process_start_time_seconds", "When the process began, since 1970.", "gauge", self.start_seconds);
        one("process_open_fds", "Open file descriptors.", "gauge", self.open_files);
        one("process_max_fds", "Most file descriptors that may be open.", "gauge", self.most_files);
        one("process_threads", "Threads.", "gauge", self.threads);
    }
}

fn parse(stat: &str, status: &str, system: &str, limits: &str) -> Option<Process> {
    // The second field is the name in brackets and may hold anything; fields are counted after it.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |nth: usize| fields.get(nth - 3).and_then(|text| text.parse::<f64>().ok());
    let kilobytes = |name: &str| after(status, name).map_or(0.0, |kilobytes| kilobytes * 1024.0);
    Some(Process {
        cpu_seconds: (field(14)? + field(15)?) / TICKS,
        resident_bytes: kilobytes("VmRSS:"),
        virtual_bytes: kilobytes("VmSize:"),
        start_seconds: after(system, "btime").unwrap_or_default() + field(22)? / TICKS,
        open_files: 0.0,
        most_files: after(limits, "Max open files").unwrap_or_default(),
        threads: field(20)?,
    })
}

/// Reads the first number after a name at the beginning of a line.
fn after(text: &str, name: &str) -> Option<f64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_past_a_name_with_brackets_and_spaces() {
        let stat = "7 (a) b (c) S 1 1 1 0 -1 4 0 0 0 0 250 50 0 0 20 0 9 0 1000 0 0";
        let status = "Name:\tx\nVmSize:\t 2048 kB\nVmRSS:\t  1024 kB\n";
        let process =
            parse(stat, status, "cpu 1 2\nbtime 1700000000\n", "Max open files   1024  4096 files\n").unwrap();
        let expect = Process {
            cpu_seconds: 3.0,
            resident_bytes: 1_048_576.0,
            virtual_bytes: 2_097_152.0,
            start_seconds: 1_700_000_010.0,
            open_files: 0.0,
            most_files: 1024.0,
            threads: 9.0,
        };
        assert_eq!(process, expect);
    }

    #[test]
    fn this_process_has_figures_on_linux() {
        if let Some(process) = Process::read() {
            assert!(process.resident_bytes > 100_000.0 && process.open_files >= 3.0 && process.threads >= 1.0);
        }
    }
}
