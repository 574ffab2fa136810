/// Why an opening was refused, for the log, the counters and the client.
public struct HelloRefusal: Error, Hashable, Sendable {
  public let reason: Reason

  public init(_ reason: Reason) {
    self.reason = reason
  }

  /// One case per way to be wrong. The raw values are stable: they label counters.
  public enum Reason: String, CaseIterable, Hashable, Sendable {
    // Not TLS at all.
    case notTLS = "not_tls"
    case plainHTTP = "plain_http"
    case ssh
    case proxyProtocol = "proxy_protocol"
    case sslv2

    // The record layer (RFC 8446 5.1).
    case unexpectedContentType = "unexpected_content_type"
    case recordVersionChanged = "record_version"
    case emptyRecord = "empty_record"
    case recordTooLong = "record_too_long"
    case notClientHello = "not_client_hello"
    case trailingHandshakeData = "trailing_handshake_data"
    case messageTooLong = "message_too_long"
    case tooManyBytes = "too_many_bytes"

    // The message (RFC 8446 4.1.2).
    case truncatedMessage = "truncated_message"
    case versionTooOld = "version_too_old"
    case sessionIDTooLong = "session_id_too_long"
    case badCipherSuites = "bad_cipher_suites"
    case extensionsLength = "extensions_length"
    case extensionOverrun = "extension_overrun"
    case duplicateExtension = "duplicate_extension"
    case preSharedKeyNotLast = "psk_not_last"
    case badSupportedVersions = "bad_supported_versions"
    case badALPN = "bad_alpn"

    // The server name (RFC 6066 3).
    case badServerNameList = "bad_server_name_list"
    case duplicateNameType = "duplicate_name_type"
    case emptyName = "empty_name"
    case nameTooLong = "name_too_long"
    case badLabel = "bad_label"
    case badNameByte = "bad_name_byte"
    case trailingDot = "trailing_dot"
    case addressLiteral = "address_literal"
  }

  /// What the client is told before we close; nil when the bytes are not TLS, so that an alert would only puzzle.
  public var alert: TLSAlert? {
    switch reason {
    case .notTLS, .plainHTTP, .ssh, .proxyProtocol, .sslv2:
      nil
    case .unexpectedContentType, .emptyRecord, .notClientHello, .trailingHandshakeData:
      .unexpectedMessage
    case .recordTooLong:
      .recordOverflow
    case .tooManyBytes:
      .accessDenied
    case .versionTooOld:
      .protocolVersion
    case .recordVersionChanged, .messageTooLong, .truncatedMessage, .sessionIDTooLong, .badCipherSuites, .extensionsLength,
      .extensionOverrun, .badSupportedVersions, .badALPN, .badServerNameList, .emptyName:
      .decodeError
    case .duplicateExtension, .preSharedKeyNotLast, .duplicateNameType, .nameTooLong, .badLabel,
      .badNameByte, .trailingDot, .addressLiteral:
      .illegalParameter
    }
  }
}
