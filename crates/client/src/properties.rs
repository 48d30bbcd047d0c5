//! Configuration by Kafka's names: `linger.ms=5`. Each known key is taken once; what is left over is unknown.

use crate::Error;
use runtime::time::Duration;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// Properties on their way into a configuration struct.
#[derive(Clone, Debug, Default)]
pub struct Properties(BTreeMap<String, String>);

impl Properties {
    pub fn new<K: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Properties {
        Properties(
            pairs
                .into_iter()
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
        )
    }

    /// Sets `field` from `key`, when it is there, to a number within `allowed`.
    pub fn number<T>(&mut self, key: &str, allowed: RangeInclusive<T>, field: &mut T) -> Result<(), Error>
    where
        T: FromStr + PartialOrd + Display,
    {
        let Some(text) = self.0.remove(key) else {
            return Ok(());
        };
        match text.trim().parse::<T>() {
            Ok(value) if allowed.contains(&value) => {
                *field = value;
                Ok(())
            }
            _ => {
                let expected = format!("a whole number from {} to {}", allowed.start(), allowed.end());
                Err(Error::config(key, &text, expected))
            }
        }
    }

    /// Sets `field` from `key`, a time in milliseconds.
    pub fn millis(
        &mut self,
        key: &str,
        allowed: RangeInclusive<u64>,
        field: &mut Duration,
    ) -> Result<(), Error> {
        let mut millis = u64::try_from(field.as_millis()).unwrap_or(u64::MAX);
        self.number(key, allowed, &mut millis)?;
        *field = Duration::from_millis(millis);
        Ok(())
    }

    pub fn boolean(&mut self, key: &str, field: &mut bool) -> Result<(), Error> {
        self.one_of(key, &[("true", true), ("false", false)], field)
    }

    /// Sets `field` from `key`, one of the named values.
    pub fn one_of<T: Copy>(&mut self, key: &str, values: &[(&str, T)], field: &mut T) -> Result<(), Error> {
        let Some(text) = self.0.remove(key) else {
            return Ok(());
        };
        match values.iter().find(|(name, _)| *name == text.trim()) {
            Some((_, value)) => {
                *field = *value;
                Ok(())
            }
            None => {
                let names: Vec<_> = values.iter().map(|(name, _)| *name).collect();
                Err(Error::config(key, &text, format!("one of {}", names.join(", "))))
            }
        }
    }

    pub fn text(&mut self, key: &str, field: &mut String) {
        if let Some(text) = self.0.remove(key) {
            *field = text;
        }
    }

    /// Sets `field` from `key`, a list separated by commas, with at least one entry.
    pub fn list(&mut self, key: &str, field: &mut Vec<String>) -> Result<(), Error> {
        let Some(text) = self.0.remove(key) else {
            return Ok(());
        };
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let list: Vec<String> = parts.map(str::to_string).collect();
        if list.is_empty() {
            return Err(Error::config(key, &text, "at least one entry".into()));
        }
        *field = list;
        Ok(())
    }

    /// Errs about the first key that nobody took.
    pub fn finish(self) -> Result<(), Error> {
        match self.0.into_iter().next() {
            None => Ok(()),
            Some((key, value)) => Err(Error::config(
                &key,
                &value,
                "no such setting of this client".into(),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_value_names_the_key_the_value_and_what_is_allowed() {
        let mut linger = Duration::ZERO;
        let mut properties = Properties::new([("linger.ms", "soon")]);
        let error = properties
            .millis("linger.ms", 0..=1000, &mut linger)
            .expect_err("not a number");
        let text = error.to_string();
        assert!(
            text.contains("linger.ms") && text.contains("soon") && text.contains("from 0 to 1000"),
            "{text}"
        );
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        let error = Properties::new([("linger.sm", "5")])
            .finish()
            .expect_err("unknown");
        assert!(error.to_string().contains("linger.sm"));
    }

    #[test]
    fn an_absent_key_leaves_the_default() {
        let (mut flag, mut properties) = (true, Properties::default());
        properties
            .boolean("enable.idempotence", &mut flag)
            .expect("absent is fine");
        assert!(flag);
    }
}
