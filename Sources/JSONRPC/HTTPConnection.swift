import Logging
import NIOCore
import NIOHTTP1
import NIOSSL
import Operations
import Trust

/// One connection of an `HTTPServer`: sets the pipeline up, finds out who is there, answers requests in order, ends in good manners.
struct HTTPConnection: Sendable {
  let channel: any NIOCore.Channel
  let server: HTTPServerCore

  /// How long a client may take to notice our end and close, so that its unread answer is not lost to a reset.
  private static let lingerTime = TimeAmount.seconds(1)
  /// What such a client may still send meanwhile.
  private static let lingerBytes = 1 << 20
  /// An unread rest of a body up to this announced length is read over to keep the connection; for more, a new connection is cheaper.
  private static let skippableBody = 64 << 10

  private let inbox: NIOLoopBound<RequestInbox>
  private let presented: PresentedChain
  /// The other end, for messages.
  private var remote = "unknown"

  /// Sets the pipeline up. Called on the channel's event loop, before anything can arrive.
  init(accepting channel: any NIOCore.Channel, server: HTTPServerCore) throws {
    self.channel = channel
    self.server = server
    let inbox = RequestInbox()
    self.inbox = NIOLoopBound(inbox, eventLoop: channel.eventLoop)
    let presented = PresentedChain()
    self.presented = presented

    let pipeline = channel.pipeline.syncOperations
    try pipeline.addHandler(SocketEnd())
    if let context = try server.tls?.context() {
      let handler =
        server.clientCheck == nil
        ? NIOSSLServerHandler(context: context)
        : NIOSSLServerHandler(context: context) { certificates, promise in
          // Judged by `ClientCheck` right after the handshake.
          presented.record(certificates)
          promise.succeed(.certificateVerified)
        }
      try pipeline.addHandler(handler)
      try pipeline.addHandler(RaggedEndFilter())
    }
    var decoder = NIOHTTPDecoderLimitConfiguration()
    decoder.maxHeaderFieldSize = server.limits.head
    decoder.maxHeaderListSize = server.limits.head
    try pipeline.configureHTTPServerPipeline(
      withPipeliningAssistance: false, withErrorHandling: false, withOutboundHeaderValidation: false,
      withEncoderConfiguration: .init(), withDecoderLimitConfiguration: decoder)
    let report = server.report
    try pipeline.addHandler(
      RequestClockHandler(server.clockLimits, farewellTime: server.limits.farewellTime.timeAmount) {
        report.expired($0, peer: Self.remote(of: channel))
      })
    try pipeline.addHandler(inbox)
  }

  /// Returns when the connection is closed. Failures stay inside: they are logged and counted.
  func run() async {
    // The address is known from here on, and no more when the connection is closed.
    var connection = self
    connection.remote = Self.remote(of: channel)
    await connection.serveAndFinish()
  }

  private func serveAndFinish() async {
    let parts = RequestParts(inbox)
    await finish(parts, after: await serve(parts))
    channel.close(promise: nil)
    // Bounded by the cut that `finish` has set; the close future of a socket never fails.
    try? await channel.closeFuture.get()
  }

  // MARK: Requests

  private enum End {
    /// The client closed its side or the connection is gone; there is nothing left to read.
    case byClient
    /// We end it, perhaps with bytes of the client on the way.
    case byUs
  }

  private func serve(_ parts: RequestParts) async -> End {
    var caller: Result<Caller, HTTPRefusal>?
    while true {
      // A request that has begun to arrive is still answered, the last one; behind that answer nothing is waited for.
      if server.connections.isDraining {
        guard await parts.haveCome() else { break }
      }
      let head: HTTPRequestHead
      switch await parts.next() {
      case .ended: return .byClient
      case .broken(let error): return await refuseUnreadable(error)
      case .part(.head(let arrived)): head = arrived
      case .part(.body), .part(.end): continue
      }
      if let preflight = server.cors?.preflight(request(head, from: .anonymous)) {
        server.report.preflight(isAllowed: preflight.isAllowed, origin: head.headers["origin"].first ?? "", peer: remote)
        guard await answer(head, with: preflight.response, parts) else { return .byUs }
        continue
      }
      let known: Result<Caller, HTTPRefusal>
      if let caller { known = caller } else { known = await identify() }
      caller = known
      guard await answer(head, from: known, parts) else { return .byUs }
    }
    return .byUs
  }

