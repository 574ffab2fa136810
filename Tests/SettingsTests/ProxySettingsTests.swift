import Addresses
import Announcements
import Foundation
import HyperModel
import ProxyProtocol
import Settings
import Testing

@Suite struct ProxySettingsTests {
  func proxy(_ text: String) throws -> ProxySettings { try ProxySettings(Folder(["a.yml": text]).load()) }

  func failure(_ text: String) throws -> [String] {
    let tree = try Folder(["a.yml": text]).load()
    return lines { () throws(SettingsFailure) in _ = try ProxySettings(tree) }
  }

  /// What both roles need, 5 lines.
  func role(_ role: String, _ rest: String = "") -> String {
    """
    \(role):
      name: p
      datastore: {settings: {filename: f.sqlite}}
      jsonrpc_client: {endpoint: "unix:n.sock"}
      jsonrpc_server: {bind_address: "unix:p.sock"}
    \(rest)
    """
  }

  let client = JSONRPCClientSettings(endpoint: .unix(path: "n.sock", httpPath: "/jsonrpc"))
  let server = JSONRPCServerSettings(bindAddress: .unix(path: "p.sock"))
  let store = DatastoreSettings(filename: "f.sqlite")

  @Test func thePublicDefaultsAreThoseOfTheNetwork() throws {
    let settings = try proxy(role("public"))
    let network = PublicNetworkSettings(name: "p", datastore: store, jsonrpcClient: client, jsonrpcServer: server)
    let expected = PublicProxySettings(network: network)
    #expect(settings == ProxySettings(public: expected))
    #expect(expected.tlsBindAddress == .tcp(host: "localhost", port: 443))
    #expect(expected.routes.isEmpty && expected.fallback == nil)
    #expect(network.internalBindAddress == .tcp(host: "localhost", port: 9999))
    #expect(network.internalEndpoint == HostPort(host: "localhost", port: 9999))
    #expect(network.acceptTimeout == .seconds(10))
    #expect(network.ownershipGrace == .seconds(300))
    #expect(expected.relay == RelayLimits())
  }

  @Test func everyPublicKeyIsRead() throws {
    let settings = try proxy(
      role(
        "public",
        """
          tls_bind_address: ":443"
          internal_bind_address: "0.0.0.0:7777"
          internal_endpoint: "relay.example:7777"
          accept_timeout: 2.5
          ownership_grace: 60
          list_all_groups: [admins]
          routes:
            - {domain: WWW.example, address: "[::1]:8443"}
            - {domain: "*.example", alpn: [h2, acme-tls/1], address: "unix:run/web.sock"}
          fallback: {address: "web.example:443"}
          tcp_rate_limits: [{type: hour, limit: 1}]
          name_rate_limits: [{type: second, limit: 200}]
          max_notices: 16
          privacy: {logs: hashed}
          relay:
            loops: 3
            hello_bytes: 65536
            hello_message_bytes: 32768
            hello_timeout: 1
            hello_budget: 1048576
            hello_budget_per_source: 131072
            token_timeout: 0.5
            max_waiting: 10
            max_waiting_per_source: 5
            max_waiting_per_name: 6
            max_presenting: 11
            max_presenting_per_source: 3
            dial_timeout: 2
            idle_timeout: 0
            drain_timeout: 0.25
            max_streams: 12
            max_streams_per_source: 13
            max_streams_per_name: 14
            descriptor_reserve: 64
            listen_backlog: 128
            pipe_size: 65536
            pipes_per_loop: 0
            dial_from: [127.0.0.2, "::1"]
            keepalive_idle: 20
            keepalive_interval: 5
            keepalive_probes: 2
        metrics: {bind_address: "localhost:2112"}
        """))
    var relay = RelayLimits()
    relay.loops = 3
    relay.helloBytes = 65536
    relay.helloMessageBytes = 32768
    relay.helloTimeout = .seconds(1)
    relay.helloBudget = 1_048_576
    relay.helloBudgetPerSource = 131_072
    relay.tokenTimeout = .milliseconds(500)
    relay.maxWaiting = 10
    relay.maxWaitingPerSource = 5
    relay.maxWaitingPerName = 6
    relay.maxPresenting = 11
    relay.maxPresentingPerSource = 3
    relay.dialTimeout = .seconds(2)
    relay.idleTimeout = .zero
    relay.drainTimeout = .milliseconds(250)
    relay.maxStreams = 12
    relay.maxStreamsPerSource = 13
    relay.maxStreamsPerName = 14
    relay.descriptorReserve = 64
    relay.listenBacklog = 128
    relay.pipeSize = 65_536
    relay.pipesPerLoop = 0
    relay.dialFrom = ["127.0.0.2", "::1"]
    relay.keepaliveIdle = .seconds(20)
    relay.keepaliveInterval = .seconds(5)
    relay.keepaliveProbes = 2
    var network = PublicNetworkSettings(
      name: "p", datastore: store, internalBindAddress: .tcp(host: "0.0.0.0", port: 7777),
      internalEndpoint: HostPort(host: "relay.example", port: 7777), jsonrpcClient: client, jsonrpcServer: server,
      acceptTimeout: .milliseconds(2500), ownershipGrace: .seconds(60), listAllGroups: ["admins"])
    network.maxNotices = 16
    var expected = PublicProxySettings(
      tlsBindAddress: .tcp(host: "0.0.0.0", port: 443),
      routes: [
        RouteSettings(domain: "www.example", address: .tcp(HostPort(host: "::1", port: 8443))),
        RouteSettings(domain: "*.example", alpn: ["h2", "acme-tls/1"], address: .unix(path: "run/web.sock")),
      ], fallback: .tcp(HostPort(host: "web.example", port: 443)), network: network,
      relay: relay)
    expected.tcpRateLimits = [RateLimit(window: .hour, limit: 1)]
    expected.nameRateLimits = [RateLimit(window: .second, limit: 200)]
    expected.privacy.logs = .hashed
    #expect(settings.public == expected)
    #expect(settings.metrics == MetricsSettings(bindAddress: .tcp(host: "localhost", port: 2112)))
    #expect(settings.warnings.isEmpty)
  }

