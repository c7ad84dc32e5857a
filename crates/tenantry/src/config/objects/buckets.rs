//! Opens S3-compatible object stores, for backups and for files.
//!
//! Built with the feature `s3`. Keys come from the environment.

use crate::{Error, Result};
use object_store::ObjectStore;
use std::sync::Arc;

/// Opens a bucket. `address` is its endpoint and region, and `key` the configuration key that names it.
///
/// # Errors
/// Returns [`Error::Invalid`] if the program was built without `s3`.
#[cfg(feature = "s3")]
pub(crate) fn s3(
    bucket: &str,
    address: (Option<&str>, Option<&str>),
    key: &str,
) -> Result<Arc<dyn ObjectStore>> {
    let keys = object_store::aws::AmazonS3Builder::from_env();
    let store = addressed(keys, bucket, address).build();
    Ok(Arc::new(store.map_err(|error| Error::store(key, &error))?))
}

/// Sets the address of a store on the builder, which has the keys.
#[cfg(feature = "s3")]
pub(crate) fn addressed(
    builder: object_store::aws::AmazonS3Builder,
    bucket: &str,
    (endpoint, region): (Option<&str>, Option<&str>),
) -> object_store::aws::AmazonS3Builder {
    let mut builder = builder.with_bucket_name(bucket);
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
    }
    if let Some(region) = region {
        builder = builder.with_region(region);
    }
    builder
}

/// Refuses the bucket, because this program was built without `s3`.
#[cfg(not(feature = "s3"))]
pub(crate) fn s3(_: &str, _: (Option<&str>, Option<&str>), key: &str) -> Result<Arc<dyn ObjectStore>> {
    let reason = "this program was built without s3: build it with --features s3, or name a directory";
    Err(Error::invalid(key, reason))
}
