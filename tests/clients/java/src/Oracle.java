import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;

/**
 * Apache Kafka itself as one process: formats the data folder when it is new, then starts the broker.
 * Usage: Oracle server.properties CLUSTER_ID
 */
public final class Oracle {
    public static void main(String[] args) throws Exception {
        Properties properties = new Properties();
        try (var in = Files.newInputStream(Path.of(args[0]))) {
            properties.load(in);
        }
        if (!Files.exists(Path.of(properties.getProperty("log.dirs"), "meta.properties"))) {
            String[] format = {"format", "--standalone", "-t", args[1], "-c", args[0]};
            int code = kafka.tools.StorageTool.execute(format, System.err);
            if (code != 0) System.exit(code);
        }
        kafka.Kafka.main(new String[] {args[0]});
    }
}
