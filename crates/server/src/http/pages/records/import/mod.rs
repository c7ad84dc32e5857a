//! `/{model}/import/`: choose a file, choose the field of each column, preview the records, import.
//!
//! Each form carries the file to the next step, so the server stores nothing of it between the steps. The API's import
//! reads it.

mod formats;
mod guess;
mod shown;

use super::{Place, form::require};
use crate::http::{
    App,
    pages::{
        answer::{page, see},
        reasons,
        upload::File,
        visit::{Fields, Sent, Site},
        words::{self, Words},
    },
    problem::{Code, Problem, Result},
    records::refused_lines,
};
use axum::{extract::Path, response::Response};
use base64::{Engine, engine::general_purpose::STANDARD};
use guess::Target;
use http::StatusCode;
use tenantry::{
    access::gates::Verb,
    records::{
        CsvHead, DateOrder, DecimalMark, FileEncoding, ImportKey, ImportOptions, ImportReport, Separator,
    },
};
use tenantry_console::{
    Notice,
    records::{Choice, FileColumn, Import, ImportStep},
};

/// Largest file, bytes: each step sends it again. The API imports larger files.
const MOST: usize = 2 << 20;
/// Largest form, bytes: twice a file of [`MOST`] in base64, because the refused lines are sent too; and the choices.
const FORM: usize = 8 << 20;
/// Number of rows that the choice of columns shows.
const EXAMPLES: usize = 3;
/// Byte order mark, by which spreadsheets recognise UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// The file, and the choices of how to read it.
struct Upload {
    name: String,
    bytes: Vec<u8>,
    encoding: FileEncoding,
    separator: Option<Separator>,
    dates: Option<DateOrder>,
    decimals: Option<DecimalMark>,
    /// Name of the field that each column sets; empty for none.
    columns: Option<Vec<String>>,
    /// Idempotency key: the last step imports once, however often it is sent.
    once: ImportKey,
}

impl Upload {
    fn of_file(file: &File) -> Self {
        let bytes = file.bytes.to_vec();
        Self {
            name: file.name.chars().take(120).collect(),
            encoding: guess::encoding(&bytes),
            bytes,
            separator: None,
            dates: None,
            decimals: None,
            columns: None,
            once: ImportKey::random(),
        }
    }

    /// Reads the file and the choices of a form. Returns `None` if it has no file.
    fn of_form(fields: &Fields) -> Option<Self> {
        let bytes = STANDARD.decode(fields.filled("_file")?).ok()?;
        let column = |index: usize| fields.sent(&format!("column-{index}")).map(str::to_owned);
        let columns: Vec<_> = (0..).map_while(column).collect();
        Some(Self {
            name: fields.get("_name").to_owned(),
            bytes,
            encoding: FileEncoding::parse(fields.get("_encoding")).unwrap_or_default(),
            separator: Separator::parse(fields.get("_separator")).ok(),
            dates: DateOrder::parse(fields.get("_dates")).ok(),
            decimals: DecimalMark::parse(fields.get("_decimals")).ok(),
            columns: (!columns.is_empty()).then_some(columns),
            once: ImportKey::parse(fields.get("_once")).ok()?,
        })
    }

    fn options(&self) -> ImportOptions {
        ImportOptions {
            columns: self.columns.clone(),
            encoding: self.encoding,
            separator: self.separator,
            dates: self.dates,
            decimals: self.decimals,
            keep_refused: false,
            once: Some(self.once),
        }
    }

    /// Returns the hidden fields of the next step's form.
    fn carried(&self) -> Vec<(String, String)> {
        let name_of =
            |encoding| FileEncoding::ALL.iter().find(|(known, _)| *known == encoding).map(|(_, name)| *name);
        let separator = Separator::ALL.iter().find(|(known, _)| Some(*known) == self.separator);
        let mut fields = vec![
            ("_name".to_owned(), self.name.clone()),
            ("_once".to_owned(), self.once.to_string()),
            ("_file".to_owned(), STANDARD.encode(&self.bytes)),
            ("_encoding".to_owned(), name_of(self.encoding).unwrap_or_default().to_owned()),
            ("_separator".to_owned(), separator.map(|(_, name)| (*name).to_owned()).unwrap_or_default()),
        ];
        let dates = DateOrder::ALL.into_iter().find(|(known, _)| Some(*known) == self.dates);
        let decimals = DecimalMark::ALL.into_iter().find(|(known, _)| Some(*known) == self.decimals);
        let dates = ("_dates", dates.map(|(_, name)| name));
        for (field, name) in [dates, ("_decimals", decimals.map(|(_, name)| name))] {
            fields.extend(name.map(|name| (field.to_owned(), name.to_owned())));
        }
        for (index, column) in self.columns.iter().flatten().enumerate() {
            fields.push((format!("column-{index}"), column.clone()));
        }
        fields
    }
}

