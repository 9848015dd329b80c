//! The process's own figures, by the names and with the words of Prometheus's client libraries.

use std::fmt::Display;
use std::fs;

use rustix::param::clock_ticks_per_second;
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::series::{head, sample};

/// Writes all of them. One that this system does not tell is left out, as the client libraries do.
pub(super) fn render(out: &mut String) {
    counter(out, "process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", cpu_seconds());
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bytes = |field| kib(&status, field).map(|kib| kib.saturating_mul(1_024));
    gauge(out, "process_resident_memory_bytes", "Resident memory size in bytes.", bytes("VmRSS:"));
    gauge(out, "process_virtual_memory_bytes", "Virtual memory size in bytes.", bytes("VmSize:"));
    gauge(out, "process_open_fds", "Number of open file descriptors.", open_files());
    gauge(out, "process_max_fds", "Maximum number of open file descriptors.", max_files());
    let started = "Start time of the process since unix epoch in seconds.";
    gauge(out, "process_start_time_seconds", started, start_time());
}

fn counter(out: &mut String, name: &str, help: &str, value: impl Display) {
    head(out, name, help, "counter");
    sample(out, name, "", value);
}

fn gauge(out: &mut String, name: &str, help: &str, value: Option<impl Display>) {
    if let Some(value) = value {
        head(out, name, help, "gauge");
        sample(out, name, "", value);
    }
}

/// Returns the processor time of all threads, in seconds.
fn cpu_seconds() -> f64 {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    // Exact to the microsecond for 270 years.
    spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9
}

/// Returns one field of `/proc/self/status`, in KiB (proc_pid_status(5)).
fn kib(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// Returns the number of open files, without the one that the count itself opens.
fn open_files() -> Option<usize> {
    Some(fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1))
}

/// Returns the limit of open files in force.
fn max_files() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// Returns when the process began, in seconds since 1970.
fn start_time() -> Option<f64> {
    let boot = boot_time(&fs::read_to_string("/proc/stat").ok()?)?;
    let ticks = start_ticks(&fs::read_to_string("/proc/self/stat").ok()?)?;
    Some(boot as f64 + ticks as f64 / clock_ticks_per_second() as f64)
}

/// Returns when the system began, in seconds since 1970, of `/proc/stat` (proc_stat(5)).
fn boot_time(stat: &str) -> Option<u64> {
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

/// Returns the ticks from the system's start to the process's, of `/proc/self/stat` (proc_pid_stat(5), field 22).
fn start_ticks(stat: &str) -> Option<u64> {
    // The second field is the program's name in brackets, which may hold blanks and brackets itself.
    let (_, behind_name) = stat.rsplit_once(')')?;
    behind_name.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;

    fn figure(text: &str, name: &str) -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
    }

    #[test]
    fn figures_are_this_processs_own() {
        let mut text = String::new();
        render(&mut text);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        let started = figure(&text, "process_start_time_seconds");
        assert!(started <= now + 1.0 && now - started < 3_600.0, "started {started}, now {now}");
        let (resident, virtual_size) =
            (figure(&text, "process_resident_memory_bytes"), figure(&text, "process_virtual_memory_bytes"));
        assert!(resident > 1e6 && virtual_size > resident, "{resident} of {virtual_size}");
        let (open, max) = (figure(&text, "process_open_fds"), figure(&text, "process_max_fds"));
        assert!(open >= 3.0 && max > open, "{open} of {max}");
    }

    #[test]
    fn processor_time_grows_with_work() {
        let before = cpu_seconds();
        while cpu_seconds() - before < 0.01 {
            std::hint::black_box(std::array::from_fn::<u64, 64, _>(|n| n as u64));
        }
        assert!(before >= 0.0);
    }

    #[test]
    fn open_files_are_counted() {
        let before = open_files().unwrap();
        let held: Vec<_> = (0..40).map(|_| fs::File::open("/proc/self/stat").unwrap()).collect();
        // Other tests open and close files at the same time.
        assert!(open_files().unwrap() >= before.saturating_sub(20) + held.len() / 2);
    }

    #[test]
    fn a_name_with_brackets_and_blanks_hides_no_field() {
        let stat = "4711 (a) b (c)) S 1 4711 4711 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1000 200";
        assert_eq!(start_ticks(stat), Some(987_654));
        assert_eq!(start_ticks("4711 (cut"), None);
        assert_eq!(boot_time("cpu  1 2 3\nbtime 1795363200\nprocesses 5\n"), Some(1_795_363_200));
        assert_eq!(kib("Name:\tx\nVmRSS:\t   1234 kB\n", "VmRSS:"), Some(1_234));
    }
}
