//! Kit for the suites that damage a file and then run every operation on the tenants in it.

use crate::test_platform::{TestPlatform, operator, slug};
use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::{FileExt, PermissionsExt, symlink},
    path::Path,
};
use tenantry::{Error, migrations::fleet::Options};

/// The operations; each runs on a separate tenant.
pub(crate) const VERBS: [&str; 7] = ["restore", "move", "backup", "migrate", "purge", "clone", "export"];
/// Size of a SQLite page, bytes.
pub(crate) const PAGE: usize = 4096;

/// State of a database file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lies {
    Missing,
    Empty,
    Truncated,
    Header,
    FirstPage,
    LeafPage,
    AnotherTenants,
    Directory,
    Dangling,
    NoAccess,
}

impl Lies {
    /// Brings the file into this state. No process has it open.
    pub(crate) fn put(self, file: &Path, another: &Path) {
        match self {
            Self::Missing => fs::remove_file(file).unwrap(),
            Self::Empty => drop(File::create(file).unwrap()),
            Self::Truncated => {
                OpenOptions::new().write(true).open(file).unwrap().set_len(PAGE as u64 + 100).unwrap()
            }
            Self::Header => overwrite(file, 0, &[b'?'; 100]),
            Self::FirstPage => overwrite(file, 100, &[0xFF; PAGE - 100]),
            Self::LeafPage => overwrite(file, leaf(file), &[0xFF; 64]),
            Self::AnotherTenants => drop(fs::copy(another, file).unwrap()),
            Self::Directory => {
                fs::remove_file(file).unwrap();
                fs::create_dir(file).unwrap();
            }
            Self::Dangling => {
                fs::remove_file(file).unwrap();
                symlink("nowhere", file).unwrap();
            }
            Self::NoAccess => fs::set_permissions(file, fs::Permissions::from_mode(0o000)).unwrap(),
        }
    }
}

pub(crate) fn overwrite(file: &Path, at: u64, bytes: &[u8]) {
    OpenOptions::new().write(true).open(file).unwrap().write_all_at(bytes, at).unwrap();
}

/// Returns the offset of a page that contains rows.
fn leaf(file: &Path) -> u64 {
    let bytes = fs::read(file).unwrap();
    let holds = |page: &[u8]| page[0] == 0x0D && page.windows(6).any(|w| w == b"marked");
    let index = bytes.chunks_exact(PAGE).skip(1).position(holds).expect("a leaf with rows");
    ((index + 1) * PAGE) as u64
}

/// Migrates a tenant that the catalog has as outdated; returns the failures as an operator sees them.
pub(crate) async fn migrate(w: &TestPlatform, name: &str) -> Vec<String> {
    let behind = format!(
        "UPDATE placements SET schema_version = 'older' WHERE tenant = (SELECT id FROM tenants WHERE slug = '{name}')"
    );
    assert_eq!(w.catalog(&behind).await, 1);
    let only = slug(name);
    let reports = w.migrations().run(&operator(), Some(&only), Options::default(), |_, _| {}).await;
    let failed = reports.unwrap().into_iter().flat_map(|(_, report)| report.failed);
    failed
        .map(|outcome| outcome.result.unwrap_err())
        .map(|failure| format!("{} {}", failure.message, failure.remedy.unwrap_or_default()))
        .collect()
}

/// Returns the error as an operator sees it.
pub(crate) fn told(error: Error) -> String {
    format!("{error} {}", error.remedy().unwrap_or_default())
}
