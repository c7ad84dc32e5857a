//! Edits `tenantry.toml` and preserves everything else in it: comments, order and layout.
//!
//! The upgrade to PostgreSQL calls it. It works on text; the result is read and checked like any other file.

use super::{Config, Location, Scope, Secret, ServerConfig, UrlSource};
use tenantry_engine::{name::ServerName, place::Isolation};
use toml_edit::{Array, DocumentMut, Item, Key, Table, Value, value};

/// Returns the text with this server added, unless it already has a server with this name.
///
/// # Errors
/// Returns the reason why the text cannot be edited.
pub(crate) fn with_server(text: &str, config: &Config, server: &ServerConfig) -> Result<String, String> {
    if config.server(server.name.as_str()).is_some() {
        return Ok(text.to_owned());
    }
    let mut document = document(text)?;
    let is_first = !document.contains_key("servers");
    let servers = section(document.as_table_mut(), "servers")?;
    if is_first {
        // A file without the section has one implicit server, which the first section would replace.
        for known in &config.servers {
            let mut table = Table::new();
            table.insert("engine", value(known.engine().as_str()));
            servers.insert(known.name.as_str(), Item::Table(table));
        }
    }
    let mut table = Table::new();
    table.insert("engine", value(server.engine().as_str()));
    let at = match &server.location {
        Location::Sqlite(_) => None,
        Location::Postgres(postgres) => Some(&postgres.url),
        Location::Mongo(mongo) => Some(&mongo.url),
    };
    if let Some(url) = at {
        let (key, text) = match url {
            UrlSource::Text(url) => ("url", url.clone()),
            UrlSource::Secret(Secret::Env(name)) => ("url_env", name.clone()),
            UrlSource::Secret(Secret::File(path)) => ("url_file", path.display().to_string()),
        };
        table.insert(key, value(text));
        if !server.prefix().is_empty() {
            table.insert("prefix", value(server.prefix()));
        }
    }
    servers.insert(server.name.as_str(), Item::Table(table));
    Ok(document.to_string())
}

/// Returns the text in which each of these stores lists its given servers.
///
/// # Errors
/// Returns the reason why the text cannot be edited.
pub(crate) fn with_stores(
    text: &str,
    config: &Config,
    stores: &[(&str, Vec<ServerName>)],
) -> Result<String, String> {
    let mut document = document(text)?;
    let is_first = !document.contains_key("stores");
    let sections = section(document.as_table_mut(), "stores")?;
    if is_first {
        // A file without the section has these implicit stores, which the first section would replace.
        for known in &config.stores {
            let mut table = Table::new();
            table.insert("scope", value(if known.scope == Scope::System { "system" } else { "tenant" }));
            if known.isolation != Isolation::Database {
                table.insert("isolation", value(known.isolation.as_str()));
            }
            sections.insert(known.name.as_str(), Item::Table(table));
        }
    }
    for (name, servers) in stores {
        set_servers(section(sections, name)?, servers);
    }
    Ok(document.to_string())
}

/// Replaces `server` or `servers` in its place, and preserves its comments.
fn set_servers(store: &mut Table, servers: &[ServerName]) {
    let (key, mut new) = match servers {
        [one] => ("server", Value::from(one.as_str())),
        many => ("servers", Value::from(many.iter().map(ServerName::as_str).collect::<Array>())),
    };
    let keys: Vec<String> = store.iter().map(|(key, _)| key.to_owned()).collect();
    let Some(at) = keys.iter().position(|key| key == "server" || key == "servers") else {
        store.insert(key, Item::Value(new));
        return;
    };
    // A table cannot rename a key in place: take out this key and all that follow, with their comments, and put them
    // back.
    let mut entries =
        keys[at..].iter().filter_map(|key| store.remove_entry(key)).collect::<Vec<_>>().into_iter();
    if let Some((old_key, old)) = entries.next() {
        if let Item::Value(old) = old {
            *new.decor_mut() = old.decor().clone();
        }
        let key = Key::new(key).with_leaf_decor(old_key.leaf_decor().clone());
        store.insert_formatted(&key, Item::Value(new));
    }
    for (key, item) in entries {
        store.insert_formatted(&key, item);
    }
}

