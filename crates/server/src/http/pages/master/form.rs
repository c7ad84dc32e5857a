//! A page with a form that acts on something: empty, or filled with the sent values and the platform's refusal.

use crate::http::{
    pages::{
        answer::page,
        frame, reasons,
        visit::{Fields, Oneself},
        words::Words,
    },
    problem::{Code, Problem, Result},
    scope::Client,
};
use axum::response::Response;
use http::StatusCode;
use tenantry::access::{Confirmed, passwords::Password};
use tenantry_console::{
    Face, Notice,
    master::{Field, Form, Kind, Note, Section},
};

/// A form, before it is shown.
#[derive(Debug, Default)]
pub(in crate::http::pages) struct Ask {
    pub(in crate::http::pages) title: String,
    /// Face of the console that the page belongs to.
    pub(in crate::http::pages) face: Face,
    /// Page to return to: address and name.
    pub(in crate::http::pages) back: (String, String),
    pub(in crate::http::pages) lead: String,
    pub(in crate::http::pages) notes: Vec<Note>,
    pub(in crate::http::pages) facts: Vec<(String, String)>,
    pub(in crate::http::pages) fields: Vec<Field>,
    /// Result of a dry run.
    pub(in crate::http::pages) sections: Vec<Section>,
    /// Text of the button that starts a dry run; empty if the form has no such button.
    pub(in crate::http::pages) check: &'static str,
    /// Text of the button; empty if the form has no button, because nothing can be done.
    pub(in crate::http::pages) button: &'static str,
    pub(in crate::http::pages) danger: bool,
}

/// Result of a dry run.
#[derive(Debug)]
pub(in crate::http::pages) struct Found {
    /// Message that reports whether there are obstacles.
    pub(in crate::http::pages) notice: Notice,
    /// Details of the result.
    pub(in crate::http::pages) sections: Vec<Section>,
}

impl Ask {
    /// Returns the page with the form.
    pub(in crate::http::pages) fn show(&self, of: &Oneself) -> Response {
        self.with(of, None, StatusCode::OK)
    }

    fn with(&self, of: &Oneself, notice: Option<Notice>, status: StatusCode) -> Response {
        let mut frame = match self.face {
            Face::Staff => frame::of_staff(of, self.title.clone()),
            _ => frame::of_operator(of, self.title.clone()),
        };
        frame.notice = notice;
        let form = Form {
            frame: &frame,
            back: (&self.back.0, &self.back.1),
            lead: &self.lead,
            notes: &self.notes,
            facts: &self.facts,
            sections: &self.sections,
            fields: &self.fields,
            check: self.check,
            button: self.button,
            danger: self.danger,
        };
        page(status, &form)
    }

    /// Returns the page with the sent values and the result of their dry run.
    pub(in crate::http::pages) fn looked(mut self, of: &Oneself, sent: &Fields, found: Found) -> Response {
        self.fill(sent);
        self.sections = found.sections;
        self.with(of, Some(found.notice), StatusCode::OK)
    }

    /// Fills the form again with the sent values.
    fn fill(&mut self, sent: &Fields) {
        let is_shown = |field: &&mut Field| {
            !matches!(field.kind, Kind::Password | Kind::NewPassword | Kind::File | Kind::Hidden)
        };
        for field in self.fields.iter_mut().filter(is_shown) {
            field.value = sent.get(field.name).to_owned();
        }
    }

    /// Returns the page with the sent values and the platform's refusal.
    ///
    /// # Errors
    /// Returns the problem itself if no change of the form would help.
    pub(in crate::http::pages) fn refused(
        mut self,
        of: &Oneself,
        sent: &Fields,
        problem: Problem,
    ) -> Result<Response> {
        let is_known = matches!(
            problem.code(),
            Code::Invalid
                | Code::BadRequest
                | Code::Conflict
                | Code::NotUnique
                | Code::LimitExceeded
                | Code::RateLimited
                | Code::Reference
        );
        if !is_known {
            return Err(problem);
        }
        self.fill(sent);
        for field in &mut self.fields {
            if problem.wrong_fields().iter().any(|wrong| wrong.field == field.name) {
                field.wrong = reasons::of(&of.visit.words, &problem, field.name);
            }
        }
        let is_said = self.fields.iter().any(|field| !field.wrong.is_empty());
        let text = reasons::first(&of.visit.words, &problem);
        Ok(self.with(of, (!is_said).then(|| Notice::wrong(text)), problem.status()))
    }
}

/// Returns the field in which staff confirm an act with their own password.
pub(in crate::http::pages) fn own_password(words: &Words) -> Field {
    Field::new("password", words.say("your-own-password"), Kind::Password)
        .help(words.say("own-password-help"))
}

/// Checks the password that the operator typed into the form. A wrong password counts as a failed sign-in.
///
/// # Errors
/// Returns a problem of the field `password` if the password is wrong.
pub(in crate::http::pages) async fn prove(of: &Oneself, client: &Client, sent: &Fields) -> Result<Confirmed> {
    let password = Some(Password::new(sent.get("password")));
    Ok(of.visit.app.platform().access().confirm(&of.actor, password, &client.origin).await?)
}
