//! The process as Linux shows it in `/proc/self`; absent in the simulator, where nodes share a process.

use super::{Metric, Page};
use runtime::disk;
use std::path::Path;

/// Ticks per second and bytes per page: fixed by the ABI on the Linux targets that we support.
const TICKS_PER_SECOND: f64 = 100.0;
const PAGE_BYTES: u64 = 4096;
const TEXT_BYTES_MAX: usize = 64 * 1024;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Process {
    cpu_seconds: f64,
    start_seconds: f64,
    resident_bytes: u64,
    virtual_bytes: u64,
    threads: u64,
    open_files: u64,
    max_files: u64,
}

/// Adds what is known of the process; nothing where there is no `/proc`.
pub async fn process_samples(page: &mut Page) {
    let Some(process) = read().await else { return };
    page.add(Metric::ProcessCpu, &[], process.cpu_seconds);
    page.add(Metric::ProcessStart, &[], process.start_seconds);
    page.add(Metric::ProcessResident, &[], process.resident_bytes as f64);
    page.add(Metric::ProcessVirtual, &[], process.virtual_bytes as f64);
    page.add(Metric::ProcessThreads, &[], process.threads as f64);
    page.add(Metric::ProcessOpenFiles, &[], process.open_files as f64);
    page.add(Metric::ProcessMaxFiles, &[], process.max_files as f64);
}

async fn read() -> Option<Process> {
    let stat = text("/proc/self/stat").await?;
    let boot = text("/proc/stat").await?;
    let limits = text("/proc/self/limits").await.unwrap_or_default();
    let open_files = disk::read_dir(Path::new("/proc/self/fd"))
        .await
        .map(|files| files.len())
        .unwrap_or(0);
    let mut process = parse(&stat, &boot, &limits)?;
    process.open_files = open_files as u64;
    Some(process)
}

async fn text(path: &str) -> Option<String> {
    // These files claim a length of 0, so they are read up to a bound instead.
    let file = disk::File::open(path, disk::OpenOptions::read()).await.ok()?;
    let mut text = vec![0; TEXT_BYTES_MAX];
    let mut filled = 0;
    while filled < text.len() {
        match file.read_at(&mut text[filled..], filled as u64).ok()? {
            0 => break,
            count => filled += count,
        }
    }
    Some(String::from_utf8_lossy(&text[..filled]).into_owned())
}

/// The fields of proc(5): counted after the command's name, which may hold spaces.
fn parse(stat: &str, boot: &str, limits: &str) -> Option<Process> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
    let boot_seconds: f64 = boot
        .lines()
        .find_map(|line| line.strip_prefix("btime "))?
        .trim()
        .parse()
        .ok()?;
    let max_files = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    Some(Process {
        cpu_seconds: (field(14)? + field(15)?) / TICKS_PER_SECOND,
        start_seconds: boot_seconds + field(22)? / TICKS_PER_SECOND,
        virtual_bytes: field(23)? as u64,
        resident_bytes: field(24)? as u64 * PAGE_BYTES,
        threads: field(20)? as u64,
        open_files: 0,
        max_files: max_files
            .and_then(|line| line.split_whitespace().next()?.parse().ok())
            .unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_with_a_hostile_name_is_parsed() {
        let stat =
            "42 (a ) b) S 1 42 42 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 7 0 1000 8192 3 18446744073709551615";
        let limits = "Limit  Soft Hard Units\nMax open files            1024                 4096                 files";
        let process = parse(stat, "cpu 1 2\nbtime 1000\n", limits).unwrap();
        assert_eq!(
            process,
            Process {
                cpu_seconds: 2.0,
                start_seconds: 1010.0,
                resident_bytes: 3 * 4096,
                virtual_bytes: 8192,
                threads: 7,
                open_files: 0,
                max_files: 1024
            }
        );
        assert_eq!(parse("", "", ""), None);
    }
}
