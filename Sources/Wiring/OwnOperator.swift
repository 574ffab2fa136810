public import HyperModel
public import JSONRPC
import Trust

/// Who may use a local JSON-RPC port: over TCP only a certificate that names the own operator and is pinned for it; over a Unix socket
/// the users that the server itself let in (DESIGN.md 4).
public struct OwnOperator: Sendable {
  private let name: OperatorName
  private let pins: @Sendable () -> Set<String>
  private let allowsAnonymous: Bool

  /// - Parameters:
  ///   - pins: the fingerprints in force, asked at every connection.
  ///   - allowsAnonymous: true only for a listener whose settings say `insecure: true` or turn client certificates off.
  public init(name: OperatorName, allowsAnonymous: Bool, pins: @escaping @Sendable () -> Set<String>) {
    self.name = name
    self.pins = pins
    self.allowsAnonymous = allowsAnonymous
  }

  /// Nil when the caller may go on, otherwise the refusal that says which check failed.
  public func refusal(of caller: Caller) -> CallFault? {
    switch caller {
    case .localUser:
      return nil
    case .anonymous:
      return allowsAnonymous
        ? nil : CallFault(code: 403, message: "a client certificate of operator '\(name)' is required and none was sent")
    case .certificate(let identity):
      guard identity.names.contains(name) else {
        let names = identity.names.map { "'\($0)'" }.joined(separator: ", ")
        return CallFault(code: 403, message: "the certificate names \(names), only operator '\(name)' may call here")
      }
      guard pins().contains(identity.fingerprint) else {
        let text = "the certificate names '\(name)' but its fingerprint \(identity.fingerprint.prefix(16))… is not the pinned one"
        return CallFault(code: 403, message: "\(text) (run 'make certs' if these are development certificates)")
      }
      return nil
    }
  }
}
