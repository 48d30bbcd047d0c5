//! `meta.properties`: which cluster, node and folder this is. Version 1, as KRaft writes it.

use crate::topic_id::TopicId;
use std::collections::BTreeMap;

/// The identity of a formatted data folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MetaProperties {
    pub cluster_id: String,
    pub node_id: i32,
    pub directory_id: TopicId,
}

impl MetaProperties {
    pub(crate) fn format(&self) -> String {
        format!(
            "#\ncluster.id={}\ndirectory.id={}\nnode.id={}\nversion=1\n",
            self.cluster_id, self.directory_id, self.node_id
        )
    }

    pub(crate) fn parse(text: &str) -> Result<MetaProperties, String> {
        let values: BTreeMap<&str, &str> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with(['#', '!']))
            .filter_map(|line| line.split_once('='))
            .map(|(key, value)| (key.trim(), value.trim()))
            .collect();
        let get = |key: &str| values.get(key).copied().ok_or_else(|| format!("it has no {key}"));
        match get("version")? {
            "1" => {}
            version => return Err(format!("version {version} where 1 was expected")),
        }
        Ok(MetaProperties {
            // java.util.Properties escapes ':' and '=' in values
            cluster_id: get("cluster.id")?.replace('\\', ""),
            node_id: get("node.id")?.parse().map_err(|e| format!("node.id: {e}"))?,
            // folders formatted before Kafka 3.7 have none
            directory_id: match values.get("directory.id") {
                Some(id) => id.parse().map_err(|e| format!("directory.id: {e}"))?,
                None => TopicId::ZERO,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_holds_all_and_kafka_s_own_is_read() {
        let meta = MetaProperties {
            cluster_id: "MkU3OEVBNTcwNTJENDM2Qg".into(),
            node_id: 1,
            directory_id: TopicId([7; 16]),
        };
        assert_eq!(MetaProperties::parse(&meta.format()), Ok(meta));
        let kafka = "#\n#Sat Nov 21 02:00:00 UTC 2026\nnode.id=3\ndirectory.id=AAAAAAAAAAAAAAAAAAAAAQ\nversion=1\ncluster.id=x\n";
        let meta = MetaProperties::parse(kafka).expect("Kafka's file");
        assert_eq!((meta.node_id, meta.cluster_id.as_str()), (3, "x"));
        assert!(MetaProperties::parse("version=0\nbroker.id=1\n").is_err());
    }
}
