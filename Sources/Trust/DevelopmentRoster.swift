/// Who gets development certificates (PROTOCOL.md 16).
enum DevelopmentRoster {
  static let operators = [
    "demo-app", "hd-1", "hd-2", "internal-server", "ls-1", "op-1", "op-2", "private-proxy-1", "public-proxy-1", "quic-1", "quic-2", "sd-1",
  ]

  /// Operators with a second certificate of the same names that the directory does not pin, to try pinning out.
  static let withUnpinned = ["private-proxy-1", "public-proxy-1"]

  /// Groups that signing certificates carry.
  static let signingGroups = ["hd-1": ["sd-admin"]]

  /// One certificate file with its key file.
  struct Entry: Hashable {
    enum Role: Hashable {
      case encryption, unpinned, signing
    }

    let operatorName: String
    let role: Role

    /// The name of the files without `.crt` and `.key`.
    var fileName: String {
      switch role {
      case .encryption: operatorName
      case .unpinned: operatorName + "-alt"
      case .signing: operatorName + "-sign"
      }
    }

    var dnsNames: [String] {
      switch role {
      case .encryption, .unpinned: [operatorName, "*.\(operatorName).local"]
      case .signing: [operatorName]
      }
    }

    /// How a signing certificate says whose it is (PROTOCOL.md 4.3).
    var uris: [String] {
      guard role == .signing else { return [] }
      return ["iris-name://\(operatorName)"] + (signingGroups[operatorName] ?? []).map { "iris-group://\($0)" }
    }

    var purpose: CertificateRequest.Purpose { role == .signing ? .signing : .connections }
  }

  static let entries = operators.flatMap { name in
    [Entry(operatorName: name, role: .encryption), Entry(operatorName: name, role: .signing)]
      + (withUnpinned.contains(name) ? [Entry(operatorName: name, role: .unpinned)] : [])
  }
}
