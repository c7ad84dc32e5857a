//! Files that pages load: style sheet, scripts, icons, font. The binary contains them. Their URLs contain a hash of all
//! files, so browsers cache them without a time limit and still load new ones after an update.
//!
//! Called by the templates for URLs and by the server for contents.

use askama::filters::HtmlSafe;
use flate2::{Compression, write::GzEncoder};
use std::{borrow::Cow, fmt, io::Write, sync::LazyLock};

/// A file that pages load.
#[derive(Debug)]
pub struct Asset {
    /// Name of the file in its URL.
    pub name: &'static str,
    /// Media type of the file.
    pub media_type: &'static str,
    plain: &'static [u8],
    /// The contents, compressed once; `None` for files in a compressed format.
    gzip: Option<Vec<u8>>,
}

struct Assets {
    version: String,
    list: Vec<Asset>,
}

macro_rules! files {
    ($($name:literal $path:literal $media:literal;)*) => {
        const FILES: &[(&str, &[u8], &str, &str)] = &[$(
            ($name, include_bytes!(concat!("../assets/", $path)), concat!(env!("CARGO_MANIFEST_DIR"), "/assets/", $path), $media)
        ),*];
    };
}

files! {
    "app.css" "app.css" "text/css; charset=utf-8";
    "console.js" "console.js" "text/javascript; charset=utf-8";
    "htmx.js" "vendor/htmx.min.js" "text/javascript; charset=utf-8";
    "icons.svg" "vendor/icons.svg" "image/svg+xml";
    "icon.svg" "icon.svg" "image/svg+xml";
    "inter.woff2" "vendor/inter.woff2" "font/woff2";
}

static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    let mut hasher = blake3::Hasher::new();
    let list = FILES.iter().map(|(name, plain, _, media_type)| {
        hasher.update(plain);
        let gzip = (*media_type != "font/woff2").then(|| gzip(plain));
        Asset { name, media_type, plain, gzip }
    });
    let list = list.collect();
    Assets { version: hasher.finalize().to_hex()[..16].to_owned(), list }
});

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Writing to a vector cannot fail.
    let _ = encoder.write_all(plain);
    encoder.finish().unwrap_or_default()
}

/// Returns the hash of all files, which is part of their URLs.
pub fn version() -> &'static str {
    &ASSETS.version
}

/// Returns the file with this name.
pub fn find(name: &str) -> Option<&'static Asset> {
    ASSETS.list.iter().find(|asset| asset.name == name)
}

/// Returns all files.
pub fn all() -> &'static [Asset] {
    &ASSETS.list
}

/// Returns the URL of a file.
pub fn url(name: &'static str) -> Url {
    Url(name)
}

impl Asset {
    /// Returns the contents. A debug build reads the file again each time, so that a changed style needs no build.
    pub fn contents(&self) -> Cow<'static, [u8]> {
        if cfg!(debug_assertions)
            && let Some((_, _, path, _)) = FILES.iter().find(|(name, ..)| *name == self.name)
            && let Ok(read) = std::fs::read(path)
        {
            return Cow::Owned(read);
        }
        Cow::Borrowed(self.plain)
    }

    /// Returns the compressed contents, or `None` if compression does not make them shorter.
    pub fn gzip(&'static self) -> Option<&'static [u8]> {
        self.gzip.as_deref()
    }
}

/// The URL of a file. It is written without allocating a string.
#[derive(Debug, Clone, Copy)]
pub struct Url(&'static str);

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/assets/{}/{}", version(), self.0)
    }
}

impl HtmlSafe for Url {}

/// A decorative icon of the sprite: the text beside it has the same meaning.
#[derive(Debug, Clone, Copy)]
pub struct Icon(&'static str);

/// Returns the icon with this name.
pub fn icon(name: &'static str) -> Icon {
    Icon(name)
}

impl fmt::Display for Icon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(name) = self;
        write!(
            f,
            "<svg class=\"icon\" aria-hidden=\"true\"><use href=\"{}#{name}\"/></svg>",
            url("icons.svg")
        )
    }
}

impl HtmlSafe for Icon {}

/// Constant attributes of a tag, written without escaping.
#[derive(Debug, Clone, Copy)]
pub struct Attributes(pub(crate) &'static str);

impl fmt::Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl HtmlSafe for Attributes {}

/// Returns the logo of the product.
pub fn brand() -> Brand {
    Brand
}

/// The logo of the product, for decoration.
#[derive(Debug, Clone, Copy)]
pub struct Brand;

impl fmt::Display for Brand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<img class=\"mark\" src=\"{}\" alt=\"\" width=\"28\" height=\"28\">", url("icon.svg"))
    }
}

impl HtmlSafe for Brand {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns all templates with their paths.
    fn templates() -> Vec<(std::path::PathBuf, String)> {
        let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/templates"))];
        let mut found = vec![];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => found.push((path.clone(), std::fs::read_to_string(path).unwrap())),
                }
            }
        }
        found
    }

    #[test]
    fn every_icon_of_a_template_is_in_the_sprite() {
        let sprite = include_str!("../assets/vendor/icons.svg");
        let mut found = 0;
        for (_, text) in templates() {
            for (_, rest) in text.match_indices("icon(\"").map(|(at, mark)| text.split_at(at + mark.len())) {
                let name = rest.split('"').next().unwrap();
                assert!(sprite.contains(&format!("id=\"{name}\"")), "{name}");
                found += 1;
            }
        }
        assert!(found > 10, "{found}");
    }

    #[test]
    fn templates_have_no_script_of_their_own_and_no_unescaped_text() {
        for (path, text) in templates() {
            // The content security policy of pages would silently disable these.
            for word in
                ["|safe", "| safe", " style=", " onclick=", " onload=", "hx-on", "hx-vals", "hx-live", "js:"]
            {
                assert!(!text.contains(word), "{}: {word}", path.display());
            }
        }
    }

    #[test]
    fn files_of_others_are_as_the_manifest_says() {
        use sha2::Digest;
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/vendor");
        let manifest = std::fs::read_to_string(format!("{folder}/manifest.toml")).unwrap();
        let manifest: toml::Table = manifest.parse().unwrap();
        let files = manifest["file"].as_array().unwrap();
        let mut named: Vec<&str> = vec!["manifest.toml"];
        for file in files {
            let name = file["name"].as_str().unwrap();
            let hash = sha2::Sha256::digest(std::fs::read(format!("{folder}/{name}")).unwrap());
            let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(file["sha256"].as_str(), Some(hash.as_str()), "{name}");
            named.extend([name, file["licence_file"].as_str().unwrap()]);
        }
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(named.contains(&name.as_str()), "{name} is not in the manifest");
        }
    }

    /// The files leave 35 kB for the page, so that a first load is below 100 kB.
    #[test]
    fn what_is_loaded_first_is_small() {
        let sizes = all().iter().map(|asset| asset.gzip().map_or(asset.plain.len(), <[u8]>::len));
        let total: usize = sizes.sum();
        assert!(total < 65_000, "{total} bytes");
    }
}
