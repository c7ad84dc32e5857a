//! Sizes of databases, day by day.

use crate::wire::Instant;
use tenantry::tenants::sizes::{Grown, SizePoint, SizesOfAll, SizesOfStore};

requests! {
    /// Query of sizes.
    struct SizesQuery {
        /// Number of days, from 1 to 730; 90 by default.
        days: Option<u32>,
    }
}

answers! {
    /// Sizes of the databases of all tenants together.
    struct FleetSizes from sizes: SizesOfAll {
        stores: Vec<StoreSizes> = sizes.stores.into_iter().map(StoreSizes::from).collect(),
        /// The databases that grew most in these days, at most 20, the fastest first.
        fastest: Vec<GrownDatabase> = sizes.fastest.into_iter().map(GrownDatabase::from).collect(),
    }

    /// Sizes in a store, earliest first. The size of a day without a point is that of the point before.
    struct StoreSizes from of: SizesOfStore {
        store: String = of.store,
        points: Vec<SizeOfDay> = of.points.into_iter().map(SizeOfDay::from).collect(),
    }

    /// The size on one day.
    struct SizeOfDay from point: SizePoint {
        /// Beginning of the day in UTC.
        day: Instant = Instant(point.day_us),
        /// Bytes on disk; of a tenant in a pool, the bytes of its values.
        bytes: u64 = point.bytes,
    }

    /// A database that grew.
    struct GrownDatabase from grown: Grown {
        /// Slug of its tenant.
        tenant: String = grown.slug,
        store: String = grown.store,
        /// Bytes by which it grew.
        grown: u64 = grown.grown,
        /// Latest size in bytes.
        bytes: u64 = grown.bytes,
    }
}
