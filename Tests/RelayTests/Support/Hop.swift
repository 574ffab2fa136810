@testable import Relay

/// Where engines stand between the client and the server of a test.
enum Role: String, CaseIterable, Codable, Sendable {
  /// The public edge alone: a static route to the server.
  case publicRoute
  /// The public edge alone: the test itself is the private side and brings the token.
  case publicHandover
  /// The private second relay alone: the test itself is the public side and takes the token.
  case privateSide
  /// Both, one behind the other.
  case chain

  /// Each kind of engine by itself.
  static let single: [Role] = [.publicRoute, .privateSide]
}

/// The engines of one role, and connections through them. The two sockets of a connection are the ends that the engines see,
/// whoever stands for them: everything that `client` writes arrives at `server` and the other way round, and nothing else.
struct Hop: Sendable {
  let role: Role
  /// From the client's side to the server's.
  let engines: [RelayEngine]
  private let logs: [EventLog]
  private let server: TestServer
  private let publicSide: PublicSide?
  private let tokenPort: TestServer?

  init(_ role: Role, _ settings: RelaySettings = .forTests()) throws {
    self.role = role
    let server = try TestServer()
    let target = server.target
    self.server = server
    switch role {
    case .publicRoute:
      let side = try PublicSide(settings) { engine, _, stream, _ in engine.route(stream, to: target) }
      (engines, logs, publicSide, tokenPort) = ([side.engine], [side.log], side, nil)
    case .publicHandover:
      let side = try PublicSide(settings)
      (engines, logs, publicSide, tokenPort) = ([side.engine], [side.log], side, nil)
    case .privateSide:
      let engine = RelayEngine(settings)
      try engine.start()
      (engines, logs, publicSide, tokenPort) = ([engine], [EventLog(engine)], nil, try TestServer())
    case .chain:
      let chain = try Chain(publicSettings: settings, privateSettings: settings, server: server)
      (engines, logs) = ([chain.publicSide.engine, chain.privateEngine], [chain.publicSide.log, chain.privateLog])
      (publicSide, tokenPort) = (chain.publicSide, nil)
    }
  }

  /// A new stream, behind the hello and the token: nothing but what the two ends write is under way. One at a time.
  func connected() async throws -> (client: TestSocket, server: TestSocket) {
    switch role {
    case .publicRoute, .chain:
      let client = try publicClient()
      let socket = try await server.accept()
      try await Self.expectHello(on: socket)
      return (client, socket)
    case .publicHandover:
      guard let publicSide else { throw TimedOut(description: "no public side") }
      let seen = Set(publicSide.log.all.compactMap(\.helloStream))
      let client = try publicClient()
      let stream = try await publicSide.log.first("another hello") { event in event.helloStream.flatMap { seen.contains($0) ? nil : $0 } }
      let leg = try TestSocket.connect(port: publicSide.tokenPort)
      try leg.writeNow(engines[0].awaitHandover(of: stream).bytes)
      try await Self.expectHello(on: leg)
      return (client, leg)
    case .privateSide:
      guard let tokenPort, let token = Token(bytes: Pattern.bytes(32, seed: 1)) else { throw TimedOut(description: "no token port") }
      let stream = engines[0].join(token: token, at: tokenPort.target, upstream: server.target)
      let leg = try await tokenPort.accept()
      guard try await leg.read(32) == token.bytes else { throw TimedOut(description: "not the token") }
      let socket = try await server.accept()
      _ = try await logs[0].first("joined") { if case .joined(stream) = $0 { true } else { nil } }
      return (leg, socket)
    }
  }

  /// Why the first stream ended, at each engine.
  func ended() async throws -> [EndCause] {
    var causes: [EndCause] = []
    for log in logs { causes.append(try await log.ended().cause) }
    return causes
  }

  /// The stream that was joined first, as the engine nearest to the client names it.
  func joined() async throws -> StreamID { try await logs[0].joined() }

  /// Figures of all engines together; only those that tests of bulk look at.
  var bytesSpliced: UInt64 { engines.reduce(0) { $0 + $1.snapshot().bytesSpliced } }
  var bytesParked: UInt64 { engines.reduce(0) { $0 + $1.snapshot().bytesParked } }
  var streams: UInt64 { engines.reduce(0) { $0 + $1.snapshot().streams } }

  func stop() async {
    for engine in engines { await engine.stop() }
  }

  private func publicClient() throws -> TestSocket {
    guard let publicSide else { throw TimedOut(description: "no public side") }
    return try publicSide.client()
  }

  private static func expectHello(on socket: TestSocket) async throws {
    let hello = Hello.bytes(for: "a.example")
    guard try await socket.read(hello.count) == hello else { throw TimedOut(description: "not the hello") }
  }
}

extension RelayEvent {
  /// The stream whose hello has come, if that is what happened.
  var helloStream: StreamID? {
    if case .helloArrived(let stream, _, _) = self { stream } else { nil }
  }
}
