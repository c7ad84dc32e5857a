//! A browser without a window: cookies, links and forms of pages, in process. The tests of pages use it.

use super::app::{PASSWORD, TestApp};
use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use std::collections::BTreeMap;
use tenantry_server::http::call;

/// One browser profile.
#[derive(Clone)]
pub(crate) struct Web {
    app: TestApp,
    pub(crate) cookies: BTreeMap<String, String>,
    /// Header `Accept-Language`; empty for none.
    pub(crate) accepts: &'static str,
}

/// A page, or another answer.
pub(crate) struct Page {
    pub(crate) path: String,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    pub(crate) tags: Vec<Tag>,
}

/// A start tag, or text.
#[derive(Debug, Clone)]
pub(crate) struct Tag {
    /// Name of the tag, with a leading `/` for an end tag; empty for text.
    pub(crate) name: String,
    pub(crate) attrs: Vec<(String, String)>,
    /// Decoded text; empty for a tag.
    pub(crate) text: String,
}

/// A form with the fields that a browser would send.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    pub(crate) action: String,
    pub(crate) method: String,
    pub(crate) fields: Vec<(String, String)>,
}

impl Web {
    pub(crate) fn new(app: &TestApp) -> Self {
        Self { app: app.clone(), cookies: BTreeMap::new(), accepts: "" }
    }

    /// Signs in through the page.
    pub(crate) async fn signed_in(app: &TestApp, email: &str) -> Self {
        let mut web = Self::new(app);
        let login = web.get("/login/").await;
        let sent = web.submit(&login, "/login/", &[("email", email), ("password", PASSWORD)]).await;
        assert_eq!(sent.status, 303, "{}", sent.body);
        web
    }

    pub(crate) async fn get(&mut self, path: &str) -> Page {
        self.send(Method::GET, path, None).await
    }

    /// Sends a form with these fields and no others.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(String, String)]) -> Page {
        self.send(Method::POST, path, Some(encoded(fields))).await
    }

    /// Fills a form of the page and sends it.
    pub(crate) async fn submit(&mut self, page: &Page, action: &str, with: &[(&str, &str)]) -> Page {
        let form = page.form(action);
        let mut fields = form.fields;
        for (name, value) in with {
            fields.retain(|(known, _)| known != name);
            fields.push(((*name).to_owned(), (*value).to_owned()));
        }
        let target = if form.action.is_empty() { page.path.clone() } else { form.action };
        self.post(&target, &fields).await
    }

    /// Fills a form of the page and sends it with a file, as browsers send forms that contain files.
    pub(crate) async fn send_file(
        &mut self,
        page: &Page,
        action: &str,
        with: &[(&str, &str)],
        file: Option<(&str, &[u8])>,
    ) -> Page {
        let mut fields = page.form(action).fields;
        for (name, value) in with {
            fields.retain(|(known, _)| known != name);
            fields.push(((*name).to_owned(), (*value).to_owned()));
        }
        let mut body = vec![];
        let mut part = |head: &str, bytes: &[u8]| {
            body.extend_from_slice(
                format!("--xyz\r\ncontent-disposition: form-data; {head}\r\n\r\n").as_bytes(),
            );
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        };
        let inputs = page.tags.iter().filter(|tag| tag.attr("type") == Some("file"));
        let inputs: Vec<_> = inputs.filter_map(|tag| tag.attr("name")).collect();
        for (name, value) in fields.iter().filter(|(name, _)| !inputs.contains(&name.as_str())) {
            part(&format!("name=\"{name}\""), value.as_bytes());
        }
        if let Some((name, bytes)) = file {
            let input = inputs.first().unwrap_or(&"file");
            part(&format!("name=\"{input}\"; filename=\"{name}\""), bytes);
        }
        body.extend_from_slice(b"--xyz--\r\n");
        let target = if action.is_empty() { page.path.clone() } else { action.to_owned() };
        self.send_as(Method::POST, &target, Some(("multipart/form-data; boundary=xyz", body))).await
    }

    /// Opens the page to which an answer redirects.
    pub(crate) async fn follow(&mut self, answer: &Page) -> Page {
        let to = answer.location();
        self.get(&to).await
    }

    async fn send(&mut self, method: Method, path: &str, form: Option<String>) -> Page {
        let form = form.map(|form| ("application/x-www-form-urlencoded", form.into_bytes()));
        self.send_as(method, path, form).await
    }

    async fn send_as(&mut self, method: Method, path: &str, form: Option<(&str, Vec<u8>)>) -> Page {
        let mut request = Request::builder().method(method).uri(path).header("accept", "text/html");
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        if !self.accepts.is_empty() {
            request = request.header(header::ACCEPT_LANGUAGE, self.accepts);
        }
        let body = match form {
            Some((media, form)) => {
                request = request.header(header::CONTENT_TYPE, media).header("sec-fetch-site", "same-origin");
                Body::from(form)
            }
            None => Body::empty(),
        };
        let (served, router) = self.app.served();
        let response = call(&served, &router, request.body(body).unwrap()).await;
        let (parts, body) = response.into_parts();
        for value in parts.headers.get_all(header::SET_COOKIE) {
            let pair = value.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            match value.is_empty() {
                true => drop(self.cookies.remove(name)),
                false => drop(self.cookies.insert(name.to_owned(), value.to_owned())),
            }
        }
        let body = body.collect().await.map(|b| b.to_bytes()).unwrap_or_default();
        let body = String::from_utf8_lossy(&body).into_owned();
        let is_html =
            parts.headers.get("content-type").is_some_and(|media| media.as_bytes().starts_with(b"text/html"));
        let tags = if is_html { tags(&body) } else { vec![] };
        Page { path: path.to_owned(), status: parts.status, headers: parts.headers, body, tags }
    }
}

