//! Rate limits of the public doors (threat 41) and permission lists.

use std::net::IpAddr;
use tenantry::access::gates::{Standing, Verb};
use tenantry::access::ratelimit::{Doors, Pace, Paces};
use tenantry_engine::model::{Grant, Permissions};

fn doors() -> Doors {
    Doors::new(Paces {
        login_account: Pace { burst: 3, every_seconds: 3600 },
        login_address: Pace { burst: 5, every_seconds: 3600 },
        register_address: Pace { burst: 2, every_seconds: 3600 },
    })
}

fn ip(text: &str) -> Option<IpAddr> {
    Some(text.parse().expect("address"))
}

#[test]
fn threat_41_an_account_is_guarded_whatever_the_address_and_spelling() {
    let doors = doors();
    for n in 0..3 {
        assert!(doors.login("Ada@Example.org", ip(&format!("10.0.0.{n}"))).is_ok());
    }
    let refusal = doors.login(" ada@example.ORG ", ip("10.0.0.9")).expect_err("fourth");
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
    for n in 0..50 {
        let _ = doors.login(&format!("w{n}@x.org"), ip("10.0.0.1"));
    }
    for _ in 0..50 {
        let _ = doors.login("victim@x.org", ip("10.0.0.1"));
    }
    assert!(doors.login("victim@x.org", ip("10.0.0.2")).is_ok());
}

#[test]
fn invented_names_do_not_grow_memory() {
    let doors = doors();
    for n in 0..60_000 {
        let _ = doors.login(&format!("{n}@x.org"), None);
    }
    let shown = format!("{doors:?}");
    let buckets: usize = shown.split(['(', ' ']).find_map(|w| w.parse().ok()).expect("a count");
    assert!(buckets <= 60_000, "{shown}");
}

#[test]
fn permission_lists_by_standing() {
    let role = |name: &str| tenantry_engine::name::RoleName::parse(name).expect("role");
    let permissions = Permissions {
        read: vec![Grant::Any],
        create: vec![Grant::Role(role("owner")), Grant::Role(role("editor"))],
        update: vec![Grant::Platform],
        delete: vec![],
    };
    let member = |name| Standing { role: Some(role(name)), ..Standing::default() };
    let staff = Standing { staff: true, ..Standing::default() };
    let full = Standing { full: true, ..Standing::default() };
    for (standing, expected) in [
        (Standing::default(), [false, false, false, false]),
        (member("viewer"), [true, false, false, false]),
        (member("editor"), [true, true, false, false]),
        (staff, [false, false, true, false]),
        (full, [true, true, true, true]),
    ] {
        assert_eq!(Verb::ALL.map(|verb| standing.allows(&permissions, verb)), expected, "{standing:?}");
    }
}
