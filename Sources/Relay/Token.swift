/// The single-use secret that says for which waiting client a dialling connection has come: 32 random bytes.
///
/// Whoever knows it takes the client over, so it never appears in a description and is compared in constant time. The
/// first 16 bytes serve as the key of a table (``TokenTable``); only the other 16 decide.
public struct Token: Sendable {
  /// How many bytes a token has.
  public static let byteCount = 32

  /// As they travel on the wire: four words in the machine's byte order.
  let words: (UInt64, UInt64, UInt64, UInt64)

  /// Nil unless there are exactly 32 bytes.
  public init?(bytes: some Collection<UInt8>) {
    guard bytes.count == Self.byteCount else { return nil }
    var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    withUnsafeMutableBytes(of: &words) { raw in
      for (index, byte) in bytes.enumerated() { raw[index] = byte }
    }
    self.words = words
  }

  init(words: (UInt64, UInt64, UInt64, UInt64)) {
    self.words = words
  }

  /// The 32 bytes, for the notice to the private side.
  public var bytes: [UInt8] {
    var words = words
    return withUnsafeBytes(of: &words) { Array($0) }
  }

  var firstByte: UInt8 {
    var word = words.0
    return withUnsafeBytes(of: &word) { $0[0] }
  }

  /// A uniformly random token whose first byte leaves `loop` when divided by `loops`: it tells every loop whose client is
  /// meant. Redrawn until it fits, so that all tokens of a loop are equally likely.
  static func random(
    for loop: Int, of loops: Int, using generator: inout some RandomNumberGenerator
  ) -> Token {
    while true {
      let token = Token(words: (generator.next(), generator.next(), generator.next(), generator.next()))
      if token.owner(of: loops) == loop { return token }
    }
  }

  /// The loop whose client this token is for.
  func owner(of loops: Int) -> Int { Int(firstByte) % loops }
}

extension Token: Hashable {
  /// In constant time.
  public static func == (left: Token, right: Token) -> Bool {
    let difference =
      (left.words.0 ^ right.words.0) | (left.words.1 ^ right.words.1)
      | (left.words.2 ^ right.words.2) | (left.words.3 ^ right.words.3)
    return difference == 0
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(words.0)
    hasher.combine(words.1)
    hasher.combine(words.2)
    hasher.combine(words.3)
  }
}

extension Token: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  public var description: String { "Token(hidden)" }
  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: []) }
}
