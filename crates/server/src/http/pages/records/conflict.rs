//! Two users change one record: the form shows the fields that both have changed, and joins the other fields.
//!
//! A form contains the values as they were read. A field that the user did not change is never written, so the form
//! cannot undo a value that another user has stored meanwhile.

use super::values::Values;
use crate::http::pages::visit::Fields;

/// A form compared with the values that it began with.
pub(super) struct Edit {
    /// Values when the form was opened.
    pub(super) was: Values,
    /// Values that were sent.
    pub(super) mine: Values,
}

impl Edit {
    /// Reads the sent form. Where the user chose the other value in a conflict, the value of the form is dropped.
    pub(super) fn of(mine: Values, fields: &Fields) -> Self {
        let was: Values = serde_json::from_str(fields.get("_was")).unwrap_or_default();
        let mut edit = Self { was, mine };
        for (name, value) in &mut edit.mine {
            if fields.get(&format!("_take_{name}")) == "theirs"
                && let Some(before) = edit.was.get(name)
            {
                before.clone_into(value);
            }
        }
        edit
    }

    /// Returns the names and values of the fields that the user changed.
    pub(super) fn changed(&self) -> impl Iterator<Item = (&String, &String)> {
        self.mine.iter().filter(|(name, value)| self.was.get(*name) != Some(*value))
    }

    /// Joins the form with the values that are stored now. Returns the values to show, and the fields that both users
    /// have changed: name, value now, value before.
    pub(super) fn join(&self, now: &Values) -> (Values, Vec<(String, String, String)>) {
        let (mut shown, mut both) = (Values::new(), Vec::new());
        for (name, mine) in &self.mine {
            let (was, now) = (self.was.get(name), now.get(name));
            let is_mine = was != Some(mine);
            if is_mine && now != was && now != Some(mine) {
                let text = |value: Option<&String>| value.cloned().unwrap_or_default();
                both.push((name.clone(), text(now), text(was)));
            }
            shown.insert(name.clone(), if is_mine { mine.clone() } else { now.cloned().unwrap_or_default() });
        }
        (shown, both)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(list: &[(&str, &str)]) -> Values {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_one_person_changed_is_joined_and_what_both_changed_is_shown() {
        let was = values(&[("a", "1"), ("b", "1"), ("c", "1"), ("d", "1")]);
        let mine = values(&[("a", "1"), ("b", "2"), ("c", "2"), ("d", "2")]);
        let now = values(&[("a", "3"), ("b", "1"), ("c", "3"), ("d", "2")]);
        let edit = Edit { was, mine };
        let (shown, both) = edit.join(&now);
        assert_eq!(shown, values(&[("a", "3"), ("b", "2"), ("c", "2"), ("d", "2")]));
        assert_eq!(both, [("c".to_owned(), "3".to_owned(), "1".to_owned())]);
        let changed: Vec<_> = edit.changed().map(|(name, _)| name.as_str()).collect();
        assert_eq!(changed, ["b", "c", "d"]);
    }
}
