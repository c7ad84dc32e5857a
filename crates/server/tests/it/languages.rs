//! Pages in other languages: the choice of a page's language, times in zones, and a pseudo-language that reveals every
//! text that is missing in the files of languages.

use super::{
    app::TestApp,
    console_data::{CANARY, filled},
    crawl::Crawl,
    web::{Page, Web},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};
use tenantry_console::Language;
use tenantry_testkit::tried;

/// Code of the pseudo-language, whose texts are in `⟦…⟧`.
const PSEUDO: &str = "en-XA";
/// Words that are the same in every language: names of formats, units and commands.
const NAMES: &[&str] = &[
    "UTC",
    "API",
    "CSV",
    "JSON",
    "KiB",
    "MiB",
    "GiB",
    "bytes",
    "GMT",
    "Asia",
    "Baku",
    "English",
    "Azərbaycanca",
    "city",
    "hospital",
    "backups",
    "schedules",
    "pooled",
];

fn lang(page: &Page) -> String {
    page.attrs("html", "lang").remove(0)
}

#[tokio::test]
async fn a_page_has_the_language_of_the_account_the_browser_or_the_company() {
    let (app, people) = filled().await;
    let owner = app.login(people[0]).await;
    // For a visitor: the language of the browser, then the one chosen on the page.
    let mut web = Web::new(&app);
    assert_eq!(lang(&web.get("/login/").await), "en");
    web.accepts = "az-AZ,az;q=0.9,en;q=0.5";
    let login = web.get("/login/?next=/account/").await.expect(200);
    assert!(lang(&login) == "az" && login.text().contains("Daxil ol"), "{}", login.text());
    let refused = web.submit(&login, "/login/", &[("email", people[0]), ("password", "wrong wrong")]).await;
    assert!(refused.text().contains("Ünvan və ya şifrə səhvdir"), "{}", refused.text());
    let chosen = web.submit(&login, "/language/", &[("language", "en")]).await.expect(303);
    assert_eq!(chosen.location(), "/login/?next=/account/");
    assert_eq!(lang(&web.follow(&chosen).await), "en");
    web.post("/language/", &[("language".into(), "xx".into()), ("next".into(), "//evil.example".into())])
        .await
        .expect(303);
    assert_eq!(lang(&web.get("/login/").await), "en", "an unknown language changes nothing");
    // The company's language, for a user who has chosen none.
    let mut member = Web::signed_in(&app, people[0]).await;
    owner.patch("/api/tenant", &json!({"language": "az"})).await.expect(200);
    let page = member.get("/patients/").await.expect(200);
    assert!(lang(&page) == "az" && page.text().contains("Əlavə et"), "{}", page.text());
    let absent = member.get("/patients/4711/").await.expect(404);
    assert!(lang(&absent) == "az" && absent.text().contains("Tapılmadı"), "{}", absent.text());
    assert_eq!(lang(&member.get("/account/").await), "en", "a page of no company");
    // The user's own language.
    owner.patch("/api/me", &json!({"language": "en"})).await.expect(200);
    assert_eq!(lang(&member.get("/patients/").await), "en");
    let account = member.get("/account/").await.expect(200);
    let saved =
        member.submit(&account, "/account/locale/", &[("language", "az"), ("time_zone", "Asia/Baku")]).await;
    assert!(member.follow(&saved.expect(303)).await.text().contains("Dil və saat qurşağı yadda saxlandı."));
    let me = owner.get("/api/me").await.expect(200).json();
    assert_eq!((&me["user"]["language"], &me["user"]["time_zone"]), (&json!("az"), &json!("Asia/Baku")));
    let wrong = member.submit(&account, "/account/locale/", &[("time_zone", "Baku")]).await.expect(422);
    assert!(wrong.body.contains("value=\"Baku\"") && wrong.body.contains("id=\"locale-wrong\""));
    // Cleared settings leave nothing behind.
    let cleared = json!({"language": "", "time_zone": ""});
    let cleared = owner.patch("/api/me", &cleared).await.expect(200).json();
    assert_eq!((&cleared["language"], &cleared["time_zone"]), (&Value::Null, &Value::Null));
    for wrong in [json!({"language": "a b"}), json!({"time_zone": "Mars/Olympus"}), json!({})] {
        owner.patch("/api/me", &wrong).await.expect(422);
        owner.patch("/api/tenant", &wrong).await.expect(422);
    }
    let own = owner.get("/api/tenant").await.expect(200).json();
    assert_eq!((&own["language"], &own["time_zone"]), (&json!("az"), &Value::Null));
}

