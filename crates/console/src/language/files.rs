//! The files of each language, embedded into the binary. To add a language, add a folder with the same files and an
//! entry here.

/// The files of one language.
pub(super) struct Files {
    /// Code of the language.
    pub(super) code: &'static str,
    /// Contents of its files.
    pub(super) sources: &'static [&'static str],
    /// True for the pseudo-language, whose texts are marked, so that tests can distinguish them from data.
    pub(super) is_pseudo: bool,
}

macro_rules! sources {
    ($code:literal) => {
        &[
            include_str!(concat!("../../languages/", $code, "/frame.ftl")),
            include_str!(concat!("../../languages/", $code, "/account.ftl")),
            include_str!(concat!("../../languages/", $code, "/company.ftl")),
            include_str!(concat!("../../languages/", $code, "/records.ftl")),
            include_str!(concat!("../../languages/", $code, "/master.ftl")),
            include_str!(concat!("../../languages/", $code, "/admin.ftl")),
            include_str!(concat!("../../languages/", $code, "/problem.ftl")),
        ]
    };
}

/// All languages, English first.
pub(super) const FILES: &[Files] = &[
    Files { code: "en", sources: sources!("en"), is_pseudo: false },
    Files { code: "az", sources: sources!("az"), is_pseudo: false },
    #[cfg(feature = "pseudo")]
    Files { code: "en-XA", sources: sources!("en"), is_pseudo: true },
];
