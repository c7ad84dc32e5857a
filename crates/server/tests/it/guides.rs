//! The guides as a reader follows them: every line of their ```sh blocks, pasted in order into one shell next to a
//! fresh demo. A failing line or a refused request fails the test.

use super::binary::start;
use std::{
    path::Path,
    process::{Command, Output},
};

/// Guides whose ```sh blocks can be pasted from top to bottom next to the demo, each with the `tenantry.toml` that it
/// needs. Blocks in which a reader must insert values are ```console or ```text.
const PASTED: &[(&str, &str)] = &[
    ("quick-start.md", ""),
    ("access.md", ""),
    ("backups.md", ""),
    ("cloning.md", ""),
    ("operations.md", ""),
    ("operating.md", ""),
    ("leaving.md", ""),
    ("moving.md", TWO_SERVERS),
];

/// The configuration in the guide on moving.
const TWO_SERVERS: &str = "[servers.main]\npath = \"databases\"\n[servers.disk2]\npath = \"more\"\n\
    [stores.control]\nserver = \"main\"\n[stores.shared]\nserver = \"main\"\n\
    [stores.tenant]\nservers = [\"main\", \"disk2\"]\n[registration]\nplacement = \"first\"\n";

/// Returns the lines of the guide's ```sh blocks.
fn script(guide: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides").join(guide);
    let text = std::fs::read_to_string(path).unwrap();
    let blocks = text.split("\n```sh\n").skip(1);
    blocks.map(|rest| rest.split("\n```").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// Runs lines in a shell in which `curl` fails if its request fails, and `tenantry` is this binary.
fn paste(dir: &Path, lines: &str) -> Output {
    let shell = format!(
        "set -euo pipefail\ntenantry() {{ '{}' \"$@\"; }}\n\
         curl() {{ command curl --fail-with-body -S \"$@\" || {{ echo \"REFUSED: $*\" >&2; return 1; }}; }}\n{lines}\n",
        env!("CARGO_BIN_EXE_tenantry")
    );
    Command::new("bash").arg("-c").arg(shell).current_dir(dir).output().expect("bash")
}

#[test]
fn every_line_of_the_guides_works_when_pasted() {
    for (guide, config) in PASTED {
        let dir = tempfile::tempdir().unwrap();
        if !config.is_empty() {
            std::fs::write(dir.path().join("tenantry.toml"), config).unwrap();
        }
        let demo = start(dir.path(), "demo");
        let script = script(guide);
        assert!(script.lines().filter(|line| !line.is_empty()).count() > 2, "{guide}: {script}");
        let output = paste(dir.path(), &script.replace("127.0.0.1:8000", demo.address()));
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{guide}: {errors}\n{said}");
        // A line may succeed without an error and still find nothing.
        assert!(!said.contains("\"items\":[]") && !said.contains("\"created\":0"), "{guide}: {said}");
    }
}
