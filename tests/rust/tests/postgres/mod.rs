// SPDX-License-Identifier: MIT OR Apache-2.0
//! A PostgreSQL of Debian's package, of an unprivileged user where the test is root's.
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

pub struct Postgres {
    binaries: PathBuf,
    directory: PathBuf,
    pub port: u16,
    process: Option<Child>,
}

/// Where it cannot be had the test is skipped, with the reason; never with `TRIFUSE_NO_SKIP=1`.
pub fn postgres_or_skip() -> Option<Postgres> {
    match Postgres::new() {
        Ok(server) => Some(server),
        Err(reason) => {
            let never = std::env::var_os("TRIFUSE_NO_SKIP").is_some_and(|value| value != "0");
            assert!(!never, "no PostgreSQL, and TRIFUSE_NO_SKIP is set: {reason}");
            eprintln!("\nSKIPPED, no PostgreSQL (apt-get install postgresql): {reason}\n");
            None
        }
    }
}

impl Postgres {
    fn new() -> Result<Self, String> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let binaries = binaries().ok_or("no /usr/lib/postgresql/*/bin/initdb, and none in PATH")?;
        let directory =
            std::env::temp_dir().join(format!("trifuse-postgres-{}-{number}", std::process::id()));
        let mut server = Self { binaries, directory, port: 0, process: None };
        fs::create_dir_all(&server.directory).map_err(|error| error.to_string())?;
        if let Some((user, group)) = unprivileged() {
            chown(&server.directory, Some(user), Some(group)).map_err(|error| error.to_string())?;
        }
        let arguments = ["-A", "trust", "-U", "postgres", "-N", "--no-locale", "-E", "UTF8", "-D"];
        let made = server.command("initdb").args(arguments).arg(server.data()).output();
        let made = made.map_err(|error| format!("initdb: {error}"))?;
        if !made.status.success() {
            return Err(format!("initdb: {}", String::from_utf8_lossy(&made.stderr)));
        }
        let free = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
        server.port = free.local_addr().map_err(|error| error.to_string())?.port();
        drop(free);
        server.start();
        Ok(server)
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    pub fn start(&mut self) {
        let settings =
            ["-c", "fsync=off", "-c", "unix_socket_directories=", "-c", "listen_addresses=127.0.0.1"];
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data()).arg("-p").arg(self.port.to_string()).args(settings);
        self.process = Some(command.spawn().expect("postgres starts"));
        let began = Instant::now();
        while !self.answers() {
            let ended = self.process.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "postgres ended: {ended:?}");
            assert!(began.elapsed() < Duration::from_secs(60), "postgres does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn answers(&self) -> bool {
        let port = self.port.to_string();
        let asked = self.command("pg_isready").args(["-h", "127.0.0.1", "-p", &port]).status();
        asked.is_ok_and(|status| status.success())
    }

    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // An immediate end, of its children as well.
            let _ = self.command("pg_ctl").args(["stop", "-m", "immediate", "-D"]).arg(self.data()).status();
            let _ = process.wait();
        }
    }

    pub fn is_unprivileged(&self) -> bool {
        fs::metadata(self.data()).is_ok_and(|data| data.uid() != 0)
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.binaries.join(program));
        command
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        if program == "postgres" {
            command.stderr(Stdio::null());
        }
        if let Some((user, group)) = unprivileged() {
            command.uid(user).gid(group);
        }
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn binaries() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut known: Vec<_> = versions.map(|version| version.path().join("bin")).collect();
    known.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = known.into_iter().rev().chain(std::env::split_paths(&path));
    found
        .into_iter()
        .find(|folder| ["initdb", "postgres", "pg_isready"].iter().all(|one| folder.join(one).exists()))
}

/// The user `nobody` where we are root, as which PostgreSQL does not run.
fn unprivileged() -> Option<(u32, u32)> {
    let ours = fs::metadata(Path::new("/proc/self")).ok()?.uid();
    if ours != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let nobody = users.lines().find(|line| line.starts_with("nobody:"))?;
    let mut fields = nobody.split(':').skip(2).map(|field| field.parse().ok());
    Some((fields.next()??, fields.next()??))
}
