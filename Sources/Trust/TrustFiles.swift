/// The files of a TLS map (PROTOCOL.md 3.2), all PEM.
public struct TrustFiles: Sendable, Hashable {
  /// All certificates in these files are trusted, and no others; an empty list trusts nobody.
  public var caCertificateFiles: [String]
  /// The leaf first, then the intermediates. Used together with `keyFile` or not at all.
  public var certificateFile: String?
  public var keyFile: String?

  public init(caCertificateFiles: [String], certificateFile: String? = nil, keyFile: String? = nil) {
    self.caCertificateFiles = caCertificateFiles
    self.certificateFile = certificateFile
    self.keyFile = keyFile
  }
}
