//! The command line for people and scripts: help pages, tables, JSON and errors as snapshots, completions, and the
//! names in the documents of the products.

use super::{
    binary::{items_of, json_of, run, start, stdout},
    lives::fine,
};
use serde_json::Value;
use std::{
    path::Path,
    process::{Command, Stdio},
};

/// Nouns with verbs, and the root.
const PAGES: [&str; 15] = [
    "",
    "app",
    "audit",
    "backup",
    "clock",
    "licence",
    "migrate",
    "node",
    "operation",
    "plan",
    "proof",
    "restore",
    "tenant",
    "tenant maintenance",
    "user",
];

/// Texts that differ from run to run: `0` stands for any digit.
const VARYING: [&str; 6] = [
    "0000-00-00T00:00:00.000000Z",
    "0000-00-00 00:00:00 UTC",
    "0000-00-00 00:00 UTC",
    "000.0 KiB",
    "00.0 KiB",
    "\"bytes\": 000000",
];

/// Replaces the digits of varying texts with `#`.
fn masked(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for pattern in VARYING.map(str::as_bytes) {
        for at in 0..bytes.len().saturating_sub(pattern.len() - 1) {
            let window = &mut bytes[at..at + pattern.len()];
            let fits = |(byte, wanted): (&u8, &u8)| match wanted {
                b'0' => byte.is_ascii_digit(),
                _ => byte == wanted,
            };
            if window.iter().zip(pattern).all(fits) {
                window.iter_mut().filter(|byte| byte.is_ascii_digit()).for_each(|byte| *byte = b'#');
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// Compares a text with its file.
pub(crate) fn compare(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

fn words(line: &str) -> Vec<&str> {
    line.split(' ').filter(|word| !word.is_empty()).collect()
}

#[test]
fn help_pages_name_every_noun_and_verb() {
    let dir = tempfile::tempdir().unwrap();
    for page in PAGES {
        let args = [words(page), vec!["--help"]].concat();
        let name = if page.is_empty() { "root".to_owned() } else { page.replace(' ', "_") };
        compare(&format!("help_{name}"), &stdout(&run(dir.path(), &args)));
    }
}

#[test]
fn the_program_alone_and_a_noun_alone_show_their_help() {
    let dir = tempfile::tempdir().unwrap();
    for page in PAGES.iter().filter(|page| !["clock", "migrate"].contains(page)) {
        let alone = run(dir.path(), &words(page));
        assert_eq!(alone.status.code(), Some(2), "{page}");
        let said = String::from_utf8_lossy(&alone.stderr).into_owned();
        assert!(said.contains("Usage: tenantry"), "{page}: {said}");
    }
}

#[test]
fn tables_json_and_errors_have_one_form() {
    let dir = tempfile::tempdir().unwrap();
    drop(start(dir.path(), "demo"));
    let dir = dir.path();
    for (name, command) in [
        ("tenant_list", "tenant list"),
        ("tenant_show", "tenant show city-hospital"),
        ("plan_list", "plan list"),
        ("plan_show", "plan show starter"),
        ("user_list", "user list"),
        ("user_show", "user show owner@city-hospital.example"),
        ("node_list", "node list"),
        ("operation_list", "operation list"),
        ("operation_show", "operation show 1"),
        ("audit_list", "audit list --limit 2"),
        ("backup_list", "backup list"),
        ("backup_schedules", "backup schedules"),
        ("migrate_status", "migrate status"),
        ("clock_show", "clock show"),
        ("tenant_list_json", "tenant list --json"),
        ("plan_show_json", "plan show starter --json"),
        ("user_list_json", "user list --json"),
        ("audit_list_json", "audit list --limit 1 --json"),
        ("operation_list_json", "operation list --limit 1 --json"),
    ] {
        // Hashes are of this installation alone.
        let shown = fine(dir, &words(command));
        let lines = shown.lines().filter(|line| !line.contains("hash\""));
        compare(name, &masked(&lines.collect::<Vec<_>>().join("\n")));
    }
    compare("errors", &errors(dir));
}

/// Returns the messages of commands that fail.
fn errors(dir: &Path) -> String {
    let mut all = String::new();
    for command in [
        "tenant show nobody",
        "tenant create city-hospital --email a@b.example --no-owner",
        "tenant cancel city-hospital",
        "tenant move city-hospital --to moon",
        "tenant certificate city-hospital",
        "plan show gold",
        "plan set city-hospital gold",
        "user show no@body.example",
        "backup create",
        "backup verify --all",
        "restore swap city-hospital",
        "restore undo city-hospital",
        "restore show city-hospital",
        "operation show 99",
        "operation abandon 1",
        "sql city-hospital nothing",
    ] {
        let output = run(dir, &words(command));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.starts_with("error: "), "{command}: {said}");
        let lines: Vec<_> = said.lines().collect();
        assert!(lines.len() <= 2, "{command}: {said}");
        assert!(lines.get(1).is_none_or(|line| line.starts_with("  remedy: ")), "{command}: {said}");
        all += &format!("$ tenantry {command}\n{said}");
    }
    masked(&all)
}

#[test]
fn a_name_that_cannot_be_is_an_error_of_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    for (command, wrong, why) in [
        ("tenant create no --email a@b.example", "'no' for '<TENANT>'", "use a-z, 0-9, - and _"),
        ("tenant rename acme Acme", "'Acme' for '<NEW-SLUG>'", "use a-z, 0-9, - and _"),
        ("tenant move acme --to disk-2", "'disk-2' for '--to <SERVER>'", "use a-z, 0-9 and _"),
        ("backup create acme --store x!", "'x!' for '--store <STORE>'", "use a-z, 0-9 and _"),
        ("backup show rubbish", "'rubbish' for '<BACKUP>'", "tenantry backup list"),
        ("restore swap acme rubbish", "'rubbish' for '[BACKUP]'", "tenantry backup list"),
        ("restore system rubbish", "'rubbish' for '[BACKUP]'", "tenantry backup list"),
    ] {
        let output = run(dir.path(), &words(command));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{command}: {said}");
        let first = said.lines().next().unwrap();
        assert!(first.starts_with("error: invalid value ") && first.contains(wrong), "{command}: {said}");
        assert!(first.contains(why), "{command}: {said}");
    }
}

#[test]
fn a_page_of_a_list_names_the_next_one() {
    let dir = tempfile::tempdir().unwrap();
    drop(start(dir.path(), "demo"));
    let dir = dir.path();
    for noun in ["audit", "operation"] {
        let whole = json_of(dir, &[noun, "list"]);
        assert!(whole["next"].is_null(), "{whole}");
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let continued = after.iter().flat_map(|next: &String| ["--after", next.as_str()]);
            let args: Vec<_> = [noun, "list", "--limit", "1"].into_iter().chain(continued).collect();
            let page = json_of(dir, &args);
            seen.extend(page["items"].as_array().unwrap().clone());
            let Some(next) = page["next"].as_str() else { break };
            after = Some(next.to_owned());
        }
        assert!(seen.len() > 1 && seen == *whole["items"].as_array().unwrap(), "{noun}: {seen:#?}");
    }
}

/// A command, the path of the HTTP API with the same values, and the position of the values in both. `{backup}` stands
/// for the newest backup.
const ANSWERS: [(&str, &str, &str, &str); 17] = [
    ("tenant list", "", "/api/admin/tenants", ""),
    ("tenant show city-hospital", "", "/api/admin/tenants/city-hospital", ""),
    ("tenant certificate green-clinic", "", "/api/admin/tenants/green-clinic/certificate", ""),
    ("plan list", "", "/api/plans", ""),
    ("plan show starter", "", "/api/plans", "/items/0"),
    ("user list", "", "/api/admin/users", ""),
    ("user show admin@tenantry.example", "", "/api/admin/users", "/items/0"),
    ("backup list", "", "/api/admin/backups", ""),
    ("backup list --tenant city-hospital", "", "/api/admin/tenants/city-hospital/backups", ""),
    ("backup show {backup}", "", "/api/admin/backups/{backup}", ""),
    ("backup status", "", "/api/admin/backups/status", ""),
    ("backup status", "/drill", "/api/admin/backups/drill", ""),
    ("backup schedules", "/items", "/api/admin/backups/status", "/schedules"),
    ("restore show city-hospital", "", "/api/admin/tenants/city-hospital/restore", ""),
    ("operation list", "", "/api/admin/operations", ""),
    ("operation show 1", "", "/api/admin/operations/1", ""),
    ("audit list", "", "/api/admin/audit", ""),
];

/// Members that only the command line shows, and one that changes from second to second.
const NOT_COMPARED: [&str; 5] = ["bytes", "archived", "servers", "trouble", "age_seconds"];

#[test]
fn json_is_what_the_http_api_answers() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), "demo");
    let dir = dir.path();
    for command in [
        "backup create city-hospital",
        "restore create city-hospital",
        "tenant cancel city-hospital --yes city-hospital",
        "tenant cancel green-clinic --grace-days 0 --yes green-clinic",
        "tenant purge green-clinic --early --yes green-clinic",
    ] {
        fine(dir, &words(command));
    }
    let token = server.log_in("admin@tenantry.example");
    let backup = items_of(dir, &["backup", "list", "--tenant", "city-hospital"])[0]["id"].clone();
    let backup = backup.as_str().unwrap();
    for (command, part, path, part_of_answer) in ANSWERS {
        let (command, path) = (command.replace("{backup}", backup), path.replace("{backup}", backup));
        let (status, answer) = server.ask("GET", &path, &token, None);
        assert_eq!(status, 200, "{path}: {answer}");
        let shown = json_of(dir, &words(&command));
        let compared = |whole: &Value, part: &str| without(NOT_COMPARED, whole.pointer(part).unwrap());
        assert_eq!(compared(&shown, part), compared(&answer, part_of_answer), "{command}");
        no_microseconds(&shown);
    }
    for command in ["clock show", "migrate status"] {
        no_microseconds(&json_of(dir, &words(command)));
    }
}