/// The language and the zone of one company never apply to another.
#[tokio::test]
async fn a_company_speaks_its_own_language_only() {
    let (app, people) = filled().await;
    let staff = app.login(people[3]).await;
    let settings = json!({"language": "az", "time_zone": "Asia/Baku"});
    staff.patch("/api/admin/tenants/acme/settings", &settings).await.expect(200);
    staff.patch("/api/admin/tenants/acme/settings", &json!({"time_zone": "Nowhere"})).await.expect(422);
    let mut owner = Web::signed_in(&app, "owner@acme.example").await;
    assert_eq!(lang(&owner.get("/dashboard/").await), "az");
    let mut rival = Web::signed_in(&app, people[2]).await;
    let chosen = rival.get("/companies/").await.expect(200);
    rival.submit(&chosen, "/companies/", &[("tenant", "rival")]).await.expect(303);
    assert_eq!(lang(&rival.get("/dashboard/").await), "en");
}

#[tokio::test]
async fn times_are_shown_and_entered_in_the_zone_and_stored_in_utc() {
    let (app, people) = filled().await;
    let owner = app.login(people[0]).await;
    owner.patch("/api/tenant", &json!({"time_zone": "Europe/Berlin"})).await.expect(200);
    let mut web = Web::signed_in(&app, people[0]).await;
    // Stored as 2026-12-01T08:00:00Z.
    let page = web.get("/appointments/1/").await.expect(200);
    assert!(page.text().contains("1 Dec 2026, 09:00"), "{}", page.text());
    let form = web.get("/appointments/1/edit/").await.expect(200);
    let value = |page: &Page, name: &str| {
        let fields = page.form("").fields;
        fields.into_iter().find(|(known, _)| known == name).map(|(_, value)| value).unwrap_or_default()
    };
    assert_eq!(value(&form, "starts_at"), "2026-12-01T09:00");
    web.submit(&form, "", &[("starts_at", "2026-12-01T10:30")]).await.expect(303);
    let stored = owner.get("/api/records/appointments/1").await.expect(200).json();
    assert_eq!(stored["starts_at"], "2026-12-01T09:30:00.000000Z");
    // The hour that occurs twice when clocks go back.
    let form = web.get("/appointments/1/edit/").await.expect(200);
    let refused = web.submit(&form, "", &[("starts_at", "2026-10-25T02:30")]).await.expect(422);
    for way in ["2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00"] {
        assert!(refused.text().contains(way), "{}", refused.text());
    }
    web.submit(&refused, "", &[("starts_at", "2026-10-25T02:30+01:00")]).await.expect(303);
    let stored = owner.get("/api/records/appointments/1").await.expect(200).json();
    assert_eq!(stored["starts_at"], "2026-10-25T01:30:00.000000Z");
    let form = web.get("/appointments/1/edit/").await.expect(200);
    assert_eq!(value(&form, "starts_at"), "2026-10-25T02:30+01:00");
    // A field that is not touched does not change.
    let same = web.submit(&form, "", &[]).await.expect(303);
    assert!(same.location().ends_with("_done=same"), "{}", same.location());
}

#[tokio::test]
async fn what_a_form_refuses_is_said_in_the_language_of_the_page() {
    let (app, people) = filled().await;
    let mut web = Web::signed_in(&app, people[0]).await;
    web.cookies.insert("tenantry_language".into(), "az".into());
    let form = web.get("/patients/add/").await.expect(200);
    let long = "x".repeat(200);
    let refused = web.submit(&form, "", &[("first_name", &long), ("born_on", "never")]).await.expect(422);
    let text = refused.text();
    for said in ["Ən çoxu 80 simvol olmalıdır.", "Mütləqdir.", "2026-01-31 kimi tarix olmalıdır."] {
        assert!(text.contains(said), "{said}: {text}");
    }
}

/// Returns the words of a text that have at least three letters.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphabetic()).filter(|word| word.chars().count() > 2)
}

