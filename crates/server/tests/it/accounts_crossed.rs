//! T14: an account that already exists, was created by another tenant, or was never verified × every way into a tenant.
//! Each case states the answer, and which tenants each password opens afterwards.

use super::{
    accounts::{ATTACKERS, VICTIM, VICTIMS, invite, login, register, tenants, with_session},
    app::{Answer, Client, PASSWORD, TestApp},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tenantry::access::Operator;
use tenantry::{access::passwords::Password, users::NewOwner};

/// An account of the victim's address, before tenant `acme` has any relation to it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Before {
    /// No account.
    Nothing,
    /// Created by an attacker who registered a tenant.
    Claimed,
    /// Created by an attacker who registered a tenant, in an installation that did not confirm addresses.
    ClaimedOfOld,
    /// Invited by another tenant, not accepted.
    InvitedElsewhere,
    /// Created by another tenant's invitation, which the victim accepted; the victim has left that tenant since.
    LeftAnother,
    /// Member of another tenant.
    Elsewhere,
    /// Member of another tenant, and deactivated by staff.
    Closed,
    /// Created by a superuser, as staff.
    Staff,
}

/// A way for an account to enter `acme`, or the tenant `twin` that it creates.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Invite,
    /// Accepts the invitation without a session, with a password.
    Accept,
    /// Accepts the invitation with a session of the older account.
    AcceptSignedIn,
    CreateTenant,
    CreateUser,
    AddOwner,
    Clone,
    Import,
    RestoreAs,
    Impersonate,
}

const WAYS: [Way; 10] = [
    Way::Invite,
    Way::Accept,
    Way::AcceptSignedIn,
    Way::CreateTenant,
    Way::CreateUser,
    Way::AddOwner,
    Way::Clone,
    Way::Import,
    Way::RestoreAs,
    Way::Impersonate,
];

/// Outcome of a way: the answer, the tenants that the older password opens, and those that the newly chosen password
/// opens.
type Outcome = (u16, &'static str, &'static str);

impl Before {
    /// The outcomes in the order of [`WAYS`].
    fn outcomes(self) -> [Outcome; 10] {
        let (no, made) = ((422, "", ""), (200, "", ""));
        match self {
            Self::Nothing | Self::InvitedElsewhere => [
                (201, "", ""),
                (201, "", "acme"),
                (401, "", ""),
                (201, "", "twin"),
                (201, "", ""),
                (200, "", "acme"),
                no,
                no,
                made,
                (404, "", ""),
            ],
            Self::Claimed => [
                (201, "trap", ""),
                (201, "trap", "acme"),
                (409, "trap", ""),
                (201, "trap", "twin"),
                (201, "trap", ""),
                (200, "trap", "acme"),
                (422, "trap", ""),
                (422, "trap", ""),
                (200, "trap", ""),
                (404, "trap", ""),
            ],
            // Link and session together prove as much as link and password.
            Self::ClaimedOfOld => [
                (201, "trap", ""),
                (201, "trap", "acme"),
                (200, "acme trap", ""),
                (409, "trap", ""),
                (409, "trap", ""),
                (409, "trap", ""),
                (422, "trap", ""),
                (422, "trap", ""),
                (200, "trap", ""),
                (404, "trap", ""),
            ],
            // The holder's own password. A superuser named them as owner of the copied rows, with a reason.
            Self::LeftAnother | Self::Staff => [
                (201, "", ""),
                (409, "", ""),
                (200, "acme", ""),
                (409, "", ""),
                (409, "", ""),
                (409, "", ""),
                (200, "twin", ""),
                (200, "twin", ""),
                made,
                (404, "", ""),
            ],
            Self::Elsewhere => [
                (201, "rival", ""),
                (409, "rival", ""),
                (200, "acme rival", ""),
                (409, "rival", ""),
                (409, "rival", ""),
                (409, "rival", ""),
                (200, "rival twin", ""),
                (200, "rival twin", ""),
                (200, "rival", ""),
                (404, "rival", ""),
            ],
            Self::Closed => [
                (201, "", ""),
                (409, "", ""),
                (401, "", ""),
                (409, "", ""),
                (409, "", ""),
                (409, "", ""),
                no,
                no,
                made,
                (404, "", ""),
            ],
        }
    }

