//! Workflows of models: good ones are read whole with the model of their trail; for others, each mistake is named with its
//! line.

use crate::schema_kit::load;
use tenantry_engine::model::{Barred, FieldKind};

/// Lines 1 to 9 of each model here.
const FIELDS: &str = "store = \"tenant\"\n[fields.state]\ntype = \"choice\"\nchoices = [\"draft\", \"sent\"]\n\
    required = true\ndefault = \"draft\"\n[fields.author]\ntype = \"text\"\nmax_length = 200\n";

#[test]
fn a_good_workflow_is_read_whole_and_has_a_trail() {
    let workflow = "[workflow]\nfield = \"state\"\ninitial = \"draft\"\nauthor = \"author\"\n\
        [workflow.transitions.send_out]\nfrom = [\"draft\"]\nto = \"sent\"\nroles = [\"admin\"]\ncomment = true\n\
        not_by = [\"author\", \"previous\"]\n[workflow.transitions.recall]\nlabel = \"Call back\"\nfrom = [\"sent\"]\n\
        to = \"draft\"\n";
    let models = load(&[("m", &format!("{FIELDS}{workflow}"))]).unwrap();
    let found = models[0].workflow.as_ref().unwrap();
    let [send, recall] = &found.transitions[..] else { panic!("{found:?}") };
    assert_eq!((send.label.as_str(), recall.label.as_str()), ("Send out", "Call back"));
    assert_eq!(send.not_by, [Barred::Author, Barred::Previous]);
    assert!(send.comment && !recall.comment && recall.roles.is_none());
    let trail = models.iter().find(|model| model.name.as_str() == "m_trail").expect("a model of the trail");
    assert_eq!(trail.store, models[0].store);
    assert!(trail.field("comment").unwrap().personal, "a clone without personal data has no comments");
    let id = &trail.field("record").unwrap().kind;
    assert!(matches!(id, FieldKind::Integer { .. }), "{id:?}");
    assert_eq!(models[0].schema().workflow, None, "a workflow needs no change of the table");
}

#[test]
fn single_mistakes_are_named_with_their_lines() {
    let begin = "[workflow]\nfield = \"state\"\ninitial = \"draft\"\n";
    let send = "[workflow.transitions.send]\nfrom = [\"draft\"]\nto = \"sent\"\n";
    for (text, expect) in [
        (format!("[workflow]\ninitial = \"draft\"\n{send}"), "m.toml:10: `field` must name"),
        (format!("[workflow]\nfield = \"state\"\n{send}"), "m.toml:10: `initial` must name"),
        (begin.to_owned(), "m.toml:10: a workflow needs at least one table"),
        (format!("{begin}steps = 1\n{send}"), "m.toml:13: unknown key `steps`"),
        (
            format!("[workflow]\nfield = \"status\"\ninitial = \"draft\"\n{send}"),
            "m.toml:11: `field`: there is no field `status`",
        ),
        (
            format!("[workflow]\nfield = \"author\"\ninitial = \"draft\"\n{send}"),
            "m.toml:11: `field`: `author` must be a choice",
        ),
        (
            format!("[workflow]\nfield = \"state\"\ninitial = \"sent\"\n{send}"),
            "m.toml:11: `state` needs `required = true` and `default = \"sent\"`",
        ),
        (
            format!("[workflow]\nfield = \"state\"\ninitial = \"lost\"\n{send}"),
            "m.toml:12: `initial`: `lost` is no state; there are draft, sent",
        ),
        (format!("{begin}author = \"writer\"\n{send}"), "m.toml:13: `author`: there is no field `writer`"),
        (format!("{begin}author = \"state\"\n{send}"), "m.toml:13: `author`: `state` must be text"),
        (format!("{begin}[workflow.transitions.send]\nto = \"sent\"\n"), "m.toml:13: `send` needs `from ="),
        (
            format!("{begin}[workflow.transitions.send]\nfrom = [\"draft\"]\n"),
            "m.toml:13: `send` needs `to =",
        ),
        (
            format!("{begin}{send}[workflow.transitions.keep]\nfrom = [\"sent\"]\nto = \"sent\"\n"),
            "m.toml:18: `keep` leads from `sent` to `sent`",
        ),
        (
            format!("{begin}{send}[workflow.transitions.end]\nfrom = [\"sent\"]\nto = \"lost\"\n"),
            "m.toml:16: `end`: `lost` is no state; there are draft, sent",
        ),
        (
            format!("{begin}[workflow.transitions.back]\nfrom = [\"sent\"]\nto = \"draft\"\n"),
            "m.toml:12: no transitions lead from `draft` to sent",
        ),
        (
            format!("{begin}{send}not_by = [\"author\"]\n"),
            "m.toml:13: `not_by = [\"author\"]` needs `author`",
        ),
        (format!("{begin}{send}not_by = [\"boss\"]\n"), "m.toml:16: `not_by`: must be \"author\" or"),
        (format!("{begin}{send}comment = 1\n"), "m.toml:16: `comment` must be true or false"),
        (format!("{begin}{send}by = \"all\"\n"), "m.toml:16: unknown key `by`"),
        (format!("{begin}[workflow.transitions.Send]\nfrom = [\"draft\"]\nto = \"sent\"\n"), "m.toml:13: "),
    ] {
        let found = load(&[("m", &format!("{FIELDS}{text}"))]).expect_err(&text);
        assert!(found.iter().any(|f| f.starts_with(expect)), "{text}\nwants {expect}\nfound {found:#?}");
    }
}

#[test]
fn the_name_of_the_trail_is_taken_by_no_other_model() {
    let text = format!(
        "{FIELDS}[workflow]\nfield = \"state\"\ninitial = \"draft\"\n\
         [workflow.transitions.send]\nfrom = [\"draft\"]\nto = \"sent\"\n"
    );
    let found = load(&[("m", &text), ("m_trail", FIELDS)]).unwrap_err();
    assert!(found[0].contains("automatic model"), "{found:?}");
    let shared = text.replace("\"tenant\"", "\"shared\"");
    let found = load(&[("m", &format!("{shared}[overrides]\nstore = \"tenant\"\nfields = [\"author\"]\n"))]);
    let found = found.unwrap_err();
    assert!(found.iter().any(|text| text.contains("cannot be overridden by tenants")), "{found:?}");
}
