//! Somebody sits at a terminal and types.

use std::{
    fs,
    io::{Read as _, Write as _},
    path::Path,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
};

use tokio::sync::mpsc;

use super::{PATIENCE, until};

/// The program on a pseudo terminal of its own (`script` of util-linux). Ends with the test.
pub(crate) struct Terminal {
    process: Child,
    keyboard: ChildStdin,
    pieces: mpsc::UnboundedReceiver<Vec<u8>>,
    screen: Vec<u8>,
    read: usize,
}

impl Terminal {
    /// Types a command of the program, in the home folder, with no settings but these.
    pub(crate) fn run(home: &Path, command: &str) -> Self {
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
        let mut output = process.stdout.take().unwrap();
        let (send, pieces) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(length @ 1..) = output.read(&mut piece) {
                let visible = piece[..length].iter().copied().filter(|byte| *byte != b'\r').collect();
                if send.send(visible).is_err() {
                    return;
                }
            }
        });
        Self { keyboard: process.stdin.take().unwrap(), process, pieces, screen: Vec::new(), read: 0 }
    }

    /// What has appeared since the last look, up to and with these words.
    pub(crate) async fn read_to(&mut self, words: &str) -> String {
        loop {
            let new = &self.screen[self.read..];
            if let Some(at) = new.windows(words.len()).position(|window| window == words.as_bytes()) {
                let end = at + words.len();
                let text = String::from_utf8(new[..end].to_vec()).unwrap();
                self.read += end;
                return text;
            }
            assert!(self.appears(words).await, "it ended before {words}:\n{}", self.shown());
        }
    }

    /// All lines up to the one that has this in it.
    pub(crate) async fn read_until(&mut self, last: &str) -> String {
        let mut read = self.read_to(last).await;
        read.push_str(&self.read_to("\n").await);
        read
    }

    /// Waits for the next piece; `false` at the end.
    async fn appears(&mut self, what: &str) -> bool {
        let piece = tokio::time::timeout(PATIENCE, self.pieces.recv()).await;
        let Some(piece) = piece.unwrap_or_else(|_| panic!("no {what} in:\n{}", self.shown())) else { return false };
        self.screen.extend(piece);
        true
    }

    fn shown(&self) -> String {
        String::from_utf8_lossy(&self.screen).into_owned()
    }

    /// Types, and presses Enter.
    pub(crate) fn enter(&mut self, text: &str) {
        self.keyboard.write_all(format!("{text}\r").as_bytes()).unwrap();
    }

    /// Types what the program does not let appear. That it hides it may come a moment after its question.
    pub(crate) async fn enter_unseen(&mut self, text: &str) {
        until("the terminal to hide what is typed", async || !self.echoes()).await;
        self.enter(text);
    }

    /// Whether the terminal shows what is typed, as the program has set it.
    fn echoes(&self) -> bool {
        let script = self.process.id();
        let children = fs::read_to_string(format!("/proc/{script}/task/{script}/children")).unwrap();
        let program = children.split_whitespace().next().expect("the program waits for an answer");
        let device = fs::read_link(format!("/proc/{program}/fd/0")).unwrap();
        let settings = Command::new("stty").arg("-F").arg(device).arg("-a").output().unwrap();
        let settings = String::from_utf8(settings.stdout).unwrap();
        let mut words = settings.split([' ', '\n', ';']);
        words.find(|word| word.trim_start_matches('-') == "echo").expect("stty tells of echo") == "echo"
    }

    /// Waits for the end; the exit code, and all that was ever on the screen.
    pub(crate) async fn end(mut self) -> (ExitStatus, String) {
        while self.appears("end").await {}
        (self.process.wait().unwrap(), self.shown())
    }

    /// Presses Ctrl-C and waits for the end.
    pub(crate) async fn interrupt(mut self) -> (ExitStatus, String) {
        self.keyboard.write_all(b"\x03").unwrap();
        self.end().await
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _gone_already = self.process.kill();
        let _status = self.process.wait();
    }
}
