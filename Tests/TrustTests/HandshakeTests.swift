import HyperModel
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import Testing

@testable import Trust

/// Real handshakes over loopback. The time limit bounds every wait; they take milliseconds.
@Suite(.timeLimit(.minutes(5)))
struct HandshakeTests {
  private let root: CertificateAuthority
  private let intermediate: CertificateAuthority
  private let foreign: CertificateAuthority

  init() throws {
    root = try CertificateAuthority.makeRoot(commonName: "root")
    intermediate = try root.makeIntermediate(commonName: "intermediate")
    foreign = try CertificateAuthority.makeRoot(commonName: "foreign")
  }

  private func credentials(_ name: String, _ issuer: CertificateAuthority? = nil) throws -> Credentials {
    try credentials(CertificateRequest(commonName: name), issuer)
  }

  private func credentials(_ request: CertificateRequest, _ issuer: CertificateAuthority? = nil) throws -> Credentials {
    try (issuer ?? intermediate).issue(request).credentials(trusting: [root.rootPEM])
  }

  @Test func bothEndsAcceptEachOther() async throws {
    let outcome = try await handshake(server: credentials("hd-1"), client: credentials("op-1"))
    #expect(outcome.echoed)
    #expect(outcome.refusals.isEmpty)
    #expect(outcome.clientNames == ["op-1"])
  }

  @Test(arguments: CertificateRequest.Key.allCases)
  func theSuitesOfTheDeployedNodesWorkOverTLS12(key: CertificateRequest.Key) async throws {
    let server = try credentials(CertificateRequest(commonName: "hd-1", key: key))
    let client = try credentials("op-1")
    let outcome = try await handshake(
      server: server, client: client,
      adjustClient: { configuration in
        configuration.maximumTLSVersion = .tlsv12
        configuration.cipherSuiteValues = [.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, .TLS_RSA_WITH_AES_128_GCM_SHA256]
      })
    #expect(outcome.echoed)
  }

  @Test func olderVersionsAreRefused() async throws {
    let outcome = try await handshake(
      server: credentials("hd-1"), client: credentials("op-1"),
      adjustClient: { configuration in
        configuration.minimumTLSVersion = .tlsv1
        configuration.maximumTLSVersion = .tlsv11
      })
    #expect(!outcome.echoed)
  }

  @Test func theServerRefusesAClientOfAnotherAuthority() async throws {
    let outcome = try await handshake(server: credentials("hd-1"), client: credentials("op-1", foreign))
    #expect(!outcome.echoed)
    #expect(outcome.refusals == [.unknownAuthority])
  }

  @Test func theServerRefusesAClientWithoutCertificate() async throws {
    let bare = try Credentials(chain: [], privateKey: nil, roots: root.roots)
    #expect(try await !handshake(server: credentials("hd-1"), client: bare).echoed)
  }

  @Test func theServerRefusesAnExpiredClient() async throws {
    let client = try credentials(CertificateRequest(commonName: "op-1", notBefore: day(-2), notAfter: day(-1)))
    let outcome = try await handshake(server: credentials("hd-1"), client: client)
    #expect(!outcome.echoed)
    guard case .expired? = outcome.refusals.first else {
      Issue.record("expected an expired certificate, got \(outcome.refusals)")
      return
    }
  }

  @Test func theServerRefusesAClientThatIsNotPinned() async throws {
    let outcome = try await handshake(server: credentials("hd-1"), client: credentials("op-1"), serverPins: { _ in ["00"] })
    #expect(!outcome.echoed)
    #expect(outcome.refusals == [.pinMismatch(names: ["op-1"])])
  }

  @Test func theClientRefusesAServerOfAnotherName() async throws {
    let outcome = try await handshake(server: credentials("hd-2"), client: credentials("op-1"))
    #expect(!outcome.echoed)
    #expect(outcome.refusals == [.nameMismatch(expected: "hd-1")])
  }

  @Test func theAddressOfTheServerInItsCertificateDoesNotHelp() async throws {
    let server = try credentials(CertificateRequest(commonName: "hd-1", dnsNames: ["evil"], ipAddresses: [[127, 0, 0, 1]]))
    let outcome = try await handshake(server: server, client: credentials("op-1"))
    #expect(!outcome.echoed)
    #expect(outcome.refusals == [.nameMismatch(expected: "hd-1")])
  }

  @Test func theClientRefusesAServerThatIsNotPinned() async throws {
    let outcome = try await handshake(server: credentials("hd-1"), client: credentials("op-1"), clientPins: { _ in [] })
    #expect(!outcome.echoed)
    #expect(outcome.refusals == [.pinMismatch(names: ["hd-1"])])
  }

  @Test func aServerThatOnlyAsksTakesNobodyOrSomebodyItTrusts() async throws {
    let bare = try Credentials(chain: [], privateKey: nil, roots: root.roots)
    #expect(try await handshake(server: credentials("hd-1"), client: bare, verifyClient: .requested).echoed)
    #expect(try await handshake(server: credentials("hd-1"), client: credentials("op-1"), verifyClient: .requested).echoed)
    let outcome = try await handshake(server: credentials("hd-1"), client: credentials("op-1", foreign), verifyClient: .requested)
    #expect(!outcome.echoed)
    #expect(outcome.refusals == [.unknownAuthority])
  }

