import GRPCCore

/// The offer to carry several requests at once over one `ServerCall` stream.
///
/// The client names its number in the initial metadata; a server that takes the offer answers with the number it will use in its own.
/// The deployed nodes ignore metadata and send no headers before their first request, so silence means: one at a time, in order.
enum ConcurrencyOffer {
  static let key = "hyper-servercall-concurrency"
  /// A number beyond this is taken for this.
  private static let most = 1024

  static func metadata(_ count: Int) -> Metadata { [key: "\(count)"] }

  /// The number in a peer's metadata; nil when there is none, or none that makes sense.
  static func count(in metadata: Metadata) -> Int? {
    for text in metadata[stringValues: key] {
      guard let count = Int(text), count > 1 else { return nil }
      return min(count, most)
    }
    return nil
  }
}
