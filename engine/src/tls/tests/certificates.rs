//! Certificates for tests, made on the spot, in a directory that goes with the test.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    SerialNumber, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate with its key.
pub(super) struct Identity {
    pub(super) certificate: rcgen::Certificate,
    params: CertificateParams,
    key: KeyPair,
}

impl Identity {
    fn params(name: &str, serial: u64) -> CertificateParams {
        let mut params = CertificateParams::new(vec![name.to_string()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.serial_number = Some(SerialNumber::from(serial));
        params
    }

    /// An authority; `by` has signed it, or it itself.
    pub(super) fn authority(name: &str, by: Option<&Identity>) -> Identity {
        let mut params = Identity::params(name, 1);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Identity::signed(params, by)
    }

    pub(super) fn new(name: &str, serial: u64, by: Option<&Identity>) -> Identity {
        Identity::signed(Identity::params(name, serial), by)
    }

    pub(super) fn expired(name: &str, by: Option<&Identity>) -> Identity {
        let mut params = Identity::params(name, 9);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
        Identity::signed(params, by)
    }

    /// Good for servers only.
    pub(super) fn server_only(name: &str, by: Option<&Identity>) -> Identity {
        let mut params = Identity::params(name, 9);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        Identity::signed(params, by)
    }

    fn signed(params: CertificateParams, by: Option<&Identity>) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = match by {
            None => params.self_signed(&key).unwrap(),
            Some(by) => {
                let issuer = Issuer::from_params(&by.params, &by.key);
                params.signed_by(&key, &issuer).unwrap()
            }
        };
        Identity {
            certificate,
            params,
            key,
        }
    }

    pub(super) fn der(&self) -> CertificateDer<'static> {
        self.certificate.der().clone()
    }

    pub(super) fn key_der(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key.serialize_der()).unwrap()
    }

    pub(super) fn pem(&self) -> String {
        self.certificate.pem()
    }

    pub(super) fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }
}

/// A directory of its own for a test.
pub(super) struct Files(PathBuf);

impl Files {
    pub(super) fn new() -> Files {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("skep-tls-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Files(path)
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().into()
    }

    pub(super) fn put(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::create_dir_all(std::path::Path::new(&path).parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
