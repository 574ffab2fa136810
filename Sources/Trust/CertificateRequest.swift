public import struct Foundation.Date

/// What a ``CertificateAuthority`` is to put into a certificate.
public struct CertificateRequest: Hashable, Sendable {
  /// What the certificate is for; decides key usage, extended key usage and the form of the key file.
  public enum Purpose: Hashable, Sendable {
    /// Either end of a TLS connection.
    case connections
    /// Signing directory records (PROTOCOL.md 4.3): the key is written in SEC 1 form, the only one the deployed nodes read.
    case signing
  }

  public enum Key: Hashable, Sendable, CaseIterable {
    case p256, rsa2048
  }

  public var commonName: String
  public var dnsNames: [String]
  public var uris: [String]
  /// Four or sixteen bytes each. Certificates of the network carry none; tests need them.
  public var ipAddresses: [[UInt8]]
  public var purpose: Purpose
  public var key: Key
  public var notBefore: Date
  public var notAfter: Date

  /// - Parameter dnsNames: the common name alone when nil.
  /// - Parameter notBefore: an hour ago when nil, because clocks differ.
  /// - Parameter notAfter: a day from now when nil.
  public init(
    commonName: String, dnsNames: [String]? = nil, uris: [String] = [], ipAddresses: [[UInt8]] = [], purpose: Purpose = .connections,
    key: Key = .p256, notBefore: Date? = nil, notAfter: Date? = nil
  ) {
    self.commonName = commonName
    self.dnsNames = dnsNames ?? [commonName]
    self.uris = uris
    self.ipAddresses = ipAddresses
    self.purpose = purpose
    self.key = key
    self.notBefore = notBefore ?? Date(timeIntervalSinceNow: -CertificateAuthority.clockSkew)
    self.notAfter = notAfter ?? Date(timeIntervalSinceNow: 86_400)
  }
}
