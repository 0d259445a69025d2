//! OpenSSL's language for cipher suites and curves, for the suites and curves that rustls has.

use rustls::SupportedCipherSuite;
use rustls::crypto::ring::{cipher_suite as ring, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};

/// One suite of TLS 1.2. All of them exchange keys by ECDHE and authenticate their records themselves.
#[derive(Debug, PartialEq, Eq)]
struct Suite {
    /// OpenSSL's name.
    name: &'static str,
    /// The IANA's.
    iana: &'static str,
    ecdsa: bool,
    cipher: Cipher,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cipher {
    Aes256,
    ChaCha20,
    Aes128,
}

const fn suite(name: &'static str, iana: &'static str, ecdsa: bool, cipher: Cipher) -> Suite {
    Suite {
        name,
        iana,
        ecdsa,
        cipher,
    }
}

/// In the order in which a word for several of them brings them in: the strongest first, as with OpenSSL.
#[rustfmt::skip]
static SUITES: [Suite; 6] = [
    suite("ECDHE-ECDSA-AES256-GCM-SHA384", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", true, Cipher::Aes256),
    suite("ECDHE-RSA-AES256-GCM-SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", false, Cipher::Aes256),
    suite("ECDHE-ECDSA-CHACHA20-POLY1305", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", true, Cipher::ChaCha20),
    suite("ECDHE-RSA-CHACHA20-POLY1305", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", false, Cipher::ChaCha20),
    suite("ECDHE-ECDSA-AES128-GCM-SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", true, Cipher::Aes128),
    suite("ECDHE-RSA-AES128-GCM-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", false, Cipher::Aes128),
];

impl Suite {
    /// Whether a word of a cipher string stands for this suite, alone or among others.
    fn is_in(&self, word: &str) -> bool {
        match word {
            "ALL" | "DEFAULT" | "HIGH" | "TLSv1.2" => true,
            "ECDH" | "ECDHE" | "EECDH" | "kECDHE" | "kEECDH" => true,
            "AES" | "AESGCM" | "FIPS" => self.cipher != Cipher::ChaCha20,
            "AES128" => self.cipher == Cipher::Aes128,
            "AES256" => self.cipher == Cipher::Aes256,
            "CHACHA20" => self.cipher == Cipher::ChaCha20,
            "ECDSA" | "aECDSA" => self.ecdsa,
            "aRSA" => !self.ecdsa,
            name => self.name == name || self.iana == name,
        }
    }

    fn bits(&self) -> u16 {
        match self.cipher {
            Cipher::Aes128 => 128,
            Cipher::Aes256 | Cipher::ChaCha20 => 256,
        }
    }
}

/// What a cipher string comes to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Chosen {
    suites: Vec<&'static Suite>,
    /// Words that ask for something rustls does not have.
    pub(super) without_effect: Vec<String>,
}

/// Read a cipher string. Words for suites that rustls lacks have no effect, as in OpenSSL words for suites that a build
/// of it lacks; the error is that nothing is left.
pub(super) fn parse(text: &str) -> Result<Chosen, String> {
    let mut chosen = Chosen::default();
    let mut killed: Vec<&Suite> = Vec::new();
    for word in text.split([':', ',', ' ']).filter(|word| !word.is_empty()) {
        let (word, command) = match word.split_once('@') {
            Some((word, command)) => (word, Some(command)),
            None => (word, None),
        };
        if !word.is_empty() {
            apply(word, &mut chosen, &mut killed);
        }
        if let Some(command) = command {
            obey(command, &mut chosen.suites)
                .ok_or_else(|| format!("ssl_ciphers: @{command} is not known"))?;
        }
    }
    if chosen.suites.is_empty() {
        let known: Vec<_> = SUITES.iter().map(|suite| suite.name).collect();
        return Err(format!(
            "ssl_ciphers: '{text}' allows none of the cipher suites there are: {}",
            known.join(" ")
        ));
    }
    Ok(chosen)
}

/// One word: a group or a name, with `!`, `-` or `+` before it.
fn apply(word: &str, chosen: &mut Chosen, killed: &mut Vec<&'static Suite>) {
    let (sign, body) = match word.split_at_checked(1) {
        Some((sign @ ("!" | "-" | "+"), body)) => (sign, body),
        _ => ("", word),
    };
    let meant = |suite: &Suite| body.split('+').all(|part| suite.is_in(part));
    match sign {
        "!" | "-" => {
            chosen.suites.retain(|suite| !meant(suite));
            if sign == "!" {
                killed.extend(SUITES.iter().filter(|suite| meant(suite)));
            }
        }
        "+" => chosen.suites.sort_by_key(|suite| meant(suite)), // to the end, in order
        _ => {
            if !SUITES.iter().any(meant) {
                chosen.without_effect.push(word.into());
            }
            let more = SUITES.iter().filter(|suite| meant(suite));
            let more: Vec<_> = more
                .filter(|suite| !killed.contains(suite) && !chosen.suites.contains(suite))
                .collect();
            chosen.suites.extend(more);
        }
    }
}

fn obey(command: &str, suites: &mut Vec<&'static Suite>) -> Option<()> {
    if command == "STRENGTH" {
        suites.sort_by_key(|suite| std::cmp::Reverse(suite.bits()));
        return Some(());
    }
    let level: u8 = command.strip_prefix("SECLEVEL=")?.parse().ok()?;
    match level {
        0..=3 => {}
        4 | 5 => suites.retain(|suite| suite.bits() == 256),
        _ => return None,
    }
    Some(())
}

/// The suites of a configuration: those of TLS 1.3 always, of TLS 1.2 the chosen ones in their order.
pub(super) fn suites(chosen: &Chosen) -> Vec<SupportedCipherSuite> {
    let every = [
        ring::TLS13_AES_256_GCM_SHA384,
        ring::TLS13_AES_128_GCM_SHA256,
        ring::TLS13_CHACHA20_POLY1305_SHA256,
        ring::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        ring::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        ring::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        ring::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        ring::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        ring::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ];
    let (newer, older): (Vec<_>, Vec<_>) =
        every.into_iter().partition(|suite| suite.tls13().is_some());
    let wanted = chosen.suites.iter().filter_map(|wanted| {
        let name = |suite: &SupportedCipherSuite| format!("{:?}", suite.suite());
        older.iter().find(|suite| name(suite) == wanted.iana)
    });
    newer.into_iter().chain(wanted.copied()).collect()
}

/// OpenSSL's name of a suite.
pub(super) fn name(suite: SupportedCipherSuite) -> String {
    let iana = format!("{:?}", suite.suite());
    match SUITES.iter().find(|known| known.iana == iana) {
        Some(known) => known.name.into(),
        None => iana.replacen("TLS13_", "TLS_", 1),
    }
}

/// Curves for the key exchange, by `ssl_ecdh_curve`: names with colons between them, or "auto". Curves that rustls lacks
/// are an error only if nothing else is left; the second value names them.
pub(super) fn curves(
    text: &str,
    provider: &CryptoProvider,
) -> Result<(Vec<&'static dyn SupportedKxGroup>, Vec<String>), String> {
    if text.is_empty() || text == "auto" {
        return Ok((provider.kx_groups.clone(), Vec::new()));
    }
    let (mut groups, mut missing) = (Vec::new(), Vec::new());
    for word in text.split(':') {
        let group = match word.trim().to_ascii_lowercase().as_str() {
            "x25519" => kx_group::X25519,
            "p-256" | "prime256v1" | "secp256r1" => kx_group::SECP256R1,
            "p-384" | "secp384r1" => kx_group::SECP384R1,
            "p-521" | "secp521r1" | "x448" => {
                missing.push(word.into());
                continue;
            }
            _ => return Err(format!("ssl_ecdh_curve: '{word}' is not known")),
        };
        groups.push(group);
    }
    match groups.is_empty() {
        true => Err(format!(
            "ssl_ecdh_curve: '{text}' allows none of the curves there are: X25519 P-256 P-384"
        )),
        false => Ok((groups, missing)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<&'static str> {
        let chosen = parse(text).unwrap();
        chosen.suites.iter().map(|suite| suite.name).collect()
    }

    #[test]
    fn the_default_string_leaves_the_aes_suites_strongest_first() {
        let default = "EECDH+AESGCM:EDH+AESGCM:AES256+EECDH:AES256+EDH";
        assert_eq!(
            names(default),
            [
                "ECDHE-ECDSA-AES256-GCM-SHA384",
                "ECDHE-RSA-AES256-GCM-SHA384",
                "ECDHE-ECDSA-AES128-GCM-SHA256",
                "ECDHE-RSA-AES128-GCM-SHA256"
            ]
        );
        assert_eq!(
            parse(default).unwrap().without_effect,
            ["EDH+AESGCM", "AES256+EDH"]
        );
    }

    #[test]
    fn usual_strings_come_to_what_openssl_makes_of_them() {
        assert_eq!(names("HIGH:!aNULL:!MD5").len(), 6);
        assert_eq!(names("DEFAULT@SECLEVEL=1").len(), 6);
        assert_eq!(
            names("ALL:!ECDSA:!CHACHA20:-AES128:+HIGH"),
            ["ECDHE-RSA-AES256-GCM-SHA384"]
        );
        // A killed suite does not come back, a removed one does.
        assert_eq!(names("!AES:ALL").len(), 2);
        assert_eq!(names("ALL:-AES:AES").len(), 6);
        assert_eq!(
            names("ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-SHA"),
            ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384"]
        );
        assert_eq!(
            names("aRSA+AES128 aRSA+AES256 @STRENGTH"),
            ["ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256"]
        );
        assert_eq!(
            names("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
            ["ECDHE-RSA-CHACHA20-POLY1305"]
        );
        assert_eq!(
            names("aRSA:+AES256").last(),
            Some(&"ECDHE-RSA-AES256-GCM-SHA384")
        );
    }

    #[test]
    fn a_string_that_leaves_nothing_is_refused() {
        for text in [
            "RC4",
            "AES256-SHA:DES-CBC3-SHA",
            "",
            "ALL:!ALL",
            "kRSA",
            "!",
            "+",
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains("allows none"), "{text}: {error}");
        }
        assert!(parse("ALL:@SECLEVEL=9").is_err());
    }

    #[test]
    fn every_suite_is_one_of_rustls() {
        let all = suites(&parse("ALL").unwrap());
        assert_eq!(all.len(), 9);
        assert_eq!(name(all[0]), "TLS_AES_256_GCM_SHA384");
        assert_eq!(name(all[3]), "ECDHE-ECDSA-AES256-GCM-SHA384");
    }

    #[test]
    fn curves_by_all_their_names() {
        let provider = rustls::crypto::ring::default_provider();
        assert_eq!(curves("auto", &provider).unwrap().0.len(), 3);
        let (groups, missing) = curves("P-521:prime256v1:X25519", &provider).unwrap();
        assert_eq!((groups.len(), missing), (2, vec!["P-521".to_string()]));
        assert_eq!(groups[0].name(), rustls::NamedGroup::secp256r1);
        assert!(curves("P-521", &provider).is_err());
        assert!(curves("P-25", &provider).is_err());
    }
}
