/// Values of one member that come again and again, known again by their text, so that what was read once is not read a second time.
///
/// Bounded in number and in bytes; what came first is forgotten first.
public struct KnownValues: Sendable {
  /// The different values that are known at one time.
  static let countLimit = 16
  /// Longer texts are read every time.
  static let textLimit = 32 << 10

  private struct Known {
    var text: [UInt8]
    var value: JSONValue
  }

  /// The member's name.
  let key: String
  private var known: [Known] = []
  /// Grows with everything that is learned.
  public private(set) var version = 0

  public init(of key: String) {
    self.key = key
  }

  /// The value whose text begins at this place, and the length of the text.
  func value(in bytes: [UInt8], at start: Int) -> (value: JSONValue, length: Int)? {
    guard let found = known.first(where: { Self.holds(bytes, at: start, $0.text) }) else { return nil }
    return (found.value, found.text.count)
  }

  /// Keeps what was read. Objects only, because their text says by itself where it ends.
  mutating func learn(_ value: JSONValue, text: ArraySlice<UInt8>) {
    guard case .object = value, text.count <= Self.textLimit else { return }
    if known.count >= Self.countLimit { known.removeFirst() }
    known.append(Known(text: Array(text), value: value))
    version += 1
  }

  private static func holds(_ bytes: [UInt8], at start: Int, _ text: [UInt8]) -> Bool {
    bytes.count - start >= text.count && bytes[start..<start + text.count].elementsEqual(text)
  }
}