/// `GET /{model}/import/`.
pub(in crate::http) async fn choose(app: App, site: Site, Path(model): Path<String>) -> Result<Response> {
    let place = Place::of(&app, &site, &model).await?;
    require(&place, Verb::Create)?;
    Ok(file(&place, None, StatusCode::OK))
}

/// `POST /{model}/import/`: the step that `_to` names.
pub(in crate::http) async fn import(
    app: App,
    site: Site,
    Path(model): Path<String>,
    sent: Sent,
) -> Result<Response> {
    let place = Place::of(&app, &site, &model).await?;
    require(&place, Verb::Create)?;
    let (fields, chosen) = match site.visit().upload(sent, FORM).await {
        Err(problem) if problem.code() == Code::TooLarge => return Ok(too_large(&place)),
        read => read?,
    };
    let chosen = chosen.into_iter().next();
    let name = format!("{}-refused.csv", place.model.name);
    if fields.get("_to") == "save" {
        let bytes = STANDARD.decode(fields.get("_refused")).unwrap_or_default();
        return Ok(refused_lines(bytes, &name));
    }
    let upload = match (chosen, fields.get("_to")) {
        (Some(file), _) => Some(Upload::of_file(&file)),
        (None, "file") => None,
        (None, _) => Upload::of_form(&fields),
    };
    let Some(mut upload) = upload else {
        let notice =
            (fields.get("_to") == "columns").then(|| Notice::wrong(site.visit().say("import-choose-first")));
        let status = if notice.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
        return Ok(file(&place, notice, status));
    };
    if upload.bytes.len() > MOST {
        return Ok(too_large(&place));
    }
    match fields.get("_to") {
        "columns" => columns(&place, upload, None).await,
        "again" => {
            // With another separator or encoding, the columns may have other names and numbers.
            upload.columns = None;
            upload.dates = None;
            upload.decimals = None;
            columns(&place, upload, None).await
        }
        "refused" => {
            let options = ImportOptions { keep_refused: true, ..upload.options() };
            let report = place
                .whole_records()
                .await?
                .with_dry_run(true)
                .import_csv_as(&upload.bytes[..], &options)
                .await?;
            Ok(refused_lines([MARK, &report.refused_csv()].concat(), &name))
        }
        "import" => run(&place, &upload).await,
        _ => preview(&place, upload).await,
    }
}

/// Shows step 1, the choice of a file.
fn file(place: &Place<'_>, notice: Option<Notice>, status: StatusCode) -> Response {
    let targets = guess::targets(place);
    let columns = targets.iter().filter(|target| target.name != "id");
    let step = ImportStep::File {
        columns: columns.map(|target| (target.name.clone(), target.label.clone())).collect(),
        most: place.words().bytes(MOST as u64),
    };
    show(place, step, vec![], notice, status)
}

fn too_large(place: &Place<'_>) -> Response {
    let most = place.words().bytes(MOST as u64);
    let path = format!("POST /api/records/{}/import", place.model.name);
    let text = place.words().text("import-too-large").with("most", most).with("path", path);
    file(place, Some(Notice::wrong(text)), StatusCode::PAYLOAD_TOO_LARGE)
}

/// Shows step 2, the choice of the columns' fields.
async fn columns(place: &Place<'_>, mut upload: Upload, notice: Option<Notice>) -> Result<Response> {
    let head = match place.whole_records().await?.csv_head(&upload.bytes[..], &upload.options(), EXAMPLES) {
        Ok(head) => head,
        Err(error) => {
            let reason = place.words().language.translated(&error.reason()).into_owned();
            let text = place.words().text("import-file-refused").with("reason", reason);
            return Ok(file(place, Some(Notice::wrong(text)), StatusCode::UNPROCESSABLE_ENTITY));
        }
    };
    let targets = guess::targets(place);
    upload.separator = Some(head.separator);
    let chosen = match upload.columns.take() {
        Some(columns) if columns.len() == head.names.len() => columns,
        _ => guess::columns(&targets, &head),
    };
    let status = if notice.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let mut carried = upload.carried();
    let is_choice = |name: &str| matches!(name, "_encoding" | "_separator" | "_dates" | "_decimals");
    carried.retain(|(name, _)| !is_choice(name));
    let read = ImportOptions { columns: Some(chosen.clone()), ..upload.options() };
    let formats = place.whole_records().await?.csv_formats(&upload.bytes[..], &read)?;
    let step = ImportStep::Columns {
        file: upload.name.clone(),
        encoding: encodings(place.words(), upload.encoding),
        separator: separators(place.words(), head.separator),
        dates: formats::dates(place.words(), formats.dates, upload.dates),
        decimals: formats::decimals(place.words(), formats.decimals, upload.decimals),
        columns: columns_of(place.words(), &head, &targets, &chosen),
    };
    Ok(show(place, step, carried, notice, status))
}

