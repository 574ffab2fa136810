import ClientHello
import Glibc

@testable import Relay

extension RelaySettings {
  /// Small figures for tests, two loops so that hand-overs between loops occur. No clock ends anything unless a test sets it: on a
  /// busy machine every step may take long.
  static func forTests(_ change: (inout RelaySettings) -> Void = { _ in }) -> RelaySettings {
    _ = descriptorLimitIsRaised
    var settings = RelaySettings()
    settings.loops = 2
    settings.helloTimeout = .seconds(600)
    settings.tokenWait = .seconds(600)
    settings.tokenPresentation = .seconds(600)
    settings.dialTimeout = .seconds(600)
    settings.discardTimeout = .seconds(600)
    settings.maxStreams = 500
    settings.maxStreamsPerSource = 500
    settings.maxStreamsPerName = 500
    settings.refusalsTold = .max
    change(&settings)
    return settings
  }
}

/// What programs do at their start. Tests have many engines at a time.
private let descriptorLimitIsRaised: Bool = {
  var limit = rlimit()
  guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return false }
  limit.rlim_cur = limit.rlim_max
  return setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
}()

/// A public engine with its ports.
struct PublicSide: Sendable {
  let engine: RelayEngine
  let log: EventLog
  let host: String
  let clientPort: Int
  let tokenPort: Int

  /// - Parameter host: `ownHost()` where it matters that nobody else has the ports when they have been let go.
  init(
    _ settings: RelaySettings = .forTests(), host: String = "127.0.0.1",
    onHello: @escaping @Sendable (RelayEngine, Int, StreamID, ClientHelloFacts) -> Void = { _, _, _, _ in }
  ) throws {
    let engine = RelayEngine(settings)
    try engine.start()
    clientPort = try engine.listen(for: .clients, host: host, port: 0)
    let tokenPort = try engine.listen(for: .tokens, host: host, port: 0)
    self.engine = engine
    self.host = host
    self.tokenPort = tokenPort
    log = EventLog(engine) { [weak engine] stream, facts in
      if let engine { onHello(engine, tokenPort, stream, facts) }
    }
  }

  var tokenTarget: DialTarget { .host(host, port: tokenPort) }

  func client(saying bytes: [UInt8] = Hello.bytes(for: "a.example")) throws -> TestSocket {
    let socket = try TestSocket.connect(host: host, port: clientPort)
    try socket.writeNow(bytes)
    return socket
  }

  /// A client whose private side came: the client, the private side's socket, the stream. The hello is read.
  func handedOver() async throws -> (client: TestSocket, leg: TestSocket, stream: StreamID) {
    let client = try client()
    let stream = try await log.hello()
    let token = engine.awaitHandover(of: stream)
    let leg = try TestSocket.connect(port: tokenPort)
    try leg.writeNow(token.bytes)
    let hello = try await leg.read(Hello.bytes(for: "a.example").count)
    guard hello == Hello.bytes(for: "a.example") else { throw TimedOut(description: "not the hello: \(hello)") }
    return (client, leg, stream)
  }
}

/// A public and a private engine, and the server behind them. `host` is as for ``PublicSide``.
struct Chain: Sendable {
  let publicSide: PublicSide
  let privateEngine: RelayEngine
  let privateLog: EventLog
  let server: TestServer

  init(
    publicSettings: RelaySettings = .forTests(), privateSettings: RelaySettings = .forTests(),
    server: TestServer, target: DialTarget? = nil, host: String = "127.0.0.1"
  ) throws {
    let privateEngine = RelayEngine(privateSettings)
    try privateEngine.start()
    self.privateEngine = privateEngine
    privateLog = EventLog(privateEngine)
    self.server = server
    let upstream = target ?? server.target
    publicSide = try PublicSide(publicSettings, host: host) { [weak privateEngine] engine, tokenPort, stream, _ in
      let token = engine.awaitHandover(of: stream)
      privateEngine?.join(token: token, at: .host(host, port: tokenPort), upstream: upstream)
    }
  }

  func stop() async {
    await publicSide.engine.stop()
    await privateEngine.stop()
  }

  /// A client and the connection that the server got for it, behind the hello.
  func connected() async throws -> (client: TestSocket, server: TestSocket) {
    let hello = Hello.bytes(for: "a.example")
    let client = try publicSide.client(saying: hello)
    let socket = try await server.accept()
    guard try await socket.read(hello.count) == hello else { throw TimedOut(description: "not the hello") }
    return (client, socket)
  }
}

/// Descriptors of this process that have one of these addresses, on either end. Ports alone may be another test's, at another address.
func openDescriptors(at addresses: [SocketAddressText]) -> Int {
  (Int32(0)..<4096).count { descriptor in
    [getpeername, getsockname].contains { ask in
      var storage = sockaddr_storage()
      var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
      let result = withUnsafeMutablePointer(to: &storage) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { ask(descriptor, $0, &length) }
      }
      guard result == 0, let address = SocketAddressText(PeerAddress(storage)) else { return false }
      return addresses.contains(address)
    }
  }
}

/// A loopback address that no other test has. A port of 127.0.0.1 that was let go may be another test's at once.
func ownHost() -> String {
  let number = hosts.next()
  return "127.9.\(number >> 8).\(number & 255)"
}

private let hosts = Counter()

/// Descriptors of this process that were accepted at an address of its own, and the listeners there.
func acceptedDescriptors(at host: String) -> Int {
  (Int32(0)..<4096).count { descriptor in
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let result = withUnsafeMutablePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
    }
    return result == 0 && SocketAddressText(PeerAddress(storage))?.host == host
  }
}

let alert80: [UInt8] = TLSAlert.internalError.record
