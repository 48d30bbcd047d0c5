//! Checks that look at several settings together: the node's identity, its listeners, its quorum; and the
//! refusal of protections that do not exist yet.

use crate::settings::Settings;
use crate::settings::listeners::{self, Endpoint, Protocol, parse_host_port};
use crate::settings::row::BadValue;

/// Every setting that does not fit the others or this version.
pub fn together(settings: &Settings) -> Vec<BadValue> {
    let checks = [
        roles,
        folders,
        listeners_fit,
        advertised_fit,
        inter_broker,
        voters,
        bootstrap,
        protections,
    ];
    checks.iter().filter_map(|check| check(settings).err()).collect()
}

/// What is legal, but may surprise.
pub fn warnings(settings: &Settings) -> Vec<String> {
    let mut warnings = Vec::new();
    let clients = settings.client_endpoints();
    if !settings.is_set("advertised.listeners") && clients.iter().any(|l| l.host.is_empty()) {
        warnings.push(
            "listeners name no host and advertised.listeners is unset: clients are told to connect to localhost; \
             set advertised.listeners to the name that clients on other machines know"
                .to_string(),
        );
    }
    if settings.is_set("listeners") && !settings.controller_endpoints().is_empty() {
        warnings.push(
            "the controller's listener is not bound yet: this node is the only voter and asks itself"
                .to_string(),
        );
    }
    warnings
}

fn bad(settings: &Settings, key: &str, allowed: impl Into<String>) -> BadValue {
    let value = settings.get(key).map(ToString::to_string).unwrap_or_default();
    BadValue {
        key: key.to_string(),
        value,
        allowed: allowed.into(),
    }
}

fn roles(settings: &Settings) -> Result<(), BadValue> {
    let roles = settings.list("process.roles");
    let both = ["broker", "controller"]
        .iter()
        .all(|role| roles.iter().any(|r| r == role));
    if both {
        Ok(())
    } else {
        Err(bad(
            settings,
            "process.roles",
            "broker,controller: other nodes are not built yet",
        ))
    }
}

fn folders(settings: &Settings) -> Result<(), BadValue> {
    let key = if settings.list("log.dirs").is_empty() {
        "log.dir"
    } else {
        "log.dirs"
    };
    let dirs = settings.list(key);
    if dirs.len() != 1 || dirs[0].is_empty() {
        return Err(bad(
            settings,
            key,
            "the path of one folder: several are not built yet",
        ));
    }
    match settings.text_or_unset("metadata.log.dir") {
        Some(dir) if dir != dirs[0] => Err(bad(
            settings,
            "metadata.log.dir",
            format!("unset or {}: several folders are not built yet", dirs[0]),
        )),
        _ => Ok(()),
    }
}

/// Every listener, with its protocol.
pub fn listeners(settings: &Settings) -> Result<Vec<Endpoint>, BadValue> {
    let protocol = protocols(settings)?;
    listeners::parse(settings.list("listeners"), protocol)
        .map_err(|allowed| bad(settings, "listeners", allowed))
}

fn protocols(settings: &Settings) -> Result<impl Fn(&str) -> Option<Protocol> + '_, BadValue> {
    let key = "listener.security.protocol.map";
    let map = listeners::parse_map(settings.text_or_unset(key).unwrap_or_default())
        .map_err(|allowed| bad(settings, key, allowed))?;
    let mapped = settings.is_set(key);
    let controller = settings.list("controller.listener.names");
    Ok(move |name: &str| {
        let implied = || {
            let of_controller = !mapped && controller.iter().any(|c| c.eq_ignore_ascii_case(name));
            of_controller.then_some(Protocol::Plaintext)
        };
        map.get(name).copied().or_else(implied)
    })
}

fn listeners_fit(settings: &Settings) -> Result<(), BadValue> {
    let all = listeners(settings)?;
    if let Some(other) = all.iter().find(|l| l.protocol != Protocol::Plaintext) {
        let allowed = format!("PLAINTEXT listeners: {}'s protocol is not built yet", other.name);
        return Err(bad(settings, "listeners", allowed));
    }
    if settings.client_endpoints().is_empty() {
        return Err(bad(
            settings,
            "listeners",
            "at least one listener that controller.listener.names does not name",
        ));
    }
    if settings.is_set("controller.listener.names") && settings.controller_endpoints().is_empty() {
        let allowed = "the name of at least one of listeners, or unset";
        return Err(bad(settings, "controller.listener.names", allowed));
    }
    Ok(())
}

/// What clients are told, one row per client listener.
pub fn advertised(settings: &Settings) -> Result<Vec<Endpoint>, BadValue> {
    let key = "advertised.listeners";
    let mut advertised = settings.client_endpoints();
    let given = listeners::parse(settings.list(key), protocols(settings)?)
        .map_err(|allowed| bad(settings, key, allowed))?;
    let all = listeners(settings)?;
    if let Some(stray) = given.iter().find(|g| !all.iter().any(|l| l.name == g.name)) {
        return Err(bad(
            settings,
            key,
            format!("addresses of listeners, of which {} is none", stray.name),
        ));
    }
    let replaced = !given.is_empty();
    if replaced {
        advertised.retain(|l| given.iter().any(|g| g.name == l.name));
    }
    for listener in &mut advertised {
        if let Some(given) = given.iter().find(|g| g.name == listener.name) {
            *listener = given.clone();
        }
        let any = listener.host.is_empty() || listener.host == "0.0.0.0" || listener.host == "::";
        if any && replaced && !listener.host.is_empty() {
            return Err(bad(
                settings,
                key,
                format!("addresses to connect to, which {listener} is not"),
            ));
        }
        if any && !listener.host.is_empty() {
            let allowed = format!("set, since nobody can connect to {listener}");
            return Err(bad(settings, key, allowed));
        }
        if any {
            listener.host = "localhost".to_string();
        }
    }
    Ok(advertised)
}

