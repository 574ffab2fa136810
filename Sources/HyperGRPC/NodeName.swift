import GRPCCore

/// Which node speaks: several of one operator can be connected at a time, and each says its name in the initial metadata of its
/// `ServerCall`. The deployed nodes say nothing, and ignore what they are told.
enum NodeName {
  static let key = "hyper-node"
  private static let most = 64

  static func metadata(_ name: String?) -> Metadata { name.map { [key: "\($0)"] } ?? [:] }

  /// Nil when there is none, or none that makes sense.
  static func name(in metadata: Metadata) -> String? {
    metadata[stringValues: key].first { (1...most).contains($0.utf8.count) }
  }
}
