//! Reserved slugs: a host with such a name would be mistaken for the platform's own host or mail server, or for a name
//! that browsers and mail programs look up automatically.
//!
//! Every registration is checked. Staff and the operator may assign such a name, and a tenant that has one keeps it.
//! The engine refuses names that cannot be a slug at all (`www`, `api`, …), in `name.rs`.

use tenantry_engine::name::Slug;

/// Names that machines look up or trust, also with a number appended: `ns1`, `mail-2`. Sorted.
const MACHINES: [&str; 62] = [
    "autoconfig",
    "autodiscover",
    "backup",
    "cache",
    "caldav",
    "carddav",
    "cdn",
    "dav",
    "db",
    "dns",
    "edge",
    "email",
    "exchange",
    "ftp",
    "ftps",
    "gateway",
    "git",
    "host",
    "imap",
    "img",
    "internal",
    "ipv4",
    "ipv6",
    "isatap",
    "lb",
    "ldap",
    "log",
    "logs",
    "mail",
    "mailer",
    "media",
    "mta",
    "mx",
    "node",
    "ns",
    "ntp",
    "origin",
    "pop",
    "pop3",
    "proxy",
    "registry",
    "relay",
    "remote",
    "server",
    "sftp",
    "sip",
    "smtp",
    "smtps",
    "ssh",
    "ssl",
    "stun",
    "syslog",
    "tls",
    "turn",
    "vpn",
    "web",
    "webdav",
    "webmail",
    "whois",
    "wpad",
    "ws",
    "www",
];

/// Names that people mistake for the platform itself or one of its environments. Sorted.
const PEOPLE: [&str; 91] = [
    "about",
    "abuse",
    "account",
    "accounts",
    "administrator",
    "app",
    "apps",
    "auth",
    "authentication",
    "beta",
    "billing",
    "blog",
    "careers",
    "checkout",
    "compliance",
    "console",
    "contact",
    "dashboard",
    "demo",
    "dev",
    "developer",
    "developers",
    "development",
    "dmarc",
    "docs",
    "download",
    "downloads",
    "files",
    "forum",
    "grafana",
    "help",
    "helpdesk",
    "home",
    "hostmaster",
    "id",
    "identity",
    "invoice",
    "invoices",
    "jobs",
    "legal",
    "localdomain",
    "log-in",
    "log-on",
    "log-out",
    "login",
    "logon",
    "logout",
    "mta-sts",
    "my-account",
    "news",
    "noc",
    "oauth",
    "openid",
    "operator",
    "ops",
    "partner",
    "partners",
    "pay",
    "payment",
    "payments",
    "platform",
    "portal",
    "postmaster",
    "preview",
    "privacy",
    "prod",
    "production",
    "register",
    "root",
    "sandbox",
    "secure",
    "security",
    "sign-in",
    "sign-on",
    "sign-up",
    "signin",
    "signon",
    "signup",
    "single-sign-on",
    "sso",
    "staff",
    "stage",
    "staging",
    "status",
    "superuser",
    "support",
    "sysadmin",
    "system",
    "tenantry",
    "test",
    "webmaster",
];

/// Words that, anywhere in a name, make it look like a sign-in page: "login-acme", "secure-login".
const SIGNS_IN: [&str; 7] = ["login", "logon", "oauth", "openid", "signin", "signon", "sso"];

/// Returns true if a registration must not take this slug. `more` are the slugs that the configuration adds.
pub(crate) fn is_reserved(slug: &Slug, more: &[Slug]) -> bool {
    let name = slug.as_str();
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-');
    let signs_in = name.split('-').any(|word| SIGNS_IN.contains(&word));
    signs_in
        || PEOPLE.contains(&name)
        || PEOPLE.contains(&stem)
        || MACHINES.contains(&name)
        || MACHINES.contains(&stem)
        || more.contains(slug)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_machines_are_kept_back_also_with_a_number() {
        let reserved =
            |name: &str| is_reserved(&Slug::parse(name).unwrap(), &[Slug::parse("acme-bank").unwrap()]);
        for name in [
            "login",
            "auth",
            "sso",
            "support",
            "status",
            "mail",
            "smtp",
            "ns1",
            "ns-01",
            "mx2",
            "autodiscover",
            "wpad",
            "mta-sts",
            "staging",
            "staff",
            "billing",
            "acme-bank",
            "www2",
            "www-9",
            "sign-in",
            "signin",
            "log-in",
            "login2",
            "login-service",
            "secure-login",
            "city-sso",
            "support1",
        ] {
            assert!(reserved(name), "{name}");
        }
        for name in
            ["city-hospital", "green-clinic", "mail-order", "nsa", "webber", "studio-54", "shop", "kibana"]
        {
            assert!(!reserved(name), "{name}");
        }
    }

    #[test]
    fn both_lists_are_sorted() {
        assert!(MACHINES.is_sorted() && PEOPLE.is_sorted());
    }
}
