//! Errors of object stores. The cause may be an error of the operating system, such as a full disk, which has its own code.

use super::Error;

impl Error {
    /// Converts an error of an object store, or of an upload to it, about `what`. The cause may be an error of the
    /// operating system, such as a full disk.
    pub(crate) fn store(what: &str, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut cause = Some(error);
        while let Some(found) = cause {
            // An error of kind `Other` only wraps the next cause.
            if let Some(io) = found.downcast_ref::<std::io::Error>()
                && io.kind() != std::io::ErrorKind::Other
            {
                return Self::io(what, io);
            }
            cause = found.source();
        }
        Self::Unavailable(format!("{what}: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_under_an_object_store_is_a_full_disk() {
        let full = || std::io::Error::from(std::io::ErrorKind::StorageFull);
        let store = object_store::Error::Generic { store: "LocalFileSystem", source: Box::new(full()) };
        let copied = crate::records::files::FileError::Store(object_store::Error::Generic {
            store: "LocalFileSystem",
            source: Box::new(std::io::Error::other(store)),
        });
        assert_eq!(Error::store("object store", &copied).code(), "disk_full");
        let other = object_store::Error::NotImplemented { operation: "put".into(), implementer: "x".into() };
        assert_eq!(Error::store("object store", &other).code(), "unavailable");
    }
}
