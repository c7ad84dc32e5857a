//! Rule about the build: the profile `dist` optimises everything, including the packages that `release` builds quickly
//! instead. `tidy` calls it.

use super::Report;
use anyhow::{Context, Result};
use std::path::Path;

const FILE: &str = "Cargo.toml";

/// Checks the profiles of the workspace.
pub(crate) fn check(root: &Path, report: &mut Report) -> Result<()> {
    let text = std::fs::read_to_string(root.join(FILE)).with_context(|| format!("cannot read {FILE}"))?;
    let manifest = text.parse().with_context(|| format!("cannot read {FILE}"))?;
    report.faults.extend(faults(&manifest));
    Ok(())
}

fn faults(manifest: &toml::Table) -> Vec<String> {
    let packages = |profile: &str| manifest.get("profile")?.get(profile)?.get("package")?.as_table();
    let is_full = |settings: Option<&toml::Value>| {
        settings.and_then(|settings| settings.get("opt-level")?.as_integer()) == Some(3)
    };
    let dist = packages("dist");
    let quick = packages("release").into_iter().flatten().filter(|(_, settings)| !is_full(Some(settings)));
    let forgotten = quick.filter(|(name, _)| !is_full(dist.and_then(|dist| dist.get(name.as_str()))));
    let told =
        |name| format!("{FILE}: the profile dist inherits the level of {name} from release: set it to 3");
    forgotten.map(|(name, _)| told(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dist_inherits_no_low_level() {
        let faults = |dist: &str| {
            let release = "[profile.release.package]\na = { opt-level = 3 }\nb = { opt-level = 0 }\n";
            faults(&format!("{release}[profile.dist.package]\n{dist}").parse().unwrap())
        };
        assert!(faults("b = { opt-level = 3 }").is_empty());
        assert_eq!(faults("").len(), 1);
        assert_eq!(faults("b = { opt-level = 2 }").len(), 1);
    }
}