fn columns_of(words: &Words, head: &CsvHead, targets: &[Target], chosen: &[String]) -> Vec<FileColumn> {
    let column = |(index, name): (usize, &String)| FileColumn {
        id: format!("column-{index}"),
        name: match name.is_empty() {
            true => words.text("column-number").with("number", index + 1).into(),
            false => name.clone(),
        },
        examples: head.rows.iter().filter_map(|row| row.get(index)).map(|cell| short(cell)).collect(),
        options: guess::options(words, targets, chosen.get(index).map_or("", String::as_str)),
    };
    head.names.iter().enumerate().map(column).collect()
}

fn short(cell: &str) -> String {
    match cell.chars().count() > 40 {
        true => cell.chars().take(40).chain(['…']).collect(),
        false => cell.to_owned(),
    }
}

fn encodings(words: &Words, chosen: FileEncoding) -> Vec<Choice> {
    let label = |encoding| match encoding {
        FileEncoding::Unicode => "encoding-unicode",
        FileEncoding::Windows1250 => "encoding-1250",
        FileEncoding::Windows1251 => "encoding-1251",
        FileEncoding::Windows1252 => "encoding-1252",
        FileEncoding::Windows1254 => "encoding-1254",
    };
    let choice = |(encoding, name): (FileEncoding, &str)| Choice {
        value: name.to_owned(),
        label: words.say(label(encoding)).to_owned(),
        chosen: encoding == chosen,
    };
    FileEncoding::ALL.map(choice).into()
}

fn separators(words: &Words, chosen: Separator) -> Vec<Choice> {
    let choice = |(separator, name): (Separator, &str)| Choice {
        value: name.to_owned(),
        label: words
            .language
            .find(&format!("separator-{name}"))
            .map_or_else(|| words::human(name), str::to_owned),
        chosen: separator == chosen,
    };
    Separator::ALL.map(choice).into()
}

/// Shows step 3, the preview: tries the import without making it.
async fn preview(place: &Place<'_>, upload: Upload) -> Result<Response> {
    let missing = guess::missing(&guess::targets(place), upload.columns.as_deref().unwrap_or_default());
    if !missing.is_empty() {
        let text = place.words().text("import-missing").with("fields", missing.join(", "));
        return columns(place, upload, Some(Notice::wrong(text))).await;
    }
    let found = place.whole_records().await?.csv_formats(&upload.bytes[..], &upload.options())?;
    if let Some(text) = formats::open(place.words(), found, &upload.options()) {
        return columns(place, upload, Some(Notice::wrong(text))).await;
    }
    let records = place.whole_records().await?.with_dry_run(true);
    let report = match records.import_csv_as(&upload.bytes[..], &upload.options()).await {
        Ok(report) => report,
        Err(error) => {
            let problem = Problem::from(error);
            if problem.code() != Code::Invalid {
                return Err(problem);
            }
            let wrong = problem.wrong_fields().iter().map(|wrong| {
                format!("{}: {}", wrong.field, reasons::sentence(place.words(), &wrong.message))
            });
            let text = wrong.collect::<Vec<_>>().join(" ");
            return columns(place, upload, Some(Notice::wrong(text))).await;
        }
    };
    let (heads, rows) = shown::sample(place, upload.columns.as_deref().unwrap_or_default(), &report).await?;
    let step = ImportStep::Preview {
        file: upload.name.clone(),
        good: report.created,
        refused: report.refused,
        heads,
        rows,
        reasons: shown::reasons(place, &report),
    };
    Ok(show(place, step, upload.carried(), None, StatusCode::OK))
}

/// Imports the file and shows the result.
async fn run(place: &Place<'_>, upload: &Upload) -> Result<Response> {
    let options = ImportOptions { keep_refused: true, ..upload.options() };
    let report = match place
        .whole_records()
        .await?
        .import_csv_as(&upload.bytes[..], &options)
        .await
        .map_err(Problem::from)
    {
        Err(problem) if problem.code() == Code::Conflict => {
            return Ok(see(&format!("{}?_done=imported-before", place.list_path(&place.model))));
        }
        done => done?,
    };
    if report.refused == 0 {
        return Ok(see(&format!(
            "{}?_done=imported&_count={}",
            place.list_path(&place.model),
            report.created
        )));
    }
    Ok(done(place, report))
}

fn done(place: &Place<'_>, report: ImportReport) -> Response {
    let step = ImportStep::Done {
        stored: report.created,
        refused: report.refused,
        reasons: shown::reasons(place, &report),
    };
    let refused = STANDARD.encode([MARK, &report.refused_csv()].concat());
    show(place, step, vec![("_refused".to_owned(), refused)], None, StatusCode::OK)
}

fn show(
    place: &Place<'_>,
    step: ImportStep,
    carried: Vec<(String, String)>,
    notice: Option<Notice>,
    status: StatusCode,
) -> Response {
    let mut frame = place.frame(place.words().text("import-into").with("label", &place.model.label));
    frame.notice = notice;
    let list = place.list_path(&place.model);
    let view = Import {
        frame: &frame,
        label: &place.model.label,
        list: &list,
        path: &format!("{list}import/"),
        step,
        carried,
    };
    page(status, &view)
}
