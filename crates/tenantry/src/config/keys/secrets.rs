//! `[secrets]`: where the keys are with which the platform encrypts the secrets that it stores, such as the URLs of
//! attached databases. The file itself contains no key.

use crate::config::{Secret, reader::Section};
use std::path::Path;

/// The section `[secrets]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretsConfig {
    /// Location of the keys; `None` if there are none, so that no secret can be stored.
    pub keys: Option<KeysAt>,
}

/// Location of the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeysAt {
    /// A variable or a file.
    Secret(Secret),
    /// A program and its arguments. It prints the keys.
    Command(Vec<String>),
}

pub(in crate::config) fn read(section: Section<'_>, dir: &Path) -> SecretsConfig {
    let file = section.text("key_file").map(|path| KeysAt::Secret(Secret::File(dir.join(path))));
    let env = section.text("key_env").map(|name| KeysAt::Secret(Secret::Env(name.to_owned())));
    let command = section.list("key_command").map(KeysAt::Command);
    if matches!(&command, Some(KeysAt::Command(words)) if words.is_empty()) {
        section.problem(
            "key_command",
            "must name a program and its arguments: [\"pass\", \"show\", \"tenantry\"]",
        );
    }
    let mut given = [file, env, command].into_iter().flatten();
    let keys = given.next();
    if given.next().is_some() {
        section.problem("key_file", "give one of `key_file`, `key_env` and `key_command`");
    }
    section.finish();
    SecretsConfig { keys }
}
