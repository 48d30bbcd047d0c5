import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.TreeMap;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;

/** One connection to Apache Kafka whose requests and answers are kept as golden files, with the index of them all. */
final class Frames implements AutoCloseable {
    private final Path folder;
    private final Socket socket;
    private final DataInputStream in;
    private final DataOutputStream out;
    private final TreeMap<String, String> index = new TreeMap<>();
    private int correlation = 1;

    Frames(Path folder, String host, int port) throws IOException {
        this.folder = folder;
        Files.createDirectories(folder.resolve("frames"));
        Files.createDirectories(folder.resolve("record"));
        socket = new Socket(host, port);
        socket.setTcpNoDelay(true);
        in = new DataInputStream(socket.getInputStream());
        out = new DataOutputStream(socket.getOutputStream());
    }

    /** Sends, keeps both bodies (and, for a plain one, both frames), and gives the answer. */
    ApiMessage exchange(ApiKeys key, int version, String what, ApiMessage request) throws IOException {
        short v = (short) version;
        short headerVersion = key.requestHeaderVersion(v);
        var header = new RequestHeaderData().setRequestApiKey(key.id).setRequestApiVersion(v).setCorrelationId(correlation++);
        header.setClientId("golden");
        byte[] body = bytes(request, v);
        byte[] frame = framed(bytes(header, headerVersion), body);
        out.write(frame);
        out.flush();
        byte[] answer = new byte[in.readInt()];
        in.readFully(answer);
        int headerBytes = key.responseHeaderVersion(v) == 0 ? 4 : 5;
        String stem = stem(key) + "-v" + version;
        String suffix = what.isEmpty() ? "" : "-" + what;
        keep(stem + "-request" + suffix + ".bin", body, "written by Kafka's Java classes");
        keep(stem + "-response" + suffix + ".bin", Arrays.copyOfRange(answer, headerBytes, answer.length), "answered by the broker");
        if (what.isEmpty()) {
            keep("frames/" + stem + "-request.bin", frame, "whole frame");
            keep("frames/" + stem + "-response.bin", framed(answer), "whole frame");
        }
        ApiMessage response = key.messageType.newResponse();
        response.read(new ByteBufferAccessor(ByteBuffer.wrap(answer, headerBytes, answer.length - headerBytes).slice()), v);
        return response;
    }

    void keep(String name, byte[] content, String from) throws IOException {
        Files.write(folder.resolve(name), content);
        index.put(name, content.length + " bytes, " + from);
    }

    void writeIndex(String version) throws IOException {
        var text = new StringBuilder("# Captured from Apache Kafka " + version + " by tests/clients/java/src/Capture.java; see tests/blackbox/capture.rs.\n");
        index.forEach((name, note) -> text.append(name).append(' ').append(note).append('\n'));
        Files.writeString(folder.resolve("index.txt"), text);
    }

    static byte[] bytes(Message message, short version) {
        var cache = new ObjectSerializationCache();
        var buffer = ByteBuffer.allocate(message.size(cache, version));
        message.write(new ByteBufferAccessor(buffer), cache, version);
        return buffer.array();
    }

    private static byte[] framed(byte[]... parts) {
        int size = Arrays.stream(parts).mapToInt(part -> part.length).sum();
        var buffer = ByteBuffer.allocate(4 + size).putInt(size);
        for (byte[] part : parts) buffer.put(part);
        return buffer.array();
    }

    /** CreateTopics -> create_topics. */
    static String stem(ApiKeys key) {
        return key.messageType.name().toLowerCase();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
