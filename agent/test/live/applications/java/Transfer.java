import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Paths;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.CompletableFuture;

/**
 * Transfers a file so many times with FileChannel.transferTo and prints how many bytes it moved.
 *
 * <pre>
 * Transfer file-file SOURCE SINK TIMES
 * Transfer file-append SOURCE SINK TIMES
 * Transfer file-tcp SOURCE TIMES
 * </pre>
 */
final class Transfer {
    private Transfer() {}

    public static void main(String[] arguments) throws Exception {
        int times = Integer.parseInt(arguments[arguments.length - 1]);
        try (FileChannel source = FileChannel.open(Paths.get(arguments[1]), StandardOpenOption.READ)) {
            System.out.println(run(arguments, source, times));
        }
    }

    private static long run(String[] arguments, FileChannel source, int times) throws Exception {
        switch (arguments[0]) {
            case "file-file":
                return toFile(source, arguments[2], StandardOpenOption.WRITE, times);
            case "file-append":
                return toFile(source, arguments[2], StandardOpenOption.APPEND, times);
            case "file-tcp":
                return toTcp(source, times);
            default:
                throw new IllegalArgumentException(arguments[0]);
        }
    }

    private static long toFile(FileChannel source, String path, StandardOpenOption how, int times) throws IOException {
        try (FileChannel sink = FileChannel.open(Paths.get(path), StandardOpenOption.CREATE, how)) {
            return transfer(source, sink, times);
        }
    }

    /** Over loopback, to a thread that reads what arrives and counts it. */
    private static long toTcp(FileChannel source, int times) throws Exception {
        try (ServerSocketChannel server = ServerSocketChannel.open()) {
            server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            CompletableFuture<Long> arrived;
            try (SocketChannel near = SocketChannel.open(server.getLocalAddress())) {
                SocketChannel far = server.accept();
                arrived = CompletableFuture.supplyAsync(() -> drain(far));
                transfer(source, near, times);
            }
            return arrived.get();
        }
    }

    private static long drain(SocketChannel far) {
        ByteBuffer buffer = ByteBuffer.allocateDirect(1 << 16);
        long total = 0;
        try {
            for (int n = far.read(buffer); n >= 0; n = far.read(buffer)) {
                total += n;
                buffer.clear();
            }
        } catch (IOException error) {
            throw new IllegalStateException(error);
        }
        return total;
    }

    private static long transfer(FileChannel source, WritableByteChannel sink, int times) throws IOException {
        long size = source.size();
        long total = 0;
        for (int i = 0; i < times; i++) {
            for (long at = 0; at < size; ) {
                long n = source.transferTo(at, size - at, sink);
                if (n <= 0) {
                    throw new IOException("nothing was transferred");
                }
                at += n;
            }
            total += size;
        }
        return total;
    }
}
