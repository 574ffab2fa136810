import Testing

@testable import Settings

@Suite struct AddressTests {
  @Test(
    arguments: [
      ("localhost:443", .tcp(host: "localhost", port: 443)), ("127.0.0.1:0", .tcp(host: "127.0.0.1", port: 0)),
      ("[::1]:65535", .tcp(host: "::1", port: 65535)), (":4433", .tcp(host: "0.0.0.0", port: 4433)),
      ("unix:run/a.sock", .unix(path: "run/a.sock")), ("unix:/a", .unix(path: "/a")), ("unix:a:b", .unix(path: "a:b")),
    ] as [(String, BindAddress)])
  func bindAddressesAreRead(text: String, address: BindAddress) throws {
    #expect(try BindAddress(parsing: text) == address)
    if !text.hasPrefix(":") { #expect(address.description == text) }
  }

  @Test(arguments: [
    "", "localhost", "localhost:", "localhost:65536", "localhost:-1", "localhost:+1", "localhost:123456", "localhost:http", "::1:80",
    "[::1]", "[::1]80",
    "[localhost]:80", "[]:80", "a b:80", "a/b:80", "http://a:80", "unix:", "unix:run/", "unix:a\u{0}b", "ü:80", "localhost:٣",
  ])
  func otherTextsAreNoBindAddress(text: String) {
    #expect(throws: TextMismatch.self) { try BindAddress(parsing: text) }
  }

  @Test func aSocketPathMayHave107Bytes() throws {
    let longest = String(repeating: "a", count: 105) + "ü"
    #expect(try BindAddress(parsing: "unix:\(longest)") == .unix(path: longest))
    do throws(TextMismatch) {
      _ = try BindAddress(parsing: "unix:\(longest)b")
      Issue.record("108 bytes were accepted")
    } catch {
      #expect(error.expected == "a socket path of at most 107 bytes (this one has 108)")
    }
  }

  @Test func aPortToDialIsNotZero() throws {
    #expect(try HostPort(parsing: "a-b.c:1") == HostPort(host: "a-b.c", port: 1))
    #expect(try HostPort(parsing: "[fe80::1%eth0]:9").description == "[fe80::1%eth0]:9")
    #expect(throws: TextMismatch.self) { try HostPort(parsing: "a:0") }
    #expect(throws: TextMismatch.self) { try HostPort(parsing: ":80") }
  }

  @Test func aTCPListenerIsNoSocket() {
    #expect(throws: TextMismatch.self) { try BindAddress.tcp(parsing: "unix:a") }
  }

  @Test(
    arguments: [
      ("https://localhost:5544/jsonrpc", .https(HTTPLocation(address: HostPort(host: "localhost", port: 5544), path: "/jsonrpc"))),
      ("https://a.b", .https(HTTPLocation(address: HostPort(host: "a.b", port: 443), path: "/"))),
      ("http://[::1]/x?y=1", .http(HTTPLocation(address: HostPort(host: "::1", port: 80), path: "/x?y=1"))),
      ("http://[::1]:8080", .http(HTTPLocation(address: HostPort(host: "::1", port: 8080), path: "/"))),
      ("unix:run/s", .unix(path: "run/s", httpPath: "/p")),
    ] as [(String, JSONRPCEndpoint)])
  func endpointsAreRead(text: String, endpoint: JSONRPCEndpoint) throws {
    #expect(try JSONRPCEndpoint(parsing: text, httpPath: "/p") == endpoint)
  }

  @Test func endpointsAreWrittenAsURLs() throws {
    #expect(try JSONRPCEndpoint(parsing: "https://a", httpPath: "/p").description == "https://a:443/")
    #expect(try JSONRPCEndpoint(parsing: "http://[::1]/x", httpPath: "/p").description == "http://[::1]:80/x")
    #expect(try JSONRPCEndpoint(parsing: "unix:a", httpPath: "/p").description == "unix:a")
  }

  @Test(arguments: [
    "", "localhost:80", "ftp://a", "https://", "https:///x", "https://a:0", "https://a:x/", "https://u:p@a/", "https://a/b c",
    "https://a#f", "https://a?x", "unix:", "HTTPS://a",
  ])
  func otherTextsAreNoEndpoint(text: String) {
    #expect(throws: TextMismatch.self) { try JSONRPCEndpoint(parsing: text, httpPath: "/p") }
  }

  @Test(arguments: [
    ("Test.Internal-Server.LOCAL", "test.internal-server.local"), ("a", "a"), ("1.a", "1.a"),
    ("xn--bcher-kva.example", "xn--bcher-kva.example"), ("a_b.C", "a_b.c"), ("*.A.b", "*.a.b"),
  ])
  func hostNamesAreLowerCased(text: String, name: String) throws {
    #expect(try namePattern(text) == name)
  }

  @Test func theLongestHostNameHas253Bytes() throws {
    let label = String(repeating: "a", count: 63)
    let longest = "\(label).\(label).\(label).\(label.dropLast(2))"
    #expect(try namePattern(longest) == longest)
    #expect(throws: TextMismatch.self) { try namePattern("\(longest)a") }
    #expect(throws: TextMismatch.self) { try namePattern("\(label)a.b") }
  }

  @Test(arguments: [
    "", ".", "a.", ".a", "a..b", "-a.b", "a-.b", "*", "*.", "a*.b", "*.*.b", "bücher.example", "127.0.0.1", "a b", "a:80", "[::1]",
  ])
  func otherTextsAreNoHostName(text: String) {
    #expect(throws: TextMismatch.self) { try namePattern(text) }
  }
}
