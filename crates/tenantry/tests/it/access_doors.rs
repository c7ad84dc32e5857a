//! Rate limits of the public endpoints (`account-enumeration`) and host names (`checked-names`, `host-spoofing`,
//! `path-in-name` and `slug-collision`).

use std::net::IpAddr;
use tenantry::access::{
    host::tenant_of,
    ratelimit::{Account, Doors, Paces},
};
use tenantry_testkit::property;

const PACES: Paces = Paces {
    login_per_minute: 5,
    lock_after: 3,
    guesses_per_hour: 8,
    registration_per_hour: 2,
    invitations_per_hour: 1,
};

fn doors() -> Doors {
    Doors::new(PACES)
}

fn ip(text: &str) -> Option<IpAddr> {
    Some(text.parse().expect("address"))
}

/// Makes a sign-in attempt from a network that the account does not know; an error is the code of the refusal.
fn guess(doors: &Doors, account: &str, address: &str) -> Result<bool, &'static str> {
    let mut attempt = doors.sign_in(ip(address)).map_err(|e| e.code())?;
    attempt.at(Account::new(account, 0), false).map_err(|e| e.code())
}

#[test]
fn account_enumeration_an_account_is_guarded_whatever_the_address_and_spelling() {
    let doors = doors();
    for n in 0..8 {
        assert_eq!(guess(&doors, "Ada@Example.org", &format!("10.0.0.{n}")), Ok(true));
    }
    assert_eq!(guess(&doors, " ada@example.ORG ", "10.0.0.9"), Err("rate_limited"));
    assert_eq!(guess(&doors, "grace@example.org", "10.0.0.9"), Ok(true), "others go on");
    let mut known = doors.sign_in(ip("10.0.0.10")).expect("network");
    assert!(known.at(Account::new("ada@example.org", 0), true).expect("not slowed"), "its holder goes on");
    let mut unlocked = doors.sign_in(ip("10.0.0.11")).expect("network");
    assert!(unlocked.at(Account::new("ada@example.org", 1), false).expect("begun anew"));
}

#[test]
fn account_enumeration_one_network_cannot_use_up_what_an_account_grants_to_all() {
    let doors = Doors::new(Paces { login_per_minute: 100_000, ..PACES });
    for n in 0..1000 {
        assert_eq!(guess(&doors, "ada@x.org", "10.0.0.1"), Ok(n < 3), "three guesses have a chance");
    }
    for n in 2..7 {
        assert_eq!(guess(&doors, "ada@x.org", &format!("10.0.0.{n}")), Ok(true), "{n}");
    }
    assert_eq!(guess(&doors, "ada@x.org", "10.0.0.9"), Err("rate_limited"), "eight of all networks");
}

#[test]
fn account_enumeration_an_address_is_guarded_whatever_the_account() {
    let doors = doors();
    let allowed = |address: &dyn Fn(u32) -> String, name: &str| {
        (1..20).filter(|n| guess(&doors, &format!("{name}{n}@x.org"), &address(*n)).is_ok()).count()
    };
    assert_eq!(allowed(&|_| "10.0.0.1".into(), "u"), 5);
    assert_eq!(allowed(&|n| format!("2001:db8:1:2::{n:x}"), "v"), 5, "a /64 is one address");
    let mapped = (0..3).filter(|_| doors.register(ip("::ffff:10.9.9.9")).is_ok()).count();
    assert_eq!(mapped + (0..3).filter(|_| doors.register(ip("10.9.9.9")).is_ok()).count(), 2, "mapped IPv4");
}

#[test]
fn account_enumeration_a_refused_address_does_not_use_up_accounts() {
    let doors = doors();
    for _ in 0..50 {
        let _ = guess(&doors, "other@x.org", "10.0.0.1");
        let _ = guess(&doors, "victim@x.org", "10.0.0.1");
    }
    assert_eq!(guess(&doors, "victim@x.org", "10.0.0.2"), Ok(true));
}

#[test]
fn only_failed_log_ins_count_but_parallel_guesses_all_do() {
    let doors = doors();
    let open = || {
        let mut attempt = doors.sign_in(ip("10.0.0.1")).ok()?;
        attempt.at(Account::new("ada@x.org", 0), false).ok()?.then_some(attempt)
    };
    for _ in 0..100 {
        open().expect("right each time").succeeded();
    }
    let under_way: Vec<_> = (0..20).filter_map(|_| open()).collect();
    assert_eq!(under_way.len(), 3, "at most three guesses are under way");
    drop(under_way);
    assert!(open().is_none(), "a guess that was dropped stays counted");
}

#[test]
fn host_spoofing_hosts_name_tenants_by_exact_suffix_only() {
    let slug = |host: &str| tenant_of(host, "app.example.com").map(|slug| slug.map(|s| s.to_string()));
    for (host, expected) in [
        ("city.app.example.com", Some("city")),
        ("city.app.example.com:8443", Some("city")),
        ("city.app.example.com.", Some("city")),
        ("CITY.App.Example.COM", Some("city")),
        ("app.example.com", None),
        ("app.example.com:80", None),
        ("www.app.example.com", None),
        ("cityapp.example.com", None),
        ("city.app.example.com.evil.org", None),
        ("evil.org", None),
        ("127.0.0.1:8000", None),
        ("[::1]:8000", None),
        ("", None),
        (":80", None),
        ("example.com", None),
    ] {
        assert_eq!(slug(host).unwrap_or_else(|e| panic!("{host}: {e}")).as_deref(), expected, "{host}");
    }
    for refused in [
        "a.b.app.example.com",
        ".app.example.com",
        "-.app.example.com",
        "ab.app.example.com",
        "c%69ty.app.example.com",
        "c\u{456}ty.app.example.com",
        "city .app.example.com",
        "city\0.app.example.com",
        "../x.app.example.com",
        "city@app.example.com.app.example.com",
    ] {
        assert_eq!(slug(refused).expect_err(refused).code(), "not_found", "{refused}");
    }
    assert_eq!(tenant_of("anything", "").expect("no base"), None);
}

#[test]
fn any_host_gives_a_label_that_it_really_has() {
    property(
        2_000,
        ("\\PC{0,40}|[a-zA-Z0-9.:-]{0,30}(\\.localhost)?(:[0-9]{0,5})?", "localhost|[a-z.]{0,12}"),
        |(host, base)| {
            if let Ok(Some(slug)) = tenant_of(&host, &base) {
                let wanted = format!("{slug}.{base}");
                let lower = host.to_ascii_lowercase();
                assert!(lower.starts_with(&wanted), "{host} {base} {slug}");
                assert!(
                    lower[wanted.len()..]
                        .trim_start_matches('.')
                        .trim_start_matches(':')
                        .bytes()
                        .all(|b| b.is_ascii_digit())
                );
            }
        },
    );
}
