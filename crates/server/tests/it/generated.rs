//! T4 from the OpenAPI document: requests generated from its schemas, and the same requests with a mistake, on every
//! path in the document. Every answer is documented and has the documented shape; there is no 5xx; a request that the
//! document forbids is refused.

use super::{
    app::{Client, TestApp},
    shapes::conforms,
};
use http::Method;
use serde_json::{Map, Value, json};
use tenantry_server::http::Options;
use tenantry_testkit::{Random, dose, tried};

/// Routes that are not tried here, because they end something that other requests need, hash passwords, or start long
/// operations. Other suites try them.
const LEFT_OUT: [&str; 13] = [
    "/api/auth/",
    "/api/register",
    "/subscription/",
    "/api/tenant/cancel",
    "/api/tenant/export",
    "/api/tenant/backups",
    "/backups",
    "/restore",
    "/clone",
    "/import",
    "/purge",
    "/events",
    "/impersonate",
];

struct Maker<'a> {
    document: &'a Value,
    random: Random,
}

impl Maker<'_> {
    /// Returns a value that conforms to the schema.
    fn value(&mut self, schema: &Value) -> Value {
        if let Some(target) = schema["$ref"].as_str() {
            let schema = self.document.pointer(target.trim_start_matches('#')).unwrap().clone();
            return self.value(&schema);
        }
        if let Some(either) = schema["anyOf"].as_array() {
            let one = self.random.pick(either).clone();
            return self.value(&one);
        }
        if let Some(choices) = schema["enum"].as_array() {
            return self.random.pick(choices).clone();
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => self.random.pick(kinds).as_str().unwrap().to_owned(),
            kind => kind.as_str().unwrap_or("any").to_owned(),
        };
        match kind.as_str() {
            "object" => self.object(schema),
            "array" => (0..=self.random.below(3)).map(|_| self.value(&schema["items"])).collect(),
            "integer" => self.integer(schema),
            "boolean" => json!(self.random.one_in(2)),
            "string" => json!(self.text(schema)),
            "null" => Value::Null,
            _ => self.random.pick(&[json!({"a": [1, null]}), json!("any"), json!(0.5)]).clone(),
        }
    }

    fn object(&mut self, schema: &Value) -> Value {
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut object = Map::new();
        for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
            if required.contains(&name.as_str()) || self.random.one_in(3) {
                object.insert(name.clone(), self.value(schema));
            }
        }
        object.into()
    }

    fn integer(&mut self, schema: &Value) -> Value {
        let (least, most) =
            (schema["minimum"].as_i64().unwrap_or(-9), schema["maximum"].as_i64().unwrap_or(99));
        let range = usize::try_from(most.saturating_sub(least)).unwrap().min(1_000);
        json!(least + i64::try_from(self.random.below(range + 1)).unwrap())
    }

    fn text(&mut self, schema: &Value) -> String {
        let n = self.random.below(60);
        let text = match schema["format"].as_str() {
            Some("date") => format!("20{n:02}-0{}-1{}", 1 + n % 9, n % 10),
            Some("date-time") => format!("2099-01-02T03:04:{n:02}Z"),
            Some("email") => format!("p{n}@made.example"),
            Some("decimal") => format!("{n}.5"),
            _ => self
                .random
                .pick(&["acme", "owner", "member", "Ä\u{301} \u{202e}x", "a'b\"c;--", "", "2", "SELECT 1"])
                .to_string(),
        };
        let most = schema["maxLength"].as_u64().map_or(usize::MAX, |most| usize::try_from(most).unwrap());
        text.chars().take(most).collect()
    }

    /// Returns a value that the document forbids, or `None` if the document allows every value.
    fn spoil(&mut self, schema: &Value, mut good: Value) -> Option<Value> {
        let schema = match schema["$ref"].as_str() {
            Some(target) => self.document.pointer(target.trim_start_matches('#')).unwrap(),
            None => schema,
        };
        let properties =
            schema["properties"].as_object().filter(|_| schema["additionalProperties"] == false)?;
        let typed: Vec<_> =
            properties.iter().filter(|(_, p)| p["type"].is_string() || p["type"].is_array()).collect();
        let (name, _) = *self.random.pick(&typed);
        match self.random.below(3) {
            0 => good[format!("{name}_of_nobody")] = json!(1),
            1 => good[name] = json!({"$gt": ""}),
            _ => good[name] = json!([[]]),
        }
        Some(good)
    }

    fn path(&mut self, template: &str, operation: &Value) -> String {
        let ids = ["1", "2", "3", "999", "0", "x", "%00", "-1"];
        let fill = |part: &str| match part {
            "{slug}" => self.random.pick(&["victim", "nobody", "UPPER", "a"]).to_string(),
            "{field}" => self.random.pick(&["document", "title", "nothing"]).to_string(),
            part if part.starts_with('{') => self.random.pick(&ids).to_string(),
            part => part.to_owned(),
        };
        let path = template.split('/').map(fill).collect::<Vec<_>>().join("/");
        let mut pairs = vec![];
        let all = operation["parameters"].as_array().into_iter().flatten();
        let all: Vec<_> = all.filter(|p| p["in"] == "query").collect();
        for parameter in &all {
            // A few of many: a list has a filter for each field and operator.
            if self.random.one_in(all.len().max(5)) {
                let value = match self.value(&parameter["schema"]) {
                    Value::String(text) => text.bytes().map(|b| format!("%{b:02x}")).collect(),
                    value => value.to_string(),
                };
                pairs.push(format!("{}={value}", parameter["name"].as_str().unwrap()));
            }
        }
        if pairs.is_empty() { path } else { format!("{path}?{}", pairs.join("&")) }
    }
}

