//! Name of a new migration: the next number and a few words about its contents.
//!
//! Only [`super::make`] calls it.

use tenantry_engine::migration::{Migration, Op};

/// Largest length of the part after the number. The engine accepts names of 80 bytes.
const LONGEST: usize = 60;

/// Returns `0003_patients_add_phone` after `0002_…`. `words` replace the automatic part.
pub(super) fn next(earlier: &[&Migration], ops: &[Op], words: Option<&str>) -> String {
    let number = |migration: &&Migration| migration.name.get(..4)?.parse::<u32>().ok();
    let number = earlier.iter().filter_map(number).max().unwrap_or(0) + 1;
    let words = match words {
        Some(words) => tidy(words),
        None if earlier.is_empty() => "initial".into(),
        None => tidy(&automatic(ops)),
    };
    format!("{number:04}_{words}")
}

fn automatic(ops: &[Op]) -> String {
    let mut words: Vec<String> = Vec::new();
    for op in ops {
        words.push(describe(op));
        if words.join("_").len() > LONGEST {
            // The name would be too long, so name only the first change.
            return format!("{}_and_more", words[0]);
        }
    }
    words.join("_")
}

fn describe(op: &Op) -> String {
    match op {
        Op::CreateModel { model } => model.name.to_string(),
        Op::DropModel { model, .. } => format!("drop_{model}"),
        Op::RenameModel { from, to, .. } => format!("rename_{from}_to_{to}"),
        Op::AddField { model, field, .. } => format!("{model}_add_{}", field.name),
        Op::AlterField { model, field, .. } => format!("{model}_alter_{}", field.name),
        Op::RenameField { model, from, to, .. } => format!("{model}_rename_{from}_to_{to}"),
        Op::DropField { model, field, .. } => format!("{model}_drop_{field}"),
        Op::AddIndex { model, .. } => format!("{model}_add_index"),
        Op::DropIndex { model, .. } => format!("{model}_drop_index"),
        Op::Raw { .. } => "raw".into(),
        Op::Data { .. } => "data".into(),
    }
}

/// Returns only a-z, 0-9 and single `_`, in lower case; never empty.
fn tidy(words: &str) -> String {
    let mut text = String::new();
    for c in words.to_ascii_lowercase().chars() {
        match c.is_ascii_alphanumeric() {
            true => text.push(c),
            false if !text.is_empty() && !text.ends_with('_') => text.push('_'),
            false => {}
        }
    }
    text.truncate(LONGEST + 15);
    let text = text.trim_matches('_');
    if text.is_empty() { "change".into() } else { text.into() }
}
