/// A `tls` map (PROTOCOL.md 3.2). Files are named, not read: that is the business of `Trust`.
public struct TLSSettings: Hashable, Sendable {
  /// `ca_certificate_files`, required: PEM files with the only roots that are trusted. An empty list trusts nobody.
  public var caCertificateFiles: [String]
  /// `certificate_file`: PEM, leaf first, then its chain. Required for servers and for gRPC, together with `key_file`.
  public var certificateFile: String?
  /// `key_file`: PEM, the key of the leaf. Secret.
  public var keyFile: String?
  /// `server_name`: the name a JSON-RPC client verifies and sends. Default: the host of the endpoint. gRPC uses the operator name.
  public var serverName: String?
  /// `verify_client`, default true: a server requires and verifies a client certificate.
  public var verifyClient: Bool
  /// `request_client_cert`, default false: a server that does not verify still asks for a certificate.
  public var requestClientCertificate: Bool

  public init(
    caCertificateFiles: [String], certificateFile: String? = nil, keyFile: String? = nil, serverName: String? = nil,
    verifyClient: Bool = true, requestClientCertificate: Bool = false
  ) {
    self.caCertificateFiles = caCertificateFiles
    self.certificateFile = certificateFile
    self.keyFile = keyFile
    self.serverName = serverName
    self.verifyClient = verifyClient
    self.requestClientCertificate = requestClientCertificate
  }
}

extension TLSSettings {
  /// Which end of which protocol the map describes; it decides what is required.
  enum Use {
    case grpcServer, grpcClient, jsonrpcServer, jsonrpcClient
  }

  init(_ section: Section, for use: Use) {
    let files = section.strings("ca_certificate_files", required: true)
    if files.isEmpty, let written = section.value["ca_certificate_files"], written.content == .list([]) {
      section.warn("ca_certificate_files", "an empty list means that nobody is trusted")
    }
    self.init(
      caCertificateFiles: files,
      certificateFile: section.string("certificate_file"),
      keyFile: section.string("key_file"),
      serverName: section.string("server_name"),
      verifyClient: section.bool("verify_client", default: true),
      requestClientCertificate: section.bool("request_client_cert", default: false))
    if section.bool("insecure_skip_verify", default: false) {
      section.fail(
        "insecure_skip_verify", "not supported: the other side is always verified", hint: "trust its issuer with ca_certificate_files")
    }
    section.dead("validate_client", "is not a key of this map", hint: "the key is verify_client")
    checkCertificate(section, for: use)
    section.finish()
  }

  private func checkCertificate(_ section: Section, for use: Use) {
    let needsCertificate = use != .jsonrpcClient
    for (key, value, other) in [("certificate_file", certificateFile, keyFile), ("key_file", keyFile, certificateFile)] where value == nil {
      if needsCertificate {
        section.fail(key, "expected the path of a PEM file, found nothing")
      } else if other != nil {
        section.fail(key, "expected the path of a PEM file, because the other one of certificate_file and key_file is set; found nothing")
      }
    }
    if use == .grpcServer, !verifyClient {
      section.fail("verify_client", "expected true, found false", hint: "between nodes, both sides always show a certificate")
    }
  }
}
