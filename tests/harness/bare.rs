//! The real binary as a page has it: these variables, this folder, and nothing else.

use std::{
    io::{BufRead as _, BufReader, Lines},
    path::Path,
    process::{Child, ChildStderr, Command, Stdio},
};

use super::Ran;

/// What the program finds around it.
pub(crate) struct Bare<'a> {
    /// The folder in which commands are typed.
    pub(crate) folder: &'a Path,
    pub(crate) variables: Vec<(String, String)>,
}

/// A running server. Killed when dropped.
pub(crate) struct Serving {
    process: Child,
    lines: Lines<BufReader<ChildStderr>>,
}

impl Bare<'_> {
    fn start(&self, arguments: &[String]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.current_dir(self.folder).env_clear().envs(self.variables.iter().cloned()).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// A command, to its end.
    pub(crate) fn run(&self, arguments: &[String]) -> Ran {
        Ran::of(self.start(arguments))
    }

    /// A server that has said that it is ready.
    pub(crate) fn serve(&self, arguments: &[String]) -> Serving {
        let mut process = self.start(arguments);
        let lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut serving = Serving { process, lines };
        serving.says("Portcullis is ready");
        serving
    }
}

impl Serving {
    /// The next line of the log that has this in it.
    pub(crate) fn says(&mut self, what: &str) -> String {
        let mut before = Vec::new();
        for line in self.lines.by_ref().map_while(Result::ok) {
            if line.contains(what) {
                return line;
            }
            before.push(line);
        }
        panic!("it ended without {what}:\n{}", before.join("\n"));
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _gone_already = self.process.kill();
        let _status = self.process.wait();
    }
}
