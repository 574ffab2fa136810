import HyperModel
import Settings
import Testing

@Suite struct NodeSettingsTests {
  func node(_ text: String) throws -> NodeSettings { try NodeSettings(Folder(["a.yml": text]).load()) }

  func failure(_ text: String) throws -> [String] {
    let tree = try Folder(["a.yml": text]).load()
    return lines { () throws(SettingsFailure) in _ = try NodeSettings(tree) }
  }

  /// A node with one channel whose settings are given in flow style; the settings start at 6:15.
  func channel(_ type: String, _ settings: String) -> String {
    "name: n\ndirectory: {type: json, settings: {path: d}}\nchannels:\n  - name: c\n    type: \(type)\n    settings: \(settings)\n"
  }

  let tls = "tls: {ca_certificate_files: [r], certificate_file: c, key_file: k}"

  @Test func everyKeyIsRead() throws {
    let settings = try node(
      """
      name: op.1
      directory: {type: json, settings: {path: dir}}
      metrics: {bind_address: "unix:run/m.sock"}
      signing: {certificate_file: a, key_file: b, ca_certificate_file: c, ca_intermediate_certificate_files: [d]}
      channels:
        - {name: 1st, type: grpc_server, settings: {bind_address: "[::]:0", tls: {ca_certificate_files: [r], certificate_file: c, key_file: k}}}
        - {name: 2nd, type: grpc_client, settings: {useProxy: no, tls: {ca_certificate_files: [r, s], certificate_file: c, key_file: k}}}
        - name: 3rd
          type: jsonrpc_server
          settings:
            bind_address: localhost:5544
            path: /rpc
            cors: {allowed_hosts: ["^http(?:s)?://localhost\\\\:\\\\d+$"], allowed_headers: [X], allowed_methods: [GET]}
            tls: {ca_certificate_files: [r], certificate_file: c, key_file: k, verify_client: false, request_client_cert: true}
        - name: 4th
          type: jsonrpc_client
          settings: {endpoint: "https://localhost:1/x", tls: {ca_certificate_files: [r], server_name: s}}
      """)
    let tls = TLSSettings(caCertificateFiles: ["r"], certificateFile: "c", keyFile: "k")
    var both = tls
    both.caCertificateFiles = ["r", "s"]
    var asking = tls
    asking.verifyClient = false
    asking.requestClientCertificate = true
    #expect(
      settings
        == NodeSettings(
          name: "op.1", directory: DirectorySettings(path: "dir"),
          channels: [
            ChannelSettings(name: "1st", kind: .grpcServer(GRPCServerSettings(bindAddress: .tcp(host: "::", port: 0), tls: tls))),
            ChannelSettings(name: "2nd", kind: .grpcClient(GRPCClientSettings(tls: both))),
            ChannelSettings(
              name: "3rd",
              kind: .jsonrpcServer(
                JSONRPCServerSettings(
                  bindAddress: .tcp(host: "localhost", port: 5544), path: "/rpc", tls: asking,
                  cors: CORSSettings(allowedHosts: [#"^http(?:s)?://localhost\:\d+$"#], allowedHeaders: ["X"], allowedMethods: ["GET"])))),
            ChannelSettings(
              name: "4th",
              kind: .jsonrpcClient(
                JSONRPCClientSettings(
                  endpoint: .https(HTTPLocation(address: HostPort(host: "localhost", port: 1), path: "/x")),
                  tls: TLSSettings(caCertificateFiles: ["r"], serverName: "s")))),
          ],
          metrics: MetricsSettings(bindAddress: .unix(path: "run/m.sock")),
          signing: SigningSettings(certificateFile: "a", keyFile: "b", caCertificateFile: "c", caIntermediateCertificateFiles: ["d"])))
  }

  @Test func defaultsAreThoseOfTheNetwork() throws {
    let settings = try node("name: n\ndirectory: {type: json, settings: {path: d}}\nchannels: []\nmetrics: {}\nsigning: ''")
    #expect(settings == NodeSettings(name: "n", directory: DirectorySettings(path: "d"), channels: []))
    guard case .grpcServer(let server) = try node(channel("grpc_server", "{\(tls)}")).channels[0].kind else { throw Unexpected() }
    #expect(server.bindAddress == .tcp(host: "localhost", port: 4444))
    guard case .jsonrpcServer(let rpc) = try node(channel("jsonrpc_server", "{bind_address: unix:s, cors: {}}")).channels[0].kind else {
      throw Unexpected()
    }
    #expect(
      rpc
        == JSONRPCServerSettings(bindAddress: .unix(path: "s"), path: "/jsonrpc", cors: CORSSettings(allowedMethods: CORSSettings.methods)))
    #expect(rpc.socketMode == 0o600)
  }

  struct Unexpected: Error {}

  @Test func everyLimitBetweenNodesIsASetting() throws {
    let both = "call_timeout: 4, stream_calls: 5, message_bytes: 65536, pings_per_second: 6, idle_timeout: 7"
    var expected = GRPCChannelLimits()
    expected.callTimeout = .seconds(4)
    expected.streamCalls = 5
    expected.messageBytes = 65_536
    expected.pingsPerSecond = 6
    expected.idleTimeout = .seconds(7)
    var ofClient = expected
    ofClient.connectTimeout = .milliseconds(500)
    let client = try node(channel("grpc_client", "{\(tls), limits: {connect_timeout: 0.5, \(both)}}"))
    guard case .grpcClient(let found) = client.channels[0].kind else { throw Unexpected() }
    #expect(found.limits == ofClient)

    var ofServer = expected
    ofServer.maxConnections = 1
    ofServer.handshakeTimeout = .milliseconds(500)
    ofServer.announcementTimeout = .seconds(2)
    ofServer.maxQueuedCalls = 3
    let own = "max_connections: 1, handshake_timeout: 0.5, announcement_timeout: 2, max_queued_calls: 3"
    let server = try node(channel("grpc_server", "{\(tls), limits: {\(own), \(both)}}") + "\nmax_calls_per_peer: 8")
    guard case .grpcServer(let found) = server.channels[0].kind else { throw Unexpected() }
    #expect(found.limits == ofServer)
    #expect(server.maxCallsPerPeer == 8)
  }

  @Test func everyLimitOfAJSONRPCServerIsASetting() throws {
    let limits = """
      {max_connections: 1, head_bytes: 2048, body_bytes: 4096, head_timeout: 0.5, body_timeout: 1, stall_timeout: 2, idle_timeout: 3,
       call_timeout: 4, max_requests: 5, max_batch: 0, batch_concurrency: 6, batch_answer_bytes: 8192}
      """.replacing("\n", with: " ")
    let text = channel(
      "jsonrpc_server", "{bind_address: unix:s, strict_notifications: true, limits: \(limits), cors: {allow_credentials: true}}")
    guard case .jsonrpcServer(let rpc) = try node(text).channels[0].kind else { throw Unexpected() }
    var expected = JSONRPCLimits()
    expected.maxConnections = 1
    expected.headBytes = 2048
    expected.bodyBytes = 4096
    expected.headTimeout = .milliseconds(500)
    expected.bodyTimeout = .seconds(1)
    expected.stallTimeout = .seconds(2)
    expected.idleTimeout = .seconds(3)
    expected.callTimeout = .seconds(4)
    expected.maxRequests = 5
    expected.maxBatch = 0
    expected.batchConcurrency = 6
    expected.batchAnswerBytes = 8192
    #expect(rpc.limits == expected)
    #expect(rpc.strictNotifications)
    #expect(rpc.cors?.allowCredentials == true)
  }

  @Test func everyProblemIsReportedAtOnceWithItsPlace() throws {
    let text = """
      nmae: x
      directory:
        type: api
        settings: {endpoints: []}
      metrics:
        bind_address: 2112
      channels:
        - name: first
          type: grpc_server
          settings:
            bind_address: "localhost:70000"
            tls:
              ca_certificate_files: root.crt
              verfy_client: true
              verify_client: "true"
        - type: grpc_cleint
          settings: {}
        - name: q
          type: quic
          settings: {}
        - 5
      """
    #expect(
      try failure(text) == [
        "a.yml:1:1: name: expected a string, found nothing",
        #"a.yml:1:1: nmae: unknown key (did you mean "name"?)"#,
        #"a.yml:3:9: directory.type: the directory type "api" is not supported yet (use type: json with settings.path)"#,
        #"a.yml:6:17: metrics.bind_address: expected a string, found the whole number 2112 (in quotes it is a string: "2112")"#,
        #"a.yml:11:21: channels[0].settings.bind_address: expected a port from 0 to 65535, found the string "localhost:70000""#,
        "a.yml:13:9: channels[0].settings.tls.certificate_file: expected the path of a PEM file, found nothing",
        "a.yml:13:9: channels[0].settings.tls.key_file: expected the path of a PEM file, found nothing",
        #"a.yml:13:31: channels[0].settings.tls.ca_certificate_files: expected a list, found the string "root.crt""#,
        #"a.yml:14:9: channels[0].settings.tls.verfy_client: unknown key (did you mean "verify_client"?)"#,
        #"a.yml:15:24: channels[0].settings.tls.verify_client: expected true or false, found the string "true""#,
        "a.yml:16:5: channels[1].name: expected a string, found nothing",
        #"a.yml:16:11: channels[1].type: expected one of grpc_server, grpc_client, jsonrpc_server, jsonrpc_client, found the string "grpc_cleint" (did you mean "grpc_client"?)"#,
        #"a.yml:19:11: channels[2].type: the channel type "quic" is not supported yet"#,
        #"a.yml:21:5: channels[3]: expected a map, found the whole number 5"#,
      ])
  }

  @Test(arguments: [
    ("", "a.yml:1:1: name: expected a string, found nothing"), ("name: ''", "a.yml:1:7: name: expected a string, found the string \"\""),
    ("name: 5", #"a.yml:1:7: name: expected a string, found the whole number 5 (in quotes it is a string: "5")"#),
    ("name: yes", #"a.yml:1:7: name: expected a string, found the boolean yes (in quotes it is a string: "yes")"#),
    ("name: [a]", "a.yml:1:7: name: expected a string, found a list"),
  ])
  func theNameIsRequired(line: String, problem: String) throws {
    #expect(try failure((line.isEmpty ? "" : "\(line)\n") + "directory: {type: json, settings: {path: d}}\nchannels: []") == [problem])
  }

  @Test(arguments: [
    ("directory: {type: json}", "a.yml:2:12: directory.settings: expected a map, found nothing"),
    ("directory: {type: json, settings: {}}", "a.yml:2:35: directory.settings.path: expected a string, found nothing"),
    ("directory: {type: yaml}", #"a.yml:2:19: directory.type: expected json, found the string "yaml""#),
    ("directory: {settings: {path: d}}", "a.yml:2:12: directory.type: expected a string, found nothing"),
    ("directory: {type: json, settings: {path: d, pth: e}}", #"a.yml:2:45: directory.settings.pth: unknown key (did you mean "path"?)"#),
    ("directory: json", #"a.yml:2:12: directory: expected a map, found the string "json""#),
  ])
  func theDirectoryIsChecked(line: String, problem: String) throws {
    #expect(try failure("name: n\n\(line)\nchannels: []") == [problem])
  }

  @Test func channelsAreRequired() throws {
    let head = "name: n\ndirectory: {type: json, settings: {path: d}}\n"
    #expect(try failure(head) == ["a.yml:1:1: channels: expected a list, found nothing"])
    #expect(try failure(head + "channels: ~") == ["a.yml:3:11: channels: expected a list, found nothing"])
    #expect(try failure(head + "channels: {}") == ["a.yml:3:11: channels: expected a list, found a map"])
    #expect(
      try failure(head + "channels: [{name: a, type: grpc_client}]") == ["a.yml:3:12: channels[0].settings: expected a map, found nothing"])
  }

  @Test func aTypeOfChannelStandsOnce() throws {
    let client = "settings: {endpoint: 'http://a'}}"
    #expect(
      try failure(
        "name: n\ndirectory: {type: json, settings: {path: d}}\nchannels:\n- {name: a, type: jsonrpc_client, \(client)\n- {name: b, type: jsonrpc_client, \(client)"
      )
        == ["a.yml:5:19: channels[1].type: expected at most one channel of type jsonrpc_client, found another one at a.yml:4:3"])
  }

  @Test(arguments: [
    ("grpc_server", "{bind_address: unix:s, TLS}", "bind_address: expected a TCP address, host:port, found the string \"unix:s\""),
    ("grpc_server", "{bind_address: localhost:1}", "tls: expected a map, found nothing"),
    (
      "grpc_server", "{tls: {ca_certificate_files: [r], certificate_file: c, key_file: k, verify_client: no}}",
      "tls.verify_client: expected true, found false (between nodes, both sides always show a certificate)"
    ),
    ("grpc_client", "{useProxy: 1, TLS}", "useProxy: expected true or false, found the whole number 1"),
    (
      "grpc_client", "{useProxy: true, TLS}",
      "useProxy: connections through a proxy are not supported yet (leave the key out, or set it to false)"
    ),
    (
      "grpc_server", "{limits: {max_connections: 0}, TLS}",
      "limits.max_connections: expected a whole number from 1 to 65536, found the whole number 0"
    ),
    ("grpc_server", "{limits: {connect_timeout: 1}, TLS}", "limits.connect_timeout: unknown key"),
    ("grpc_client", "{limits: {max_queued_calls: 1}, TLS}", "limits.max_queued_calls: unknown key"),
    ("grpc_client", "{use_proxy: yes, TLS}", "use_proxy: unknown key (did you mean \"useProxy\"?)"),
    ("grpc_client", "{tls: {certificate_file: c, key_file: k}}", "tls.ca_certificate_files: expected a list, found nothing"),
    (
      "grpc_client", "{tls: {ca_certificate_files: [1], certificate_file: c, key_file: k}}",
      "tls.ca_certificate_files[0]: expected a string, found the whole number 1 (in quotes it is a string: \"1\")"
    ),
    (
      "grpc_client", "{tls: {ca_certificate_files: [r], certificate_file: c, key_file: k, insecure_skip_verify: yes}}",
      "tls.insecure_skip_verify: not supported: the other side is always verified (trust its issuer with ca_certificate_files)"
    ),
    ("jsonrpc_client", "{}", "endpoint: expected a string, found nothing"),
    (
      "jsonrpc_client", "{endpoint: 'localhost:1'}",
      "endpoint: expected https://HOST:PORT/PATH, http://HOST:PORT/PATH or unix:PATH, found the string \"localhost:1\""
    ),
    ("jsonrpc_client", "{endpoint: 'https://a', proxy_url: 'http://p'}", "proxy_url: not supported yet"),
    (
      "jsonrpc_client", "{endpoint: 'https://a', path: /x}",
      "path: only possible with endpoint: unix:PATH (the path of a URL stands in the URL)"
    ),
    (
      "jsonrpc_client", "{endpoint: unix:s, path: x}",
      "path: expected a literal path starting with /, found the string \"x\" (regular expressions are not supported here)"
    ),
    (
      "jsonrpc_client", "{endpoint: 'https://a', tls: {ca_certificate_files: [r], key_file: k}}",
      "tls.certificate_file: expected the path of a PEM file, because the other one of certificate_file and key_file is set; found nothing"
    ),
    ("jsonrpc_server", "{TLS}", "bind_address: expected a string, found nothing"),
    (
      "jsonrpc_server", "{bind_address: ':1'}",
      "tls: expected a map, because plain HTTP over TCP lets anybody call; found nothing (add tls, use bind_address: unix:PATH, or set insecure: true)"
    ),
    (
      "jsonrpc_server", "{bind_address: ':1', insecure: yes, TLS}",
      "insecure: expected false, because tls is set; found true (remove one of the two)"
    ),
    ("jsonrpc_server", "{bind_address: ':1', allowed_uids: [5], TLS}", "allowed_uids: only possible with bind_address: unix:PATH"),
    (
      "jsonrpc_server", "{bind_address: unix:s, TLS}",
      "tls: only possible with a TCP bind_address (over a Unix socket the caller's user id decides)"
    ),
    (
      "jsonrpc_server", "{bind_address: unix:s, allowed_uids: [-1]}",
      "allowed_uids[0]: expected a whole number from 0 to 4294967294, found the whole number -1"
    ),
    (
      "jsonrpc_server", "{bind_address: unix:s, allowed_uids: ['5']}",
      "allowed_uids[0]: expected a whole number from 0 to 4294967294, found the string \"5\""
    ),
    (
      "jsonrpc_server", "{bind_address: unix:s, socket_mode: 432}",
      "socket_mode: expected permission bits in octal that let the owner read and write, like \"0660\", found the whole number 432"
    ),
    (
      "jsonrpc_server", "{bind_address: unix:s, socket_mode: '0060'}",
      "socket_mode: expected permission bits in octal that let the owner read and write, like \"0660\", found the string \"0060\""
    ),
    ("jsonrpc_server", "{bind_address: unix:s, socket_group: [a]}", "socket_group: expected a name or a number, found a list"),
    (
      "jsonrpc_server", "{bind_address: unix:s, path: '^/.*$'}",
      "path: expected a literal path starting with /, found the string \"^/.*$\" (regular expressions are not supported here)"
    ),
    (
      "jsonrpc_server", "{bind_address: unix:s, cors: {allowed_hosts: ['(']}}",
      "cors.allowed_hosts[0]: expected a regular expression, found the string \"(\""
    ),
    (
      "jsonrpc_server", "{bind_address: unix:s, cors: {allowed_headers: ['X: y']}}",
      "cors.allowed_headers[0]: expected the name of an HTTP header, found the string \"X: y\""
    ),
    (
      "jsonrpc_server", "{bind_address: unix:s, limits: {max_batch: 10001}}",
      "limits.max_batch: expected a whole number from 0 to 10000, found the whole number 10001"
    ),
    (
      "jsonrpc_server", "{bind_address: unix:s, cors: {allowed_methods: [get]}}",
      "cors.allowed_methods[0]: expected one of GET, POST, PATCH, PUT, DELETE, OPTIONS, found the string \"get\""
    ),
    (
      "jsonrpc_server", "{bind_address: ':1', TLS, tcp_rate_limits: [{type: day, limit: 1}]}",
      "tcp_rate_limits[0].type: expected second, minute or hour, found the string \"day\""
    ),
    (
      "jsonrpc_server", "{bind_address: ':1', TLS, tcp_rate_limits: [{type: hour, limit: 0}]}",
      "tcp_rate_limits[0].limit: expected a whole number from 1 to 4294967295, found the whole number 0"
    ),
  ])
  func channelSettingsAreChecked(type: String, settings: String, problem: String) throws {
    let lines = try failure(channel(type, settings.replacing("TLS", with: tls)))
    #expect(lines.count == 1, "\(lines)")
    let line = try #require(lines.first)
    #expect(line.hasPrefix("a.yml:6:"))
    #expect(line.hasSuffix(": channels[0].settings.\(problem)"), "\(line)")
  }

  @Test(arguments: [("0660", 0o660), ("'0660'", 0o660), ("660", 0o660), ("\"600\"", 0o600), ("0777", 0o777)] as [(String, UInt16)])
  func socketModesAreOctalHoweverTheyAreWritten(text: String, mode: UInt16) throws {
    let settings = try node(
      channel("jsonrpc_server", "{bind_address: unix:s, socket_mode: \(text), socket_group: 100, allowed_uids: [0, 7, 7]}"))
    guard case .jsonrpcServer(let server) = settings.channels[0].kind else { throw Unexpected() }
    #expect(server.socketMode == mode)
    #expect(server.socketGroup == "100")
    #expect(server.allowedUIDs == [0, 7])
  }

  @Test func keysThatNeverDidAnythingAreWarnings() throws {
    let settings = try node(
      """
      name: n
      directory: {type: json, settings: {path: d}}
      signing: {name: x}
      channels:
        - name: a
          type: jsonrpc_client
          services: []
          settings: {endpoint: "http://a:1/", local: true, server_name: s, tls: {ca_certificate_files: [], validate_client: false}}
        - name: b
          type: grpc_server
          settings: {tcp_rate_limits: [{type: second, limit: 10}, {type: minute, limit: 1000.0}], \(tls)}
      """)
    #expect(
      settings.warnings.map(\.description) == [
        "a.yml:7:5: channels[0].services: has no effect (services are declared in the directory)",
        "a.yml:8:98: channels[0].settings.tls.ca_certificate_files: an empty list means that nobody is trusted",
        "a.yml:8:102: channels[0].settings.tls.validate_client: is not a key of this map (the key is verify_client)",
        "a.yml:8:41: channels[0].settings.local: has no effect",
        "a.yml:8:54: channels[0].settings.server_name: has no effect here (the key belongs into tls)",
        "a.yml:8:75: channels[0].settings.tls: has no effect with this endpoint, which is not https",
        "a.yml:3:11: signing.name: has no effect (the name of the node is used)",
      ])
    guard case .grpcServer(let server) = settings.channels[1].kind else { throw Unexpected() }
    #expect(server.tcpRateLimits == [RateLimit(window: .second, limit: 10), RateLimit(window: .minute, limit: 1000)])
  }
}
