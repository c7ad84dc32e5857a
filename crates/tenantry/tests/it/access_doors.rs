//! Rate limits of the public doors (threat 41) and host names (threats 5, 22, 23).

use proptest::prelude::*;
use std::net::IpAddr;
use tenantry::access::{
    host::tenant_of,
    ratelimit::{Doors, Paces},
};

fn doors() -> Doors {
    Doors::new(Paces {
        login_per_minute: 5,
        registration_per_hour: 2,
        letters_per_hour: 1,
        invitations_per_hour: 1,
    })
}

fn ip(text: &str) -> Option<IpAddr> {
    Some(text.parse().expect("address"))
}

#[test]
fn threat_41_an_account_is_guarded_whatever_the_address_and_spelling() {
    let doors = doors();
    for n in 0..5 {
        assert!(doors.login("Ada@Example.org", ip(&format!("10.0.0.{n}"))).is_ok());
    }
    let refusal = doors.login(" ada@example.ORG ", ip("10.0.0.9")).err().expect("sixth");
    assert_eq!(refusal.code(), "rate_limited");
    assert!(doors.login("grace@example.org", ip("10.0.0.9")).is_ok(), "others go on");
}

#[test]
fn threat_41_an_address_is_guarded_whatever_the_account() {
    let doors = doors();
    let allowed = (0..20).filter(|n| doors.login(&format!("u{n}@x.org"), ip("10.0.0.1")).is_ok()).count();
    assert_eq!(allowed, 5);
    let inside = |n: u32| ip(&format!("2001:db8:1:2::{n:x}"));
    let allowed = (1..20).filter(|n| doors.login(&format!("v{n}@x.org"), inside(*n)).is_ok()).count();
    assert_eq!(allowed, 5, "a /64 is one address");
    let mapped = (0..3).filter(|_| doors.register(ip("::ffff:10.9.9.9")).is_ok()).count();
    assert_eq!(mapped + (0..3).filter(|_| doors.register(ip("10.9.9.9")).is_ok()).count(), 2, "mapped IPv4");
}

#[test]
fn threat_41_a_refused_address_does_not_use_up_accounts() {
    let doors = doors();
    for _ in 0..50 {
        let _ = doors.login("other@x.org", ip("10.0.0.1"));
        let _ = doors.login("victim@x.org", ip("10.0.0.1"));
    }
    assert!(doors.login("victim@x.org", ip("10.0.0.2")).is_ok());
}

#[test]
fn only_failed_log_ins_count_but_parallel_guesses_all_do() {
    let doors = doors();
    for _ in 0..100 {
        doors.login("ada@x.org", ip("10.0.0.1")).expect("right each time").succeeded();
    }
    let open: Vec<_> = (0..20).filter_map(|_| doors.login("ada@x.org", ip("10.0.0.1")).ok()).collect();
    assert_eq!(open.len(), 5, "at most five guesses are under way");
    drop(open);
    assert!(doors.login("ada@x.org", ip("10.0.0.1")).is_err(), "a guess that was dropped stays counted");
}

#[test]
fn threat_5_hosts_name_tenants_by_exact_suffix_only() {
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn t4_any_host_gives_a_label_that_it_really_has(host in "\\PC{0,40}|[a-zA-Z0-9.:-]{0,30}(\\.localhost)?(:[0-9]{0,5})?", base in "localhost|[a-z.]{0,12}") {
        if let Ok(Some(slug)) = tenant_of(&host, &base) {
            let wanted = format!("{slug}.{base}");
            let lower = host.to_ascii_lowercase();
            prop_assert!(lower.starts_with(&wanted), "{host} {base} {slug}");
            prop_assert!(lower[wanted.len()..].trim_start_matches('.').trim_start_matches(':').bytes().all(|b| b.is_ascii_digit()));
        }
    }
}
