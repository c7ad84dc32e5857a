//! The pages of the console: HTML for people, over the same verbs of the platform as the API.
//!
//! Called by the route table. A handler reads the request, calls the same verbs as the API's handler, and passes plain
//! data to the crate tenantry-console, which renders it. Forms work without scripts: an accepted form is answered with
//! a redirect, a refused one with the same page. Every form contains a token of its session and company
//! ([`visit::Visit::fields`]).

mod account;
mod acting;
pub(super) mod admin;
mod answer;
mod assets;
mod company;
mod frame;
mod language;
mod letters;
mod locale;
pub(super) mod master;
mod problem;
mod reasons;
mod records;
mod token;
mod upload;
mod visit;
mod words;

pub(super) use account::{
    choose as choose_company, companies, end_session, home, rename as rename_me, set_language, set_locale,
    set_password, set_theme, show as account,
};
pub(super) use account::{login, sign_in, sign_out};
pub(super) use acting::{exit, show as visit};
pub(crate) use answer::percent;
pub(super) use answer::to_page;
pub(super) use assets::asset;
pub(super) use company::{
    activity, analytics, ask_close, back_up, backups, close, close_comparison, compared_records, comparison,
    open_comparison, rename, set_locale as set_company_locale, settings, subscription, take_back,
};
pub(super) use company::{
    add_own_field, change_own_field, dashboard, invite, keys, make_key, members, own_fields, remove_member,
    revoke_invitation, revoke_key, set_role,
};
pub(super) use letters::{
    answer_invitation, confirm, forgot, invitation, refused_registration, register, registered, reset,
    send_reset, set_password as set_forgotten_password, verify,
};
pub(super) use problem::{Asked, render as render_problem};
pub(super) use records::{
    add as add_record, ask_change_all, ask_delete as ask_delete_record, ask_delete_all,
    change as change_record, change_all, change_view, choose_import, create as create_record,
    delete as delete_record, delete_all, download_file, edit as edit_record, history as record_history,
    import_file, list as records, own_values, save_view, set_own_values, show as record, transit, views,
};
