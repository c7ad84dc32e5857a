//! Target for objects: a directory, or an S3-compatible object store. Used for backups and for files.
//!
//! Keys of an object store are never in the file: they come from the environment when the store is opened.

use crate::config::reader::Section;
use std::{
    fmt,
    path::{Path, PathBuf},
};

/// Target in which objects are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectTarget {
    /// A directory on this machine, or mounted on it.
    Directory(PathBuf),
    /// An S3-compatible object store. Its keys come from `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`.
    S3 {
        /// Name of the bucket.
        bucket: String,
        /// Prefix of all keys; empty for none.
        prefix: String,
        /// Address of a store that is not Amazon's; `None` for `AWS_ENDPOINT_URL`, or Amazon's.
        endpoint: Option<String>,
        /// Region of the bucket; `None` for `AWS_REGION`, or us-east-1.
        region: Option<String>,
    },
}

impl fmt::Display for ObjectTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => path.display().fmt(f),
            Self::S3 { bucket, prefix, .. } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::S3 { bucket, prefix, .. } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

impl ObjectTarget {
    /// Returns the directory, or `None` if the target is not a directory.
    pub fn directory(&self) -> Option<&Path> {
        match self {
            Self::Directory(path) => Some(path),
            Self::S3 { .. } => None,
        }
    }

    /// Moves a directory inside `from` to the same relative path inside `to`.
    pub(in crate::config) fn rebase(&mut self, from: &Path, to: &Path) {
        if let Self::Directory(path) = self
            && let Ok(inside) = path.strip_prefix(from)
        {
            *path = to.join(inside);
        }
    }

    /// Returns true if the target is a directory that contains one of these directories, or is inside one of them.
    pub(in crate::config) fn overlaps_any<'d>(
        &self,
        mut directories: impl Iterator<Item = &'d Path>,
    ) -> bool {
        let Self::Directory(path) = self else { return false };
        directories.any(|dir| path.starts_with(dir) || dir.starts_with(path))
    }

    /// Returns true if the objects of both targets would be in one place.
    pub(in crate::config) fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Directory(path)) => self.overlaps_any([path.as_path()].into_iter()),
            (
                Self::S3 { bucket, prefix, endpoint, .. },
                Self::S3 { bucket: other, prefix: within, endpoint: at, .. },
            ) => {
                let inside = |a: &str, b: &str| {
                    a.is_empty()
                        || a.strip_prefix(b).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                };
                (bucket, endpoint) == (other, at) && (inside(prefix, within) || inside(within, prefix))
            }
            (Self::Directory(_), Self::S3 { .. }) => false,
        }
    }
}

/// Reads `target`, `endpoint` and `region` of a section. Returns `None` if the section names no target.
pub(in crate::config) fn read(section: &Section<'_>, data_dir: &Path) -> Option<ObjectTarget> {
    let (endpoint, region) = (section.text("endpoint"), section.text("region"));
    let text = section.text("target")?;
    let Some(rest) = text.strip_prefix("s3://") else {
        if endpoint.or(region).is_some() {
            section.problem("target", "endpoint and region are for a target that begins with s3://");
        }
        if is_address(text) {
            section
                .problem("target", "is neither a directory nor s3://BUCKET/PREFIX, which are all there is");
        }
        return Some(ObjectTarget::Directory(data_dir.join(text)));
    };
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        section.problem("target", "name a bucket: s3://bucket/prefix");
    }
    Some(ObjectTarget::S3 {
        bucket: bucket.into(),
        prefix: prefix.trim_matches('/').into(),
        endpoint: endpoint.map(Into::into),
        region: region.map(Into::into),
    })
}

/// Returns true for a text that begins like an address, with a scheme, a colon and a slash.
fn is_address(text: &str) -> bool {
    let is_scheme = |scheme: &str| {
        scheme.len() > 1
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    };
    text.split_once(":/").is_some_and(|(scheme, _)| is_scheme(scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_overlap_if_one_is_inside_the_other() {
        let s3 = |prefix: &str| ObjectTarget::S3 {
            bucket: "b".into(),
            prefix: prefix.into(),
            endpoint: None,
            region: None,
        };
        let directory = |path: &str| ObjectTarget::Directory(path.into());
        for (one, other, expected) in [
            (s3("files"), s3("backups"), false),
            (s3("files"), s3("files-too"), false),
            (s3("files"), s3("files/more"), true),
            (s3(""), s3("backups"), true),
            (s3("files"), directory("/files"), false),
            (directory("/files"), directory("/files/more"), true),
            (directory("/files"), directory("/files-too"), false),
        ] {
            assert_eq!(one.overlaps(&other), expected, "{one} {other}");
            assert_eq!(other.overlaps(&one), expected, "{other} {one}");
        }
    }
}
