//! `README.txt`: explains the archive to readers who know spreadsheets.

use super::manifest::{Manifest, StoreFacts};
use std::fmt::Write;

/// Returns the text, with line endings that every editor displays.
pub(crate) fn readme(manifest: &Manifest, installation: &str) -> String {
    let tenant = &manifest.tenant;
    let mut out = format!(
        "Everything {installation} keeps for {} ({}), as of {}.\n\n\
         csv/          one file for each kind of record; opens in any spreadsheet\n\
         files/        the files you uploaded; files.csv says which record each belongs to\n\
         data/         the same records as SQLite databases, with the log of who changed what\n\
         shared/       entries of the shared lists that your records refer to\n\
         members.csv   who had access\n\
         manifest.json counts and checksums, for programs\n\n",
        tenant.name, tenant.slug, manifest.made_at
    );
    out.push_str("What there is\n");
    for store in &manifest.stores {
        models(&mut out, store);
    }
    let _ = writeln!(out, "  {:>10}  files, {} bytes", manifest.files.count, manifest.files.bytes);
    if manifest.files.missing > 0 {
        let _ = writeln!(
            out,
            "  {:>10}  files that records name and that were not there",
            manifest.files.missing
        );
    }
    out.push_str(
        "\nHow to read it\n\
         - CSV files are UTF-8 with commas. Dates are YYYY-MM-DD, instants are UTC. A text that begins like a\n\
         \x20 formula has an apostrophe in front of it, so that no spreadsheet runs it.\n\
         - A column that refers to another kind of record holds that record's id.\n\
         - In the SQLite files a decimal is kept as a whole number: with two decimals 1250 is 12.50. The\n\
         \x20 manifest says how many decimals each field has. Tables whose names begin with _tenantry_ are\n\
         \x20 the platform's own; you do not need them.\n\
         - Any installation of Tenantry with the same apps reads this archive back with\n\
         \x20 tenantry tenant import FILE --slug NAME --email ADDRESS\n",
    );
    out.replace('\n', "\r\n")
}

fn models(out: &mut String, store: &StoreFacts) {
    for model in &store.models {
        let _ = writeln!(out, "  {:>10}  {} ({})", model.rows, model.label, model.csv);
    }
}
