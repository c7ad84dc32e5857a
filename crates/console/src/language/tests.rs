//! Tests of the languages: every language has every text, with the same arguments; every text that sources name exists;
//! no text is unused.

use super::{Language, files::FILES, texts::Texts};
use fluent_bundle::FluentResource;
use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Arguments of each text of a language.
fn texts(code: &str) -> BTreeMap<String, BTreeSet<String>> {
    let files = FILES.iter().find(|files| files.code == code).unwrap();
    let mut found = BTreeMap::new();
    for source in files.sources {
        let resource = FluentResource::try_new((*source).to_owned());
        let resource = resource.unwrap_or_else(|(_, errors)| panic!("{code}: {errors:?}"));
        for entry in resource.entries() {
            let Entry::Message(message) = entry else { continue };
            let mut arguments = BTreeSet::new();
            walk(
                message.value.as_ref().unwrap_or_else(|| panic!("{} is empty", message.id.name)),
                &mut arguments,
            );
            let twice = found.insert(message.id.name.to_owned(), arguments);
            assert!(twice.is_none(), "{code} has two texts {}", message.id.name);
        }
    }
    found
}

fn walk(pattern: &Pattern<&str>, arguments: &mut BTreeSet<String>) {
    for element in &pattern.elements {
        let PatternElement::Placeable { expression } = element else { continue };
        match expression {
            Expression::Inline(InlineExpression::VariableReference { id }) => {
                arguments.insert(id.name.to_owned());
            }
            Expression::Select { selector: InlineExpression::VariableReference { id }, variants } => {
                arguments.insert(id.name.to_owned());
                variants.iter().for_each(|variant| walk(&variant.value, arguments));
            }
            other => panic!("a text contains {other:?}"),
        }
    }
}

/// A text that a source names: its id, whether it may contain markup, and its arguments.
struct Named {
    id: String,
    is_plain: bool,
    is_rich: bool,
    arguments: BTreeSet<String>,
    at: PathBuf,
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => sources(&path, found),
            false => found.push(path),
        }
    }
}

/// Returns all templates and page handlers with their texts.
fn all_sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    for folder in ["templates", "src", "../server/src/http/pages"] {
        sources(&root.join(folder), &mut paths);
    }
    paths.retain(|path| !path.ends_with("language/tests.rs"));
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(&path).unwrap())).collect()
}

/// Returns the texts that calls in the sources name.
fn named() -> Vec<Named> {
    let mut found = Vec::new();
    for (path, source) in all_sources() {
        for (at, _) in source.match_indices(".each([") {
            let ids = &source[at..at + source[at..].find(']').unwrap()];
            found.extend(ids.split('"').skip(1).step_by(2).map(|id| Named {
                id: id.to_owned(),
                is_plain: true,
                is_rich: false,
                arguments: BTreeSet::new(),
                at: path.clone(),
            }));
        }
        for call in ["say(\"", "text(\"", "rich(\""] {
            for (at, _) in source.match_indices(call) {
                // Skips `Cell::text("…")` and methods with a longer name.
                let before = source[..at].chars().next_back().unwrap_or(' ');
                let rest = &source[at + call.len()..];
                let id = &rest[..rest.find('"').unwrap()];
                if before != '.' && !(call == "say(\"" && before == ' ') {
                    continue;
                }
                found.push(Named {
                    id: id.to_owned(),
                    is_plain: call == "say(\"",
                    is_rich: call == "rich(\"",
                    arguments: with(rest[id.len() + 1..].strip_prefix(')').unwrap_or_default()),
                    at: path.clone(),
                });
            }
        }
    }
    assert!(found.len() > 700, "{} texts are named", found.len());
    found
}

/// Returns the names of the arguments of `.with("name", …).with(…)`.
fn with(mut rest: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    while let Some(after) = rest.trim_start().strip_prefix(".with(\"") {
        found.insert(after[..after.find('"').unwrap()].to_owned());
        let mut depth = 1;
        let end = after.char_indices().find(|(_, letter)| {
            depth += match letter {
                '(' => 1,
                ')' => -1,
                _ => 0,
            };
            depth == 0
        });
        rest = &after[end.unwrap().0 + 1..];
    }
    found
}

#[test]
fn every_language_has_every_text_with_the_same_arguments() {
    let english = texts("en");
    for files in FILES {
        let other = texts(files.code);
        let ids: BTreeSet<_> = english.keys().chain(other.keys()).collect();
        let missing: Vec<_> =
            ids.iter().filter(|id| !english.contains_key(**id) || !other.contains_key(**id)).collect();
        assert!(missing.is_empty(), "{} and English do not both have {missing:?}", files.code);
        for (id, arguments) in &english {
            assert_eq!(arguments, &other[id], "{} {id}", files.code);
        }
    }
}

#[test]
fn every_text_that_a_source_names_exists_and_gets_its_arguments() {
    let english = texts("en");
    for named in named() {
        let at = format!("{}: {}", named.at.display(), named.id);
        let arguments = english.get(&named.id).unwrap_or_else(|| panic!("{at} does not exist"));
        assert_eq!(*arguments, named.arguments, "{at}");
        assert!(!named.is_plain || arguments.is_empty(), "{at} takes arguments");
    }
}

