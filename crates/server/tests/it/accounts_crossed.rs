//! T14: an account that already exists, was created by another tenant, or was never verified × every way into a tenant.

use super::{
    accounts::{ATTACKERS, VICTIM, VICTIMS, invite, login, register, sql, tenants, with_session},
    app::{Client, TestApp},
};
use serde_json::json;

/// An account of the victim's address, before tenant `acme` has any relation to it.
#[derive(Debug, Clone, Copy)]
enum Before {
    /// Created by an attacker who registered a tenant.
    Claimed,
    /// Created by an attacker who registered a tenant, in an installation that did not confirm addresses.
    ClaimedOfOld,
    /// Created by another tenant's invitation, which the victim accepted; the victim has left that tenant since.
    LeftAnother,
    /// Invited by another tenant, not accepted.
    InvitedElsewhere,
}

/// A way for an account to enter `acme`.
#[derive(Debug, Clone, Copy)]
enum Way {
    Invite,
    InviteAccepted,
    Clone,
    Import,
}

impl Before {
    async fn set(self, app: &TestApp) {
        match self {
            Self::Claimed => drop(register(app, "trap", VICTIM, ATTACKERS).await.expect(201)),
            Self::ClaimedOfOld => {
                register(app, "trap", VICTIM, ATTACKERS).await.expect(201);
                sql(app, "UPDATE users SET email = address WHERE address = 'ceo@bigcorp.example'").await;
            }
            Self::LeftAnother => {
                let rival = app.register("rival").await;
                let victim = app.member(&rival, VICTIM, "admin").await;
                victim.delete("/api/me/memberships/rival").await.expect(204);
            }
            Self::InvitedElsewhere => drop(invite(&app.register("rival").await, VICTIM).await),
        }
    }
}

impl Way {
    async fn go(self, app: &TestApp, acme: &Client, staff: &Client) {
        match self {
            Self::Invite => drop(invite(acme, VICTIM).await),
            Self::Clone => {
                let form = json!({"slug": "twin", "owner": VICTIM});
                let _refused_or_done = staff.post("/api/admin/tenants/acme/clone?wait=60", &form).await;
            }
            Self::Import => {
                let archive = acme.get("/api/tenant/export").await.expect(200).body;
                let path = format!("/api/admin/import?slug=twin&owner={VICTIM}&wait=60");
                staff.send(http::Method::POST, &path, Some("application/zip"), archive.to_vec()).await;
            }
            Self::InviteAccepted => {
                invite(acme, VICTIM).await;
                let token = app.letter(VICTIM).await;
                let form = json!({"token": token, "password": VICTIMS});
                if app.anon().post("/api/invitations/accept", &form).await.status == 409 {
                    let own = app.login(VICTIM).await;
                    own.post("/api/invitations/accept", &json!({"token": token})).await.expect(200);
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_crossing_of_an_older_account_with_a_way_in_opens_the_tenant() {
    let mut tried = 0;
    for before in [Before::Claimed, Before::ClaimedOfOld, Before::LeftAnother, Before::InvitedElsewhere] {
        for way in [Way::Invite, Way::InviteAccepted, Way::Clone, Way::Import] {
            let (app, _, acme) = TestApp::new().await;
            let staff = app.staff().await;
            before.set(&app).await;
            way.go(&app, &acme, &staff).await;
            for tenant in [None, Some("trap"), Some("acme"), Some("twin"), Some("rival")] {
                let answer = login(&app, VICTIM, ATTACKERS, tenant).await;
                if answer.status != 200 {
                    continue;
                }
                let client = with_session(&app, answer).await;
                for tenant in tenants(&client).await {
                    assert_eq!(tenant, "trap", "{before:?} {way:?}");
                }
                for inside in ["acme", "twin", "rival"] {
                    let path = format!("/t/{inside}/api/records/patients");
                    client.get(&path).await.expect(404);
                }
            }
            tried += 1;
        }
    }
    tenantry_testkit::tried("T14 accounts × ways into a tenant", tried, "none opened by an older password");
}
