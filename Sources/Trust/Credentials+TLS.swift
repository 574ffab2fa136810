public import NIOSSL

/// What a server asks of its clients (PROTOCOL.md 3.2).
public enum ClientVerification: Hashable, Sendable, CaseIterable {
  /// `verify_client`: without an accepted certificate there is no connection.
  case required
  /// `request_client_cert`: a certificate may be presented; one that is presented must pass.
  case requested
  /// No certificate is asked for.
  case none
}

extension Credentials {
  /// TLS settings for a server with our certificate.
  ///
  /// Use it with a ``PeerVerifier`` callback: BoringSSL's own verification knows no pins.
  /// - Throws: `TrustError` of kind `.incomplete` when we have no certificate.
  public func serverConfiguration(verifyClient: ClientVerification, alpn: [String]) throws(TrustError) -> TLSConfiguration {
    guard let privateKey else {
      throw TrustError(.incomplete, "a TLS server needs a certificate", hint: "set certificate_file and key_file")
    }
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(privateKey))
    configuration.applyHouseRules(alpn: alpn)
    configuration.trustRoots = .certificates(roots)
    switch verifyClient {
    case .required: configuration.certificateVerification = .noHostnameVerification
    case .requested: configuration.certificateVerification = .optionalVerification
    case .none: configuration.certificateVerification = .none
    }
    return configuration
  }

  /// TLS settings for a client, with our certificate if we have one.
  ///
  /// Use it with a ``PeerVerifier`` callback where the library allows it: without one, BoringSSL checks chain and name but also takes an
  /// IP SAN that equals the address for the name, and knows no pins.
  public func clientConfiguration(alpn: [String]) -> TLSConfiguration {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.applyHouseRules(alpn: alpn)
    configuration.trustRoots = .certificates(roots)
    configuration.certificateVerification = .fullVerification
    if let privateKey {
      configuration.certificateChain = chain.map { .certificate($0) }
      configuration.privateKey = .privateKey(privateKey)
    }
    return configuration
  }
}

extension TLSConfiguration {
  /// TLS 1.2 is for the nodes deployed today, which offer exactly two of its suites (PROTOCOL.md 4.1). The suites with ephemeral
  /// keys come first; the static RSA one, without forward secrecy, is the only one such a node has for an RSA certificate.
  fileprivate mutating func applyHouseRules(alpn: [String]) {
    minimumTLSVersion = .tlsv12
    cipherSuiteValues = [
      .TLS_AES_128_GCM_SHA256, .TLS_AES_256_GCM_SHA384, .TLS_CHACHA20_POLY1305_SHA256,
      .TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, .TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
      .TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
      .TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, .TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
      .TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
      .TLS_RSA_WITH_AES_128_GCM_SHA256,
    ]
    applicationProtocols = alpn
    renegotiationSupport = .none
  }
}
