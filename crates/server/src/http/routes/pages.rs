//! The routes of the pages.

use super::{Access, Handler, Method, MethodFilter, Route};
use crate::http::pages;

routes! {
    get "/" User "Pages" "Start page" of page => pages::home;
    get "/assets/{version}/{name}" Public "Pages" "A file that pages load" of page => pages::asset;
    get "/login/" Public "Pages" "Sign in" of page => pages::login;
    post "/login/" Public "Pages" "Sign in" of page => pages::sign_in;
    post "/logout/" User "Pages" "Sign out" of page => pages::sign_out;
    get "/companies/" User "Pages" "My tenants" of page => pages::companies;
    post "/companies/" User "Pages" "Work in another tenant of mine" of page => pages::choose_company;
    get "/account/" User "Pages" "My account" of page => pages::account;
    post "/account/" User "Pages" "Change my name" of page => pages::rename_me;
    post "/account/password/" User "Pages" "Change my password" of page => pages::set_password;
    post "/account/sessions/" User "Pages" "End one of my sessions" of page => pages::end_session;
    post "/account/theme/" User "Pages" "Choose the appearance of pages" of page => pages::set_theme;
    get "/password/forgot/" Public "Pages" "Ask for a link to choose a new password" of page => pages::forgot;
    post "/password/forgot/" Public "Pages" "Send a link to choose a new password" of page => pages::send_reset;
    get "/account/reset/" Public "Pages" "The form of a new password" of page => pages::reset;
    post "/account/reset/" Public "Pages" "Choose a new password by a link" of page => pages::set_forgotten_password;
    get "/account/verify/" Public "Pages" "The form that confirms an address" of page => pages::verify;
    post "/account/verify/" Public "Pages" "Confirm an address by its link" of page => pages::confirm;
    get "/account/invitation/" Public "Pages" "An invitation" of page => pages::invitation;
    post "/account/invitation/" Public "Pages" "Show, accept or refuse an invitation" of page => pages::answer_invitation;
    get "/subscription/register/" Public "Pages" "The form of a registration" of page => pages::register;
    get "/exit/" User "Pages" "My support visit" of page => pages::visit;
    post "/exit/" User "Pages" "End my support visit" of page => pages::exit;
    get "/master-admin/" Staff "Pages" "The platform" of page => pages::master_home;
    get "/master-admin/companies/" Staff "Pages" "All tenants" of page => pages::master_tenants;
    get "/master-admin/companies/{slug}/" Staff "Pages" "One tenant" of page => pages::master_tenant;
    get "/master-admin/companies/{slug}/enter/" Staff "Pages" "The form of a support visit" of page => pages::ask_enter;
    post "/master-admin/companies/{slug}/enter/" Staff "Pages" "Act as a member" of page => pages::enter;
    get "/dashboard/" Member "Pages" "Records, activity, use of the plan" of page => pages::dashboard;
    get "/settings/members/" Member "Pages" "Members" of page => pages::members;
    post "/settings/members/" Manager "Pages" "Invite a person" of page => pages::invite;
    post "/settings/members/role/" Manager "Pages" "Change a member's role" of page => pages::set_role;
    post "/settings/members/remove/" Manager "Pages" "Remove a member" of page => pages::remove_member;
    post "/settings/invitations/revoke/" Manager "Pages" "Revoke an invitation" of page => pages::revoke_invitation;
    get "/settings/keys/" Manager "Pages" "API keys" of page => pages::keys;
    post "/settings/keys/" Manager "Pages" "Create an API key" of page => pages::make_key;
    post "/settings/keys/revoke/" Manager "Pages" "Revoke an API key" of page => pages::revoke_key;
    get "/settings/activity/" Manager "Pages" "Changes of records, with their authors" of page => pages::activity;
    get "/{model}/" Member "Records" "List, filter, search" of page => pages::records;
    get "/{model}/add/" Member "Records" "The form of a new record" of page => pages::add_record;
    post "/{model}/add/" Member "Records" "Create" of page => pages::create_record;
    get "/{model}/change/" Member "Records" "The form that changes all that match" of page => pages::ask_change_all;
    post "/{model}/change/" Member "Records" "Change all that match, or none" of page => pages::change_all;
    get "/{model}/delete/" Member "Records" "What a deletion of all that match means" of page => pages::ask_delete_all;
    post "/{model}/delete/" Member "Records" "Delete all that match, or none" of page => pages::delete_all;
    get "/{model}/{id}/" Member "Records" "Read" of page => pages::record;
    get "/{model}/{id}/edit/" Member "Records" "The form of a record" of page => pages::edit_record;
    post "/{model}/{id}/edit/" Member "Records" "Change" of page => pages::change_record;
    get "/{model}/{id}/delete/" Member "Records" "What a deletion means" of page => pages::ask_delete_record;
    post "/{model}/{id}/delete/" Member "Records" "Delete" of page => pages::delete_record;
}
