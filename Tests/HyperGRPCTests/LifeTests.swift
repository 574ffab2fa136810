import Harness
import HyperModel
import NIOCore
import NIOPosix
import NIOSSL
import Operations
import Synchronization
import Testing
import Trust

@testable import HyperGRPC

/// The planned ends of connections, and what reference nodes need of us around the unplanned ones.
@Suite(.timeLimit(.minutes(2))) struct LifeTests {
  /// PROTOCOL.md 7.5: clients that ping more often than every 15 s are cut off; deployed clients wait 20 s for an answer, servers 30 s.
  @Test func keepaliveIsWithinWhatDeployedNodesAllow() {
    #expect(Keepalive.client.after >= .seconds(15))
    #expect(Keepalive.client == Keepalive(after: .seconds(30), timeout: .seconds(20)))
    #expect(Keepalive.server == Keepalive(after: .seconds(60), timeout: .seconds(30)))
    let limits = GRPCLimits()
    #expect(limits.messageSize == 4 << 20)
    #expect(limits.connectionAge == .seconds(24 * 3600) && limits.ageGrace == .seconds(60))
    #expect(limits.idleTime == .seconds(60))
    // Longer than a deployed server takes to notice that the old connection is gone: 60 + 30 s, and some.
    #expect(limits.reopenTime >= .seconds(100))
  }

  @Test func theEndOfAConnectionsAgeCostsNoCallInEitherDirection() async throws {
    var limits = GRPCLimits.test
    // Its age begins with its handshake: on a busy machine a younger one would be over before it carries a call.
    limits.connectionAge = .seconds(1)
    let pair = try await ChannelTests.Pair(limits: limits)
    try await Running.with(pair.server, pair.client) { _ in
      try await pair.connected()
      let isOver = Flag()
      try await withThrowingTaskGroup(of: Int.self) { group in
        for worker in 0..<4 {
          group.addTask {
            var answered = 0
            while !isOver.isRaised {
              let inner = "\(worker)-\(answered)"
              let (channel, peer): (any HyperModel.Channel, OperatorName) =
                worker.isMultiple(of: 2) ? (pair.client, "public-1") : (pair.server, "private-1")
              _ = try await channel.call(peer, inner: inner)
              answered += 1
            }
            return answered
          }
        }
        do {
          defer { isOver.raise() }
          try await eventually("four connections, one after the other") { pair.publicParty.logger.count(of: "stream open") >= 4 }
        }
        for try await answered in group { #expect(answered > 0) }
      }
      // Planned: no outage for the log.
      #expect(pair.privateParty.logger.count(of: "link down") == 0)
    }
  }

  /// Our stream moves to the next connection at once; a call on the old one still has the time that is left to it.
  @Test func aCallOutlivesTheStreamOfItsConnection() async throws {
    var limits = GRPCLimits.test
    // Longer than a handshake takes on a busy machine, which is a part of it.
    limits.connectionAge = .seconds(1)
    limits.closingTime = .zero
    let release = Flag()
    let slow = TestHandler { request, _ in
      if request.id == "public-1.method(slow)" { await release.wait() }
      return .result(["id": .string(request.id)])
    }
    let pair = try await ChannelTests.Pair(limits: limits, atPublic: slow)
    try await Running.with(pair.server, pair.client) { _ in
      try await pair.connected()
      async let answer = pair.client.call("public-1", inner: "slow")
      try await eventually("the call has come") { slow.requests.contains { $0.id == "public-1.method(slow)" } }
      do {
        defer { release.raise() }
        try await eventually("the streams of three connections are over") { pair.publicParty.logger.count(of: "stream closed") >= 3 }
      }
      _ = try await answer
    }
  }

  private static func dialer(_ pair: ChannelTests.Pair) -> ClientDialer {
    let trust = GRPCClientConfiguration(credentials: pair.privateParty.credentials).trust
    let directory = pair.mesh.directory
    return ClientDialer(
      ownName: "private-1", tls: .client(trust),
      verifier: PeerVerifier(source: trust) { directory.current.encryptionPins(for: $0) }, limits: .test, keepalive: .client,
      eventLoopGroup: MultiThreadedEventLoopGroup.singleton)
  }

  private static func request() throws -> WireMessage {
    try MessageCodec(sizeLimit: 4096).encode(
      CallRequest(id: "public-1.method(1)", method: "public-1.method", params: [:]), clientName: "private-1")
  }

  /// Between taking a connection for a call and making the call over it, the connection may have come to its end.
  @Test func aCallThatIsTooLateForItsConnectionWasNotProcessed() async throws {
    let pair = try await ChannelTests.Pair()
    let dialer = Self.dialer(pair)
    let request = try Self.request()
    try await Running.with(pair.server) { _ in
      let address = PeerAddress(host: "127.0.0.1", port: pair.port)
      let connection = try await dialer.connect(to: "public-1", at: address, isKept: false)
      connection.close()
      await connection.run(stream: nil, reopens: false)
      let error = try await #require(throws: (any Error).self) { try await connection.call(request, deadline: .now + .seconds(20)) }
      #expect(error.isOfUnprocessedCall, "\(error)")
    }
  }

  /// Calls at the pace of the idle time meet the farewell of the server, or of the client, again and again.
  @Test(arguments: [(true, false), (false, true), (true, true)])
  func theEndOfAnIdleConnectionCostsNoCall(atServer: Bool, atClient: Bool) async throws {
    let mesh = try Mesh()
    let publicParty = try mesh.party("public-1")
    let privateParty = try mesh.party("private-1", channels: [.client])
    let idle = Self.limits { $0.idleTime = .milliseconds(300) }
    let server = mesh.server(publicParty, limits: atServer ? idle : .test, handler: TestHandler())
    mesh.announce(publicParty, port: try await server.bind())
    let client = mesh.client(privateParty, limits: atClient ? idle : .test, handler: TestHandler())
    try await Running.with(server, client) { _ in
      for index in 0..<15 {
        _ = try await client.call("public-1", inner: "\(index)")
        try await Task.sleep(for: idle.idleTime - .microseconds(index * 370 % 3000))
      }
    }
  }

  /// RFC 8305: the first address is silent, so the next one is tried beside it. What becomes of the loser is not the winner's matter.
  @Test func aPeerIsReachedAtTheAddressThatAnswers() async throws {
    let pair = try await ChannelTests.Pair()
    let silent = try SilentPort(at: "127.0.0.2", pair.port)
    defer { silent.close() }
    var dialer = Self.dialer(pair)
    dialer.resolver = TwoAddresses(first: "127.0.0.2", second: "127.0.0.1")
    let request = try Self.request()
    try await Running.with(pair.server) { [dialer] _ in
      let connection = try await dialer.connect(to: "public-1", at: PeerAddress(host: "both.example", port: pair.port), isKept: true)
      async let run: Void = connection.run(stream: nil, reopens: false)
      _ = try await connection.call(request, deadline: .now + .seconds(20))
      #expect(connection.takesCalls)
      connection.close()
      await run
      #expect(connection.ended.isRaised)
    }
  }

  @Test func aConnectionThatNobodyNeedsIsNotReplaced() async throws {
    let mesh = try Mesh()
    let publicParty = try mesh.party("public-1")
    let privateParty = try mesh.party("private-1", channels: [.client])
    let server = mesh.server(publicParty, limits: Self.limits { $0.idleTime = .milliseconds(100) }, handler: TestHandler())
    mesh.announce(publicParty, port: try await server.bind())
    let client = mesh.client(privateParty, limits: .test, handler: TestHandler())
    try await Running.with(server, client) { _ in
      // On a busy machine a connection can be idle before its call comes.
      try await eventually("a call is answered") { (try? await client.call("public-1")) != nil }
      try await eventually("the link rests") { privateParty.logger.count(of: "link down") >= 1 }
      // It is made again when somebody asks.
      try await eventually("a call is answered") { (try? await client.call("public-1")) != nil }
    }
  }

  @Test func aConnectionWithAStreamIsNeverIdle() async throws {
    let limits = Self.limits { $0.idleTime = .seconds(1) }
    let pair = try await ChannelTests.Pair(limits: limits)
    try await Running.with(pair.server, pair.client) { _ in
      try await pair.connected()
      // On a busy machine a connection can be idle before its stream comes, or a call; the next one is quicker.
      // A call that is over does not make it idle either.
      try await eventually("a call is answered") { (try? await pair.client.call("public-1")) != nil }
      try await eventually("a stream that lasts for more than two idle times") {
        let closed = pair.publicParty.logger.count(of: "stream closed")
        try await Task.sleep(for: limits.idleTime * 2.5)
        return pair.server.canDeliver(to: "private-1") && pair.publicParty.logger.count(of: "stream closed") == closed
      }
    }
  }

  @Test func aPeerThatDoesNotAnswerTheFarewellIsLetGo() async throws {
    var limits = GRPCLimits.test
    limits.idleTime = .milliseconds(50)
    limits.ageGrace = .milliseconds(50)
    let party = try await withSilentPeer(of: limits) { peer, _ in try await peer.closeFuture.get() }
    #expect(party.metrics.exposition().contains(#"hyper_grpc_refused_connections_total{cause="farewell"} 1"#))
  }

  /// Its kernel confirms what we send, but its program hangs.
  @Test func aPeerThatDoesNotAnswerAPingIsLetGo() async throws {
    let keepalive = Keepalive(after: .milliseconds(50), timeout: .milliseconds(50))
    let party = try await withSilentPeer(of: Self.limits { $0.ageGrace = .milliseconds(50) }, keepalive) { peer, _ in
      try await peer.closeFuture.get()
    }
    #expect(party.metrics.exposition().contains(#"hyper_grpc_refused_connections_total{cause="hung"} 1"#))
  }

  @Test func aCallWhoseMessageDoesNotComeIsEnded() async throws {
    var limits = GRPCLimits.test
    limits.callTime = .milliseconds(50)
    // Literals without indexing (RFC 7541, 6.2.2).
    let fields = [
      (":method", "POST"), (":scheme", "https"), (":path", "/Hyper/Call"), (":authority", "public-1"),
      ("content-type", "application/grpc"), ("te", "trailers"),
    ]
    let block = fields.reduce(into: [UInt8]()) { block, field in
      block += [0, UInt8(field.0.utf8.count)] + Array(field.0.utf8)
      block += [UInt8(field.1.utf8.count)] + Array(field.1.utf8)
    }
    let (headers, endHeaders): (UInt8, UInt8) = (1, 4)
    let party = try await withSilentPeer(of: limits) { peer, party in
      try await peer.writeAndFlush(ByteBuffer(bytes: [0, 0, UInt8(block.count), headers, endHeaders, 0, 0, 0, 1] + block))
      try await eventually("the call is over") {
        party.metrics.exposition().contains(#"hyper_grpc_calls_total{direction="in",outcome="failure",rpc="call"} 1"#)
      }
    }
    #expect(party.logger.text.contains("no request came in time"))
  }

  /// A server, and a peer with a good certificate that has sent the preface and empty settings (RFC 9113, 3.4) and answers nothing.
  private func withSilentPeer(
    of limits: GRPCLimits, _ keepalive: Keepalive = .server,
    _ body: @escaping @Sendable (_ peer: any NIOCore.Channel, _ server: Party) async throws -> Void
  ) async throws -> Party {
    let mesh = try Mesh()
    let (publicParty, privateParty) = (try mesh.party("public-1"), try mesh.party("private-1"))
    let server = mesh.server(publicParty, limits: limits, keepalive: keepalive, handler: TestHandler())
    let port = try await server.bind()
    var configuration = privateParty.credentials.clientConfiguration(alpn: ["h2"])
    configuration.certificateVerification = .noHostnameVerification
    let context = try NIOSSLContext(configuration: configuration)
    try await Running.with(server) { _ in
      let peer = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: context, serverHostname: nil))
          }
        }
        .connect(host: "127.0.0.1", port: port).get()
      // On a busy machine it may have been let go already.
      try? await peer.writeAndFlush(ByteBuffer(string: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0"))
      try await body(peer, publicParty)
      try? await peer.close()  // it may be closed
    }
    return publicParty
  }

  private static func limits(_ change: (inout GRPCLimits) -> Void) -> GRPCLimits {
    var limits = GRPCLimits.test
    change(&limits)
    return limits
  }

  /// Rule 7 of PROTOCOL.md 19: there, the late end of the old stream unregisters the new one, so the stream is opened once more.
  @Test func rule7AfterAnUncleanEndTheStreamIsOpenedOnceMoreTowardsAReferenceNode() async throws {
    let mesh = try Mesh()
    let publicParty = try mesh.party("public-1", groups: ["providers"])
    let privateParty = try mesh.party("private-1", channels: [.client], callers: "providers")
    // Python on a busy machine must have seen the stream before it is opened once more, or it sees the second one only.
    let client = mesh.client(privateParty, limits: Self.limits { $0.reopenTime = .seconds(4) }, handler: TestHandler())
    let (first, second) = (try await PythonPeer(publicParty), try await PythonPeer(publicParty))
    defer {
      first.removeFolder()
      second.removeFolder()
    }
    let port = Mutex(0)
    try await Running.with(client) { _ in
      try await first.running("serve", address: "127.0.0.1:0", own: "public-1", other: "private-1") { lines, order in
        let bound = Int(try await lines.first(with: "port")["port"]?.integer ?? 0)
        port.withLock { $0 = bound }
        mesh.announce(publicParty, port: bound)
        _ = try await lines.first(with: "announced")
        try await order(["crash": true])
      }
      // The first stream, which followed no end, was not opened again. Now it has ended without a word.
      let address = "127.0.0.1:\(port.withLock { $0 })"
      try await second.running("serve", address: address, own: "public-1", other: "private-1") { lines, order in
        try await eventually("announced once more") { lines.all.count { $0["announced"] != nil } == 2 }
        // The stream works, and it was one connection.
        try await order(["method": "private-1.method", "id": "private-1.method(1)", "client": "public-1"])
        #expect(try await lines.first(with: "answer")["answer"]?["result"] != nil)
      }
    }
    #expect(privateParty.logger.count(of: "link up") == 2)
  }

  @Test func rule7TowardsANodeOfOursItIsNot() async throws {
    // Longer than the offer takes to be answered on a busy machine.
    let limits = Self.limits { $0.reopenTime = .seconds(4) }
    let pair = try await ChannelTests.Pair(limits: limits)
    try await Running.with(pair.client) { _ in
      try await Running.with(pair.server) { _ in try await pair.connected() }
      let second = pair.mesh.server(pair.publicParty, port: pair.port, limits: limits, handler: TestHandler())
      try await second.bindAgain()
      try await Running.with(second) { _ in
        try await eventually("the stream is back") { second.canDeliver(to: "private-1") }
        // An answer over the stream: the offer was taken.
        _ = try await second.call("private-1")
        try await eventually("both streams are in the log") { pair.publicParty.logger.count(of: "stream open") == 2 }
        // To open it once more would close it first.
        try await Task.sleep(for: limits.reopenTime * 1.25)
        #expect(pair.publicParty.logger.count(of: "stream closed") == 1)
        #expect(pair.publicParty.logger.count(of: "stream open") == 2)
        try await eventually("it still leads to the peer") { second.canDeliver(to: "private-1") }
      }
    }
  }
}

/// Knows two addresses for every name.
private struct TwoAddresses: Resolver {
  let first: String
  let second: String

  func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
    let loop = MultiThreadedEventLoopGroup.singleton.any()
    return loop.makeCompletedFuture { try [first, second].map { try SocketAddress(ipAddress: $0, port: port) } }
  }

  func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
    MultiThreadedEventLoopGroup.singleton.any().makeSucceededFuture([])
  }

  func cancelQueries() {}
}