  @Test func everyPrivateKeyIsRead() throws {
    let settings = try proxy(
      role(
        "private",
        """
          internal_endpoint: {address: "[::1]:8443", timeout: 5, jsonrpc_path: /x, proxy_protocol: v1}
          internal_endpoints: [{domain: "*.A.example", alpn: [h2], address: "unix:x.sock", proxy_protocol: v2}]
          health: {interval: 1.5, rise: 1, fall: 5, timeout: 0.5}
          announcements:
            - {domain: A.Example, proxy: q}
            - {domain: b.example, proxy: q, expires_at: 2030-01-02T03:04:05Z, allowed_endpoints: ["relay:9999", "[::1]:1"], shared_with: [r, s]}
          privacy: {logs: none, proxy_header: truncated}
          relay: {dial_timeout: 1}
        """))
    var relay = RelayLimits()
    relay.dialTimeout = .seconds(1)
    var expected = PrivateProxySettings(
      name: "p", datastore: store, jsonrpcClient: client, jsonrpcServer: server,
      internalEndpoint: .tcp(HostPort(host: "::1", port: 8443)),
      internalEndpoints: [
        InternalEndpointSettings(
          RouteSettings(domain: "*.a.example", alpn: ["h2"], address: .unix(path: "x.sock")), proxyProtocol: .v2)
      ],
      health: HealthSettings(rules: HealthRules(interval: .milliseconds(1500), rise: 1, fall: 5), timeout: .milliseconds(500)),
      announcements: [
        AnnouncementSettings(domain: "a.example", proxy: "q"),
        AnnouncementSettings(
          domain: "b.example", proxy: "q", expiresAt: Date(timeIntervalSince1970: 1_893_553_445),
          allowedEndpoints: [HostPort(host: "relay", port: 9999), HostPort(host: "::1", port: 1)], sharedWith: ["r", "s"]),
      ], relay: relay)
    expected.proxyProtocol = .v1
    expected.privacy.logs = .none
    expected.privacy.proxyHeader = .truncated
    #expect(settings.private == expected)
    #expect(settings.public == nil)
    #expect(settings.warnings.map(\.keyPath) == ["private.internal_endpoint.jsonrpc_path", "private.internal_endpoint.timeout"])
  }

