//! `makemigrations`: models as they are against the state the migrations leave → new files.
//!
//! Called by the command line, and by `check` without writing. What only a person knows is answered
//! by options or asked; nothing is guessed that could lose data. Never changes a file that exists.

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

/// A migration that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// The migration.
    pub migration: Migration,
    /// Its file, written unless the run was dry.
    pub path: PathBuf,
}

/// What to make.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Only this app.
    pub app: Option<AppName>,
    /// Words for the file name instead of automatic ones.
    pub name: Option<String>,
    /// Answers given as options.
    pub answers: Answers,
    /// Say what would be made, write nothing.
    pub dry_run: bool,
}

/// Why nothing was made.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// Questions that nobody answered, and changes that no migration can make.
    #[error("{}", list(.0))]
    Undecided(Undecided),
    /// The migrations contradict themselves, or a file could not be written.
    #[error(transparent)]
    Error(#[from] Error),
}

/// Every question with the options that answer it, every refusal with its remedy.
fn list(undecided: &Undecided) -> String {
    let mut lines = undecided.refusals.clone();
    for question in &undecided.questions {
        lines.push(question.text.clone());
        lines.extend(question.choices.iter().map(|c| format!("    {}    ({})", c.option, c.meaning)));
    }
    lines.join("\n")
}

/// Makes what is missing. `ask` gets each question and gives the option chosen (as `--rename a=b`),
/// or `None` when nobody can be asked.
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

/// Diffs until nothing is left to ask. Each round answers at least one question, or ends.
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

/// Takes an answer as it is typed on the command line.
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

/// `create_new`: a file that somebody wrote meanwhile is never replaced.
fn write(made: &Made) -> Result<()> {
    let failed = |error: std::io::Error| Error::io(made.path.display(), &error);
    if let Some(folder) = made.path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(&made.path).map_err(failed)?;
    file.write_all(made.migration.to_text().as_bytes()).map_err(failed)
}