    /// The password of the older account: the attacker's, or the holder's own.
    fn password(self) -> &'static str {
        match self {
            Self::Claimed | Self::ClaimedOfOld => ATTACKERS,
            _ => PASSWORD,
        }
    }

    async fn set(self, app: &TestApp, staff: &Client) {
        match self {
            Self::Nothing => {}
            Self::Claimed => drop(register(app, "trap", VICTIM, ATTACKERS).await.expect(201)),
            Self::ClaimedOfOld => {
                register(app, "trap", VICTIM, ATTACKERS).await.expect(201);
                app.catalog("UPDATE users SET email = address WHERE address = 'ceo@bigcorp.example'").await;
            }
            Self::InvitedElsewhere => drop(invite(&app.register("rival").await, VICTIM).await),
            Self::LeftAnother => {
                let victim = app.member(&app.register("rival").await, VICTIM, "admin").await;
                victim.delete("/api/me/memberships/rival").await.expect(204);
            }
            Self::Elsewhere | Self::Closed => {
                app.member(&app.register("rival").await, VICTIM, "admin").await;
                if self == Self::Closed {
                    let path = format!("/api/admin/users/{}", id_of(staff).await);
                    staff.patch(&path, &json!({"active": false})).await.expect(200);
                }
            }
            Self::Staff => {
                let form = json!({"email": VICTIM, "password": PASSWORD});
                let id = staff.post("/api/admin/users", &form).await.expect(201).json()["id"].clone();
                staff.patch(&format!("/api/admin/users/{id}"), &json!({"staff": true})).await.expect(200);
            }
        }
    }
}

/// Returns the id of the newest account of the victim's address; 0 if there is none.
async fn id_of(staff: &Client) -> Value {
    let users = staff.get("/api/admin/users").await.expect(200).json();
    let mine = users["items"].as_array().unwrap().iter().rfind(|user| user["email"] == VICTIM);
    mine.map_or(json!(0), |user| user["id"].clone())
}

impl Way {
    /// Takes this way; returns the status of the answer.
    async fn go(self, before: Before, app: &TestApp, acme: &Client, staff: &Client) -> u16 {
        let (reason, wait) = ("the founder asked for it", "wait=60");
        let answer = match self {
            Self::Invite => return invited(acme).await.status.as_u16(),
            Self::Accept => {
                invited(acme).await.expect(201);
                let form = json!({"token": app.letter(VICTIM).await, "password": VICTIMS});
                app.anon().post("/api/invitations/accept", &form).await
            }
            Self::AcceptSignedIn => {
                invited(acme).await.expect(201);
                let token = app.letter(VICTIM).await;
                let tenant = (before == Before::Claimed).then_some("trap");
                let session = login(app, VICTIM, before.password(), tenant).await;
                if session.status != 200 {
                    return session.status.as_u16();
                }
                let own = with_session(app, session).await;
                own.post("/api/invitations/accept", &json!({"token": token})).await
            }
            Self::CreateTenant => {
                let form = json!({"slug": "twin", "company": "Twin", "email": VICTIM, "password": VICTIMS});
                staff.post("/api/admin/tenants", &form).await
            }
            Self::CreateUser => {
                staff.post("/api/admin/users", &json!({"email": VICTIM, "password": VICTIMS})).await
            }
            Self::AddOwner => return add_owner(app).await,
            Self::Clone => {
                let form = json!({"slug": "twin", "owner": VICTIM, "reason": reason});
                staff.post(&format!("/api/admin/tenants/acme/clone?{wait}"), &form).await
            }
            Self::Import => {
                let archive = acme.get("/api/tenant/export").await.expect(200).body;
                let reason = reason.replace(' ', "+");
                let path = format!("/api/admin/import?slug=twin&owner={VICTIM}&reason={reason}&{wait}");
                staff.send(http::Method::POST, &path, Some("application/zip"), archive.to_vec()).await
            }
            Self::RestoreAs => {
                let path = format!("/api/admin/tenants/acme/backups?{wait}");
                let made = staff.post(&path, &json!({})).await.expect(200).json();
                let id = made["result"]["backup"].as_str().unwrap().to_owned();
                let form = json!({"slug": "twin", "name": "Twin", "email": VICTIM});
                staff.post(&format!("/api/admin/backups/{id}/restore-as?{wait}"), &form).await
            }
            Self::Impersonate => {
                let form = json!({"tenant": "acme", "user": id_of(staff).await, "reason": reason});
                staff.post("/api/admin/impersonate", &form).await
            }
        };
        answer.status.as_u16()
    }
}