/// Returns the words of data: of the apps, of the fixtures, and of the API's answers.
async fn data(app: &TestApp, staff: &str) -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = vec![CANARY.to_owned(), NAMES.join(" "), Language::english().say("months").to_owned()];
    // Comments are not data.
    let without_comments = |text: &str| {
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        lines.map(|line| line.split(" # ").next().unwrap_or_default().to_owned() + "\n").collect::<String>()
    };
    for model in fs::read_dir(root.join("../../apps/medadmin/models")).unwrap() {
        texts.push(without_comments(&fs::read_to_string(model.unwrap().path()).unwrap()));
    }
    texts.push(without_comments(tenantry::config::DEFAULT_TOML));
    for fixture in ["tests/it/console_data.rs", "tests/it/app.rs"] {
        texts.push(fs::read_to_string(root.join(fixture)).unwrap());
    }
    let staff = app.login(staff).await;
    for path in [
        "/api/me",
        "/api/admin/operations?limit=200",
        "/api/admin/audit?limit=200",
        "/api/admin/tenants",
        "/api/admin/users",
        "/api/plans",
        "/api/admin/nodes",
        "/api/admin/backups",
        "/api/admin/attention",
    ] {
        texts.push(staff.get(path).await.text());
    }
    let mut found = BTreeSet::new();
    for word in texts.iter().flat_map(|text| words(text)) {
        found.insert(word.to_lowercase());
    }
    found
}

/// Returns the texts of a page that are not in `⟦…⟧`.
fn outside(page: &Page) -> Vec<String> {
    let mut found = Vec::new();
    // A text may contain elements, so the depth carries over from one element to the next.
    let (mut hidden, mut depth) = (0_usize, 0_usize);
    for tag in &page.tags {
        match tag.name.as_str() {
            "pre" | "code" | "script" | "time" | "textarea" => hidden += 1,
            "/pre" | "/code" | "/script" | "/time" | "/textarea" => hidden = hidden.saturating_sub(1),
            _ => {}
        }
        let attributes = ["aria-label", "placeholder", "alt", "data-label", "title"];
        if tag.name != "time" {
            found.extend(attributes.iter().filter_map(|name| tag.attr(name)).map(|text| bare(text, &mut 0)));
        }
        let text = bare(&tag.text, &mut depth);
        if hidden == 0 {
            found.push(text);
        }
    }
    assert_eq!(depth, 0, "{}", page.path);
    found
}

/// Removes the parts in `⟦…⟧`, including nested ones.
fn bare(text: &str, depth: &mut usize) -> String {
    let mut rest = String::new();
    for letter in text.chars() {
        match letter {
            '⟦' => *depth += 1,
            '⟧' => *depth = depth.saturating_sub(1),
            letter if *depth == 0 => rest.push(letter),
            _ => {}
        }
    }
    rest
}

#[tokio::test]
async fn every_text_of_every_page_is_in_the_files_of_languages() {
    assert!(Language::with_code(PSEUDO).is_some(), "the tests turn the pseudo-language on");
    let (app, people) = filled().await;
    let owner = app.login(people[0]).await;
    super::take_back::stage(&owner).await;
    super::crawl::in_every_state(&app).await;
    let view = json!({"name": CANARY, "query": "sort=-id", "shared": true});
    owner.post("/api/views/patients", &view).await.expect(201);
    let mut crawl = Crawl::in_language(PSEUDO);
    let mut visitor = Web::new(&app);
    visitor.cookies.insert("tenantry_language".into(), PSEUDO.into());
    crawl.follow(&mut visitor, "visitor").await;
    for email in [people[0], people[3]] {
        let mut web = Web::signed_in(&app, email).await;
        web.cookies.insert("tenantry_language".into(), PSEUDO.into());
        crawl.follow(&mut web, email).await;
    }
    let data = data(&app, people[3]).await;
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let mut texts = 0;
    for page in &crawl.kept {
        assert!(page.body.contains('⟦'), "{} has no text", page.path);
        for text in outside(page) {
            texts += 1;
            for word in words(&text).filter(|word| !data.contains(&word.to_lowercase())) {
                found.entry(word.to_owned()).or_insert_with(|| format!("{}: {}", page.path, text.trim()));
            }
        }
    }
    assert!(found.is_empty(), "these texts are in no file of languages: {found:#?}");
    tried("pseudo-language", texts, "texts of pages");
}

