//! Certificates for tests, made on the spot.

use std::fs;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SerialNumber, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate with its key.
pub struct Identity {
    certificate: rcgen::Certificate,
    params: CertificateParams,
    key: KeyPair,
}

impl Identity {
    fn params(name: &str) -> CertificateParams {
        let names = vec![name.to_string()];
        let mut params = CertificateParams::new(names).unwrap_or_else(|error| panic!("{error}"));
        params.distinguished_name.push(DnType::CommonName, name);
        params
    }

    /// An authority that has signed itself.
    pub fn authority(name: &str) -> Identity {
        let mut params = Identity::params(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Identity::signed(params, None)
    }

    /// For this name, with this serial number; `by` has signed it, or it itself.
    pub fn new(name: &str, serial: u64, by: Option<&Identity>) -> Identity {
        let mut params = Identity::params(name);
        params.serial_number = Some(SerialNumber::from(serial));
        Identity::signed(params, by)
    }

    /// One whose time is over.
    pub fn expired(name: &str, by: &Identity) -> Identity {
        let mut params = Identity::params(name);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
        Identity::signed(params, Some(by))
    }

    fn signed(params: CertificateParams, by: Option<&Identity>) -> Identity {
        let key = KeyPair::generate().unwrap_or_else(|error| panic!("{error}"));
        let certificate = match by {
            None => params.self_signed(&key),
            Some(by) => params.signed_by(&key, &Issuer::from_params(&by.params, &by.key)),
        };
        Identity {
            certificate: certificate.unwrap_or_else(|error| panic!("{error}")),
            params,
            key,
        }
    }

    /// The certificate as it goes over the wire.
    pub fn der(&self) -> CertificateDer<'static> {
        self.certificate.der().clone()
    }

    /// Its key.
    pub fn key_der(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key.serialize_der()).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The certificate as text.
    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// Write `<name>.crt` and `<name>.key`.
    pub fn write(&self, directory: &Path, name: &str) {
        let put = |ending: &str, text: String| {
            let path = directory.join(format!("{name}.{ending}"));
            fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        };
        put("crt", self.pem());
        put("key", self.key.serialize_pem());
    }
}
