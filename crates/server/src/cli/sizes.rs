//! `tenantry sizes`: sizes of databases, day by day.

use super::{setup::Place, table, user::operator};
use crate::wire::{
    Page,
    sizes::{FleetSizes, StoreSizes},
};
use anyhow::Result;
use clap::Args;
use std::process::ExitCode;
use tenantry::{name::Slug, tenants::sizes::SizesOfStore};

/// Options of `sizes`.
#[derive(Debug, Args)]
pub(crate) struct Sizes {
    /// Only the databases of this tenant, and each of its days.
    tenant: Option<Slug>,
    /// Number of days, from 1 to 730.
    #[arg(long, default_value_t = 90, value_name = "N")]
    days: u32,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Prints the sizes that servers have noted.
pub(super) async fn run(place: &Place, options: &Sizes) -> Result<ExitCode> {
    let platform = place.reading().await?;
    let tenants = platform.tenants();
    let Some(slug) = &options.tenant else {
        let sizes = tenants.sizes_of_all(&operator(), options.days).await?;
        if options.json {
            return table::json(&FleetSizes::from(sizes));
        }
        print(&sizes.stores);
        if !sizes.fastest.is_empty() {
            say!("");
            let row = |grown: &tenantry::tenants::sizes::Grown| {
                let bytes = [grown.grown, grown.bytes].map(table::bytes);
                [vec![grown.slug.clone(), grown.store.clone()], bytes.to_vec()].concat()
            };
            table::print(&["tenant", "store", "grew by", "size"], sizes.fastest.iter().map(row));
        }
        return Ok(ExitCode::SUCCESS);
    };
    let sizes = tenants.sizes(&operator(), slug, options.days).await?;
    if options.json {
        return table::json(&Page::<StoreSizes>::all(sizes));
    }
    print(&sizes);
    Ok(ExitCode::SUCCESS)
}

fn print(stores: &[SizesOfStore]) {
    if stores.is_empty() {
        say!("No size has been noted. `tenantry serve` notes the sizes once a day.");
        return;
    }
    let of_store = |of: &SizesOfStore| {
        let store = of.store.clone();
        let row = move |point: &tenantry::tenants::sizes::SizePoint| {
            let day = table::at(point.day_us).get(..10).unwrap_or_default().to_owned();
            vec![store.clone(), day, table::bytes(point.bytes)]
        };
        of.points.iter().map(row).collect::<Vec<_>>()
    };
    table::print(&["store", "day", "size"], stores.iter().flat_map(of_store));
}