#[test]
fn no_text_is_left_over() {
    let all: Vec<_> = all_sources().into_iter().map(|(_, source)| source).collect();
    let is_made = |id: &str| ["api-", "state-", "separator-"].iter().any(|prefix| id.starts_with(prefix));
    let unused: Vec<_> = texts("en")
        .into_keys()
        .filter(|id| !is_made(id) && !all.iter().any(|source| source.contains(&format!("\"{id}\""))))
        .collect();
    assert!(unused.is_empty(), "no source names {unused:?}");
}

/// Only texts that are rendered as markup contain markup, and only harmless tags.
#[test]
fn markup_is_in_rich_texts_only() {
    let rich: BTreeSet<_> = named().into_iter().filter(|named| named.is_rich).map(|named| named.id).collect();
    for files in FILES {
        for source in files.sources {
            let mut id = "";
            for line in source.lines() {
                if let Some((name, _)) = line.split_once(" =").filter(|_| !line.starts_with(' ')) {
                    id = name;
                }
                if line.contains('<') && !line.contains("< {") {
                    assert!(rich.contains(id), "{} {id} contains markup", files.code);
                }
                for (at, _) in line.match_indices('<') {
                    let tag = line[at + 1..].trim_start_matches('/');
                    let known = ["b>", "code>", "time>", "time datetime=\"{ $iso }\">", " {"];
                    assert!(known.iter().any(|known| tag.starts_with(known)), "{} {line}", files.code);
                }
            }
        }
    }
}

#[test]
fn a_browser_gets_the_language_that_it_prefers() {
    let code = |header| Language::accepted(header).map(Language::code);
    assert_eq!(code("az"), Some("az"));
    assert_eq!(code("az-Latn-AZ,en;q=0.5"), Some("az"));
    assert_eq!(code("de-DE,de;q=0.9,AZ;q=0.8,en;q=0.7"), Some("az"));
    assert_eq!(code("en;q=0.5, az;q=0.9"), Some("az"));
    assert_eq!(code("az;q=0, en"), Some("en"));
    assert_eq!(code("tr, ru;q=0.5"), None);
    assert_eq!(code("*;;q=,,"), None);
}

#[test]
fn plurals_numbers_and_dates_follow_the_language() {
    let (en, az) = (Language::english(), Language::with_code("az").unwrap());
    let count =
        |language: Language, count: u64| language.text("records-count").with("count", count).to_string();
    assert_eq!((count(en, 1), count(en, 1_234)), ("1 record".to_owned(), "1,234 records".to_owned()));
    assert_eq!((count(az, 1), count(az, 1_234)), ("1 qeyd".to_owned(), "1.234 qeyd".to_owned()));
    assert_eq!(
        (en.decimal("-1234567.8901"), az.decimal("-1234567.8901")),
        ("-1,234,567.8901".into(), "-1.234.567,8901".into())
    );
    assert_eq!((en.decimal("12"), en.decimal("x1234")), ("12".into(), "x1234".into()));
    let at = super::Moment { year: 2026, month: 11, day: 1, hour: 9, minute: 5 };
    assert_eq!((en.date(at), az.date(at)), ("1 Nov 2026".into(), "01.11.2026".into()));
    assert_eq!((en.datetime(at), az.datetime(at)), ("1 Nov 2026, 09:05".into(), "01.11.2026, 09:05".into()));
    assert_eq!((en.month(at), az.month(at)), ("Nov 2026".into(), "noyabr 2026".into()));
    assert_eq!(az.bytes(1_536), "1,5 KiB");
}

#[test]
fn arguments_of_rich_texts_are_escaped() {
    let text = Language::english().rich("type-to-confirm").with("text", "<img src=x onerror=\"a()\">&'");
    let text = text.to_string();
    assert!(text.contains("<code>&#60;img src=x onerror=&#34;a()&#34;&#62;&#38;&#39;</code>"), "{text}");
}

#[test]
fn texts_of_the_platform_keep_their_arguments() {
    let az = Language::with_code("az").unwrap();
    assert_eq!(az.translated("must have at most 80 characters"), "ən çoxu 80 simvol olmalıdır");
    assert_eq!(az.translated("is required"), "mütləqdir");
    assert_eq!(az.translated("something that is not known"), "something that is not known");
    assert_eq!(Language::english().translated("is required"), "is required");
    // Every pattern finds its own text again.
    let english = Texts::parse(&FILES[0]);
    for (id, arguments) in texts("en").iter().filter(|(id, _)| id.starts_with("api-")) {
        let mut given = fluent_bundle::FluentArgs::new();
        arguments.iter().for_each(|name| given.set(name.as_str(), "§"));
        let text = english.format(id, Some(&given)).unwrap();
        let shown = az.translated(&text);
        assert_ne!(shown, text, "{id} is not translated");
        assert_eq!(shown.matches('§').count(), text.matches('§').count(), "{id}: {shown}");
    }
}