  /// - Returns: whether the connection can take another request.
  private func answer(_ head: HTTPRequestHead, from caller: Result<Caller, HTTPRefusal>, _ parts: RequestParts) async -> Bool {
    let body = body(of: head, parts)
    var response: HTTPResponse
    switch caller {
    case .success(let caller):
      response = await server.handler(request(head, from: caller), body)
    case .failure(let refusal):
      response = server.refuse(refusal)
      response.closes = true
    }
    if let cors = server.cors { response.fields += cors.fields(origin: head.headers["origin"].first) }
    return await finish(response, head, body)
  }

  /// The same with an answer that is known already.
  private func answer(_ head: HTTPRequestHead, with response: HTTPResponse, _ parts: RequestParts) async -> Bool {
    await finish(response, head, body(of: head, parts))
  }

  private func body(of head: HTTPRequestHead, _ parts: RequestParts) -> HTTPBody {
    let awaitsLeave = head.headers["expect"].contains { $0.lowercased() == "100-continue" }
    let channel = channel
    return HTTPBody(
      announcedLength: head.headers["content-length"].first.flatMap { Int($0) }, parts: parts,
      allowClient: awaitsLeave
        ? { channel.writeAndFlush(HTTPServerResponsePart.head(HTTPResponseHead(version: head.version, status: .continue)), promise: nil) }
        : nil)
  }

  private func finish(_ response: HTTPResponse, _ head: HTTPRequestHead, _ body: HTTPBody) async -> Bool {
    let rest = await readOver(body)
    let keeps = head.isKeepAlive && !response.closes && rest && !server.connections.isDraining
    do {
      try await write(response, head: head, keepsConnection: keeps)
    } catch {
      server.report.connectionFailed(error, peer: remote)
      return false
    }
    return keeps
  }

  private func request(_ head: HTTPRequestHead, from caller: Caller) -> HTTPRequest {
    HTTPRequest(method: head.method.rawValue, target: head.uri, headers: head.headers, caller: caller, peer: remote)
  }

  /// Reads over what the handler left of a body, when that is cheap.
  /// - Returns: whether the request is read to its end.
  private func readOver(_ body: HTTPBody) async -> Bool {
    if body.isAtEnd { return true }
    guard !body.isAwaited, body.announcedLength ?? 0 <= Self.skippableBody else { return false }
    var rest = Self.skippableBody
    do throws(HTTPBodyError) {
      while let piece = try await body.next() {
        rest -= piece.readableBytes
        if rest < 0 { return false }
      }
      return true
    } catch {
      return false
    }
  }

  /// Sends an answer; returns when the kernel has all of it, so that a close behind it loses nothing.
  private func write(_ response: HTTPResponse, head request: HTTPRequestHead, keepsConnection: Bool) async throws {
    var headers = HTTPHeaders()
    // RFC 9110, 8.6: a 204 has no length, because it has no body.
    if response.status != 204 {
      headers.add(name: "content-type", value: response.contentType)
      headers.add(name: "content-length", value: String(response.body.length))
    }
    for field in response.fields { headers.add(name: field.name, value: field.value) }
    if !keepsConnection {
      headers.add(name: "connection", value: "close")
    } else if request.version == .http1_0 {
      headers.add(name: "connection", value: "keep-alive")
    }
    let head = HTTPResponseHead(version: .http1_1, status: HTTPResponseStatus(statusCode: response.status), headers: headers)
    channel.write(HTTPServerResponsePart.head(head), promise: nil)
    if request.method != .HEAD {
      switch response.body {
      case .bytes(let bytes): try await write(ByteBuffer(bytes: bytes))
      case .generated(let length, let make):
        for start in stride(from: 0, to: length, by: HTTPResponse.pieceSize) {
          try await write(ByteBuffer(bytes: make(start..<min(start + HTTPResponse.pieceSize, length))))
        }
      }
    }
    try await channel.writeAndFlush(HTTPServerResponsePart.end(nil)).get()
  }

  private func write(_ body: ByteBuffer) async throws {
    var body = body
    while let piece = body.readSlice(length: min(HTTPResponse.pieceSize, body.readableBytes)), piece.readableBytes > 0 {
      let part = HTTPServerResponsePart.body(.byteBuffer(piece))
      // The last small piece travels with the end.
      if body.readableBytes == 0, piece.readableBytes < HTTPResponse.pieceSize {
        channel.write(part, promise: nil)
      } else {
        try await channel.writeAndFlush(part).get()
      }
    }
  }