fn advertised_fit(settings: &Settings) -> Result<(), BadValue> {
    if listeners_fit(settings).is_err() {
        return Ok(()); // said already
    }
    match advertised(settings)?.is_empty() {
        true => Err(bad(
            settings,
            "advertised.listeners",
            "at least one client listener",
        )),
        false => Ok(()),
    }
}

fn inter_broker(settings: &Settings) -> Result<(), BadValue> {
    if settings.text_or_unset("security.inter.broker.protocol") != Some("PLAINTEXT") {
        return Err(bad(
            settings,
            "security.inter.broker.protocol",
            "PLAINTEXT: others are not built yet",
        ));
    }
    let Some(name) = settings.text_or_unset("inter.broker.listener.name") else {
        return Ok(());
    };
    let clients = if listeners_fit(settings).is_ok() {
        settings.client_endpoints()
    } else {
        return Ok(());
    };
    if clients.iter().any(|l| l.name.eq_ignore_ascii_case(name)) {
        return Ok(());
    }
    let names = clients
        .iter()
        .map(|l| l.name.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    Err(bad(
        settings,
        "inter.broker.listener.name",
        format!("one of the client listeners: {names}"),
    ))
}

fn voters(settings: &Settings) -> Result<(), BadValue> {
    let key = "controller.quorum.voters";
    let voters = settings.list(key);
    if voters.iter().all(String::is_empty) {
        return Ok(());
    }
    if voters.len() > 1 {
        return Err(bad(
            settings,
            key,
            "this node alone: a quorum of several voters is not built yet",
        ));
    }
    let shape = "id@host:port, such as 1@localhost:9093";
    let (id, address) = voters[0]
        .split_once('@')
        .ok_or_else(|| bad(settings, key, shape))?;
    parse_host_port(address).ok_or_else(|| bad(settings, key, shape))?;
    let id: i32 = id.trim().parse().map_err(|_| bad(settings, key, shape))?;
    if id == settings.node_id() {
        return Ok(());
    }
    Err(bad(
        settings,
        key,
        format!("this node alone, whose node.id is {}", settings.node_id()),
    ))
}

fn bootstrap(settings: &Settings) -> Result<(), BadValue> {
    let key = "controller.quorum.bootstrap.servers";
    let servers: Vec<_> = settings
        .list(key)
        .iter()
        .filter(|server| !server.is_empty())
        .collect();
    if servers.len() > 1 {
        return Err(bad(
            settings,
            key,
            "this node alone: a quorum of several voters is not built yet",
        ));
    }
    match servers.first().map(|server| parse_host_port(server)) {
        Some(None) => Err(bad(settings, key, "host:port, such as localhost:9093")),
        _ => Ok(()),
    }
}

/// An operator who sets one of these relies on it.
fn protections(settings: &Settings) -> Result<(), BadValue> {
    match settings.text_or_unset("authorizer.class.name") {
        Some(class) if !class.is_empty() => {
            let allowed = "unset: authorization is not built yet, and every client may do everything";
            Err(bad(settings, "authorizer.class.name", allowed))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::load;

    fn refusal(overrides: &[&str]) -> String {
        let overrides: Vec<_> = overrides.iter().map(|text| text.to_string()).collect();
        load(None, &overrides).expect_err("it is refused").to_string()
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        for (overrides, says) in [
            (
                &["process.roles=broker"][..],
                "process.roles=broker is not allowed: it must be broker,controller",
            ),
            (
                &["log.dirs=/a,/b"],
                "log.dirs=/a,/b is not allowed: it must be the path of one folder",
            ),
            (
                &["metadata.log.dir=/x"],
                "metadata.log.dir=/x is not allowed: it must be unset or odradek-data",
            ),
            (&["listeners=SSL://h:1"], "SSL's protocol is not built yet"),
            (
                &["listeners=CONTROLLER://h:1"],
                "at least one listener that controller.listener.names does not name",
            ),
            (
                &["listeners=PLAINTEXT://h:1", "controller.listener.names=C"],
                "the name of at least one of listeners",
            ),
            (
                &["advertised.listeners=PLAINTEXT://0.0.0.0:1"],
                "addresses to connect to",
            ),
            (
                &["listeners=PLAINTEXT://0.0.0.0:1"],
                "advertised.listeners= is not allowed: it must be set",
            ),
            (&["advertised.listeners=SSL://h:1"], "of which SSL is none"),
            (
                &["inter.broker.listener.name=X"],
                "one of the client listeners: PLAINTEXT",
            ),
            (
                &["controller.quorum.voters=1@a:1,2@b:1"],
                "a quorum of several voters is not built yet",
            ),
            (&["controller.quorum.voters=2@a:1"], "whose node.id is 1"),
            (&["controller.quorum.bootstrap.servers=a"], "host:port"),
            (&["authorizer.class.name=x.Acl"], "authorization is not built yet"),
        ] {
            let error = refusal(overrides);
            assert!(error.contains(says), "{overrides:?}: {error}");
        }
    }

    #[test]
    fn a_plain_list_of_listeners_is_enough() {
        let loaded = load(
            None,
            &[
                "listeners=PLAINTEXT://127.0.0.1:0,INSIDE://:0".into(),
                "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,INSIDE:PLAINTEXT".into(),
            ],
        )
        .unwrap();
        assert_eq!(loaded.settings.listeners()[1].advertised_host, "localhost");
        assert_eq!(loaded.warnings.len(), 1);
    }
}
