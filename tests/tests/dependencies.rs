//! Invariants A1, A2 and A3: who may depend on whom.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use lamplighter_tests::root;
use serde_json::Value;

/// Crates that do I/O. None may be below the core, the configuration, the catalog or an action.
const DO_IO: [&str; 8] =
    ["tokio", "hyper", "mio", "socket2", "reqwest", "rusqlite", "libsqlite3-sys", "aws-config"];

/// Package id to the ids of those it depends on.
type Edges = BTreeMap<String, BTreeSet<String>>;

/// The packages of the workspace and everything below them, as cargo resolves them.
struct Graph {
    names: BTreeMap<String, String>,
    members: BTreeSet<String>,
    default_members: BTreeSet<String>,
    normal: Edges,
    dev: Edges,
}

impl Graph {
    fn load() -> Graph {
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--locked"])
            .current_dir(root())
            .output()
            .expect("cargo runs: it runs this test");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cargo metadata: {errors}");
        let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
        let ids =
            |key: &str| -> BTreeSet<String> { list(&metadata[key]).iter().map(text).collect() };
        let names = list(&metadata["packages"])
            .iter()
            .map(|package| (text(&package["id"]), text(&package["name"])))
            .collect();
        let mut graph = Graph {
            names,
            members: ids("workspace_members"),
            default_members: ids("workspace_default_members"),
            normal: Edges::new(),
            dev: Edges::new(),
        };
        for node in list(&metadata["resolve"]["nodes"]) {
            for dependency in list(&node["deps"]) {
                for kind in list(&dependency["dep_kinds"]) {
                    let edges = match kind["kind"].as_str() {
                        None => &mut graph.normal,
                        Some("dev") => &mut graph.dev,
                        Some(_) => continue,
                    };
                    edges.entry(text(&node["id"])).or_default().insert(text(&dependency["pkg"]));
                }
            }
        }
        graph
    }

    fn name(&self, id: &str) -> &str {
        &self.names[id]
    }

    /// Workspace members by name.
    fn members(&self) -> BTreeMap<&str, &String> {
        self.members.iter().map(|id| (self.name(id), id)).collect()
    }

    fn direct<'a>(&'a self, edges: &'a Edges, id: &str) -> BTreeSet<&'a str> {
        edges.get(id).into_iter().flatten().map(|to| self.name(to)).collect()
    }

    /// Everything that is linked into a package, by name.
    fn below(&self, id: &str) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let mut next = vec![id];
        while let Some(id) = next.pop() {
            for to in self.normal.get(id).into_iter().flatten() {
                if seen.insert(to.as_str()) {
                    next.push(to);
                }
            }
        }
        seen.into_iter().map(|id| self.name(id)).collect()
    }

    /// Everything that is compiled to build and test a package, by name.
    fn compiled_for<'a>(&'a self, id: &'a str) -> BTreeSet<&'a str> {
        let mut all = self.below(id);
        for dev in self.dev.get(id).into_iter().flatten() {
            all.insert(self.name(dev));
            all.extend(self.below(dev));
        }
        all
    }

    /// The names of the crates below `actions/`, which is where their ids say they are.
    fn actions(&self) -> Vec<&str> {
        let below = format!("{}/actions/", root().display());
        let ids = self.members.iter().filter(|id| id.contains(&below));
        let all: Vec<&str> = ids.map(|id| self.name(id)).collect();
        assert!(!all.is_empty(), "no crate is below `actions/`: this test tests nothing");
        all
    }
}

/// Those of our own among names.
fn ours<'a>(names: &BTreeSet<&'a str>) -> BTreeSet<&'a str> {
    names.iter().copied().filter(|name| name.starts_with("lamplighter")).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[test]
fn a1_what_decides_does_no_io() {
    let graph = Graph::load();
    let members = graph.members();
    let mut pure = vec!["lamplighter-core", "lamplighter-config", "lamplighter-catalog"];
    pure.extend(graph.actions());
    for name in pure {
        let below = graph.below(members[name]);
        let bad: Vec<&&str> =
            below.iter().filter(|it| DO_IO.contains(it) || it.starts_with("aws-")).collect();
        assert!(bad.is_empty(), "{name} links {bad:?}");
    }
}

#[test]
fn a2_one_crate_uses_the_sdk_and_one_program_has_it() {
    let graph = Graph::load();
    let is_sdk = |name: &&str| name.starts_with("aws-");
    for (name, id) in graph.members() {
        let mut direct = graph.direct(&graph.normal, id);
        direct.extend(graph.direct(&graph.dev, id));
        assert_eq!(direct.iter().any(is_sdk), name == "lamplighter-aws", "{name} uses the SDK");
        let compiled = graph.compiled_for(id).iter().any(is_sdk);
        let may = ["lamplighter", "lamplighter-aws"].contains(&name);
        assert_eq!(compiled, may, "{name} has the SDK");
        assert!(!(compiled && graph.default_members.contains(id)), "{name} is a default member");
    }
}

#[test]
fn a3_an_action_depends_on_the_core_and_in_tests_on_the_testkit() {
    let graph = Graph::load();
    let members = graph.members();
    for name in graph.actions() {
        let normal = graph.direct(&graph.normal, members[name]);
        assert_eq!(ours(&normal), BTreeSet::from(["lamplighter-core"]), "{name}");
        let dev = graph.direct(&graph.dev, members[name]);
        let allowed = BTreeSet::from(["lamplighter-core", "lamplighter-testkit"]);
        assert!(ours(&dev).is_subset(&allowed), "{name} in its tests");
    }
}

#[test]
fn the_core_uses_nothing_of_ours() {
    let graph = Graph::load();
    let below = graph.below(graph.members()["lamplighter-core"]);
    assert_eq!(ours(&below), BTreeSet::new());
}
