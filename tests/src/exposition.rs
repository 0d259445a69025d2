//! A strict reader of OpenMetrics text, for as much of the format as counters and gauges need.
//!
//! Every deviation is an error with its line: order of lines, names, types, suffixes, labels, numbers,
//! samples that come twice, families that are torn apart, the end mark.

use std::collections::{HashMap, HashSet};

/// The samples of a page: name with labels as written, to value.
#[derive(Debug, Default)]
pub struct Exposition {
    samples: HashMap<String, f64>,
    /// Type of each family.
    pub families: HashMap<String, String>,
}

#[derive(Default)]
struct Family {
    name: String,
    kind: String,
    help: bool,
    samples: usize,
}

fn is_name(text: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
    !text.is_empty() && text.chars().all(good) && !text.starts_with(|c: char| c.is_ascii_digit())
}

impl Exposition {
    /// Read a page.
    pub fn parse(text: &str) -> Result<Exposition, String> {
        let mut page = Exposition::default();
        let mut family = Family::default();
        let body = text
            .strip_suffix("# EOF\n")
            .ok_or("the page does not end in # EOF")?;
        if !body.ends_with('\n') {
            return Err("# EOF does not stand on a line of its own".into());
        }
        for line in body[..body.len() - 1].split('\n') {
            page.line(line, &mut family)
                .map_err(|what| format!("{what}: {line:?}"))?;
        }
        page.close(&family)?;
        Ok(page)
    }

    /// The value of a sample, named as the page writes it; panics if there is none.
    #[track_caller]
    pub fn value(&self, sample: &str) -> f64 {
        let found = self.samples.get(sample);
        *found.unwrap_or_else(|| panic!("no sample {sample} in {:?}", self.samples.keys()))
    }

    /// Whether there is such a sample.
    pub fn has(&self, sample: &str) -> bool {
        self.samples.contains_key(sample)
    }

    fn line(&mut self, line: &str, family: &mut Family) -> Result<(), String> {
        if line.trim() != line {
            return Err("blank at an end, or an empty line".into());
        }
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').ok_or("HELP without a text")?;
            self.open(name, family)?;
            if std::mem::replace(&mut family.help, true) || help.is_empty() {
                return Err("second or empty HELP".into());
            }
            return Ok(());
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').ok_or("TYPE without a type")?;
            self.open(name, family)?;
            if !family.kind.is_empty() || !matches!(kind, "counter" | "gauge") {
                return Err("second TYPE, or one that is not expected here".into());
            }
            if kind == "counter" && name.ends_with("_total") {
                return Err("a counter's family must not be named _total".into());
            }
            family.kind = kind.into();
            return Ok(());
        }
        if line.starts_with('#') {
            return Err("comment that is not part of the format".into());
        }
        self.sample(line, family)
    }

    fn open(&mut self, name: &str, family: &mut Family) -> Result<(), String> {
        if !is_name(name) {
            return Err("bad name".into());
        }
        if name == family.name && family.samples == 0 {
            return Ok(());
        }
        self.close(family)?;
        *family = Family {
            name: name.into(),
            ..Family::default()
        };
        Ok(())
    }

    fn close(&mut self, family: &Family) -> Result<(), String> {
        if family.name.is_empty() {
            return Ok(());
        }
        if family.kind.is_empty() || !family.help {
            return Err(format!("{} lacks TYPE or HELP", family.name));
        }
        let known = self
            .families
            .insert(family.name.clone(), family.kind.clone());
        match known {
            None => Ok(()),
            Some(_) => Err(format!("{} comes twice", family.name)),
        }
    }

    fn sample(&mut self, line: &str, family: &mut Family) -> Result<(), String> {
        let (sample, value) = line.rsplit_once(' ').ok_or("sample without a value")?;
        let name = sample.split('{').next().unwrap_or_default();
        let expected = match family.kind.as_str() {
            "counter" => format!("{}_total", family.name),
            "gauge" => family.name.clone(),
            _ => return Err("sample before its TYPE".into()),
        };
        if name != expected {
            return Err(format!("the name should be {expected}"));
        }
        labels(&sample[name.len()..])?;
        let number: f64 = value.parse().map_err(|_| "not a number")?;
        if !number.is_finite() || number < 0.0 {
            return Err("no figure of this server is negative or infinite".into());
        }
        family.samples += 1;
        match self.samples.insert(sample.into(), number) {
            None => Ok(()),
            Some(_) => Err("sample comes twice".into()),
        }
    }
}

/// `{name="value",...}` or nothing.
fn labels(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Ok(());
    }
    let inner = text.strip_prefix('{').and_then(|t| t.strip_suffix('}'));
    let inner = inner.ok_or("labels are not in braces")?;
    let mut seen = HashSet::new();
    for pair in inner.split(',') {
        let (name, value) = pair.split_once('=').ok_or("label without a value")?;
        let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
        let value = value.ok_or("label value without quotes")?;
        if !is_name(name) || name.contains(':') || value.contains(['"', '\\']) {
            return Err("bad label".into());
        }
        if !seen.insert(name) {
            return Err("label comes twice".into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# HELP a A.\n# TYPE a counter\na_total 1\n# HELP b B.\n# TYPE b gauge\n\
                        b{x=\"1\"} 2\nb{x=\"2\"} 0.5\n# EOF\n";

    #[test]
    fn a_good_page_is_read() {
        let page = Exposition::parse(GOOD).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            (page.value("a_total"), page.value("b{x=\"2\"}")),
            (1.0, 0.5)
        );
    }

    #[test]
    fn every_deviation_is_an_error() {
        for (from, to) in [
            ("# EOF\n", ""),
            ("# EOF\n", "# EOF"),
            ("# EOF\n", "# EOF\n\n"),
            ("a_total 1", "a 1"),
            ("a_total 1", "a_total one"),
            ("a_total 1", "a_total -1"),
            ("a_total 1", "a_total 1\na_total 2"),
            ("# TYPE a counter\n", ""),
            ("# HELP a A.\n", ""),
            ("# TYPE a counter", "# TYPE a thing"),
            ("b{x=\"2\"}", "b{x=\"1\"}"),
            ("b{x=\"2\"}", "b{x=2}"),
            ("b{x=\"2\"}", "b{x=\"2\",x=\"3\"}"),
            ("b{x=\"2\"}", "b{x=\"2\""),
            ("# HELP b", "# HELP a"),
            ("# TYPE b gauge", "# TYPE b gauge\n\n"),
            ("# HELP b B.", "# comment\n# HELP b B."),
        ] {
            let page = GOOD.replacen(from, to, 1);
            assert!(Exposition::parse(&page).is_err(), "accepted: {page}");
        }
    }
}