  @Test func aServerThatAsksNobodySeesNoCertificate() async throws {
    let outcome = try await handshake(server: credentials("hd-1"), client: credentials("op-1", foreign), verifyClient: .none)
    #expect(outcome.echoed)
    #expect(outcome.clientNames.isEmpty)
  }

  @Test func theOlderCallbackDecidesTheSame() async throws {
    #expect(try await handshake(server: credentials("hd-1"), client: credentials("op-1"), form: .plain).echoed)
    let outcome = try await handshake(server: credentials("hd-1"), client: credentials("op-1", foreign), form: .plain)
    #expect(!outcome.echoed)
    #expect(outcome.refusals == [.unknownAuthority])
  }

  // MARK: -

  private struct Outcome {
    /// Whether a byte travelled to the server and back.
    var echoed: Bool
    var refusals: [PeerRefusal.Kind]
    /// What the server's validated chain says about the client.
    var clientNames: [OperatorName]
  }

  private enum CallbackForm {
    case metadata, plain
  }

  private func handshake(
    server: Credentials, client: Credentials, verifyClient: ClientVerification = .required, serverPins: Pins? = nil,
    clientPins: Pins? = nil,
    form: CallbackForm = .metadata, adjustClient: (inout TLSConfiguration) -> Void = { _ in }
  ) async throws -> Outcome {
    let refusals = Refusals()
    let serverContext = try NIOSSLContext(configuration: server.serverConfiguration(verifyClient: verifyClient, alpn: []))
    var clientConfiguration = client.clientConfiguration(alpn: [])
    adjustClient(&clientConfiguration)
    let clientContext = try NIOSSLContext(configuration: clientConfiguration)
    let serverVerifier = PeerVerifier(roots: server.roots, pins: serverPins)
    let clientVerifier = PeerVerifier(roots: client.roots, pins: clientPins)

    let group = MultiThreadedEventLoopGroup.singleton
    let listener = try await ServerBootstrap(group: group)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let tls: NIOSSLServerHandler
          switch form {
          case .metadata:
            tls = NIOSSLServerHandler(
              context: serverContext,
              customVerificationCallbackWithMetadata: serverVerifier.callback(as: .client, onRefusal: refusals.add))
          case .plain:
            tls = NIOSSLServerHandler(
              context: serverContext, customVerificationCallback: serverVerifier.plainCallback(as: .client, onRefusal: refusals.add))
          }
          try channel.pipeline.syncOperations.addHandlers([tls, Echo(refusals)])
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let echoed = group.any().makePromise(of: Bool.self)
    let connection = try await ClientBootstrap(group: group)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let tls = try NIOSSLClientHandler(
            context: clientContext, serverHostname: "hd-1",
            customVerificationCallbackWithMetadata: clientVerifier.callback(as: .server(expectedName: "hd-1"), onRefusal: refusals.add))
          try channel.pipeline.syncOperations.addHandlers([tls, Ping(echoed)])
        }
      }
      .connect(to: try #require(listener.localAddress)).get()
    let result = try await echoed.futureResult.get()
    // Closing what is closed already is no error here.
    try? await connection.close().get()
    try await listener.close().get()
    return Outcome(echoed: result, refusals: refusals.kinds, clientNames: refusals.names)
  }
}

/// What the callbacks and the server's handler saw. All state is behind its mutex.
private final class Refusals: Sendable {
  private let state = Mutex<(kinds: [PeerRefusal.Kind], names: [OperatorName])>(([], []))

  @Sendable func add(_ refusal: PeerRefusal) { state.withLock { $0.kinds.append(refusal.kind) } }
  func saw(_ names: [OperatorName]) { state.withLock { $0.names = names } }
  var kinds: [PeerRefusal.Kind] { state.withLock { $0.kinds } }
  var names: [OperatorName] { state.withLock { $0.names } }
}

/// Sends everything back.
private final class Echo: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer
  private let refusals: Refusals

  init(_ refusals: Refusals) { self.refusals = refusals }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if let leaf = try? context.pipeline.syncOperations.handler(type: NIOSSLServerHandler.self).peerValidatedCertificateChain?.leaf {
      refusals.saw((try? PeerIdentity(certificate: leaf).names) ?? [])
    }
    context.writeAndFlush(data, promise: nil)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// Sends one byte and says whether it came back before the connection ended.
private final class Ping: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer
  private let echoed: EventLoopPromise<Bool>

  init(_ echoed: EventLoopPromise<Bool>) { self.echoed = echoed }

  func channelActive(context: ChannelHandlerContext) {
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "x")), promise: nil)
    context.fireChannelActive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) { echoed.succeed(true) }
  func channelInactive(context: ChannelHandlerContext) { echoed.succeed(false) }
  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