  @Test func withRoutesAloneThereIsNoNetwork() throws {
    let settings = try proxy("public: {routes: [{domain: a.example, address: 'localhost:1'}]}").public
    #expect(
      settings
        == PublicProxySettings(
          routes: [RouteSettings(domain: "a.example", address: .tcp(HostPort(host: "localhost", port: 1)))], network: nil))
    #expect(try proxy("public: {fallback: {address: 'localhost:1'}}").public?.network == nil)
  }

  /// A key of the announcing side says that it is wanted, and then all of it has to be there.
  @Test(arguments: ["name: p", "internal_bind_address: 'a:1'", "accept_timeout: 1", "list_all_groups: [a]", "internal_endpoint: 'a:1'"])
  func besideRoutesHalfANetworkIsAnError(_ key: String) throws {
    let found = try failure("public:\n  routes: [{domain: a.example, address: 'localhost:1'}]\n  \(key)")
    for needed in ["datastore", "jsonrpc_client", "jsonrpc_server"] {
      #expect(found.contains("a.yml:2:3: public.\(needed): expected a map, found nothing"), "\(found)")
    }
  }

  @Test func oneNameMayHaveARouteForEveryProtocolAndOneForTheRest() throws {
    let routes = try proxy(
      "public: {routes: [{domain: a.b, address: 'c:1'}, {domain: A.b, alpn: [h2], address: 'c:2'}, {domain: '*.b', address: 'c:3'}]}"
    ).public?.routes
    #expect(routes?.map(\.domain) == ["a.b", "a.b", "*.b"])
  }

  @Test func howMuchOfAnAddressIsShownIsOneOfSomeWords() throws {
    #expect(
      try failure(role("public", "  privacy: {logs: half, proxy_header: full}")) == [
        #"a.yml:6:19: public.privacy.logs: expected one of full, truncated, hashed, none, found the string "half""#,
        "a.yml:6:25: public.privacy.proxy_header: unknown key",
      ])
    #expect(try proxy(role("public")).public?.privacy.logs == .truncated)
    #expect(try proxy(role("private")).private?.privacy.proxyHeader == .full)
  }

  @Test func defaultsStayBelowABoundThatIsSetLower() throws {
    let relay = try #require(try proxy(role("public", "  relay: {hello_budget: 65536}")).public?.relay)
    #expect(relay.helloBudgetPerSource == 65536)
    #expect(relay.helloBytes == 65536)
    #expect(relay.helloMessageBytes == 65536)
  }

  @Test func thePrivateDefaultIsTheExampleServer() throws {
    let settings = try proxy(role("private")).private
    #expect(settings == PrivateProxySettings(name: "p", datastore: store, jsonrpcClient: client, jsonrpcServer: server))
    #expect(settings?.internalEndpoint == .tcp(HostPort(host: "localhost", port: 8888)))
  }

  @Test func besideEndpointsForNamesThereIsADefaultOnlyWhereItIsWritten() throws {
    let endpoints = "  internal_endpoints: [{domain: a.b, address: 'c:1'}]"
    #expect(try proxy(role("private", endpoints)).private?.internalEndpoint == nil)
    let both = try proxy(role("private", endpoints + "\n  internal_endpoint: {address: 'unix:d.sock'}")).private
    #expect(both?.internalEndpoint == .unix(path: "d.sock"))
    #expect(both?.internalEndpoints.count == 1)
  }

  @Test func aFileWithoutARoleIsAnError() throws {
    #expect(try failure("metrics: {}") == ["a.yml:1:1: public: expected a map here or at \"private\", found nothing"])
    #expect(try failure("pubilc: {}") == [#"a.yml:1:1: pubilc: unknown key (did you mean "public"?)"#])
  }

  @Test func whatBothRolesNeedIsRequired() throws {
    for name in ["public", "private"] {
      #expect(
        try failure("\(name): {x: 1}").map { $0.replacing(name, with: "ROLE").drop { $0 != "R" } } == [
          "ROLE.name: expected a string, found nothing", "ROLE.datastore: expected a map, found nothing",
          "ROLE.jsonrpc_client: expected a map, found nothing", "ROLE.jsonrpc_server: expected a map, found nothing", "ROLE.x: unknown key",
        ])
    }
  }

  @Test(arguments: [
    (
      "{type: redis, settings: {addresses: [a]}}",
      #"3:21: public.datastore.type: the datastore "redis" is not supported yet (use type: sqlite with settings.filename)"#
    ),
    ("{type: file}", "3:14: public.datastore.settings: expected a map, found nothing"),
    ("{type: sqlit}", #"3:21: public.datastore.type: expected sqlite, file or memory, found the string "sqlit""#),
    ("{}", "3:14: public.datastore.settings: expected a map, found nothing"),
    ("{settings: {}}", "3:25: public.datastore.settings.filename: expected a string, found nothing"),
    ("{settings: {filename: a, key: b}}", "3:39: public.datastore.settings.key: unknown key"),
  ])
  func datastoresAreChecked(store: String, problem: String) throws {
    let text = role("public").replacing("{settings: {filename: f.sqlite}}", with: store)
    #expect(try failure(text) == ["a.yml:\(problem)"])
  }

  @Test(arguments: [
    ("{type: file, settings: {filename: a}}", DatastoreSettings(type: .file, filename: "a")),
    ("{type: memory}", DatastoreSettings(type: .memory, filename: "")),
    ("{type: memory, settings: {filename: a}}", DatastoreSettings(type: .memory, filename: "")),
  ])
  func everyDatastoreIsRead(store: String, expected: DatastoreSettings) throws {
    let text = role("public").replacing("{settings: {filename: f.sqlite}}", with: store)
    #expect(try proxy(text).public?.network?.datastore == expected)
  }

  @Test func whoDoesNotWantHealthChecksHasNone() throws {
    #expect(try proxy(role("private")).private?.health == HealthSettings())
    #expect(try proxy(role("private", "  health: {interval: 0}")).private?.health == nil)
    #expect(
      try failure(role("private", "  health: {rise: 0}\n  internal_endpoint: {proxy_protocol: v3}")) == [
        "a.yml:6:18: private.health.rise: expected a whole number from 1 to 100, found the whole number 0",
        "a.yml:7:39: private.internal_endpoint.proxy_protocol: expected v1 or v2, found the string \"v3\"",
      ])
  }

  @Test(arguments: [
    ("tls_bind_address: unix:s", #"6:21: public.tls_bind_address: expected a TCP address, host:port, found the string "unix:s""#),
    (
      "tls_bind_address: 443",
      #"6:21: public.tls_bind_address: expected a string, found the whole number 443 (in quotes it is a string: "443")"#
    ),
    (
      "internal_bind_address: localhost:443",
      "6:26: public.internal_bind_address: expected an address other than tls_bind_address, found the same, localhost:443"
    ),
    (
      "internal_endpoint: ':9999'",
      #"6:22: public.internal_endpoint: expected host:port with a host name or address, found the string ":9999""#
    ),
    ("internal_endpoint: 'a:0'", #"6:22: public.internal_endpoint: expected a port from 1 to 65535, found the string "a:0""#),
    ("accept_timeout: 3000.5", "6:19: public.accept_timeout: expected a number of seconds from 0.1 to 3000, found the number 3000.5"),
    ("accept_timeout: '10'", #"6:19: public.accept_timeout: expected a number of seconds from 0.1 to 3000, found the string "10""#),
    ("accept_timeout: .nan", "6:19: public.accept_timeout: expected a number of seconds from 0.1 to 3000, found the number .nan"),
    ("list_all_groups: admins", #"6:20: public.list_all_groups: expected a list, found the string "admins""#),
    ("announcements: []", "6:3: public.announcements: unknown key"),
    ("routes: {}", "6:11: public.routes: expected a list, found a map"),
    ("routes: [a.b]", #"6:12: public.routes[0]: expected a map, found the string "a.b""#),
    ("routes: [{domain: a.b}]", "6:12: public.routes[0].address: expected a string, found nothing"),
    ("routes: [{address: 'a:1'}]", "6:12: public.routes[0].domain: expected a string, found nothing"),
    (
      "routes: [{domain: '*', address: 'a:1'}]",
      #"6:21: public.routes[0].domain: expected a host name, or a wildcard like *.example.org, found the string "*" (it has characters other than letters, digits, hyphens, underscores and dots)"#
    ),
    (
      "routes: [{domain: 10.0.0.1, address: 'a:1'}]",
      #"6:21: public.routes[0].domain: expected a host name, or a wildcard like *.example.org, found the string "10.0.0.1" (it is an address, or ends in a number like one)"#
    ),
    (
      "routes: [{domain: a.b, address: a}]",
      #"6:35: public.routes[0].address: expected host:port, found the string "a""#
    ),
    (
      "routes: [{domain: a.b, address: '::1:443'}]",
      #"6:35: public.routes[0].address: expected host:port, found the string "::1:443" (an IPv6 address stands in brackets, like [::1]:4433)"#
    ),
    (
      "routes: [{domain: a.b, address: 'a:0'}]", #"6:35: public.routes[0].address: expected a port from 1 to 65535, found the string "a:0""#
    ),
    (
      "routes: [{domain: a.b, address: 'unix:'}]",
      #"6:35: public.routes[0].address: expected unix: followed by the path of a socket, found the string "unix:""#
    ),
    ("routes: [{domain: a.b, address: 'a:1', alpn: h2}]", #"6:48: public.routes[0].alpn: expected a list, found the string "h2""#),
    (
      "routes: [{domain: a.b, address: 'a:1', alpn: ['']}]",
      #"6:49: public.routes[0].alpn[0]: expected a protocol id of 1 to 255 bytes, found the string """#
    ),
    ("routes: [{domain: a.b, address: 'a:1', alpn: [h2, x, h2]}]", "6:48: public.routes[0].alpn: expected each protocol once"),
    (
      "routes: [{domain: a.b, address: 'a:1', alpn: []}]",
      "6:48: public.routes[0].alpn: expected at least one protocol, found an empty list (leave the key out for all protocols)"
    ),
    (
      "routes: [{domain: a.b, address: 'a:1'}, {domain: A.b, address: 'a:2'}]",
      "6:52: public.routes[1].domain: expected one item for all protocols of a.b, found another one at a.yml:6:12"
    ),
    (
      "routes: [{domain: a.b, alpn: [h2, x], address: 'a:1'}, {domain: a.b, alpn: [y, x], address: 'a:2'}]",
      #"6:78: public.routes[1].alpn: expected one item for protocol "x" of a.b, found another one at a.yml:6:12"#
    ),
    ("routes: [{domain: a.b, address: 'a:1', port: 1}]", "6:42: public.routes[0].port: unknown key"),
    ("fallback: 'a:1'", #"6:13: public.fallback: expected a map, found the string "a:1""#),
    ("fallback: {}", "6:13: public.fallback.address: expected a string, found nothing"),
    ("relay: {max_steams: 1}", #"6:11: public.relay.max_steams: unknown key (did you mean "max_streams"?)"#),
    ("relay: {max_streams: 1.5}", "6:24: public.relay.max_streams: expected a whole number from 1 to 16777216, found the number 1.5"),
    ("relay: {max_streams: 0}", "6:24: public.relay.max_streams: expected a whole number from 1 to 16777216, found the whole number 0"),
    (
      "relay: {dial_from: [localhost]}",
      #"6:23: public.relay.dial_from[0]: expected a numeric IPv4 or IPv6 address, found the string "localhost" (without a port, and IPv6 without brackets)"#
    ),
    (
      "relay: {dial_from: ['127.0.0.1:80']}",
      #"6:23: public.relay.dial_from[0]: expected a numeric IPv4 or IPv6 address, found the string "127.0.0.1:80" (without a port, and IPv6 without brackets)"#
    ),
    (
      "relay: {dial_from: [127.0.0.1, 127.0.0.2]}",
      "6:22: public.relay.dial_from: expected one IPv4 address at most, found 127.0.0.1 and 127.0.0.2"
    ),
    (
      "relay: {keepalive_probes: 0}", "6:29: public.relay.keepalive_probes: expected a whole number from 1 to 127, found the whole number 0"
    ),
    (
      "relay: {hello_bytes: 2048, hello_message_bytes: 4096}",
      "6:51: public.relay.hello_message_bytes: expected at most hello_bytes (2048), found 4096"
    ),
    (
      "relay: {hello_budget: 65536, hello_budget_per_source: 65537}",
      "6:57: public.relay.hello_budget_per_source: expected at most hello_budget (65536), found 65537"
    ),
    (
      "relay: {hello_budget_per_source: 65536, hello_bytes: 65537}",
      "6:56: public.relay.hello_bytes: expected at most hello_budget_per_source (65536), found 65537"
    ),
  ])
  func publicKeysAreChecked(line: String, problem: String) throws {
    #expect(try failure(role("public", "  \(line)")) == ["a.yml:\(problem)"])
  }

  @Test(arguments: [
    ("internal_endpoint: {tls: {}}", "6:28: private.internal_endpoint.tls: not supported yet"),
    ("internal_endpoint: {jsonrpc_client: {}}", "6:39: private.internal_endpoint.jsonrpc_client: not supported yet"),
    ("internal_endpoint: localhost:8888", #"6:22: private.internal_endpoint: expected a map, found the string "localhost:8888""#),
    ("internal_endpoints: [{address: 'a:1'}]", "6:24: private.internal_endpoints[0].domain: expected a string, found nothing"),
    (
      "internal_endpoints: [{domain: a.b, address: 'a:1'}, {domain: a.b, address: 'a:1'}]",
      "6:64: private.internal_endpoints[1].domain: expected one item for all protocols of a.b, found another one at a.yml:6:24"
    ),
    ("internal_endpoint: {adress: a}", #"6:23: private.internal_endpoint.adress: unknown key (did you mean "address"?)"#),
    ("announcements: [{proxy: q}]", "6:19: private.announcements[0].domain: expected a string, found nothing"),
    ("announcements: [{domain: a.b}]", "6:19: private.announcements[0].proxy: expected a string, found nothing"),
    (
      "announcements: [{domain: 'a.*.b', proxy: q}]",
      #"6:28: private.announcements[0].domain: expected a host name, or a wildcard like *.example.org, found the string "a.*.b" (it has characters other than letters, digits, hyphens, underscores and dots)"#
    ),
    (
      "announcements: [{domain: '*.', proxy: q}]",
      #"6:28: private.announcements[0].domain: expected a host name, or a wildcard like *.example.org, found the string "*." (it is a wildcard for something that is empty)"#
    ),
    (
      "announcements: [{domain: 10.0.0.1, proxy: q}]",
      #"6:28: private.announcements[0].domain: expected a host name, or a wildcard like *.example.org, found the string "10.0.0.1" (it is an address, or ends in a number like one)"#
    ),
    (
      "announcements: [{domain: a.b., proxy: q}]",
      #"6:28: private.announcements[0].domain: expected a host name, or a wildcard like *.example.org, found the string "a.b." (it ends with a dot)"#
    ),
    (
      "announcements: [{domain: bücher.de, proxy: q}]",
      #"6:28: private.announcements[0].domain: expected a host name, or a wildcard like *.example.org, found the string "bücher.de" (write it in its xn-- form)"#
    ),
    (
      "announcements: [{domain: a.b, proxy: p}]",
      #"6:40: private.announcements[0].proxy: expected the name of a public proxy, found our own, "p""#
    ),
    (
      "announcements: [{domain: a.b, proxy: q}, {domain: A.b, proxy: q}]",
      "6:53: private.announcements[1].domain: expected one announcement of a domain to a proxy, found another one of the same at a.yml:6:19"
    ),
    (
      "announcements: [{domain: a.b, proxy: q, expires_at: 2030-01-02}]",
      #"6:55: private.announcements[0].expires_at: expected a time like 2030-12-31T23:59:59Z (RFC 3339), found the string "2030-01-02""#
    ),
    (
      "announcements: [{domain: a.b, proxy: q, allowed_endpoints: []}]",
      "6:62: private.announcements[0].allowed_endpoints: expected at least one host:port, found an empty list (leave the key out for the default)"
    ),
    (
      "announcements: [{domain: a.b, proxy: q, allowed_endpoints: [a]}]",
      #"6:63: private.announcements[0].allowed_endpoints[0]: expected host:port, found the string "a""#
    ),
    ("announcements: [a.b]", #"6:19: private.announcements[0]: expected a map, found the string "a.b""#),
    ("tls_bind_address: 'a:1'", "6:3: private.tls_bind_address: unknown key"),
  ])
  func privateKeysAreChecked(line: String, problem: String) throws {
    let lines = try failure(role("private", "  \(line)"))
    #expect(lines.first == "a.yml:\(problem)", "\(lines)")
  }

  @Test func aWildcardMayBeAnnounced() throws {
    let text = role("private", "  announcements: [{domain: '*.A.b', proxy: q}, {domain: x.a.b, proxy: q}]")
    #expect(try proxy(text).private?.announcements.map(\.domain) == ["*.a.b", "x.a.b"])
  }

  @Test func theSameDomainMayGoToTwoProxies() throws {
    let text = role("private", "  announcements: [{domain: a.b, proxy: q}, {domain: a.b, proxy: r}]")
    #expect(try proxy(text).private?.announcements.map(\.proxy) == ["q", "r"])
  }
}
