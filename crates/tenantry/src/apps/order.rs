//! The one order in which all migrations run. Called by [`super::Apps::load`]; changes none of them.

use crate::config::{Problem, Problems};
use std::collections::HashSet;
use tenantry_engine::migration::Migration;

/// Apps in the order of the configuration, migrations of an app by name, each after what it depends
/// on. Stable: adding a migration never reorders the ones before it without need.
pub(super) fn order(mut waiting: Vec<Migration>) -> Result<Vec<Migration>, Problems> {
    let known: HashSet<String> = waiting.iter().map(Migration::id).collect();
    let mut problems = Vec::new();
    for migration in &waiting {
        for missing in migration.depends.iter().filter(|id| !known.contains(*id)) {
            problems.push(problem(migration, format!("depends on `{missing}`, which does not exist")));
        }
    }
    Problems(problems).into_result()?;
    let mut done: Vec<Migration> = Vec::with_capacity(waiting.len());
    let mut names: HashSet<String> = HashSet::new();
    while !waiting.is_empty() {
        let ready = (0..waiting.len()).find(|index| {
            let earlier = waiting[..*index].iter().any(|other| other.app == waiting[*index].app);
            !earlier && waiting[*index].depends.iter().all(|id| names.contains(id))
        });
        let Some(ready) = ready else {
            let message = "waits for a migration that waits for this one".to_owned();
            return Err(Problems(vec![problem(&waiting[0], message)]));
        };
        let next = waiting.remove(ready);
        names.insert(next.id());
        done.push(next);
    }
    Ok(done)
}

fn problem(migration: &Migration, message: String) -> Problem {
    Problem { file: format!("{}/migrations/{}.toml", migration.app, migration.name), line: 0, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn migration(app: &str, name: &str, depends: &[&str]) -> Migration {
        let depends = depends.iter().map(|id| (*id).to_owned()).collect();
        Migration { app: app.parse().unwrap(), name: name.into(), depends, ops: vec![] }
    }

    fn ids(migrations: Vec<Migration>) -> Vec<String> {
        migrations.iter().map(Migration::id).collect()
    }

    #[test]
    fn dependencies_come_first_and_the_rest_keeps_its_order() {
        let all = vec![
            migration("a", "0001", &["b/0002"]),
            migration("a", "0002", &[]),
            migration("b", "0001", &[]),
            migration("b", "0002", &[]),
        ];
        assert_eq!(ids(order(all).unwrap()), ["b/0001", "b/0002", "a/0001", "a/0002"]);
    }

    #[test]
    fn circles_and_strangers_are_refused() {
        let circle = vec![migration("a", "0001", &["b/0001"]), migration("b", "0001", &["a/0001"])];
        assert!(order(circle).is_err());
        assert!(order(vec![migration("a", "0001", &["c/0001"])]).is_err());
    }
}
