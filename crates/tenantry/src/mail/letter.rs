//! Texts of the letters: plain text with one link each.
//!
//! [`super::Mailer`] calls it when a letter is sent. A link carries its token after `#`: browsers do not send that part
//! to servers, so it does not appear in their logs.

use super::Kind;

/// Subject and text of a letter.
pub(super) struct Letter {
    pub(super) subject: String,
    pub(super) text: String,
}

/// Largest number of characters of a tenant's name in a letter. The limit exists because the owner chose the name, and
/// the reader may not know the owner.
const NAME_CHARS: usize = 60;

/// Returns the letter of this kind.
pub(super) fn write(kind: Kind, platform: &str, tenant: Option<&str>, base_url: &str, token: &str) -> Letter {
    let tenant = quoted(tenant.unwrap_or(platform));
    let (page, subject, before, after) = match kind {
        Kind::Invitation => (
            "invitation",
            format!("Invitation to {tenant}"),
            format!(
                "You are invited to work in {tenant} on {platform}. To accept or refuse, follow this link:"
            ),
            "If you do not know what this is about, refuse it or do nothing: nobody is added without accepting.",
        ),
        Kind::Verify => (
            "verify",
            format!("Confirm your address for {tenant}"),
            format!(
                "This address was given when {tenant} was registered on {platform}. If that was you, follow this link \
                 and type the password you chose then:"
            ),
            "If you have an account already, this adds the new tenant to it. If it was not you, do nothing: the account \
             that was made does not stand for you, and nothing of yours changes.",
        ),
        Kind::Reset => (
            "reset",
            format!("Reset your password for {platform}"),
            "A new password was asked for. To choose one, follow this link:".to_owned(),
            "If you did not ask, do nothing: your password stays as it is.",
        ),
    };
    let text = format!(
        "{before}\n\n{base_url}/account/{page}#{token}\n\n{after}\n\nFor programs, the code of this letter is\n{token}\n"
    );
    Letter { subject, text }
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
        for kind in [Kind::Invitation, Kind::Verify, Kind::Reset] {
            let name = format!("Win a prize\r\nBcc: all@x.example {}", "y".repeat(300));
            let letter = write(kind, "MedAdmin", Some(&name), "https://app.example", "tnl_x");
            assert_eq!(letter.text.matches("https://app.example/account/").count(), 1);
            assert!(letter.text.contains("#tnl_x") && !letter.subject.contains(['\r', '\n']));
            assert!(letter.subject.chars().count() < 120 && letter.text.len() < 1_000, "{}", letter.text);
        }
    }
}