fn document(text: &str) -> Result<DocumentMut, String> {
    text.parse().map_err(|error: toml_edit::TomlError| error.to_string())
}

/// Returns the section with this name, and adds it if it is missing.
fn section<'t>(of: &'t mut Table, name: &str) -> Result<&'t mut Table, String> {
    let mut empty = Table::new();
    empty.set_implicit(true);
    let item = of.entry(name).or_insert(Item::Table(empty));
    item.as_table_mut().ok_or_else(|| format!("`{name}` is not a section of its own: write it as [{name}]"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DEFAULT_TOML, PostgresConfig, ServerLabels};
    use std::path::Path;

    fn pg() -> ServerConfig {
        let postgres = PostgresConfig {
            prefix: "med_".into(),
            ..PostgresConfig::at(UrlSource::Secret(Secret::Env("PG_URL".into())))
        };
        let labels = ServerLabels::default();
        ServerConfig {
            name: ServerName::parse("pg").unwrap(),
            location: Location::Postgres(postgres),
            labels,
        }
    }

    fn parsed(text: &str) -> Config {
        Config::parse("tenantry.toml", text, Path::new("")).unwrap_or_else(|all| panic!("{all}\n{text}"))
    }

    fn names(names: &[&str]) -> Vec<ServerName> {
        names.iter().map(|name| ServerName::parse(name).unwrap()).collect()
    }

    #[test]
    fn a_server_and_its_stores_are_added_and_all_else_stays() {
        for text in [
            "",
            DEFAULT_TOML,
            "[stores.control]\n[stores.shared]\n[stores.tenant]\nserver = \"main\" # old\n",
        ] {
            let before = parsed(text);
            let named = with_server(text, &before, &pg()).unwrap();
            let both = with_stores(&named, &before, &[("tenant", names(&["pg", "main"]))]).unwrap();
            let after = parsed(&both);
            assert_eq!(after.server("pg"), Some(&pg()), "{both}");
            assert_eq!(after.server("main"), before.server("main"), "{both}");
            assert_eq!(after.store("tenant").unwrap().servers, names(&["pg", "main"]), "{both}");
            assert_eq!(after.store("control"), before.store("control"), "{both}");
            let whole =
                with_stores(&both, &after, &[("tenant", names(&["pg"])), ("control", names(&["pg"]))]);
            let whole = parsed(&whole.unwrap());
            assert_eq!(whole.store("tenant").unwrap().servers, names(&["pg"]));
            assert_eq!(whole.store("control").unwrap().servers, names(&["pg"]));
            assert_eq!(whole.plans, before.plans);
            // Only the line with the tenants' server differs.
            let lost: Vec<_> =
                text.lines().filter(|line| !both.lines().any(|other| other == *line)).collect();
            assert!(
                lost.iter().all(|line| line.starts_with("server = ")) && lost.len() <= 1,
                "{lost:?}\n{both}"
            );
            assert_eq!(with_server(&both, &after, &pg()).unwrap(), both, "it is there");
        }
    }

    #[test]
    fn a_comment_stays_at_its_line() {
        let text = "[stores.control]\n[stores.tenant]\nscope = \"tenant\"\nserver = \"main\" # the disk\n\
            isolation = \"database\" # own\n# and\n  # more\nname = \"t_{slug}\"\n";
        let edited = with_stores(text, &parsed(text), &[("tenant", names(&["pg", "main"]))]).unwrap();
        let wanted = "[stores.control]\n[stores.tenant]\nscope = \"tenant\"\nservers = [\"pg\", \"main\"] # the disk\n\
            isolation = \"database\" # own\n# and\n  # more\nname = \"t_{slug}\"\n";
        assert_eq!(edited, wanted);
    }

    #[test]
    fn a_section_in_one_line_is_refused() {
        let text = "stores = { control = {}, tenant = { scope = \"tenant\" } }\n";
        let refused = with_stores(text, &parsed(text), &[("tenant", names(&["pg"]))]).unwrap_err();
        assert!(refused.contains("`stores` is not a section"), "{refused}");
    }
}