/// Returns the newest letter to an address, as it was sent.
async fn letter(app: &TestApp, email: &str) -> String {
    app.platform().letters().send_due().await.unwrap();
    let folder = fs::read_dir(&app.platform().config().mail.folder).unwrap();
    let mut paths: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let texts = paths.iter().rev().map(|path| fs::read_to_string(path).unwrap());
    texts.into_iter().find(|text| text.contains(&format!("To: {email}\r\n"))).unwrap()
}

/// The pages of staff and operators name models, fields, roles and plans in the language of their reader, too.
#[tokio::test]
async fn labels_of_apps_have_the_language_of_staff() {
    let (app, people) = filled().await;
    let owner = app.login(people[0]).await;
    owner.put("/api/records/clinics/1/override", &json!({"phone": "12 34 56"})).await.expect(200);
    let mut web = Web::signed_in(&app, people[3]).await;
    web.cookies.insert("tenantry_language".into(), "az".into());
    for (path, shown) in [
        ("/admin/data/", &["Şəhərlər", "Klinikalar", "Həkimlər, "][..]),
        ("/admin/data/cities/1/impact/", &["Xəstəxanalar: 1", "Pasiyentlər: 1"]),
        ("/admin/data/clinics/1/impact/", &["Həkimlər: 1", "Telefon"]),
        ("/admin/companies/acme/", &["Sahib", "Başlanğıc"]),
        ("/admin/users/1/", &["Sahib"]),
        ("/admin/subscriptions/", &["Başlanğıc"]),
        ("/admin/subscriptions/acme/", &["Başlanğıc"]),
        ("/master-admin/companies/", &["Başlanğıc"]),
        ("/master-admin/companies/acme/enter/", &["Sahib", "Müşahidəçi"]),
        ("/master-admin/analytics/", &["Başlanğıc"]),
    ] {
        let text = web.get(path).await.expect(200).text();
        for shown in shown {
            assert!(text.contains(shown), "{path}: {shown}: {text}");
        }
    }
}

#[tokio::test]
async fn labels_of_apps_and_letters_have_the_language_of_their_reader() {
    let (app, people) = filled().await;
    let owner = app.login(people[0]).await;
    owner.patch("/api/tenant", &json!({"language": "az"})).await.expect(200);
    owner.patch("/api/records/patients/1", &json!({"gender": "female"})).await.expect(200);
    let mut web = Web::signed_in(&app, people[0]).await;
    for (path, shown) in [
        ("/patients/?gender=female", &["Pasiyentlər", "Soyad", "Cins: Qadın", "Kişi"][..]),
        ("/patients/1/", &["Doğum tarixi", "Qadın", "Sahib"]),
        ("/patients/add/", &["Qan qrupu", "A+"]),
        ("/settings/members/", &["Sahib", "İnzibatçı"]),
        ("/analytics/?model=patients&group_by=gender", &["Qadın", "Qəbullar"]),
        ("/patients/?_or=1&_field_0_0=doctor.clinic&_add=1", &["Həkim › Klinika"]),
        ("/patients/1/history/", &["Cins", "Qadın"]),
    ] {
        let text = web.get(path).await.expect(200).text();
        for shown in shown {
            assert!(text.contains(shown), "{path}: {shown}: {text}");
        }
    }
    // The API has names.
    let record = owner.get("/api/records/patients/1").await.expect(200).json();
    assert_eq!(record["gender"], "female", "{record}");

    let invitation = json!({"email": "new@x.example", "role": "member"});
    owner.post("/api/tenant/invitations", &invitation).await.expect(201);
    assert!(letter(&app, "new@x.example").await.contains("Proqramlar"));
    // The recipient's own language goes before that of the company.
    owner.patch("/api/me", &json!({"language": "en"})).await.expect(200);
    let other = app.register("other").await;
    other.patch("/api/tenant", &json!({"language": "az"})).await.expect(200);
    other.post("/api/tenant/invitations", &json!({"email": people[0], "role": "member"})).await.expect(201);
    assert!(letter(&app, people[0]).await.contains("For programs"));
}
