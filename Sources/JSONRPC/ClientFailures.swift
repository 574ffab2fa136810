import NIOCore
import NIOPosix
import NIOSSL
import Trust

import func Glibc.strerror

/// Turns what the libraries report into errors that say what was being done, to what, and what was found.
enum ClientFailures {
  /// A connection did not come about.
  static func dial(_ error: any Error, _ method: String, _ endpoint: JSONRPCClientConfiguration.Endpoint) -> JSONRPCClientError {
    let what = "calling \(method) at \(endpoint): "
    switch error {
    case ClientConnection.Failure.peerRefused(let refusal):
      return JSONRPCClientError(.refusedIdentity, what + "the server is refused: \(refusal.message)", hint: refusal.hint)
    case ClientConnection.Failure.timedOut, ChannelError.connectTimeout:
      return JSONRPCClientError(.unreachable, what + "no connection in time")
    case ClientConnection.Failure.closed:
      return JSONRPCClientError(.unreachable, what + "the connection was closed while it came about")
    default:
      if let refusal = tlsRefusal(error, what) { return refusal }
      let found = reason(error)
      let hint: String? =
        switch (endpoint, errno(error)) {
        case (.unix, ENOENT?): "the socket is not there: is the other side running, and this the same folder?"
        case (.unix, EACCES?): "the socket belongs to another user: see allowed_uids and socket_mode at the other side"
        case (_, ECONNREFUSED?): "is the other side running?"
        default: nil
        }
      return JSONRPCClientError(.unreachable, what + found, hint: hint)
    }
  }

  /// The connection was there, the answer did not come.
  static func exchange(_ error: any Error, _ method: String, _ endpoint: JSONRPCClientConfiguration.Endpoint) -> JSONRPCClientError {
    let what = "calling \(method) at \(endpoint): "
    switch error {
    case ClientConnection.Failure.timedOut: return JSONRPCClientError(.timeout, what + "no answer in time")
    case ClientConnection.Failure.cancelled: return JSONRPCClientError(.cancelled, what + "the call was cancelled")
    case ClientConnection.Failure.answerTooLarge(let limit):
      return JSONRPCClientError(.badAnswer, what + "the answer is larger than \(limit) bytes")
    case ClientConnection.Failure.closed, ClientConnection.Failure.notSent:
      return JSONRPCClientError(.interrupted, what + "the connection ended before the answer")
    default:
      if let refusal = tlsRefusal(error, what) { return refusal }
      return JSONRPCClientError(.interrupted, what + "the connection broke before the answer: \(reason(error))")
    }
  }

  /// With TLS 1.3 a server refuses our certificate only after our side of the handshake is complete: by an alert, seen as an error of
  /// the library whose only distinction is its text.
  private static func tlsRefusal(_ error: any Error, _ what: String) -> JSONRPCClientError? {
    guard error is NIOSSLError || error is BoringSSLError else { return nil }
    let text = "\(error)"
    if text.contains("ALERT") || text.contains("CERTIFICATE_REQUIRED") {
      return JSONRPCClientError(
        .refusedIdentity, what + "the server ended the handshake with an alert: \(text)",
        hint: "it may not take our certificate; its log says why")
    }
    if text.contains("WRONG_VERSION_NUMBER") || text.contains("HTTP_REQUEST") {
      return JSONRPCClientError(.refusedIdentity, what + "the server does not speak TLS", hint: "compare tls on both sides")
    }
    return nil
  }

  private static func errno(_ error: any Error) -> CInt? {
    if let error = error as? IOError { return error.errnoCode }
    return (error as? NIOConnectionError)?.connectionErrors.lazy.compactMap { ($0.error as? IOError)?.errnoCode }.first
  }

  private static func reason(_ error: any Error) -> String {
    if let code = errno(error), let text = strerror(code) { return String(cString: text).lowercased() }
    if let error = error as? NIOConnectionError, error.connectionErrors.isEmpty { return "the host has no address" }
    return "\(error)"
  }
}
