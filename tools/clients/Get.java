import java.net.Socket;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;

/** Asks for a page with Java's own TLS: Get.java NAME PORT PATH; the root is in javax.net.ssl.trustStore. */
public class Get {
  public static void main(String[] arguments) throws Exception {
    String name = arguments[0];
    Socket plain = new Socket("127.0.0.1", Integer.parseInt(arguments[1]));
    SSLSocketFactory factory = (SSLSocketFactory) SSLSocketFactory.getDefault();
    try (SSLSocket secure = (SSLSocket) factory.createSocket(plain, name, Integer.parseInt(arguments[1]), true)) {
      SSLParameters parameters = secure.getSSLParameters();
      parameters.setEndpointIdentificationAlgorithm("HTTPS");
      secure.setSSLParameters(parameters);
      String request = "GET " + arguments[2] + " HTTP/1.1\r\nHost: " + name + "\r\nConnection: close\r\n\r\n";
      secure.getOutputStream().write(request.getBytes());
      secure.getInputStream().transferTo(System.out);
      System.out.flush();
    }
  }
}
