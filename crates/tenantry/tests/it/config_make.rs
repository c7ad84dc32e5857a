//! `migrate make` on files: its questions, its output, which reads back and leaves nothing pending.

use std::{fs, path::Path};
use tempfile::TempDir;
use tenantry::{
    apps::{Apps, Origin, startapp},
    config::Config,
    migrations::make::{self, Failed, Options},
};

struct Folder {
    dir: TempDir,
    config: Config,
}

impl Folder {
    /// Creates an app `stock` as `startapp` writes it.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::defaults_in(dir.path());
        config.apps.list = vec!["stock".parse().unwrap()];
        startapp(&config.apps, &"stock".parse().unwrap(), &"tenant".parse().unwrap()).unwrap();
        Self { dir, config }
    }

    fn load(&self) -> Apps {
        Apps::load(&self.config).unwrap_or_else(|problems| panic!("{problems}"))
    }

    fn edit(&self, change: impl Fn(&str) -> String) {
        let path = self.dir.path().join("apps/stock/models/stock_items.toml");
        fs::write(&path, change(&fs::read_to_string(&path).unwrap())).unwrap();
    }

    /// Makes migrations with these options and without prompts; returns the names of the new files.
    fn make(&self, options: &[(&str, &str)]) -> Result<Vec<String>, Failed> {
        let mut wanted = Options::default();
        options.iter().for_each(|(option, value)| wanted.answers.add(option, value).unwrap());
        let made = make::make(&self.load(), &wanted, &mut |_| None)?;
        Ok(made.into_iter().map(|made| made.path.file_name().unwrap().to_str().unwrap().to_owned()).collect())
    }
}

/// The first migration of a new app, then nothing pending; a new field, then nothing pending.
#[test]
fn what_was_made_leaves_nothing_pending() {
    let folder = Folder::new();
    assert_eq!(folder.load().unmigrated().len(), 1);
    assert_eq!(folder.make(&[]).unwrap(), ["0001_initial.toml"]);
    assert!(folder.load().unmigrated().is_empty());
    assert_eq!(folder.make(&[]).unwrap(), [""; 0]);
    let before = folder.load().store(&"tenant".parse().unwrap()).unwrap().fingerprint.clone();
    folder.edit(|text| format!("{text}\n[fields.shelf]\ntype = \"text\"\nmax_length = 20\n"));
    assert_eq!(folder.make(&[]).unwrap(), ["0002_stock_items_add_shelf.toml"]);
    let after = folder.load().store(&"tenant".parse().unwrap()).unwrap().fingerprint.clone();
    assert_ne!(before, after, "the catalog sees that every tenant is behind");
}

/// A rename is asked about, or answered with an option. Nothing is written while a question is open.
#[test]
fn a_rename_is_asked_or_answered_as_an_option() {
    let folder = Folder::new();
    folder.make(&[]).unwrap();
    folder.edit(|text| {
        text.replace("[fields.name]", "[fields.title]").replace("display = \"name\"", "display = \"title\"")
    });
    let Err(Failed::Undecided(undecided)) = folder.make(&[]) else { panic!("was guessed") };
    assert!(!undecided.questions.is_empty());
    assert_eq!(undecided.questions[0].choices[0].option, "--rename stock_items.name=title");
    assert_eq!(fs::read_dir(folder.dir.path().join("apps/stock/migrations")).unwrap().count(), 2);

    let mut asked = 0;
    let mut ask = |question: &tenantry_engine::migration::Question| {
        asked += 1;
        assert_eq!(asked, 1, "asked again: {question:?}");
        Some(question.choices[0].option.clone())
    };
    let dry = Options { dry_run: true, ..Options::default() };
    let made = make::make(&folder.load(), &dry, &mut ask).unwrap();
    assert_eq!((asked, made[0].migration.name.as_str()), (1, "0002_stock_items_rename_name_to_title"));
    assert_eq!(folder.make(&[("rename", "stock_items.name=title")]).unwrap().len(), 1);
    assert!(folder.load().unmigrated().is_empty());
}

/// A required field is asked about, and the question names the options that answer it.
#[test]
fn a_required_field_needs_a_value_for_rows_that_exist() {
    let folder = Folder::new();
    folder.make(&[]).unwrap();
    folder.edit(|text| format!("{text}\n[fields.price]\ntype = \"decimal\"\nrequired = true\n"));
    let text = folder.make(&[]).unwrap_err().to_string();
    assert!(text.contains("--fill stock_items.price=VALUE"), "{text}");
    assert_eq!(
        folder.make(&[("fill", "stock_items.price=9.99")]).unwrap(),
        ["0002_stock_items_add_price.toml"]
    );
    folder.load();
}

/// A copied or renamed file does not run under another name.
#[test]
fn a_renamed_migration_is_refused_with_its_file() {
    let folder = Folder::new();
    folder.make(&[]).unwrap();
    let migrations = folder.dir.path().join("apps/stock/migrations");
    fs::rename(migrations.join("0001_initial.toml"), migrations.join("0001_first.toml")).unwrap();
    let problems = Apps::load(&folder.config).unwrap_err().to_string();
    assert!(problems.contains("0001_first.toml:1: says it is stock/0001_initial"), "{problems}");
}

/// The built-in app is complete: its migrations produce exactly its models. With `TENANTRY_MAKE=1`, after a change of
/// the models, this test writes the missing migration.
#[test]
fn the_migrations_of_medadmin_make_its_models() {
    let mut config = Config::default();
    if std::env::var_os("TENANTRY_MAKE").is_some() {
        config.apps.dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../apps");
        let apps = Apps::load(&config).unwrap_or_else(|problems| panic!("{problems}"));
        make::make(&apps, &Options::default(), &mut |_| None).unwrap();
    }
    let apps = Apps::load(&config).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(
        matches!(apps.app("medadmin").unwrap().origin, Origin::BuiltIn)
            || config.apps.dir != Path::new("apps")
    );
    assert!(apps.unmigrated().is_empty());
}
