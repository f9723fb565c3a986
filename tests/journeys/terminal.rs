//! Somebody sits at a terminal and starts the server there.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
};

use tokio::sync::mpsc;

use crate::harness::PATIENCE;

/// The program on a pseudo terminal of its own (`script` of util-linux). Ends with the test.
pub(super) struct Terminal {
    process: Child,
    keyboard: ChildStdin,
    screen: mpsc::UnboundedReceiver<String>,
}

impl Terminal {
    /// Types a command of the program, in the home folder, with no settings but these.
    pub(super) fn run(home: &Path, command: &str) -> Self {
        let binary = env!("CARGO_BIN_EXE_portcullis");
        let mut process = Command::new("script")
            .args(["--quiet", "--return", "--command", &format!("exec '{binary}' {command}"), "/dev/null"])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", home)
            .env("TERM", "xterm-256color")
            .env("SHELL", "/bin/sh")
            .current_dir(home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script is part of every Debian");
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let (send, screen) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            lines.map_while(Result::ok).all(|line| send.send(line.trim_end_matches('\r').to_owned()).is_ok());
        });
        Self { keyboard: process.stdin.take().unwrap(), process, screen }
    }

    /// All lines up to the one that has this in it.
    pub(super) async fn read_until(&mut self, last: &str) -> String {
        let mut read = String::new();
        loop {
            let line = tokio::time::timeout(PATIENCE, self.screen.recv()).await.unwrap_or_else(|_| panic!("no {last} in:\n{read}"));
            let line = line.unwrap_or_else(|| panic!("it ended before {last}:\n{read}"));
            read.push_str(&line);
            read.push('\n');
            if line.contains(last) {
                return read;
            }
        }
    }

    /// Presses Ctrl-C and waits for the end; what was still written.
    pub(super) async fn interrupt(mut self) -> (ExitStatus, String) {
        self.keyboard.write_all(b"\x03").unwrap();
        let mut read = String::new();
        while let Some(line) = tokio::time::timeout(PATIENCE, self.screen.recv()).await.expect("an end in time") {
            read.push_str(&line);
            read.push('\n');
        }
        (self.process.wait().unwrap(), read)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _gone_already = self.process.kill();
        let _status = self.process.wait();
    }
}
