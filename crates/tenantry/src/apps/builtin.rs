//! The apps that are part of the binary, so that `tenantry demo` works in an empty directory.
//!
//! [`super::source`] calls it. A test checks that the list matches the folder. Nothing is read at run time.

use super::source::Text;

macro_rules! files {
    ($app:literal $($path:literal)*) => {
        &[$(Text {
            path: $path,
            text: include_str!(concat!("../../../../apps/", $app, "/", $path)),
        }),*]
    };
}

/// Returns the files of a built-in app, by path inside its folder.
pub(super) fn files(app: &str) -> Option<&'static [Text<'static>]> {
    APPS.iter().find(|(name, _)| *name == app).map(|(_, files)| *files)
}

const APPS: &[(&str, &[Text<'static>])] = &[("fbs", FBS), ("medadmin", MEDADMIN), ("valuation", VALUATION)];

const FBS: &[Text<'static>] = files! {
    "fbs"
    "app.toml"
    "migrations/0001_initial.toml"
    "migrations/0002_approval.toml"
    "models/attachments.toml"
    "models/categories.toml"
    "models/document_tags.toml"
    "models/document_types.toml"
    "models/documents.toml"
    "models/tags.toml"
    "demo/demo.toml"
    "demo/tenantry.toml"
    "demo/acme_corp/categories.csv"
    "demo/acme_corp/document_types.csv"
    "demo/acme_corp/documents.csv"
    "demo/acme_corp/tags.csv"
    "demo/globex/categories.csv"
    "demo/globex/document_types.csv"
    "demo/globex/documents.csv"
    "demo/globex/tags.csv"
};

const MEDADMIN: &[Text<'static>] = files! {
    "medadmin"
    "app.toml"
    "languages/az.ftl"
    "migrations/0001_initial.toml"
    "migrations/0002_custom_fields.toml"
    "models/appointments.toml"
    "models/cities.toml"
    "models/clinics.toml"
    "models/doctors.toml"
    "models/hospitals.toml"
    "models/patients.toml"
    "models/payments.toml"
    "models/regions.toml"
    "models/reports.toml"
    "models/sales.toml"
    "models/specialisations.toml"
    "demo/demo.toml"
    "demo/shared/cities.csv"
    "demo/shared/clinics.csv"
    "demo/shared/regions.csv"
    "demo/shared/specialisations.csv"
    "demo/city-hospital/appointments.csv"
    "demo/city-hospital/doctors.csv"
    "demo/city-hospital/hospitals.csv"
    "demo/city-hospital/patients.csv"
    "demo/city-hospital/payments.csv"
    "demo/city-hospital/reports.csv"
    "demo/city-hospital/sales.csv"
    "demo/green-clinic/appointments.csv"
    "demo/green-clinic/doctors.csv"
    "demo/green-clinic/hospitals.csv"
    "demo/green-clinic/patients.csv"
    "demo/green-clinic/payments.csv"
    "demo/green-clinic/reports.csv"
    "demo/green-clinic/sales.csv"
};

const VALUATION: &[Text<'static>] = files! {
    "valuation"
    "app.toml"
    "migrations/0001_initial.toml"
    "migrations/0002_custom_fields.toml"
    "models/banks.toml"
    "models/common_fields.toml"
    "models/custom_templates.toml"
    "models/files_metadata.toml"
    "models/reports.toml"
    "models/system_templates.toml"
    "models/users_settings.toml"
    "demo/demo.toml"
    "demo/demo_org_001/banks.own.json"
    "demo/demo_org_001/custom_templates.csv"
    "demo/demo_org_001/reports.csv"
    "demo/demo_org_001/reports.fields.json"
    "demo/demo_org_001/users_settings.csv"
    "demo/demo_org_002/banks.own.json"
    "demo/demo_org_002/custom_templates.csv"
    "demo/demo_org_002/reports.csv"
    "demo/demo_org_002/reports.fields.json"
    "demo/demo_org_002/users_settings.csv"
    "demo/demo_org_003/custom_templates.csv"
    "demo/demo_org_003/reports.csv"
    "demo/demo_org_003/users_settings.csv"
    "demo/shared/banks.csv"
    "demo/shared/common_fields.csv"
    "demo/shared/system_templates.csv"
    "demo/tenantry.toml"
};

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeSet, fs, path::Path};

    fn walk(dir: &Path, prefix: &str, into: &mut BTreeSet<String>) {
        for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
            let name = format!("{prefix}{}", entry.file_name().into_string().unwrap());
            match entry.path().is_dir() {
                true => walk(&entry.path(), &format!("{name}/"), into),
                false => _ = into.insert(name),
            }
        }
    }

    /// A model or migration that is in the folder but not in the binary would be missing for every user.
    #[test]
    fn the_binary_holds_the_whole_folder_of_each_app() {
        for (app, files) in APPS {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../apps").join(app);
            let mut on_disk = BTreeSet::new();
            walk(&folder, "", &mut on_disk);
            let built_in: BTreeSet<String> = files.iter().map(|file| file.path.to_owned()).collect();
            assert_eq!(built_in, on_disk, "{app}");
        }
    }
}
