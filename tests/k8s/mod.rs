//! The manifests in `k8s/`: every field is one that Kubernetes knows, the parts
//! fit each other, and the server reads the configuration in them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests: a panic is the report")]

mod install;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use k8s_openapi::{
    api::{
        apps::v1::StatefulSet,
        core::v1::{ConfigMap, Container, PodSpec, Service},
        networking::v1::{Ingress, NetworkPolicy},
    },
    apimachinery::pkg::util::intstr::IntOrString,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../k8s")
}

fn text(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap_or_else(|error| panic!("k8s/{name}: {error}"))
}

/// Reads a manifest as the type, and names what the type does not know.
fn read<T: DeserializeOwned>(yaml: &str) -> Result<T, String> {
    let value: Value = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
    let mut unknown = Vec::new();
    let read = serde_ignored::deserialize(value, |path| unknown.push(path.to_string())).map_err(|error| error.to_string())?;
    if unknown.is_empty() { Ok(read) } else { Err(format!("unknown: {}", unknown.join(", "))) }
}

fn manifest<T: DeserializeOwned>(name: &str) -> T {
    read(&text(name)).unwrap_or_else(|error| panic!("k8s/{name}: {error}"))
}

fn pod() -> PodSpec {
    manifest::<StatefulSet>("statefulset.yaml").spec.template.spec.unwrap()
}

fn container() -> Container {
    let mut containers = pod().containers;
    assert_eq!(containers.len(), 1, "one program, nothing beside it");
    containers.remove(0)
}

/// Reads a file as the type its `kind` names.
fn check(name: &str) -> Result<(), String> {
    let yaml = text(name);
    let value: Value = serde_saphyr::from_str(&yaml).map_err(|error| error.to_string())?;
    match value.get("kind").and_then(Value::as_str) {
        Some("ConfigMap") => read::<ConfigMap>(&yaml).map(drop),
        Some("Ingress") => read::<Ingress>(&yaml).map(drop),
        Some("NetworkPolicy") => read::<NetworkPolicy>(&yaml).map(drop),
        Some("Service") => read::<Service>(&yaml).map(drop),
        Some("StatefulSet") => read::<StatefulSet>(&yaml).map(drop),
        other => Err(format!("no test reads a {other:?}")),
    }
}

#[test]
fn every_manifest_holds_only_what_kubernetes_knows() {
    let mut files = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if Path::new(&name).extension().is_some_and(|extension| extension == "yaml") {
            check(&name).unwrap_or_else(|error| panic!("k8s/{name}: {error}"));
            files += 1;
        }
    }
    assert!(files >= 5, "{files} manifests");
}

#[test]
fn a_misspelt_field_is_refused() {
    let right = text("statefulset.yaml");
    for (field, misspelt) in
        [("readOnlyRootFilesystem:", "readOnlyRootFileSystem:"), ("runAsNonRoot:", "runAsNonroot:"), ("replicas:", "replica:")]
    {
        assert!(right.contains(field));
        let error = read::<StatefulSet>(&right.replace(field, misspelt)).err().unwrap();
        assert!(error.contains("unknown") && error.contains(misspelt.trim_end_matches(':')), "{error}");
    }
}

#[test]
fn a_field_of_the_wrong_type_or_given_twice_is_refused() {
    let right = text("statefulset.yaml");
    read::<StatefulSet>(&right.replace("replicas: 1", "replicas: one")).err().unwrap();
    read::<StatefulSet>(&right.replace("replicas: 1", "replicas: 1\n  replicas: 2")).err().unwrap();
    read::<Service>(&right).err().unwrap();
}

#[test]
fn the_pod_has_no_rights_it_does_not_need() {
    let pod = pod();
    let of_pod = pod.security_context.unwrap();
    assert_eq!(of_pod.run_as_non_root, Some(true));
    assert!(of_pod.run_as_user.unwrap() > 0 && of_pod.run_as_group.unwrap() > 0);
    assert_eq!(of_pod.seccomp_profile.unwrap().type_, "RuntimeDefault");
    assert_eq!(of_pod.fs_group_change_policy.as_deref(), Some("OnRootMismatch"), "the master key stays readable by its owner only");
    assert_eq!(pod.automount_service_account_token, Some(false));
    assert_eq!(pod.enable_service_links, Some(false), "the links' variables would be read as settings");
    assert_eq!((pod.host_network, pod.host_pid, pod.host_ipc), (None, None, None));

    let of_container = container().security_context.unwrap();
    assert_eq!(of_container.read_only_root_filesystem, Some(true));
    assert_eq!(of_container.allow_privilege_escalation, Some(false));
    assert_eq!(of_container.privileged, None);
    let capabilities = of_container.capabilities.unwrap();
    assert_eq!((capabilities.drop, capabilities.add), (Some(vec!["ALL".to_owned()]), None));
}

