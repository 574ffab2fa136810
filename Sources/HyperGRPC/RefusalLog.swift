import Addresses
import HyperModel
import Logging
import Operations
import Synchronization
import Trust

/// Says in the log why a connection was not taken, at most so often per cause. `sampler` is the only mutable state, behind its mutex.
final class RefusalLog: Sendable {
  enum Event {
    case full(remote: String, limit: Int)
    case rate(source: Source, ConnectionRate)
    case silent(VerifiedConnection)
    case handshake(VerifiedConnection, any Error)
    case flood(VerifiedConnection)
    case unanswered(VerifiedConnection)
    case hung(VerifiedConnection)
  }

  private let logger: Logger
  private let metrics: CallMetrics
  private let sampler = Mutex(LineSampler())

  init(logger: Logger, metrics: CallMetrics) {
    self.logger = logger
    self.metrics = metrics
  }

  func note(_ event: Event) {
    switch event {
    case .full(let remote, let limit):
      write("full", .warning, remote: remote, reason: "there are \(limit) connections already")
    case .rate(let source, let rate):
      write("rate", .warning, remote: "\(source)", reason: "more than \(rate) from this source")
    case .silent(let connection):
      write("silent", .info, remote: connection.remote, reason: "the TLS handshake took too long")
    case .flood(let connection):
      write("flood", .warning, remote: connection.remote, reason: "too many pings from \(title(of: connection))")
    case .unanswered(let connection):
      write("farewell", .info, remote: connection.remote, reason: "no answer to our farewell from \(title(of: connection))")
    case .hung(let connection):
      write(
        "hung", .warning, remote: connection.remote, reason: "nothing comes from \(title(of: connection)), not even the answer to a ping")
    case .handshake(let connection, let error):
      if let refusal = connection.refusal {
        write("certificate", .warning, remote: connection.remote, reason: refusal.message, hint: refusal.hint)
      } else {
        write("handshake", .info, remote: connection.remote, reason: TLSFailure.reason(error, at: .server))
      }
    }
  }

  /// Nobody was refused: who comes waits in the kernel's queue.
  func paused(_ reason: AcceptGate.Pause) {
    metrics.acceptPauses.increment()
    guard case .write(let swallowed) = sampler.withLock({ $0.admit(cause: "accept", now: .now) }) else { return }
    logger.error("accepting rests", metadata: ["reason": "\(reason)", "swallowed": "\(swallowed)"])
  }

  private func write(_ cause: String, _ level: Logger.Level, remote: String, reason: String, hint: String? = nil) {
    metrics.refusedConnection(cause)
    guard case .write(let swallowed) = sampler.withLock({ $0.admit(cause: cause, now: .now) }) else { return }
    var metadata: Logger.Metadata = ["remote": "\(remote)", "reason": "\(shortenedMessage(reason))"]
    if let hint { metadata["hint"] = "\(hint)" }
    if swallowed > 0 { metadata["swallowed"] = "\(swallowed)" }
    logger.log(level: level, "connection refused", metadata: metadata)
  }

  private func title(of connection: VerifiedConnection) -> String {
    shortened(connection.peer?.names.first?.text ?? "")
  }
}

/// What a failed TLS handshake means, in words.
enum TLSFailure {
  enum End: Hashable {
    case client, server
  }

  /// NIOSSL gives BoringSSL's reasons as text only.
  static func reason(_ error: any Error, at end: End) -> String {
    let text = String(describing: error)
    if text.contains("PEER_DID_NOT_RETURN_A_CERTIFICATE") { return "peer presented no certificate" }
    if isAlert(text) {
      return end == .client ? "peer refused our certificate (\(alert(in: text)))" : "peer refused the handshake (\(alert(in: text)))"
    }
    return "TLS handshake failed: \(text)"
  }

  /// Whether the peer sent a TLS alert, which after our side accepted means that it did not accept us.
  static func isRefusalByPeer(_ error: any Error) -> Bool { isAlert(String(describing: error)) }

  private static func isAlert(_ text: String) -> Bool { text.contains("_ALERT_") }

  /// `TLSV1_ALERT_UNKNOWN_CA` → `alert unknown ca`.
  private static func alert(in text: String) -> String {
    guard let start = text.firstRange(of: "ALERT_") else { return "alert" }
    let name = text[start.upperBound...].prefix { $0.isLetter || $0.isNumber || $0 == "_" }
    return "alert " + name.lowercased().replacing("_", with: " ")
  }
}

/// A sentence that may quote the peer: like `shortened`, but long enough for a sentence.
func shortenedMessage(_ text: String) -> String {
  String(text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : Character($0) }.prefix(600))
}
