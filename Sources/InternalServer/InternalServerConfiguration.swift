public import JSONRPC
public import Operations
public import Trust

/// Where the example server listens and with which certificate. It is set by environment variables alone.
public struct InternalServerConfiguration: Sendable {
  public var address: ListenAddress
  /// Nil serves plain HTTP.
  public var trust: TrustSource?

  public init(address: ListenAddress, trust: TrustSource?) {
    self.address = address
    self.trust = trust
  }

  static let defaultAddress = "localhost:8888"
  static let defaultCertificate = "settings/dev/certs/internal-server.crt"
  static let defaultKey = "settings/dev/certs/internal-server.key"

  /// Reads the variables:
  ///
  /// | variable | default | meaning |
  /// |--|--|--|
  /// | `IS_BIND_ADDRESS` | `localhost:8888` | `HOST:PORT` or `unix:PATH` |
  /// | `USE_TLS` | `1` | `0` serves plain HTTP |
  /// | `IS_CERTIFICATE`, `IS_KEY` | `settings/dev/certs/internal-server.crt`, `.key` | PEM files, leaf first |
  ///
  /// An empty variable counts as one that is not set.
  /// - Throws: `StartFailure` naming the variable or the file that is wrong.
  /// - Parameter store: watches the certificate.
  public init(environment: [String: String], store: TrustStore) throws(StartFailure) {
    let set = environment.filter { !$0.value.isEmpty }
    let text = set["IS_BIND_ADDRESS"] ?? Self.defaultAddress
    guard let address = ListenAddress(text) else {
      throw StartFailure(
        "IS_BIND_ADDRESS is \"\(text)\"", hint: "it takes HOST:PORT, for example \(Self.defaultAddress)", status: ExitStatus.badUsage)
    }
    self.address = address
    switch set["USE_TLS"] {
    case "0": trust = nil
    case nil, "1": trust = try Self.trust(set, in: store)
    case let other?:
      throw StartFailure("USE_TLS is \"\(other)\"", hint: "it takes 1 or 0", status: ExitStatus.badUsage)
    }
  }

  private static func trust(_ set: [String: String], in store: TrustStore) throws(StartFailure) -> TrustSource {
    do throws(TrustError) {
      return try store.source(
        for: TrustFiles(
          caCertificateFiles: [], certificateFile: set["IS_CERTIFICATE"] ?? defaultCertificate, keyFile: set["IS_KEY"] ?? defaultKey))
    } catch {
      throw StartFailure(error.message, hint: error.hint, status: ExitStatus.failure)
    }
  }
}