/// Returns media type, body, and true if the document forbids the body.
fn body(maker: &mut Maker<'_>, operation: &Value) -> (Option<&'static str>, String, bool) {
    let content = &operation["requestBody"]["content"];
    if let Some(schema) = content["application/json"].get("schema") {
        let good = maker.value(schema);
        if maker.random.one_in(3)
            && let Some(bad) = maker.spoil(schema, good.clone())
        {
            return (Some("application/json"), bad.to_string(), true);
        }
        return (Some("application/json"), good.to_string(), false);
    }
    if content.get("text/csv").is_some() {
        let text = "first_name,last_name,name,born_on\nA,\"B\",x,1990-01-01\nC,D\n\"E,F\n";
        return (Some("text/csv"), maker.random.spoil(text), false);
    }
    (content.as_object().map(|_| "text/plain"), "x".into(), false)
}

/// Sends the request and checks the answer. Returns true if the request was accepted.
async fn ask(
    maker: &mut Maker<'_>,
    client: &Client,
    (template, method, operation): &(String, String, Value),
) -> bool {
    let path = maker.path(template, operation);
    let (media, body, forbidden) = body(maker, operation);
    let verb = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
    let answer = client.send(verb, &path, media, body.clone()).await;
    let (status, what) =
        (answer.status.as_u16(), format!("{method} {path} {body}: {} {}", answer.status, answer.text()));
    assert!(status < 500, "{what}");
    assert!(!(forbidden && status < 300), "the document forbids it: {what}");
    let named = operation["responses"].get(answer.status.as_str());
    let media = answer.header("content-type").split(';').next().unwrap_or_default().to_owned();
    if status >= 400 {
        assert_eq!(media, "application/problem+json", "{what}");
        let problem = &operation["responses"]["default"]["content"][&media]["schema"];
        conforms(maker.document, problem, &answer.json(), &what);
        return false;
    }
    let Some(named) = named else { panic!("the document names no such answer: {what}") };
    if let Some(schema) = named["content"]["application/json"].get("schema") {
        assert_eq!(media, "application/json", "{what}");
        conforms(maker.document, schema, &answer.json(), &what);
    }
    true
}

#[tokio::test]
async fn requests_made_after_the_document_are_answered_as_it_says() {
    let plan = "[plans.free]\nlabel = \"Free\"\n[registration]\ndefault_plan = \"free\"\n";
    let app = TestApp::configured(plan, Options::default()).await;
    let (acme, staff) = (app.register("acme").await, app.staff().await);
    app.register("victim").await;
    staff.post("/api/records/regions", &json!({"name": "North", "code": "N"})).await.expect(201);
    staff.post("/api/records/cities", &json!({"name": "Ahlen", "region": 1})).await.expect(201);
    let document = acme.get("/api/openapi.json").await.expect(200).json();
    let paths = document["paths"].as_object().unwrap().iter();
    let all = paths.flat_map(|(path, of)| {
        of.as_object().unwrap().iter().map(move |(m, o)| (path.clone(), m.clone(), o.clone()))
    });
    let wanted = |path: &str, method: &str| {
        let operations = |verb: &str| path.ends_with(verb) && path.starts_with("/api/admin/");
        let begun =
            ["/move", "/promote", "/demote", "/databases"].into_iter().any(operations) && method != "get";
        !begun && !LEFT_OUT.iter().any(|out| path.contains(out) && !path.starts_with("/api/records/"))
    };
    let all: Vec<_> = all.filter(|(path, method, _)| wanted(path, method)).collect();
    let mut maker = Maker { document: &document, random: Random::new(17, 0) };
    // The owner must stay the owner, and staff must stay staff.
    let spoils =
        |path: &str| path.starts_with("/api/tenant/users/{id}") || path.starts_with("/api/admin/users/{id}");
    let rounds = dose(8, 2_000);
    let (mut sent, mut taken) = (0, 0);
    for _ in 0..rounds {
        for operation in all.iter().filter(|(path, ..)| !spoils(path)) {
            for client in [&acme, &staff] {
                taken += u64::from(ask(&mut maker, client, operation).await);
                sent += 1;
            }
        }
    }
    assert!(taken > sent / 10, "hardly anything was taken: {taken} of {sent}");
    tried("T4 after the document", sent, &format!("requests at {} operations, {taken} taken", all.len()));
}