async fn invited(acme: &Client) -> Answer {
    acme.post("/api/tenant/invitations", &json!({"email": VICTIM, "role": "admin"})).await
}

/// Adds an owner as `tenantry tenant add-owner` does.
async fn add_owner(app: &TestApp) -> u16 {
    let owner =
        NewOwner { email: VICTIM.into(), name: "The founder".into(), password: Password::new(VICTIMS) };
    let slug = "acme".parse().unwrap();
    match app.platform().users().create_owner(&Operator::new("cli:test"), &slug, owner).await {
        Ok(()) => 200,
        Err(error) => {
            assert_eq!(error.code(), "conflict", "{error}");
            409
        }
    }
}

/// Returns every tenant that the password opens, whichever is named at sign-in; asserts that the listed tenants are the
/// readable ones.
async fn opened(app: &TestApp, password: &str) -> String {
    let all = ["acme", "rival", "trap", "twin"];
    let mut opened = BTreeSet::new();
    for tenant in [None].into_iter().chain(all.map(Some)) {
        let answer = login(app, VICTIM, password, tenant).await;
        if answer.status != 200 {
            continue;
        }
        let client = with_session(app, answer).await;
        let listed = tenants(&client).await;
        for slug in all {
            let switched = client.post("/api/auth/switch", &json!({"tenant": slug})).await.status;
            let read = client.get(&format!("/t/{slug}/api/records/patients")).await.status;
            let expected = if listed.contains(&slug.to_owned()) { 200 } else { 404 };
            assert_eq!((switched.as_u16(), read.as_u16()), (expected, expected), "{slug}, {listed:?}");
        }
        opened.extend(listed);
    }
    opened.into_iter().collect::<Vec<_>>().join(" ")
}

async fn cross(before: Before) {
    for (way, (status, older, newer)) in WAYS.into_iter().zip(before.outcomes()) {
        let (app, _, acme) = TestApp::new().await;
        let staff = app.staff().await;
        before.set(&app, &staff).await;
        assert_eq!(way.go(before, &app, &acme, &staff).await, status, "{before:?} {way:?}");
        let opens = (opened(&app, before.password()).await, opened(&app, VICTIMS).await);
        assert_eq!(opens, (older.to_owned(), newer.to_owned()), "{before:?} {way:?}");
    }
    tenantry_testkit::tried("T14 accounts × ways into a tenant", WAYS.len() as u64, "each as stated");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_crossing_of_nothing() {
    cross(Before::Nothing).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_crossing_of_a_claimed_address() {
    cross(Before::Claimed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_crossing_of_an_address_claimed_of_old() {
    cross(Before::ClaimedOfOld).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_crossing_of_an_invitation_elsewhere() {
    cross(Before::InvitedElsewhere).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_crossing_of_a_member_who_left() {
    cross(Before::LeftAnother).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_crossing_of_a_member_elsewhere() {
    cross(Before::Elsewhere).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_crossing_of_a_closed_account() {
    cross(Before::Closed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_crossing_of_staff() {
    cross(Before::Staff).await;
}