/// Returns an object, or each item of its list, without these members.
fn without(names: [&str; 5], value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(items) = value["items"].as_array() {
        let items: Value = items.iter().map(|item| without(names, item)).collect();
        value["items"] = items;
    } else if let Some(members) = value.as_object_mut() {
        members.retain(|name, _| !names.contains(&&**name));
    }
    value
}

/// Instants are text. Only durations count microseconds.
fn no_microseconds(value: &Value) {
    for (name, value) in value.as_object().into_iter().flatten() {
        assert!(!name.ends_with("_us") || name == "pause_us", "{name}: {value}");
        no_microseconds(value);
    }
    value.as_array().into_iter().flatten().for_each(no_microseconds);
}

#[test]
fn completions_know_nouns_verbs_and_options() {
    let dir = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = fine(dir.path(), &["completions", shell]);
        for word in ["tenant", "revoke-cancellation", "no-owner"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
        for old in ["create-tenant", "migrate-tenants", "retire"] {
            assert!(!script.contains(old), "{shell}: {old} is hidden");
        }
    }
    let script = dir.path().join("tenantry.bash");
    std::fs::write(&script, fine(dir.path(), &["completions", "bash"])).unwrap();
    let line = format!(
        "source {}; COMP_WORDS=(tenantry tenant rev); COMP_CWORD=2; \
         _tenantry tenantry rev tenant; echo \"${{COMPREPLY[@]}}\"",
        script.display()
    );
    let completed = Command::new("bash").args(["-c", &line]).stdin(Stdio::null()).output().unwrap();
    assert_eq!(stdout(&completed).trim(), "revoke-cancellation", "{completed:?}");
}

#[test]
fn names_of_the_documents_do_what_the_commands_do() {
    let dir = tempfile::tempdir().unwrap();
    drop(start(dir.path(), "demo"));
    let dir = dir.path();
    for (old, new) in [
        ("list_tenants", "tenant list"),
        ("initialize_plans", "plan init"),
        ("migrate", "migrate system"),
        ("migrate_tenants --company city-hospital", "migrate tenants --tenant city-hospital"),
        ("create_tenant_db --company city-hospital", "tenant create-database city-hospital"),
        ("backups list --json", "backup list --json"),
        ("operations show 1", "operation show 1"),
        ("clock --data tenantry-data", "clock show"),
    ] {
        assert_eq!(masked(&fine(dir, &words(old))), masked(&fine(dir, &words(new))), "{old}");
    }
}
