// TLS between standard input and output, by Java's JSSE:
// java Netcat.java client|server PORT TLSv1.x CA|- PKCS12|-      (password: changeit)
// A server requires a client certificate of CA if CA is not '-'.

import java.io.FileInputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

public class Netcat {
    static final char[] PASSWORD = "changeit".toCharArray();

    static SSLContext context(String ca, String store) throws Exception {
        KeyManagerFactory keys = null;
        if (!store.equals("-")) {
            KeyStore own = KeyStore.getInstance("PKCS12");
            own.load(new FileInputStream(store), PASSWORD);
            keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
            keys.init(own, PASSWORD);
        }
        TrustManagerFactory trust = null;
        if (!ca.equals("-")) {
            KeyStore trusted = KeyStore.getInstance("PKCS12");
            trusted.load(null, null);
            trusted.setCertificateEntry("ca", CertificateFactory.getInstance("X.509")
                    .generateCertificate(new FileInputStream(ca)));
            trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            trust.init(trusted);
        }
        SSLContext made = SSLContext.getInstance("TLS");
        made.init(keys == null ? null : keys.getKeyManagers(),
                  trust == null ? null : trust.getTrustManagers(), null);
        return made;
    }

    static void copy(InputStream from, OutputStream to) throws Exception {
        byte[] buffer = new byte[65536];
        for (int count; (count = from.read(buffer)) > 0; to.flush()) {
            to.write(buffer, 0, count);
        }
    }

    public static void main(String[] words) throws Exception {
        SSLContext context = context(words[3], words[4]);
        int port = Integer.parseInt(words[1]);
        InetAddress local = InetAddress.getByName("127.0.0.1");
        SSLSocket socket;
        if (words[0].equals("client")) {
            socket = (SSLSocket) context.getSocketFactory().createSocket(local, port);
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setServerNames(List.of(new SNIHostName("localhost")));
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            socket.setSSLParameters(parameters);
        } else {
            SSLServerSocket listener = (SSLServerSocket) context.getServerSocketFactory()
                    .createServerSocket(port, 1, local);
            listener.setNeedClientAuth(!words[3].equals("-"));
            socket = (SSLSocket) listener.accept();
        }
        socket.setEnabledProtocols(new String[] {words[2]});
        socket.startHandshake();
        Thread up = new Thread(() -> {
            try {
                copy(System.in, socket.getOutputStream());
            } catch (Exception error) {
                System.err.println(error);
            }
        });
        up.setDaemon(true);
        up.start();
        copy(socket.getInputStream(), System.out);
        System.exit(0);
    }
}
