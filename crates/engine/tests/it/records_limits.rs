//! Limits that are the same on every database: bytes of values, and of texts in indexes.

use crate::records_kit::*;
use tenantry_engine::Kind;

fn doctor(text: &str) -> tenantry_engine::query::Change {
    insert("doctors", &[("name", text.into())])
}

#[test]
fn the_same_rows_are_as_many_bytes_everywhere() {
    let mut bytes = None;
    for case in cases() {
        let mut kit = Kit::new(case);
        kit.options.max_bytes = Some(50_000);
        let big = insert("doctors", &[("name", "a".into()), ("notes", "x".repeat(100_000).into())]);
        assert_eq!(kit.refused(&[doctor("b"), big]), Kind::Limit("bytes"));
        assert_eq!(kit.stored("doctors"), 0);
        kit.one(doctor("small"));
        let counted = kit.usage().unwrap().bytes;
        assert_eq!(*bytes.get_or_insert(counted), counted, "{case:?}");
    }
}

/// PostgreSQL refuses an index entry above some 2,700 bytes, unless the text can be compressed.
#[test]
fn a_text_in_an_index_has_one_limit_everywhere() {
    let text = |bytes: usize| -> String {
        let mut state = 1_u32;
        let next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            char::from(b' ' + u8::try_from(state >> 24).unwrap() % 95)
        };
        std::iter::repeat_with(next).take(bytes).collect()
    };
    let made = |bytes: usize| insert("doctors", &[("name", "a".into()), ("email", text(bytes).into())]);
    for case in cases() {
        let kit = Kit::new(case);
        let rule = "must have at most 2400 bytes in UTF-8, because it is in an index";
        assert_eq!(kit.refused(&[made(2_401)]), Kind::Invalid("email".into(), rule.into()), "{case:?}");
        let id = kit.one(made(2_400)).id;
        let longer = update("doctors", &id, None, &[("email", "ß".repeat(1_201).into())]);
        assert_eq!(kit.refused(&[longer]), Kind::Invalid("email".into(), rule.into()), "{case:?}");
        // A text without an index has no such limit, and the search omits its later words.
        let words: String = (0..150_000).map(|n| format!("word{n} ")).collect();
        kit.one(update("doctors", &id, None, &[("notes", words.into()), ("name", "b".into())]));
    }
}
