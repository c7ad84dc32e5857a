//! Encrypted connections to a PostgreSQL server: the requirements of `sslmode` and `sslrootcert` on its certificate.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tenantry_engine::{
    Kind, Result,
    internals::connections::{Access, ConnectionLimits, Connections},
};
use tenantry_testkit::postgres::servers;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream, UnixStream},
};
use tokio_postgres::{Config, config::Host};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

const LIMITS: ConnectionLimits = ConnectionLimits {
    most: 4,
    per_database: 4,
    idle: Duration::from_secs(5),
    wait: Duration::from_secs(20),
};

fn key(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/keys").join(name)
}

/// Returns the settings of a server with the certificate for `localhost`.
fn acceptor() -> TlsAcceptor {
    let chain = CertificateDer::pem_file_iter(key("server.pem")).unwrap().map(Result::unwrap).collect();
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let config = builder
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_file(key("server.key")).unwrap());
    Arc::new(config.unwrap()).into()
}

/// Listens on a TCP port, encrypts as PostgreSQL does, and forwards everything to the server of `url`. Returns the
/// port.
async fn encrypting(url: &str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (config, acceptor): (Config, _) = (url.parse().unwrap(), acceptor());
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let (config, acceptor) = (config.clone(), acceptor.clone());
            tokio::spawn(async move {
                let mut request = [0; 8];
                near.read_exact(&mut request).await?;
                assert_eq!(
                    request[4..],
                    80_877_103_u32.to_be_bytes(),
                    "the client asks for encryption first"
                );
                near.write_all(b"S").await?;
                let mut near = acceptor.accept(near).await?;
                let port = config.get_ports()[0];
                match &config.get_hosts()[0] {
                    Host::Unix(dir) => {
                        let mut far = UnixStream::connect(dir.join(format!(".s.PGSQL.{port}"))).await?;
                        copy_bidirectional(&mut near, &mut far).await
                    }
                    Host::Tcp(name) => {
                        let mut far = TcpStream::connect((name.as_str(), port)).await?;
                        copy_bidirectional(&mut near, &mut far).await
                    }
                }
            });
        }
    });
    port
}

/// Returns the fault of a connection to `host` with these options; empty if it works.
async fn tried(url: &str, host: &str, port: u16, options: &str) -> String {
    let config: Config = url.parse().unwrap();
    let password = String::from_utf8(config.get_password().unwrap_or_default().to_vec()).unwrap();
    let user = config.get_user().unwrap_or("postgres");
    let url = format!("postgresql://{user}:{password}@{host}:{port}/postgres?{options}");
    let access = match Access::new(&url, true) {
        Ok(access) => access,
        Err(error) => return format!("{error:?}"),
    };
    let connections = Connections::new(access, LIMITS);
    let asked: Result<i64> = async {
        let mut lease = connections.lease(&"postgres".into()).await?;
        Ok(lease.connection()?.query("SELECT 7::bigint", &[]).await?[0].get(0))
    }
    .await;
    match asked {
        Ok(seven) => {
            assert_eq!(seven, 7);
            String::new()
        }
        Err(error) => {
            assert_eq!(*error.kind(), Kind::Unreachable, "{error}");
            assert!(password.is_empty() || !error.to_string().contains(&password), "{error}");
            error.to_string()
        }
    }
}

#[tokio::test]
async fn a_certificate_is_checked_as_the_url_demands() {
    for url in servers() {
        let port = encrypting(&url).await;
        let ca = |mode: &str, name: &str| format!("sslmode={mode}&sslrootcert={}", key(name).display());
        for (host, options, refused) in [
            ("localhost", ca("verify-full", "ca.pem"), ""),
            ("127.0.0.1", ca("verify-full", "ca.pem"), "sslrootcert in the URL"),
            ("127.0.0.1", ca("verify-ca", "ca.pem"), ""),
            ("127.0.0.1", ca("require", "ca.pem"), ""),
            ("localhost", ca("verify-full", "other.pem"), "sslrootcert in the URL"),
            ("localhost", ca("verify-ca", "other.pem"), "sslrootcert in the URL"),
            ("localhost", "sslmode=verify-full".into(), "sslrootcert in the URL"),
            ("localhost", "sslmode=require".into(), ""),
            ("localhost", ca("verify-full", "absent.pem"), "absent.pem"),
            ("localhost", ca("verify-full", "README"), "holds no certificate"),
        ] {
            let found = tried(&url, host, port, &options).await;
            assert_eq!(found.is_empty(), refused.is_empty(), "{host} {options}: {found}");
            assert!(found.contains(refused), "{host} {options}: {found}");
        }
    }
}

/// The cancelling connection is encrypted, too, so a statement whose caller is gone ends on the server.
#[tokio::test]
async fn a_statement_is_cancelled_over_an_encrypted_connection() {
    for url in servers() {
        let port = encrypting(&url).await;
        let config: Config = url.parse().unwrap();
        let password = String::from_utf8(config.get_password().unwrap_or_default().to_vec()).unwrap();
        let user = config.get_user().unwrap_or("postgres");
        let url = format!("postgresql://{user}:{password}@localhost:{port}/postgres?sslmode=require");
        let connections = Connections::new(Access::new(&url, true).unwrap(), LIMITS);
        let mark = format!("SELECT pg_sleep(60), 'tls {}'", std::process::id());
        let mut lease = connections.lease(&"postgres".into()).await.unwrap();
        let sleeping = async { lease.connection().unwrap().query(&mark, &[]).await };
        assert!(tokio::time::timeout(Duration::from_millis(300), sleeping).await.is_err());
        drop(lease);
        let count = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query = $1";
        for left in (0..100).rev() {
            let mut lease = connections.lease(&"postgres".into()).await.unwrap();
            let param = (&mark.as_str() as _, tokio_postgres::types::Type::TEXT);
            let rows = lease.connection().unwrap().query(count, &[param]).await.unwrap();
            if rows[0].get::<_, i64>(0) == 0 {
                break;
            }
            assert_ne!(left, 0, "it still runs");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
