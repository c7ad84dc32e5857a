//! Names of uploaded files inside the archive: the given names, made valid for every file system.

/// Largest number of characters in the last part of the name.
const MOST: usize = 100;

/// Returns `files/MODEL/RECORD-FIELD/NAME`, which is unique within a tenant.
pub(crate) fn file_path(model: &str, record: &str, field: &str, name: &str) -> String {
    format!("files/{model}/{record}-{field}/{}", plain(name))
}

/// Replaces characters that Windows, macOS or a shell would interpret.
fn plain(name: &str) -> String {
    let ordinary = |c: char| !c.is_control() && !r#"<>:"/\|?*"#.contains(c);
    let name: String = name.chars().map(|c| if ordinary(c) { c } else { '_' }).collect();
    let name = name.trim().trim_end_matches('.').trim_start_matches('.');
    let name = shortened(name);
    let stem = name.split('.').next().unwrap_or_default().to_ascii_uppercase();
    let device = matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL")
        || (stem.len() == 4 && (stem.starts_with("COM") || stem.starts_with("LPT")));
    match name.is_empty() {
        true => "file".into(),
        false if device => format!("_{name}"),
        false => name,
    }
}

/// Shortens the name but preserves its extension, which determines the file type.
fn shortened(name: &str) -> String {
    if name.chars().count() <= MOST {
        return name.to_owned();
    }
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    if ending.is_empty() || ending.chars().count() > 10 {
        return name.chars().take(MOST).collect();
    }
    let stem: String = name.chars().take(MOST - ending.chars().count() - 1).collect();
    format!("{stem}.{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_segment_on_every_computer() {
        for (given, wanted) in [
            ("report.pdf", "report.pdf"),
            ("../../etc/passwd", "_.._etc_passwd"),
            ("a\\b:c?.txt", "a_b_c_.txt"),
            ("con.txt", "_con.txt"),
            ("Отчёт 1.pdf", "Отчёт 1.pdf"),
            ("...", "file"),
            ("nul\0byte", "nul_byte"),
        ] {
            assert_eq!(plain(given), wanted, "{given:?}");
        }
        let long = plain(&format!("{}.pdf", "ж".repeat(300)));
        assert!(long.chars().count() == MOST && long.ends_with(".pdf"), "{long}");
    }
}
