import Testing

@testable import JSONRPC

@Suite struct ListenAddressTests {
  @Test(arguments: [
    ("localhost:8888", ListenAddress.tcp(host: "localhost", port: 8888)),
    ("0.0.0.0:0", .tcp(host: "0.0.0.0", port: 0)),
    ("[::1]:65535", .tcp(host: "::1", port: 65535)),
    ("unix:run/a.sock", .unix(path: "run/a.sock")),
    ("unix:/tmp/a:b", .unix(path: "/tmp/a:b")),
  ]) func validTextsAreReadAndWrittenAlike(text: String, address: ListenAddress) {
    #expect(ListenAddress(text) == address)
    #expect(address.description == text)
  }

  @Test(arguments: [
    "", "localhost", ":80", "localhost:", "localhost:x", "localhost:65536", "localhost:-1", "localhost:+1", "::1:80", "unix:",
  ])
  func otherTextsAreNoAddress(text: String) {
    #expect(ListenAddress(text) == nil)
  }
}

@Suite struct EndpointTests {
  typealias Endpoint = JSONRPCClientConfiguration.Endpoint

  @Test(arguments: [
    ("https://localhost:5544/jsonrpc", Endpoint.https(host: "localhost", port: 5544, path: "/jsonrpc")),
    ("https://hd-1", .https(host: "hd-1", port: 443, path: "/jsonrpc")),
    ("HTTP://127.0.0.1:80/x/y", .http(host: "127.0.0.1", port: 80, path: "/x/y")),
    ("https://[::1]:5544/", .https(host: "::1", port: 5544, path: "/")),
    ("https://[::1]", .https(host: "::1", port: 443, path: "/jsonrpc")),
    ("unix:run/a.sock", .unix(path: "run/a.sock", httpPath: "/jsonrpc")),
  ]) func validTextsAreRead(text: String, endpoint: Endpoint) {
    #expect(Endpoint(text) == endpoint)
  }

  @Test(arguments: [
    "", "localhost:80", "ftp://x/", "https://", "https://:80", "https://u@x", "https://x/?a", "https://x/#a", "https://x:0/", "unix:",
  ])
  func otherTextsAreNoEndpoint(text: String) {
    #expect(Endpoint(text) == nil)
  }
}
