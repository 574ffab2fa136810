public import ClientHello
public import Logging
import Operations
public import Relay
import Synchronization

/// One log line per stream at its end; lines of refused streams are sampled, so that a flood does not become a flood of lines.
///
/// `sampler` is protected by its mutex.
public final class StreamLog: Sendable {
  private let logger: Logger
  private let addresses: ClientAddresses
  private let sampler = Mutex(LineSampler())

  public init(logger: Logger, addresses: ClientAddresses) {
    self.logger = logger
    self.addresses = addresses
  }

  /// What a hello said, its protocols included, which the line at the end leaves out.
  public func helloArrived(_ stream: StreamID, _ facts: ClientHelloFacts, from client: SocketAddressText) {
    guard logger.logLevel <= .debug else { return }
    var metadata = HelloShape(facts).logged
    metadata["stream"] = "\(stream)"
    metadata["client"] = addresses.text(client).map { "\($0)" }
    metadata["name"] = "\(facts.serverName ?? "")"
    metadata["alpn"] = "\(facts.alpn.map(Self.readable).joined(separator: ","))"
    logger.debug("hello", metadata: metadata)
  }

  /// A protocol id as text where it is printable, as RFC 7301 6 registers them; GREASE and the like in hexadecimal.
  static func readable(_ protocolID: [UInt8]) -> String {
    if protocolID.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: ",") }) {
      return String(decoding: protocolID, as: UTF8.self)
    }
    return "0x" + protocolID.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// A refusal that was not the client's doing is a notice, every other end is information.
  public func ended(_ stream: StreamSummary) {
    let level: Logger.Level = stream.cause.isRefusal && stream.fault != .client ? .notice : .info
    // Nobody sees it, so its texts need not be made.
    guard logger.logLevel <= level else { return }
    var metadata: Logger.Metadata = [
      "stream": "\(stream.id)", "cause": "\(stream.cause.name)", "fault": "\(stream.fault.rawValue)",
      "bytes_up": "\(stream.bytesUp)", "bytes_down": "\(stream.bytesDown)", "ms": "\(stream.duration.milliseconds)",
    ]
    if let name = stream.serverName { metadata["name"] = "\(name)" }
    if let hello = stream.hello { metadata.merge(hello.logged) { old, _ in old } }
    if let client = stream.client { metadata["client"] = addresses.text(client).map { "\($0)" } }
    if let detail = stream.detail { metadata["detail"] = "\(detail)" }
    if stream.cause.isRefusal {
      let admission = sampler.withLock { $0.admit(cause: stream.cause.name, standingFor: UInt64(stream.untold), now: .now) }
      guard let swallowed = admission.swallowed else { return }
      if swallowed > 0 { metadata["not_shown"] = "\(swallowed)" }
      logger.log(level: level, "stream refused", metadata: metadata)
    } else {
      logger.log(level: level, "stream ended", metadata: metadata)
    }
  }

  /// The private side will not or cannot take a stream. When its answer comes after the hand-over, only this line says why the stream ended as
  /// it did. Sampled like refusals.
  public func noticeFailed(_ stream: StreamID, to holder: String, reason: String) {
    guard let swallowed = sampler.withLock({ $0.admit(cause: "notice", now: .now) }).swallowed else { return }
    var metadata: Logger.Metadata = ["stream": "\(stream)", "to": "\(holder)", "reason": "\(reason)"]
    if swallowed > 0 { metadata["not_shown"] = "\(swallowed)" }
    logger.notice("notice failed", metadata: metadata)
  }

  /// A private proxy has as many unanswered notices as it may have, so another one waits. Sampled like refusals.
  public func noticeDelayed(_ stream: StreamID, to holder: String) {
    guard let swallowed = sampler.withLock({ $0.admit(cause: "notice delayed", now: .now) }).swallowed else { return }
    var metadata: Logger.Metadata = ["stream": "\(stream)", "to": "\(holder)", "limit": "max_notices"]
    if swallowed > 0 { metadata["not_shown"] = "\(swallowed)" }
    logger.notice("notice waits for its turn", metadata: metadata)
  }

  public func notice(_ notice: RelayNotice) {
    switch notice {
    case .descriptorsExhausted(let count):
      logger.error("no descriptors left, connections closed at once", metadata: ["connections": "\(count)"])
    case .limitReached(let limit, let source, let count):
      var metadata: Logger.Metadata = ["limit": "\(limit.setting)", "connections": "\(count)"]
      if let source { metadata["client"] = addresses.text(source).map { "\($0)" } }
      logger.warning("limit reached, connections closed at once", metadata: metadata)
    case .acceptFailed(let message, let count):
      logger.error("accepting failed", metadata: ["reason": "\(message)", "connections": "\(count)"])
    }
  }
}

extension HelloShape {
  /// The keys under which log lines say how a hello came.
  fileprivate var logged: Logger.Metadata {
    [
      "tls": "\(highestVersion.number)", "ech": "\(echPresent)", "hello_bytes": "\(messageBytes)", "hello_raw_bytes": "\(rawBytes)",
      "hello_records": "\(records)", "hello_segments": "\(segments)",
    ]
  }
}

extension TLSVersion {
  /// `1.3` for TLS 1.3, the hexadecimal number for what has no name here.
  var number: String {
    let text = description
    return text.hasPrefix("TLS ") ? String(text.dropFirst(4)) : text
  }
}

extension LineSampler.Admission {
  /// How many lines were not shown before this one; nil when this one is not shown either.
  fileprivate var swallowed: UInt64? {
    switch self {
    case .write(let swallowed): swallowed
    case .swallow: nil
    }
  }
}

extension Duration {
  /// Whole milliseconds, rounded down.
  var milliseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds * 1000 + attoseconds / 1_000_000_000_000_000
  }
}
