extension HelloRefusal: CustomStringConvertible {
  /// The reason in words, for a log line: lower case, no full stop, nothing of what the peer sent.
  public var description: String { reason.description }
}

extension HelloRefusal.Reason: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notTLS: "the connection does not begin with a TLS record"
    case .plainHTTP: "plain HTTP was spoken to a TLS port"
    case .ssh: "SSH was spoken to a TLS port"
    case .proxyProtocol: "a PROXY protocol header came where none is expected"
    case .sslv2: "an SSL 2.0 hello, which nothing has accepted for years"
    case .unexpectedContentType: "a record of another type came before the hello was complete"
    case .recordVersionChanged: "a record in the middle of the hello is no TLS record"
    case .emptyRecord: "a handshake record without content"
    case .recordTooLong: "a record longer than 16384 bytes"
    case .notClientHello: "the first handshake message is not a ClientHello"
    case .trailingHandshakeData: "the record goes on behind the end of the hello"
    case .messageTooLong: "the hello is longer than allowed"
    case .tooManyBytes: "the hello takes more bytes on the wire than allowed"
    case .truncatedMessage: "the hello ends in the middle of its fixed fields"
    case .versionTooOld: "the client offers SSL 3.0 or older"
    case .sessionIDTooLong: "a session id longer than 32 bytes"
    case .badCipherSuites: "the list of cipher suites has an odd length"
    case .extensionsLength: "the extensions do not fill the rest of the hello"
    case .extensionOverrun: "an extension is longer than the space for extensions"
    case .duplicateExtension: "an extension occurs twice"
    case .preSharedKeyNotLast: "pre_shared_key is not the last extension"
    case .badSupportedVersions: "the lengths in supported_versions contradict each other"
    case .badALPN: "the lengths in the list of application protocols contradict each other"
    case .badServerNameList: "the lengths in the list of server names contradict each other"
    case .duplicateNameType: "two server names of the same type"
    case .emptyName: "an empty server name"
    case .nameTooLong: "a server name longer than 253 bytes"
    case .badLabel: "a server name with an empty or too long label, or a hyphen at a label's end"
    case .badNameByte: "a server name with a byte that no host name has"
    case .trailingDot: "a server name with a trailing dot"
    case .addressLiteral: "an IP address in place of a server name"
    }
  }
}