  /// Answers what is not HTTP with 400; everything else that breaks a connection has no one left to answer to.
  private func refuseUnreadable(_ error: any Error) async -> End {
    var response: HTTPResponse
    switch error as? HTTPParserError {
    case .headerOverflow?:
      server.report.headLimitReached(server.limits.head, peer: remote)
      response = .text(431, "the head of the request is larger than \(server.limits.head) bytes\n")
    case let error?:
      server.report.connectionFailed(error, peer: remote)
      response = .text(400, "malformed HTTP request: \(error)\n")
    case nil:
      server.report.connectionFailed(error, peer: remote)
      return .byClient
    }
    response.closes = true
    // The reason is lost on purpose: the connection has failed already, and that was reported.
    try? await write(response, head: HTTPRequestHead(version: .http1_1, method: .GET, uri: "/"), keepsConnection: false)
    return .byUs
  }

  // MARK: Begin and end

  private func identify() async -> Result<Caller, HTTPRefusal> {
    if let check = server.clientCheck {
      let channel = channel
      // Only a pipeline without TLS throws here, and then there is no certificate either.
      let leaf = try? await channel.eventLoop.submit { try channel.pipeline.syncOperations.nioSSL_peerCertificate() }.get()
      return refusing(await check.caller(presented: presented.value, sessionLeaf: leaf).mapError(HTTPRefusal.init))
    }
    guard let access = server.unixAccess else { return .success(.anonymous) }
    do {
      let uid = try await SocketPeer.of(channel).uid
      if let refusal = Self.refusal(uid: uid, own: server.ownUID, allowed: access.allowedUIDs) { return refusing(.failure(refusal)) }
      return .success(.localUser(uid: uid))
    } catch {
      return refusing(
        .failure(HTTPRefusal(cause: "unknown user", message: "cannot tell which user is at the other end: \(error)", hint: nil)))
    }
  }

  /// Our own user and the allowed ones are let in; root is not allowed by itself, though it could make itself so.
  static func refusal(uid: UInt32, own: UInt32, allowed: Set<UInt32>) -> HTTPRefusal? {
    if uid == own || allowed.contains(uid) { return nil }
    return HTTPRefusal(cause: "foreign user", message: "user \(uid) may not use this socket", hint: "add it to allowed_uids")
  }

  private func refusing(_ result: Result<Caller, HTTPRefusal>) -> Result<Caller, HTTPRefusal> {
    if case .failure(let refusal) = result { server.report.refused(refusal, peer: remote) }
    return result
  }

  /// Ends our sending side, lets the client notice, and closes. Cut after `lingerTime` in any case.
  private func finish(_ parts: RequestParts, after end: End) async {
    let channel = channel
    let cut = channel.eventLoop.scheduleTask(in: Self.lingerTime) {
      channel.triggerUserOutboundEvent(AbortConnection(), promise: nil)
    }
    channel.closeFuture.whenComplete { _ in cut.cancel() }
    // Failures mean that it is closed already.
    try? await channel.close(mode: .output).get()
    guard case .byUs = end else { return }
    var rest = Self.lingerBytes
    while rest > 0, case .part(let part) = await parts.next() {
      if case .body(let bytes) = part { rest -= bytes.readableBytes }
    }
  }

  private static func remote(of channel: any NIOCore.Channel) -> String {
    guard let address = channel.remoteAddress, let ip = address.ipAddress, let port = address.port else { return "unix" }
    return ip.utf8.contains(UInt8(ascii: ":")) ? "[\(ip)]:\(port)" : "\(ip):\(port)"
  }
}

/// Why a client was not let in.
public struct HTTPRefusal: Error, Sendable, Hashable {
  /// The check that failed, of a few fixed texts; for counters.
  public var cause: String
  public var message: String
  public var hint: String?
}

extension HTTPRefusal {
  init(_ refusal: PeerRefusal) {
    let cause =
      switch refusal.kind {
      case .noCertificate: "no certificate"
      case .chainTooLong, .unreadable, .invalidChain: "invalid chain"
      case .unknownAuthority: "unknown authority"
      case .expired, .notYetValid: "outside validity"
      case .wrongPurpose: "wrong purpose"
      case .nameMismatch: "wrong name"
      case .pinMismatch: "not pinned"
      }
    self.init(cause: cause, message: refusal.message, hint: refusal.hint)
  }

  /// Both sentences, escaped: names in certificates are the peer's text.
  var text: String { LineText.escaped(hint.map { "\(message) (\($0))" } ?? message) }
}
