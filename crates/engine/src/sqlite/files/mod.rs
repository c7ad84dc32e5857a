//! Database files on disk: the directory of a server, creation, identity and scans of files, and work on a whole file.

pub(crate) mod attached;
mod check_pages;
mod contents;
mod occupied;
mod proof;
mod provision;
mod repair;
mod scan;
mod server;
mod template_image;
mod temporary;
pub(crate) mod upkeep;

pub(crate) use attached::{adopt_schema, empty as empty_attached, identify, leave, survey};
pub(crate) use check_pages::check_pages;
pub(crate) use contents::{check_rows, check_search};
pub(crate) use occupied::{generation_in, highest};
pub(crate) use proof::{prove, prove_pool, tables as pooled_tables};
pub(crate) use provision::{
    TemplateImage, already_there, damaged_image, name_prepared, prepare, provision, put_in_place,
    refuse_leftovers,
};
pub(crate) use repair::{repair, trim_activity};
pub(crate) use scan::{list as list_files, residents};
pub(crate) use server::{Server, new_file, sync_directory};
pub(crate) use temporary::{TemporaryFile, close, copy_new, move_new, private, sweep, sync};
pub(crate) use upkeep::{
    attach, change_identity, check_all_pages, inspect_file, migrate_file, pooled_bytes, rehearse_file, scrub,
};
