//! Texts of the letters: plain text with one link each.
//!
//! [`super::Mailer`] calls it when a letter is sent. A link carries its token after `#`: browsers do not send that part
//! to servers, so it does not appear in their logs.

use super::{Kind, texts::Texts};

/// Subject and text of a letter.
pub(super) struct Letter {
    pub(super) subject: String,
    pub(super) text: String,
}

/// Largest number of characters of a tenant's name in a letter. The limit exists because the owner chose the name, and
/// the reader may not know the owner.
const NAME_CHARS: usize = 60;

/// Returns the letter of this kind, in a language, else in English. The pairs are the names of platform and tenant, and the
/// address of the platform with the token.
pub(super) fn write(
    language: Option<&str>,
    kind: Kind,
    (platform, tenant): (&str, Option<&str>),
    (base_url, token): (&str, &str),
) -> Letter {
    let (texts, tenant) = (Texts::of(language), quoted(tenant.unwrap_or(platform)));
    let page = match kind {
        Kind::Invitation => "invitation",
        Kind::Verify => "verify",
        Kind::Reset => "reset",
    };
    let say = |part: &str| {
        texts.text(&format!("{page}-{part}"), &[("tenant", tenant.as_str()), ("platform", platform)])
    };
    let (before, after, code) = (say("before"), say("after"), texts.text("code", &[]));
    let text = format!("{before}\n\n{base_url}/account/{page}#{token}\n\n{after}\n\n{code}\n{token}\n");
    Letter { subject: say("subject"), text }
}

/// Returns a name in quotation marks, on one line, truncated, and without characters that mail programs turn into a
/// link.
fn quoted(name: &str) -> String {
    let chars: Vec<char> = name.chars().filter(|c| !is_invisible(*c)).collect();
    let linked = |at: usize| match chars[at] {
        ':' | '/' | '\\' | '@' | '\u{3002}' | '\u{ff0e}' => true,
        '.' => chars.get(at + 1).is_some_and(|next| !next.is_whitespace()),
        other => other.is_whitespace(),
    };
    let plain: String = (0..chars.len()).map(|at| if linked(at) { ' ' } else { chars[at] }).collect();
    let short: String =
        plain.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(NAME_CHARS).collect();
    format!("\u{201c}{}\u{201d}", short.trim_end())
}

/// Returns true for control characters, and for characters that hide text or change its direction.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenants_name_is_no_link_and_one_line() {
        for (name, shown) in [
            ("Dr. Ada & Sons Co.", "Dr. Ada & Sons Co."),
            ("Win at https://evil.example/x now", "Win at https evil example x now"),
            ("www.evil.example", "www evil example"),
            ("mail me@evil.example", "mail me evil example"),
            ("a\u{202e}b\r\n\u{2028}c", "abc"),
        ] {
            assert_eq!(quoted(name), format!("\u{201c}{shown}\u{201d}"));
        }
    }

    #[test]
    fn a_letter_has_one_link_and_cuts_a_tenants_name() {
        let kinds = [Kind::Invitation, Kind::Verify, Kind::Reset];
        let all = kinds.into_iter().flat_map(|kind| [(kind, None), (kind, Some("az"))]);
        for (kind, language) in all {
            let name = format!("Win a prize\r\nBcc: all@x.example {}", "y".repeat(300));
            let letter = write(language, kind, ("MedAdmin", Some(&name)), ("https://app.example", "tnl_x"));
            assert_eq!(letter.text.contains("Proqramlar"), language.is_some(), "{}", letter.text);
            assert_eq!(letter.text.matches("https://app.example/account/").count(), 1);
            assert!(letter.text.contains("#tnl_x") && !letter.subject.contains(['\r', '\n']));
            assert!(letter.subject.chars().count() < 120 && letter.text.len() < 1_000, "{}", letter.text);
        }
    }
}
