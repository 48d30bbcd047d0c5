//! Listeners: `NAME://host:port` lists, the map of their protocols, what is bound and what is advertised.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::settings::row::split_list;

/// One `NAME://host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub name: String,
    pub protocol: Protocol,
    /// Empty: every interface.
    pub host: String,
    /// 0: a free port.
    pub port: u16,
}

/// A listener of this node: what it binds and what it tells its clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    pub name: String,
    pub security_protocol: Protocol,
    /// Empty: every IPv4 interface.
    pub host: String,
    /// 0: a free port.
    pub port: u16,
    pub advertised_host: String,
    /// 0: the port that was bound.
    pub advertised_port: u16,
}

/// Kafka's security protocols, with the ids of registration records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Plaintext,
    Ssl,
    SaslPlaintext,
    SaslSsl,
}

impl Listener {
    /// What to bind, as `host:port`. An empty host is every IPv4 interface.
    pub fn bind_address(&self) -> String {
        let host = if self.host.is_empty() {
            "0.0.0.0"
        } else {
            &self.host
        };
        host_port(host, self.port)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.name, host_port(&self.host, self.port))
    }
}

/// `host:port`, with brackets around an IPv6 address.
pub fn host_port(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

impl Protocol {
    pub fn id(self) -> i16 {
        match self {
            Protocol::Plaintext => 0,
            Protocol::Ssl => 1,
            Protocol::SaslPlaintext => 2,
            Protocol::SaslSsl => 3,
        }
    }

    pub fn from_name(name: &str) -> Option<Protocol> {
        match name.to_ascii_uppercase().as_str() {
            "PLAINTEXT" => Some(Protocol::Plaintext),
            "SSL" => Some(Protocol::Ssl),
            "SASL_PLAINTEXT" => Some(Protocol::SaslPlaintext),
            "SASL_SSL" => Some(Protocol::SaslSsl),
            _ => None,
        }
    }
}

/// Parses `listener.security.protocol.map`.
pub fn parse_map(text: &str) -> Result<BTreeMap<String, Protocol>, String> {
    let mut map = BTreeMap::new();
    for item in split_list(text).iter().filter(|item| !item.is_empty()) {
        let pair = item.rsplit_once(':');
        let pair =
            pair.and_then(|(name, protocol)| Some((name.trim(), Protocol::from_name(protocol.trim())?)));
        let Some((name, protocol)) = pair else {
            return Err(format!(
                "NAME:PROTOCOL with PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL, which {item:?} is not"
            ));
        };
        if map.insert(name.to_ascii_uppercase(), protocol).is_some() {
            return Err(format!(
                "a map in which each listener stands once; {name} stands twice"
            ));
        }
    }
    Ok(map)
}

/// Parses a list of `NAME://host:port`, or says what is allowed instead.
pub fn parse(
    items: &[String],
    protocol_of: impl Fn(&str) -> Option<Protocol>,
) -> Result<Vec<Endpoint>, String> {
    let mut listeners: Vec<Endpoint> = Vec::new();
    let mut names = BTreeSet::new();
    for item in items.iter().filter(|item| !item.is_empty()) {
        let listener = parse_one(item, &protocol_of)?;
        if !names.insert(listener.name.clone()) {
            return Err(format!(
                "a list in which each name stands once; {} stands twice",
                listener.name
            ));
        }
        let same_port = |other: &Endpoint| {
            other.port == listener.port && listener.port != 0 && other.host == listener.host
        };
        if let Some(other) = listeners.iter().find(|other| same_port(other)) {
            return Err(format!(
                "a list of different addresses; {} and {} share one",
                other.name, listener.name
            ));
        }
        listeners.push(listener);
    }
    Ok(listeners)
}

fn parse_one(item: &str, protocol_of: &impl Fn(&str) -> Option<Protocol>) -> Result<Endpoint, String> {
    let shape = || format!("NAME://host:port, such as PLAINTEXT://127.0.0.1:9092, which {item:?} is not");
    let (name, address) = item.split_once("://").ok_or_else(shape)?;
    let name = name.trim().to_ascii_uppercase();
    let (host, port) = parse_host_port(address).ok_or_else(shape)?;
    if name.is_empty() {
        return Err(shape());
    }
    let protocol = protocol_of(&name).ok_or_else(|| {
        format!("a list of names with a protocol: add {name}:PLAINTEXT to listener.security.protocol.map")
    })?;
    Ok(Endpoint {
        name,
        protocol,
        host,
        port,
    })
}

/// Splits `host:port`, taking brackets off an IPv6 address.
pub fn parse_host_port(address: &str) -> Option<(String, u16)> {
    let (host, port) = address.trim().rsplit_once(':')?;
    let bare = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?,
        None if host.contains(':') => return None,
        None => host,
    };
    let odd = |c: char| c.is_whitespace() || c == '/' || c == ',';
    if bare.contains(odd) {
        return None;
    }
    Some((bare.to_string(), port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_text(text: &str) -> Result<Vec<Endpoint>, String> {
        parse(&split_list(text), Protocol::from_name)
    }

    #[test]
    fn listeners_are_parsed_and_bound() {
        let listeners = parse_text("PLAINTEXT://:9092, ssl://[::1]:9093").unwrap();
        assert_eq!(listeners[0].to_string(), "PLAINTEXT://:9092");
        assert_eq!(listeners[1].to_string(), "SSL://[::1]:9093");
        assert_eq!(listeners[1].protocol, Protocol::Ssl);
    }

    #[test]
    fn what_is_wrong_with_a_listener_is_said() {
        for (text, says) in [
            ("PLAINTEXT:9092", "NAME://host:port"),
            ("PLAINTEXT://h:port", "NAME://host:port"),
            ("PLAINTEXT://h:70000", "NAME://host:port"),
            ("PLAINTEXT://h:1,PLAINTEXT://h:2", "PLAINTEXT stands twice"),
            ("PLAINTEXT://h:1,SSL://h:1", "PLAINTEXT and SSL share one"),
            ("INSIDE://h:1", "add INSIDE:PLAINTEXT"),
        ] {
            let error = parse_text(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
        assert!(
            parse_text("PLAINTEXT://h:0,SSL://h:0").is_ok(),
            "free ports differ"
        );
    }

    #[test]
    fn the_protocol_map_is_parsed() {
        let map = parse_map("PLAINTEXT:PLAINTEXT,INSIDE:SASL_SSL").unwrap();
        assert_eq!(map["INSIDE"], Protocol::SaslSsl);
        assert!(parse_map("INSIDE:TLS").unwrap_err().contains("INSIDE:TLS"));
    }
}
