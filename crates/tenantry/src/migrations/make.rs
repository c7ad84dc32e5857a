//! `migrate make`: compares the models with the state that the migrations produce, and writes new files.
//!
//! The command line calls it, and `check` calls it without writing. Options answer the decisions that need a person, or
//! it asks; it never guesses where data could be lost. It never changes an existing file.

use super::name;
use crate::{
    apps::{App, Apps, Origin},
    error::{Error, Result},
};
use std::{fs, io::Write, path::PathBuf};
use tenantry_engine::{
    migration::{self, Answers, Migration, Op, Question, State, Undecided},
    model::Model,
    name::AppName,
};

/// A new migration with its file.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// The migration.
    pub migration: Migration,
    /// Path of its file, which is written unless this was a dry run.
    pub path: PathBuf,
}

/// Options for creating migrations.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// App whose migrations to create; `None` for all apps.
    pub app: Option<AppName>,
    /// Words for the file name; `None` for automatic words.
    pub name: Option<String>,
    /// Answers given as options.
    pub answers: Answers,
    /// True to report only what would be created.
    pub dry_run: bool,
}

/// Reason why nothing was created.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// There are questions without an answer, or changes that no migration can make.
    #[error("{}", list(.0))]
    Undecided(Undecided),
    /// The migrations contradict each other, or a file could not be written.
    #[error(transparent)]
    Error(#[from] Error),
}

/// Lists every question with the options that answer it, and every refusal with its remedy.
fn list(undecided: &Undecided) -> String {
    let mut lines = undecided.refusals.clone();
    for question in &undecided.questions {
        lines.push(question.text.clone());
        lines.extend(question.choices.iter().map(|c| format!("    {}    ({})", c.option, c.meaning)));
    }
    lines.join("\n")
}

/// Creates the missing migrations. `ask` gets each question and returns the chosen option (for example `--rename a=b`),
/// or `None` if there is no person to ask.
///
/// # Errors
/// Returns [`Failed::Undecided`] for questions without an answer; [`Failed::Error`] for contradictory migrations or
/// files that cannot be written.
pub fn make(
    apps: &Apps,
    options: &Options,
    ask: &mut dyn FnMut(&Question) -> Option<String>,
) -> Result<Vec<Made>, Failed> {
    if let Some(app) = options.app.as_ref().filter(|app| !apps.list().iter().any(|a| a.name == **app)) {
        let list: Vec<_> = apps.list().iter().map(|a| a.name.as_str()).collect();
        return Err(Error::invalid(
            "app",
            format!(
                "{app} is not installed: add it to `list` under [apps] in tenantry.toml (there: {})",
                list.join(", ")
            ),
        )
        .into());
    }
    let models: Vec<Model> = apps.models().iter().map(|model| (**model).clone()).collect();
    let mut migrations = apps.migrations().to_vec();
    let mut answers = options.answers.clone();
    let mut made = Vec::new();
    for app in apps.list().iter().filter(|app| options.app.as_ref().is_none_or(|only| *only == app.name)) {
        let state = state(&migrations)?;
        let ops = decide(app, &state, &models, &mut answers, ask)?;
        if ops.is_empty() {
            continue;
        }
        let earlier: Vec<&Migration> = migrations.iter().filter(|m| m.app == app.name).collect();
        let migration = Migration {
            app: app.name.clone(),
            name: name::next(&earlier, &ops, options.name.as_deref()),
            depends: migration::dependencies(&app.name, &ops, &migrations),
            ops,
        };
        let path = path(app, &migration)?;
        migrations.push(migration.clone());
        made.push(Made { migration, path });
    }
    if !options.dry_run {
        made.iter().try_for_each(write)?;
    }
    Ok(made)
}

fn state(migrations: &[Migration]) -> Result<State> {
    State::replay(migrations).map_err(|error| Error::Conflict(error.to_string()))
}

/// Compares until no question is left. Each round answers at least one question, or ends.
fn decide(
    app: &App,
    state: &State,
    models: &[Model],
    answers: &mut Answers,
    ask: &mut dyn FnMut(&Question) -> Option<String>,
) -> Result<Vec<Op>, Failed> {
    loop {
        let undecided = match migration::diff(&app.name, state, models, answers) {
            Ok(ops) => return Ok(ops),
            Err(undecided) => undecided,
        };
        let chosen = match undecided.questions.first() {
            Some(question) if undecided.refusals.is_empty() => ask(question),
            _ => None,
        };
        let Some(chosen) = chosen else { return Err(Failed::Undecided(undecided)) };
        answer(answers, &chosen)?;
    }
}

/// Parses an answer, in the form in which a user types it on the command line.
fn answer(answers: &mut Answers, chosen: &str) -> Result<()> {
    let words = chosen.trim().trim_start_matches("--").split_once(' ');
    let (option, value) =
        words.ok_or_else(|| Error::invalid("answer", format!("{chosen:?} is no option")))?;
    answers.add(option, value.trim()).map_err(|reason| Error::invalid("answer", reason))
}

fn path(app: &App, migration: &Migration) -> Result<PathBuf> {
    match &app.origin {
        Origin::Folder(folder) => Ok(folder.join("migrations").join(format!("{}.toml", migration.name))),
        Origin::BuiltIn => Err(Error::Conflict(format!(
            "app `{}` is built in and cannot be changed; copy its folder into the apps directory first",
            app.name
        ))),
    }
}

/// Writes the file with `create_new`, so that a file created meanwhile is never replaced.
fn write(made: &Made) -> Result<()> {
    let failed = |error: std::io::Error| Error::io(made.path.display(), &error);
    if let Some(folder) = made.path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(&made.path).map_err(failed)?;
    file.write_all(made.migration.to_text().as_bytes()).map_err(failed)
}
