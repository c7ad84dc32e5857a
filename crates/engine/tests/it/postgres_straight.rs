//! Migrations that PostgreSQL gets as one text: what stops them, and what is found out then.

use crate::{
    schema_lab::{Lab, Subject},
    schema_people::{NAME, models, people, step},
};
use std::time::Duration;
use tenantry_engine::{
    Error, Kind, MigrateReport,
    migration::{Answers, Migration},
};
use tokio::time::sleep;

/// Makes the first tables of a place. Returns their migration and one that adds the field `x` and nothing else.
pub(crate) async fn plain(subject: &Subject<'_>) -> [Migration; 2] {
    let old = models(NAME);
    let new = models(people!("[fields.x]\ntype = \"date\""));
    [subject.start(&old).await, step(&old, &new, &Answers::default(), "0002_x")]
}

pub(crate) const HAS_X: &str = "SELECT count(*) FROM pg_attribute WHERE attrelid = 'people'::regclass AND attname = 'x' AND NOT attisdropped";
/// Renames the seal without a change of the position, as the platform does when it changes the row of a place.
pub(crate) const RESEAL: &str = "DO $$BEGIN EXECUTE (SELECT format('ALTER TABLE %s RENAME TO _tenantry_at_1_' || md5(random()::text), \
      oid::regclass) FROM pg_class WHERE relnamespace = current_schema()::regnamespace \
      AND starts_with(relname, '_tenantry_at_')); END$$";
pub(crate) const SEALS: &str = "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace \
    AND starts_with(relname, '_tenantry_at_')";

/// Migrates a place, and makes a change there after the migration has read what the place lacks.
async fn while_it_waits(
    subject: &Subject<'_>,
    all: &[Migration],
    change: &str,
) -> Result<MigrateReport, Error> {
    let other = subject.client().await;
    other.batch_execute("BEGIN; LOCK TABLE _tenantry_place IN ROW EXCLUSIVE MODE").await.unwrap();
    let changes = async {
        sleep(Duration::from_millis(300)).await;
        other.batch_execute(&format!("{change}; COMMIT")).await.unwrap();
    };
    tokio::join!(subject.migrate(all), changes).0
}

#[tokio::test]
async fn a_place_that_changes_while_its_migration_waits_is_judged_anew() {
    let lab = Lab::new().await;
    for subject in lab.on_postgres(true).await {
        let all = plain(&subject).await;
        let tenant = subject.whole.tenant.map_or(0, |tenant| tenant.get());
        let set = |what: &str| format!("UPDATE _tenantry_place SET {what} WHERE tenant = {tenant}");
        for (change, back, kind) in [
            ("generation = 2", "generation = 1", Kind::Fenced),
            ("platform = 'other'", "platform = 'lab'", Kind::WrongIdentity),
            ("state = 'fenced'", "state = 'open'", Kind::Fenced),
        ] {
            let (mut seal, mut unseal) = (RESEAL, "");
            if change.starts_with("state") {
                if subject.is_pooled() {
                    // Tenants of a pool move while it is migrated.
                    continue;
                }
                (seal, unseal) = ("DROP TABLE _tenantry_open", "; CREATE TABLE _tenantry_open ()");
            }
            let change = format!("{}; {seal}", set(change));
            let refused = while_it_waits(&subject, &all, &change).await.unwrap_err();
            assert_eq!(*refused.kind(), kind, "{subject}, {change}: {refused}");
            assert_eq!(subject.query(HAS_X).await, [["0"]], "{subject}, {change}");
            subject.execute(&format!("{}{unseal}", set(back))).await;
        }
        let raised = RESEAL.replace("_at_1_", "_at_5_");
        let report = while_it_waits(&subject, &all, &raised).await.unwrap();
        assert_eq!(report.applied, ["clinic/0002_x"], "{subject}");
        assert_eq!(
            subject.position().await,
            6,
            "{subject}: the position of another migration is not taken back"
        );
        assert_eq!(subject.query(SEALS).await.len(), 1, "{subject}");
    }
    lab.remove().await;
}

#[tokio::test]
async fn a_place_whose_seal_has_another_name_is_migrated_step_by_step() {
    let lab = Lab::new().await;
    for subject in lab.on_postgres(true).await {
        let all = plain(&subject).await;
        let found = subject.query(SEALS).await;
        let [name] = &found[0][..] else { panic!("{found:?}") };
        subject.execute(&format!("ALTER TABLE {name} RENAME TO _tenantry_at_99")).await;
        assert_eq!(subject.migrate(&all).await.unwrap().applied, ["clinic/0002_x"], "{subject}");
        assert_eq!(subject.query(HAS_X).await, [["1"]]);
        assert_eq!(subject.position().await, 100, "{subject}");
    }
    lab.remove().await;
}

/// Step by step, the line is added to the ledger after the steps.
#[tokio::test]
async fn a_migration_that_needs_no_answers_is_sent_as_one_text() {
    let lab = Lab::new().await;
    for subject in lab.on_postgres(true).await {
        let all = plain(&subject).await;
        subject
            .execute(
                "CREATE FUNCTION raised() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                   IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'people'::regclass AND attname = 'x') \
                   THEN RAISE 'after the steps'; END IF; RETURN new; END $$; \
                 CREATE TRIGGER raised BEFORE INSERT ON _tenantry_ledger FOR EACH ROW EXECUTE FUNCTION raised()",
            )
            .await;
        assert_eq!(subject.migrate(&all).await.unwrap().applied, ["clinic/0002_x"], "{subject}");
        assert_eq!(subject.query(HAS_X).await, [["1"]], "{subject}");
    }
    lab.remove().await;
}
