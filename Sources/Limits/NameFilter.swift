/// Says of names that nobody has that nobody has them, quickly: a set of names and wildcards of which only hashes are kept.
///
/// A value, made anew when the names change. May take a name for one that it has (about one in 2^60), never the other way round.
public struct NameFilter: Sendable {
  private let hash: NameHash
  /// Open addressing, three of four places empty, so that a name that is not there is looked for at one place or two; 0 is an empty place.
  private var places: [UInt64]
  private let hasWildcards: Bool
  private static let wildcardMark: UInt64 = 0x5bd1_e995_97f4_a7c1

  /// - Parameters:
  ///   - names: in lower case; `*.example.org` is a wildcard, for one label more than `example.org`.
  ///   - key: random.
  public init(_ names: [String], key: UInt64) {
    hash = NameHash(key)
    var size = 16
    while size < names.count * 4 { size <<= 1 }
    places = Array(repeating: 0, count: size)
    hasWildcards = names.contains { $0.hasPrefix("*.") }
    for name in names {
      insert(name.hasPrefix("*.") ? hash.hash(String(name.dropFirst(2))) ^ Self.wildcardMark : hash.hash(name))
    }
  }

  /// False when neither the name nor a wildcard that covers it is in the set.
  ///
  /// - Parameter name: in lower case.
  public func mayContain(_ name: String) -> Bool {
    let fast = name.utf8.withContiguousStorageIfAvailable { mayContain(UnsafeRawBufferPointer($0)) }
    return fast ?? Array(name.utf8).withUnsafeBytes { mayContain($0) }
  }

  private func mayContain(_ name: UnsafeRawBufferPointer) -> Bool {
    if contains(hash.hash(name)) { return true }
    guard hasWildcards else { return false }
    var rest = 0
    while rest < name.count, name[rest] != UInt8(ascii: ".") { rest &+= 1 }
    guard rest < name.count else { return false }
    return contains(hash.hash(UnsafeRawBufferPointer(rebasing: name[(rest + 1)...])) ^ Self.wildcardMark)
  }

  private func contains(_ value: UInt64) -> Bool {
    var place = Int(truncatingIfNeeded: value) & (places.count &- 1)
    while places[place] != 0 {
      if places[place] == value { return true }
      place = (place &+ 1) & (places.count &- 1)
    }
    // Nothing else is kept for the one value that means an empty place.
    return value == 0
  }

  private mutating func insert(_ value: UInt64) {
    guard value != 0 else { return }
    var place = Int(truncatingIfNeeded: value) & (places.count - 1)
    while places[place] != 0, places[place] != value { place = (place + 1) & (places.count - 1) }
    places[place] = value
  }
}