impl Page {
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {}", self.path, self.body);
        self
    }

    pub(crate) fn location(&self) -> String {
        let location = self.headers.get(header::LOCATION).unwrap_or_else(|| panic!("{}", self.body));
        location.to_str().unwrap().to_owned()
    }

    /// Returns all text, decoded, without markup.
    pub(crate) fn text(&self) -> String {
        self.tags.iter().map(|tag| tag.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// Returns the values of an attribute of all tags with this name.
    pub(crate) fn attrs(&self, tag: &str, attr: &str) -> Vec<String> {
        self.tags.iter().filter(|t| t.name == tag).filter_map(|t| t.attr(attr).map(str::to_owned)).collect()
    }

    /// Returns all forms.
    pub(crate) fn forms(&self) -> Vec<Form> {
        let mut forms: Vec<Form> = vec![];
        let (mut inside, mut select, mut area): (bool, Option<(String, bool)>, Option<String>) =
            (false, None, None);
        for tag in &self.tags {
            let attr = |name: &str| tag.attr(name).unwrap_or_default().to_owned();
            match tag.name.as_str() {
                "form" => {
                    inside = true;
                    forms.push(Form { action: attr("action"), method: attr("method"), fields: vec![] });
                }
                "/form" => inside = false,
                _ if !inside => {}
                "input" => {
                    let kind = attr("type");
                    let is_off =
                        matches!(kind.as_str(), "checkbox" | "radio") && tag.attr("checked").is_none();
                    if let Some(name) = tag.attr("name").filter(|_| !is_off) {
                        let usual = if kind == "checkbox" { "on" } else { "" };
                        let value = tag.attr("value").unwrap_or(usual).to_owned();
                        forms.last_mut().unwrap().fields.push((name.to_owned(), value));
                    }
                }
                "select" => select = Some((attr("name"), false)),
                "/select" => select = None,
                "option" => {
                    if let Some((name, is_chosen)) = &mut select {
                        let fields = &mut forms.last_mut().unwrap().fields;
                        if tag.attr("selected").is_some() && *is_chosen {
                            fields.pop();
                        }
                        if tag.attr("selected").is_some() || !*is_chosen {
                            fields.push((name.clone(), attr("value")));
                            *is_chosen = true;
                        }
                    }
                }
                "textarea" => {
                    area = Some(attr("name"));
                    forms.last_mut().unwrap().fields.push((attr("name"), String::new()));
                }
                "/textarea" => area = None,
                "" if area.is_some() => {
                    forms.last_mut().unwrap().fields.last_mut().unwrap().1 = tag.text.clone();
                }
                _ => {}
            }
        }
        forms
    }

    /// Returns the form that is sent to this address. An empty address means that of the page itself.
    pub(crate) fn form(&self, action: &str) -> Form {
        let found = self.forms().into_iter().find(|form| form.action == action && form.method == "post");
        found.unwrap_or_else(|| panic!("no form to {action:?} on {}: {}", self.path, self.body))
    }
}

impl Tag {
    pub(crate) fn attr(&self, name: &str) -> Option<&str> {
        self.attrs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Encodes the fields of a form.
pub(crate) fn encoded(fields: &[(String, String)]) -> String {
    let encode = |text: &str| {
        let byte = |b: u8| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(b).to_string(),
            _ => format!("%{b:02X}"),
        };
        text.replace('\n', "\r\n").bytes().map(byte).collect::<String>()
    };
    fields
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect::<Vec<_>>()
        .join("&")
}

/// Splits HTML of our templates into tags and text. Their attributes are quoted.
fn tags(html: &str) -> Vec<Tag> {
    let mut found = vec![];
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let (before, from) = rest.split_at(at);
        if !before.trim().is_empty() {
            let text = decoded(before.strip_prefix('\n').unwrap_or(before));
            found.push(Tag { name: String::new(), attrs: vec![], text });
        }
        let mut quoted = false;
        let is_end = |c: char| {
            quoted ^= c == '"';
            c == '>' && !quoted
        };
        let end = from.find(is_end).unwrap_or(from.len() - 1);
        let inner = from[1..end].trim_end_matches('/');
        rest = &from[end + 1..];
        let name = inner.split_whitespace().next().unwrap_or_default();
        found.push(Tag {
            name: name.to_owned(),
            attrs: attributes(&inner[name.len()..]),
            text: String::new(),
        });
    }
    found
}

fn attributes(mut text: &str) -> Vec<(String, String)> {
    let mut found = vec![];
    loop {
        text = text.trim_start();
        if text.is_empty() {
            return found;
        }
        let end = text.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(text.len());
        let name = text[..end].to_owned();
        text = &text[end..];
        let Some(value) = text.strip_prefix('=') else {
            found.push((name, String::new()));
            continue;
        };
        let quote = value.chars().next().unwrap();
        assert!(quote == '"' || quote == '\'', "an attribute without quotes: {name}{text}");
        let (value, after) = value[1..].split_once(quote).unwrap();
        found.push((name, decoded(value)));
        text = after;
    }
}

fn decoded(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let Some((name, after)) = after.split_once(';') else { panic!("& in {text}") };
        out.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            number => char::from_u32(number.trim_start_matches('#').parse().unwrap()).unwrap(),
        });
        rest = after;
    }
    out.push_str(rest);
    out
}