#[test]
fn one_pod_owns_the_sqlite_file() {
    let spec = manifest::<StatefulSet>("statefulset.yaml").spec;
    assert_eq!(spec.replicas, Some(1));
    let claims = spec.volume_claim_templates.unwrap();
    let modes: Vec<_> = claims.into_iter().flat_map(|claim| claim.spec.unwrap().access_modes.unwrap()).collect();
    assert_eq!(modes, ["ReadWriteOncePod"]);
}

#[test]
fn the_probes_ask_the_health_paths_at_a_port_that_exists() {
    let container = container();
    let ports: BTreeSet<_> = container.ports.unwrap().into_iter().filter_map(|port| port.name).collect();
    let asked = [(container.startup_probe, "/livez"), (container.liveness_probe, "/livez"), (container.readiness_probe, "/readyz")];
    for (probe, path) in asked {
        let get = probe.unwrap().http_get.unwrap();
        assert_eq!(get.path.as_deref(), Some(path));
        assert!(matches!(&get.port, IntOrString::String(name) if ports.contains(name)), "{:?}", get.port);
    }
}

#[test]
fn selectors_names_and_ports_fit_each_other() {
    let set = manifest::<StatefulSet>("statefulset.yaml");
    let spec = set.spec;
    let labels = spec.template.metadata.unwrap().labels.unwrap();
    let service = manifest::<Service>("service.yaml");
    let of_service = service.spec.unwrap();
    assert_eq!(spec.selector.match_labels.as_ref(), Some(&labels));
    assert_eq!(of_service.selector.as_ref(), Some(&labels));
    assert_eq!(spec.service_name, service.metadata.name);
    assert_eq!(of_service.ports.unwrap().remove(0).target_port, Some(IntOrString::String("http".to_owned())));
    let policy = manifest::<NetworkPolicy>("networkpolicy.yaml").spec.unwrap();
    assert_eq!(policy.pod_selector.unwrap().match_labels, Some(labels));

    let ingress = manifest::<Ingress>("ingress.yaml").spec.unwrap();
    let host = ingress.rules.unwrap().remove(0).host.unwrap();
    assert_eq!(ingress.tls.unwrap().remove(0).hosts, Some(vec![host.clone()]));
    assert!(configuration().contains(&format!("issuer = \"https://{host}\"")), "the ingress and the issuer name the same host");
}

#[test]
fn every_mount_has_its_volume_and_the_data_lies_on_the_claim() {
    let spec = manifest::<StatefulSet>("statefulset.yaml").spec;
    let claims = spec.volume_claim_templates.unwrap().into_iter().filter_map(|claim| claim.metadata.name);
    let volumes = pod().volumes.unwrap().into_iter().map(|volume| volume.name);
    let known: BTreeSet<_> = claims.chain(volumes).collect();
    let container = container();
    let mounts: BTreeMap<_, _> = container.volume_mounts.unwrap().into_iter().map(|mount| (mount.name, mount.mount_path)).collect();
    assert_eq!(mounts.keys().cloned().collect::<BTreeSet<_>>(), known);

    let variables = container.env.unwrap();
    let data = variables.iter().find(|variable| variable.name == "PORTCULLIS_DATA_DIR").and_then(|variable| variable.value.as_deref());
    assert!(Path::new(data.unwrap()).starts_with(&mounts["data"]));
}

fn configuration() -> String {
    manifest::<ConfigMap>("configmap.yaml").data.unwrap().remove("portcullis.toml").unwrap()
}

#[test]
fn the_server_reads_the_configuration_in_the_config_map() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("portcullis.toml");
    fs::write(&file, configuration()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .env_clear()
        .env("PORTCULLIS_DATA_DIR", folder.path().join("data"))
        .args(["config", "check", "--config"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
}
