//! `/settings/keys/`: API keys. A new key is shown once.

use super::roles;
use crate::http::{
    App,
    pages::{
        answer::{page, see},
        frame, reasons,
        visit::{Inside, Managing, Sent, query},
    },
    problem::{Code, Problem, Result},
};
use axum::response::Response;
use http::StatusCode;
use tenantry::access::api_keys::NewKey;
use tenantry_console::{
    Notice,
    company::{Key, Keys},
};

/// What the page shows besides the list of keys.
#[derive(Default)]
struct Shown<'a> {
    made: Option<&'a str>,
    name: &'a str,
    wrong: String,
}

/// `GET /settings/keys/`.
pub(in crate::http) async fn list(app: App, Managing(inside): Managing) -> Result<Response> {
    show(&app, &inside, Shown::default(), StatusCode::OK).await
}

async fn show(app: &App, inside: &Inside, shown: Shown<'_>, status: StatusCode) -> Result<Response> {
    let words = &inside.visit.words;
    let keys = app.platform().access().api_keys().list(&inside.tenant).await?;
    let keys: Vec<_> = keys
        .into_iter()
        .map(|key| Key {
            id: key.id,
            name: key.name,
            prefix: key.prefix,
            role: words.role(&key.role),
            made: match key.made_by {
                Some(by) => words
                    .text("key-made-by")
                    .with("email", by.email)
                    .with("at", words.instant(key.created_us))
                    .into(),
                None => words.text("key-made").with("at", words.instant(key.created_us)).into(),
            },
            seen: key.seen_us.map_or_else(
                || words.say("key-never-used").into(),
                |at| words.text("key-last-used").with("at", words.instant(at)).into(),
            ),
        })
        .collect();
    let mut frame = frame::of_company(inside, words.say("api-keys"));
    frame.notice = (query(&inside.visit.query).get("_done") == "revoked")
        .then(|| Notice::done(words.say("done-key-revoked")));
    let roles = roles(app, words);
    let view = Keys {
        frame: &frame,
        keys: &keys,
        roles: &roles,
        made: shown.made,
        name: shown.name,
        wrong: &shown.wrong,
    };
    Ok(page(status, &view))
}

/// `POST /settings/keys/`: creates a key. Only the answer to this request contains it.
pub(in crate::http) async fn make(app: App, Managing(inside): Managing, sent: Sent) -> Result<Response> {
    let fields = inside.visit.fields(sent).await?;
    let name = fields.get("name").trim();
    let new = NewKey { name: name.to_owned(), role: fields.get("role").to_owned(), expires_us: None };
    match app.platform().access().api_keys().create(&inside.tenant, new).await.map_err(Problem::from) {
        Ok((token, _)) => {
            let key = token.reveal();
            let shown = Shown { made: Some(&key), ..Shown::default() };
            show(&app, &inside, shown, StatusCode::CREATED).await
        }
        Err(problem) if problem.code() == Code::Invalid => {
            let shown =
                Shown { name, wrong: reasons::of(&inside.visit.words, &problem, "name"), ..Shown::default() };
            show(&app, &inside, shown, problem.status()).await
        }
        Err(problem) => Err(problem),
    }
}

/// `POST /settings/keys/revoke/`.
pub(in crate::http) async fn revoke(app: App, Managing(inside): Managing, sent: Sent) -> Result<Response> {
    let fields = inside.visit.fields(sent).await?;
    let id = fields.get("id").parse().map_err(|_| Problem::absent())?;
    app.platform().access().api_keys().revoke(&inside.tenant, id).await?;
    Ok(see("/settings/keys/?_done=revoked"))
}
