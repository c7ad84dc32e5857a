//! Errors of object stores. The cause may be an error of the operating system, such as a full disk, which has a
//! separate code.

use super::Error;

impl Error {
    /// Converts an error of an object store, or of an upload to it. `what` names the object or action for the text. The
    /// cause may be an error of the operating system, such as a full disk.
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
        Self::Unavailable(format!("{what}: {}", one_line(error)))
    }
}

/// Returns the text of an object store's error as one line. Replaces the XML with which S3 answers by the code and the
/// message in it.
pub(crate) fn one_line(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    let start = text.find("<?xml").or_else(|| text.find("<Error"));
    let (said, xml) = text.split_at(start.unwrap_or(text.len()));
    let mut line = said.trim_end_matches([' ', ':']).to_owned();
    for (tag, separator) in [("Code", ": "), ("Message", ", ")] {
        let element = xml.split_once(&format!("<{tag}>")).and_then(|(_, rest)| rest.split_once("</"));
        if let Some((value, _)) = element {
            line += separator;
            line += value;
        }
    }
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_in_xml_is_told_by_its_code_and_message() {
        let xml = "<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied.</Message></Error>";
        let store = |source: String| object_store::Error::Generic { store: "S3", source: source.into() };
        let refused =
            Error::store("backup store", &store(format!("status 403 Forbidden: {xml}"))).to_string();
        assert!(refused.ends_with("status 403 Forbidden: AccessDenied, Access Denied."), "{refused}");
        let lines = Error::store("backup store", &store("no\n answer".into())).to_string();
        assert!(lines.ends_with("no answer"), "{lines}");
    }

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
