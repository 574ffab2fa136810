/// The fatal alerts a relay that reads nothing but the hello can have reason to send (RFC 8446 6.2, RFC 6066 3).
public enum TLSAlert: UInt8, CaseIterable, Sendable {
  /// A message or record where another had to be.
  case unexpectedMessage = 10
  /// A record longer than 2^14 bytes.
  case recordOverflow = 22
  case handshakeFailure = 40
  /// A field that contradicts another, or holds what it must not.
  case illegalParameter = 47
  /// Refused by policy.
  case accessDenied = 49
  /// A length that does not add up, a field out of its range.
  case decodeError = 50
  /// SSL 3.0 and older.
  case protocolVersion = 70
  /// Not the client's fault: the private side or the internal server did not answer.
  case internalError = 80
  case userCanceled = 90
  /// No server name (RFC 8446 9.2).
  case missingExtension = 109
  /// A server name that nobody serves here.
  case unrecognizedName = 112
  case noApplicationProtocol = 120

  /// The whole record to write: a fatal alert in plaintext, 7 bytes.
  ///
  /// The record version is 0x0301, as BoringSSL and Go send it before a version is agreed upon: clients that know only
  /// TLS 1.0 may refuse a larger one and then show a version error instead of the alert, while later ones must not look
  /// at it (RFC 8446 5.1).
  public var record: [UInt8] { [21, 3, 1, 0, 2, 2, rawValue] }
}

extension TLSAlert: CustomStringConvertible {
  /// The name in the RFCs, for example `unrecognized_name`: what the client's side will show.
  public var description: String {
    switch self {
    case .unexpectedMessage: "unexpected_message"
    case .recordOverflow: "record_overflow"
    case .handshakeFailure: "handshake_failure"
    case .illegalParameter: "illegal_parameter"
    case .accessDenied: "access_denied"
    case .decodeError: "decode_error"
    case .protocolVersion: "protocol_version"
    case .internalError: "internal_error"
    case .userCanceled: "user_canceled"
    case .missingExtension: "missing_extension"
    case .unrecognizedName: "unrecognized_name"
    case .noApplicationProtocol: "no_application_protocol"
    }
  }
}
