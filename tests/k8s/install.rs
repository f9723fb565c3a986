//! The guide to an installation, in the pod: its variables, arguments and mounts, in a folder.

use std::{fs, path::Path};

use super::{configuration, container, text};
use crate::{
    docs::{arguments, blocks},
    harness::{Bare, free_port},
};

/// What a value of the container means where its mounts are in this folder.
fn placed(root: &Path, value: String) -> String {
    let mounts = container().volume_mounts.unwrap();
    if mounts.iter().any(|mount| Path::new(&value).starts_with(&mount.mount_path)) { format!("{}{value}", root.display()) } else { value }
}

/// The pod: the container's variables and mounts.
fn pod(root: &Path) -> Bare<'_> {
    let container = container();
    for mount in container.volume_mounts.unwrap() {
        fs::create_dir_all(root.join(mount.mount_path.trim_start_matches('/'))).unwrap();
    }
    let given = container.env.unwrap().into_iter().map(|variable| (variable.name, placed(root, variable.value.unwrap())));
    Bare { folder: root, variables: given.collect() }
}

/// The file in the config map, where the pod has it, with a port of the test's own.
fn write_configuration(root: &Path) {
    let mounts = container().volume_mounts.unwrap();
    let mount = mounts.iter().find(|mount| mount.name == "config").unwrap();
    let here = configuration().replace("\"0.0.0.0:8080\"", &format!("\"127.0.0.1:{}\"", free_port()));
    assert!(here.contains("127.0.0.1:"), "{here}");
    fs::write(root.join(mount.mount_path.trim_start_matches('/')).join("portcullis.toml"), here).unwrap();
}

#[test]
fn every_line_that_the_guide_runs_in_the_pod_works_there() {
    let root = tempfile::tempdir().unwrap();
    let pod = pod(root.path());
    write_configuration(root.path());
    let arguments_of_pod: Vec<String> = container().args.unwrap().into_iter().map(|argument| placed(root.path(), argument)).collect();
    let mut server = pod.serve(&arguments_of_pod);
    let log = server.says("holds a link");
    let file = serde_json::from_str::<serde_json::Value>(&log).unwrap()["file"].as_str().unwrap().to_owned();
    assert!(fs::read_to_string(&file).unwrap().contains("https://auth.example.com/setup/"), "the link is where the log says");

    let mut tried = 0;
    for block in blocks(&text("README.md"), "sh") {
        for line in block.replace("\\\n", " ").lines() {
            if let Some(arguments) = arguments(line) {
                let ran = pod.run(&arguments);
                assert!(ran.status.success(), "{line}\n{}", ran.stderr);
                tried += 1;
            }
        }
    }
    assert!(tried > 0, "the guide adds a resource");
    let listed = pod.run(&["resource".to_owned(), "list".to_owned()]).expect().stdout;
    assert!(listed.contains("https://mcp.example.com/mcp"), "{listed}");
}
