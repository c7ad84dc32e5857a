//! The result of a dry run of a move, as parts of the page of its form.

use crate::{
    http::{
        history::frees,
        pages::{master::form::Found, visit::StaffedOn, words::Words},
    },
    wire::copies::{MoveOutlook, Obstacle, StoreOutlook},
};
use tenantry_console::{
    Notice,
    master::{Body, Cell, Item, Section, Table, Tone},
};

/// Returns the parts of the page that show the result of a dry run.
pub(super) fn of(of: &StaffedOn, found: MoveOutlook) -> Found {
    let words = of.words();
    let frees = frees(of.platform());
    let row = |store: &StoreOutlook| {
        let known = |number: Option<u64>, shown: &dyn Fn(u64) -> String| {
            number.map_or_else(Cell::default, |number| Cell::number(shown(number)))
        };
        let free = frees.iter().find(|(server, ..)| *server == store.server.0).map(|(_, free, _)| *free);
        vec![
            Cell::text(store.from.store.0.as_str()),
            Cell::text(store.from.server.0.as_str()).small(store.from.isolation.0.as_str()),
            Cell::text(store.server.0.as_str()).small(store.isolation.0.as_str()),
            known(store.rows, &|rows| words.number(rows)),
            known(store.bytes, &|bytes| words.bytes(bytes)),
            known(free, &|bytes| words.bytes(bytes)),
        ]
    };
    let head = words.each(["store", "outlook-from", "outlook-to", "rows", "size", "outlook-free"]);
    let table = Table::new(&head, found.stores.iter().map(row).collect());
    let files = found
        .file_bytes
        .map(|bytes| words.text("outlook-files").with("bytes", words.bytes(bytes)).to_string());
    let moves = Section::new("outlook", words.say("outlook-title"), Body::Table(table))
        .help(files.unwrap_or_default());
    let mut items: Vec<_> = found.stores.iter().flat_map(|store| of_store(words, store)).collect();
    items.extend(found.obstacles.iter().map(|obstacle| item(words, None, obstacle)));
    let obstacles = items.iter().filter(|item| item.tone == Tone::Bad).count();
    let notice = match obstacles {
        0 => Notice::done(words.say("outlook-clear")),
        count => Notice::wrong(words.text("outlook-obstacles").with("count", count)),
    };
    let mut sections = vec![moves];
    if !items.is_empty() {
        sections.push(Section::new("obstacles", words.say("outlook-in-the-way"), Body::List(items)));
    }
    Found { notice, sections }
}

/// Returns the obstacles to moving a store, and the retained rows that the move would replace.
fn of_store(words: &Words, store: &StoreOutlook) -> Vec<Item> {
    let name = store.from.store.0.as_str();
    let replaced = store.replaces.iter().map(|old| Item {
        tone: Tone::Warn,
        text: words.text("outlook-replaces").with("store", name).with("generation", old.generation).into(),
        href: String::new(),
        small: String::new(),
        button: None,
    });
    store.obstacles.iter().map(|obstacle| item(words, Some(name), obstacle)).chain(replaced).collect()
}

fn item(words: &Words, store: Option<&str>, obstacle: &Obstacle) -> Item {
    let detail = words.known(&obstacle.detail);
    Item {
        tone: Tone::Bad,
        text: store.map_or_else(|| detail.clone(), |store| format!("{store}: {detail}")),
        href: String::new(),
        small: obstacle.remedy.as_deref().map(|remedy| words.known(remedy)).unwrap_or_default(),
        button: None,
    }
}
